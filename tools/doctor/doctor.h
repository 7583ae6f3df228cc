/*
 * What the files of `longwirectl doctor` share: it connects to a hub through whatever is in
 * between, and finds out what that lets pass.
 *
 *     ctl_doctor.c       the command; the order of the checks
 *     doctor_url.c       where the hub is said to be
 *     doctor_link.c      one connection and its answer; the only file with sockets
 *     doctor_tls.c       TLS on it: certificate, version, what is spoken inside
 *     doctor_report.c    what was found, for people and as JSON
 *     doctor_pass.c      what passes: requests, event stream, WebSocket
 *     doctor_hold.c      how long a silent connection lives
 *
 * One thread. Times are monotonic, in seconds. All text that comes from the other side is escaped
 * in doctor_report.c.
 */
#ifndef TOOLS_DOCTOR_DOCTOR_H
#define TOOLS_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/client/http_head.h"
#include "tools/client/tls_client.h"
#include "tools/client/ws_wire.h"

enum {
    DOCTOR_HOLD_S = 20,
    DOCTOR_TIMEOUT_S = 5, /* for one answer */
    DOCTOR_BODY_MAX = 8 << 20,
};

/* Where messages are published. */
#define DOCTOR_TOPIC "longwire/doctor"

/* ---- Where (doctor_url.c) ---- */

struct doctor_url {
    char host[256];      /* without the brackets of an IPv6 address */
    char authority[272]; /* for the header Host */
    char port[6];
    char prefix[512]; /* of every path, without a slash at its end; "" = none */
    bool tls;
};

/* Reads http://HOST[:PORT][/PREFIX], or https://; `http://` may be missing. NULL, or what is wrong
 * with it. */
MUST_CHECK const char *doctor_url_parse(const char *text, struct doctor_url *ret);

/* ---- One connection (doctor_link.c) ---- */

enum doctor_link_state {
    LINK_CLOSED, /* none, or ended by this side */
    LINK_OPEN,
    LINK_ENDED, /* by the other side, or something in between */
};

/* One request and its answer, which may never end. */
struct doctor_link {
    enum doctor_link_state state;
    int fd;                 /* -1 while LINK_CLOSED */
    struct tls_stream *tls; /* NULL = none */
    int error;              /* errno of the end; 0 = a proper one */
    struct buf in;          /* received and not used yet; after a 101, frames */
    struct buf head_text;   /* with its empty line */
    struct http_head head;  /* status 0: not there yet */
    bool chunked, sized;    /* how the body ends; neither: with the connection */
    bool in_chunk;
    bool complete;      /* the body is there as a whole */
    uint64_t left;      /* bytes of the body, or of this chunk with its line end */
    struct buf body;    /* decoded */
    double opened_at;   /* connected */
    double sent_at;     /* the request */
    double first_at;    /* the first byte of the answer; 0 = none yet */
    double received_at; /* the newest byte */
    double ended_at;    /* LINK_ENDED */
};

double doctor_now(void);
void doctor_link_init(struct doctor_link *l);
/* Connects. ERR_CLOSED with l->error (0: the name is not known), ERR_AGAIN when the time is over.
 */
MUST_CHECK enum err doctor_link_open(struct doctor_link *l, const struct doctor_url *url,
                                     double until);
/* Speaks TLS on it from now on. ERR_CLOSED: the handshake failed, for which doctor_link_why() has a
 * sentence; ERR_AGAIN when the time is over; ERR_NOMEM. */
MUST_CHECK enum err doctor_link_secure(struct doctor_link *l, struct tls_client *client,
                                       const char *host, double until);
/* Waits until the socket of L is ready for EVENTS (of poll()); false when the time is over. */
MUST_CHECK bool doctor_link_ready(const struct doctor_link *l, short events, double until);
/* Why it is not open, or did not open. */
const char *doctor_link_why(const struct doctor_link *l);
/* May be called at any time, twice too. */
void doctor_link_finish(struct doctor_link *l);
/* Sends N bytes. ERR_CLOSED when the connection is gone; then the link has ended. */
MUST_CHECK enum err doctor_link_send(struct doctor_link *l, const void *data, size_t n,
                                     double until);
/* Waits until one of COUNT links has something new, or ended, or the time is over (false). Links
 * that are not open are passed over; without an open one it returns false at once. */
MUST_CHECK bool doctor_links_wait(struct doctor_link **links, size_t count, double until);
/* Waits until IS holds, given WHAT; false when the time is over, or the link ended without it. */
MUST_CHECK bool doctor_link_until(struct doctor_link *l,
                                  bool (*is)(const struct doctor_link *l, const char *what),
                                  const char *what, double until);
