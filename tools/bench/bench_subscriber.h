/*
 * Subscribers: connecting, reading, and checking that each gets what it is owed.
 *
 * A protocol (bench_ws.c, bench_sse.c, bench_poll.c, bench_resp.c) reads as much of its transport
 * as it takes to find the marks and to keep the connection alive. A subscriber has no buffer of its
 * own, but for what is left over of an input that did not end where a frame ends.
 */
#ifndef TOOLS_BENCH_BENCH_SUBSCRIBER_H
#define TOOLS_BENCH_BENCH_SUBSCRIBER_H

#include <sys/socket.h>

#include "base/buf.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_report.h"
#include "tools/bench/bench_wire.h"
#include "tools/client/http_head.h"
#include "tools/client/ws_wire.h"

/* Who is to get what. */
struct bench_plan {
    uint64_t tag;
    uint32_t topics, publishers;
    uint32_t *sent;     /* messages published in each stream */
    uint32_t *audience; /* live subscribers of each topic */
    uint64_t published; /* messages */
    uint64_t expected;  /* deliveries of these */
};

MUST_CHECK enum err plan_init(struct bench_plan *p, uint32_t topics, uint32_t publishers);
void plan_finish(struct bench_plan *p);

struct bench_subscribers;
struct bench_subscriber;

/* One transport. */
struct bench_protocol {
    bool local;         /* connects to the local socket, else to the URL */
    bool keeps_cursors; /* needs bench_subscribers.cursors */
    /* Appends what is to be sent once connected. */
    void (*request)(const struct bench_subscribers *set, const struct bench_subscriber *s,
                    struct buf *out);
    /* Reads N bytes: the tail that the last call left over, and new ones. Returns how many it used
     * up; what it leaves comes again with more behind it. Calls subscriber_ready() and
     * subscriber_got(), or subscriber_fail() and then returns N. */
    size_t (*read)(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                   size_t n);
    /* HTTP/2: the head of S's answer is there; what comes to read() is behind it. NULL: not known.
     */
    void (*begin_stream)(struct bench_subscriber *s);
};

struct bench_carrier;

/* How several subscribers share a connection, each by a stream of its own. */
struct bench_sharing {
    /* Opens a connection, which blocks, and asks on it for COUNT subscribers of SET from FIRST on;
     * the stuck ones among them never open their windows. False: the run has failed, and it is said
     * why; *RET may be set in any case. */
    bool (*open)(struct bench_subscribers *set, uint32_t first, uint32_t count,
                 struct bench_carrier **ret);
    void (*close)(struct bench_carrier *c); /* NULL: nothing */
};

extern const struct bench_sharing bench_h2;
extern const struct bench_protocol bench_sse, bench_ws, bench_poll, bench_resp;

enum subscriber_state {
    SUBSCRIBER_UNUSED,
    SUBSCRIBER_CONNECTING,
    SUBSCRIBER_SECURING, /* connected; TLS begins */
    SUBSCRIBER_ASKING,   /* the request is sent */
    SUBSCRIBER_LIVE,
    SUBSCRIBER_LOST,
};

struct bench_subscriber {
    struct bench_source source;
    struct bench_subscribers *set;
    char *rest;             /* input that is no whole frame yet; NULL = none */
    uint64_t due;           /* protocol: bytes still to come of what is being passed over */
    struct bench_mark mark; /* protocol: found in that; counts when it is complete */
    struct bench_wire wire;
    uint32_t rest_len;
    uint32_t topic;
    uint8_t state; /* enum subscriber_state */
    uint8_t phase; /* protocol's own; 0 at the beginning */
};

enum { BENCH_CURSOR_SIZE = 64 };

/* Numbers that a subscriber has not got while later ones have come. */
struct bench_hole {
    const uint32_t *next;    /* whose, in bench_subscribers.next */
    uint32_t first, further; /* as far as the latter, which is not one of them */
};

/* The oldest of more is forgotten: what comes late into it counts as repeated. */
enum { BENCH_HOLES = 256 };