/* For doctor_link_until. */
bool doctor_has_head(const struct doctor_link *l, const char *unused);
bool doctor_is_complete(const struct doctor_link *l, const char *unused);
bool doctor_has_text(const struct doctor_link *l, const char *text); /* in the body */
/* Whether the answer has that header (with its colon), and in its value TEXT, in any case. */
MUST_CHECK bool doctor_link_says(const struct doctor_link *l, const char *name, const char *text);

/* ---- What was found (doctor_report.c) ---- */

enum doctor_result { DOCTOR_OK, DOCTOR_FAILED, DOCTOR_SKIPPED, DOCTOR_NOTE };

struct doctor {
    struct doctor_url url;
    struct tls_client *tls; /* NULL unless url.tls */
    bool insecure;          /* a bad certificate is told, and no reason to end */
    double patience;        /* seconds for one answer */
    unsigned hold_s;        /* 0 = no check of time limits */
    bool json, colour;
    bool failed;          /* a check has */
    bool can_publish;     /* to DOCTOR_TOPIC */
    bool streams, talks;  /* event streams pass, WebSockets do */
    bool out_failed;      /* standard output could not be written */
    unsigned published;   /* messages so far: each has its number in the payload */
    char run[17];         /* names this run; in the payload of its messages */
    char quiet_topic[40]; /* one that nobody publishes to, so that it never comes to be */
    char cursor[64];      /* the hub's head at the beginning; "" = not told */
    struct buf altered;   /* what is wrong with headers, "; " in between */
    json_t *checks;
};

void doctor_report_begin(struct doctor *d);
/* One line: the check's name, how it went, how long it took (MS below 0: nothing that is told), and
 * details. */
void doctor_report(struct doctor *d, const char *check, enum doctor_result result, double ms,
                   const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* With d->json, prints the document; takes d->checks. */
void doctor_report_end(struct doctor *d, const char *url);
/* Appends what is wrong with a header. */
void doctor_altered(struct doctor *d, const char *what);

/* ---- Checks ---- */

/* Opens a link, with TLS if the URL is such; errors as those of doctor_link_open() and
 * doctor_link_secure(), and ERR_ACCESS for a certificate that is not good, unless d->insecure.
 * Finish L in any case. */
MUST_CHECK enum err doctor_open(const struct doctor *d, struct doctor_link *l, double until);
/* Makes d->tls, which is borrowed from then on. CA_FILE: who is trusted, NULL = whom the system
 * trusts. NULL, or what is wrong, in a text that is valid until the next call. */
MUST_CHECK const char *doctor_tls_begin(struct doctor *d, const char *ca_file);

/* Reports what became of TLS on L, for which doctor_open() returned OPENED, and whose certificate
 * was shown; false when nothing may be sent there. */
MUST_CHECK bool doctor_check_tls(struct doctor *d, enum err opened, const struct doctor_link *l);
/* Whether HTTP/2 is spoken there. */
void doctor_check_http2(struct doctor *d);
/* Sends a request on a new link, which is finished by the caller in any case. BODY NULL: none. */
MUST_CHECK enum err doctor_ask(const struct doctor *d, struct doctor_link *l, const char *method,
                               const char *path, const char *headers, const char *body);
/* Publishes a message whose number is then in d->published. */
MUST_CHECK enum err doctor_publish(struct doctor *d);

/* Whether a hub is there. */
MUST_CHECK bool doctor_check_hub(struct doctor *d);
/* How fast it answers, and whether it can be published to. */
void doctor_check_publish(struct doctor *d);
void doctor_check_poll(struct doctor *d);
void doctor_check_stream(struct doctor *d);
void doctor_check_compression(struct doctor *d);
void doctor_check_websocket(struct doctor *d);
void doctor_check_headers(struct doctor *d);
/* Opens a WebSocket to TOPIC; false when that is refused, with the answer in L. */
MUST_CHECK bool doctor_websocket_open(struct doctor *d, struct doctor_link *l, const char *topic);
/* The next frame in l->in, with its payload borrowed until the next call; false when there is no
 * whole one. *USED, 0 at first, is what the frames before it took. */
MUST_CHECK bool doctor_next_frame(struct doctor_link *l, size_t *used, struct ws_header *ret,
                                  const char **ret_payload);
void doctor_check_holds(struct doctor *d);

#endif