struct bench_subscribers {
    struct bench_loop *loop;
    struct bench_plan *plan;
    const struct bench_protocol *protocol;
    const struct http_place *place;  /* of the URL */
    const char *socket;              /* path of the local socket; '@' begins an abstract one */
    const char *after;               /* where they begin; NULL = with what comes */
    struct sockaddr_storage address; /* of the URL, resolved */
    socklen_t address_len;
    bool raw;
    bool browser; /* requests have a browser's header fields */
    uint32_t count, connecting, live, lost;
    uint32_t resumed;                    /* their TLS sessions */
    uint32_t further;                    /* topics of each besides its own */
    uint32_t stuck;                      /* the last ones never read, and are owed nothing */
    const struct bench_sharing *sharing; /* NULL: each has a connection of its own, */
    uint32_t streams;                    /* else so many have one */
    struct bench_carrier **carriers;     /* these connections */
    uint32_t carrier_count;
    struct bench_subscriber *items;
    uint32_t *next; /* [subscriber * publishers + publisher]: number expected next */
    char (*cursors)[BENCH_CURSOR_SIZE]; /* if keeps_cursors */
    char *input;                        /* one buffer for all */
    uint64_t now;                       /* when what is being read had arrived */
    struct bench_histogram latency;
    uint64_t delivered; /* valid messages */
    uint64_t missing;   /* numbers passed over */
    uint64_t repeated;  /* numbers seen before */
    uint64_t late;      /* numbers that came behind later ones; no longer missing */
    uint64_t foreign;   /* marks that this subscriber should not get */
    struct bench_hole holes[BENCH_HOLES]; /* a ring; `first` 0 = none */
    uint32_t holes_next;                  /* where the next one goes */
};

/* Allocates COUNT subscribers, dealt to the plan's topics in turn. The pointers above it are set
 * already and borrowed. ERR_NOMEM. */
MUST_CHECK enum err subscribers_init(struct bench_subscribers *set, uint32_t count);
void subscribers_finish(struct bench_subscribers *set);
/* Connects all and waits until each is subscribed; says why not. TICK is called now and then. */
MUST_CHECK enum bench_exit subscribers_connect(struct bench_subscribers *set,
                                               void (*tick)(void *ctx), void *ctx);
/* At the end: counts what was published and has not come as missing. */
void subscribers_settle(struct bench_subscribers *set);
/* What was published for them and may still come. */
static inline uint64_t subscribers_outstanding(const struct bench_subscribers *set)
{
    uint64_t settled = set->delivered + set->missing;
    return set->plan->expected > settled ? set->plan->expected - settled : 0;
}
/* Whether each got what it was owed, and nothing else. */
bool subscribers_well(const struct bench_subscribers *set);
/* Adds the rows of what was delivered, and of what is wrong. */
void subscribers_report(const struct bench_subscribers *set, struct bench_report *r);

/* --- for the protocols --- */

/* The server has accepted the subscription. */
void subscriber_ready(struct bench_subscribers *set, struct bench_subscriber *s);
/* Ends the connection for that reason; before it is accepted, the whole run. */
void subscriber_fail(struct bench_subscribers *set, struct bench_subscriber *s, const char *fmt,
                     ...) __attribute__((format(printf, 3, 4)));
/* Sends now or fails: meant for little. */
void subscriber_send(struct bench_subscribers *set, struct bench_subscriber *s, const void *data,
                     size_t n);
/* Passes over the next of N bytes that are due, at most all, and takes s->mark with the last one;
 * returns how many. */
size_t subscriber_pass(struct bench_subscribers *set, struct bench_subscriber *s, size_t n);
/* N bytes of its stream have come; at most those of a frame. */
void subscriber_take(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                     size_t n);
/* The head of its answer has, in HTTP/2. */
void subscriber_begin_stream(struct bench_subscribers *set, struct bench_subscriber *s);
/* Whether it is one of those who never read. */
bool subscriber_is_stuck(const struct bench_subscribers *set, const struct bench_subscriber *s);
/* What subscriber_got() does with a mark that is not the next. */
void subscriber_odd(struct bench_subscribers *set, struct bench_subscriber *s,
                    const struct bench_mark *m);

/* M has arrived: checks its number, notes its latency. */
static inline void subscriber_got(struct bench_subscribers *set, struct bench_subscriber *s,
                                  const struct bench_mark *m)
{
    uint32_t publishers = set->plan->publishers;
    uint32_t publisher = m->stream - s->topic * publishers;
    uint32_t *next = &set->next[(size_t)(s - set->items) * publishers + publisher];
    if (publisher >= publishers || m->number != *next) {
        subscriber_odd(set, s, m);
        return;
    }
    ++*next;
    set->delivered++;
    histogram_add(&set->latency, set->now > m->time ? set->now - m->time : 0);
}

/* --- HTTP (bench_http.c) --- */

/* Path and query of a request for S's topic, with QUERY at the end. */
void http_path(const struct bench_subscribers *set, const struct bench_subscriber *s,
               const char *query, struct buf *out);
/* What is sent as an HTTP request for TOPIC: query and headers are added to it. */
void http_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                  const char *query, const char *headers, struct buf *out);

/* Says what a server answered instead of STATUS. */
void http_complain(struct bench_subscribers *set, struct bench_subscriber *s,
                   const struct http_head *h, const char *data);
/* Takes the head of the answer that a stream begins with off DATA, which must have that STATUS: S
 * is ready, and its phase PHASE. Returns how many bytes it took; 0: it is not all there. */
size_t http_take_head(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                      size_t n, unsigned status, uint8_t phase);

#endif
