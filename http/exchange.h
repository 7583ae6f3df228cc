/*
 * An exchange: one HTTP request and its answer (RFC 9110), whatever the version of HTTP. Who
 * answers at a path (http_routes.h) knows the exchange and never a version; a version is a member
 * of exchange_ops, has the exchange at the beginning of what its connection keeps as its state, and
 * hands it to dispatch.h when the head is there, and when all of it is.
 *
 *     head ──dispatch_head──> body ──dispatch_run──> answered at once
 *                                                  > exchange_go_on_later, and again
 *                                                  > exchange_wait ... answered when something
 * comes > exchange_publish ... when it has come back > exchange_stream, exchange_upgrade: goes on
 * as something else (conn_set_protocol)
 *
 * The end of an exchange is its answer, or that of its connection. It is freed by its version: who
 * keeps one across calls is its waiter, or holds its connection and looks whether that is closed.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/http_fields.h"
#include "http/http_routes.h"
#include "http/url.h"
#include "net/conn.h"

struct exchange;
struct exchange_answer;
struct publish;

/* What whoever has taken a request does for it until it is answered; handed in with what it keeps
 * for that (exchange_wait). */
struct exchange_waiter {
    /* After exchange_go_on_later; NULL: the route's run() again. */
    void (*go_on)(struct exchange *x);
    /* The deadline has come, the hub stops, or the peer sends no more or is to go: answers with
     * what there is. NULL: it needs no such push. */
    void (*time_up)(struct exchange *x);
    /* It is answered, or its connection has ended: frees x->waiting. */
    void (*end)(struct exchange *x);
    /* Bytes of memory that x->waiting takes. */
    size_t (*held)(const struct exchange *x);
    /* NULL: there is nothing to tell. */
    void (*describe)(const struct exchange *x, struct description *d);
    bool may_refuse; /* when memory is needed it gets a 503, whatever its method */
};

/* What an answer says before its body, and mostly that, too. All borrowed. */
struct exchange_reply {
    unsigned status;
    const char *guard; /* the lines that say what browsers may do with it (guard.h) */
    const char *type;  /* Content-Type; none without content */
    const char *body;
    size_t n;
};

/* Answers the publish P that came back. */
typedef void exchange_published_fn(struct exchange_answer *a, const struct publish *p);

/* A version of HTTP. Each answer ends the exchange; out of memory, its connection ends. */
struct exchange_ops {
    void (*reply)(struct exchange *x, const struct exchange_reply *r);
    /* The same for the body that stands in BODY from AT on, behind EXCHANGE_ROOM bytes that may be
     * written over; takes BODY. */
    void (*reply_with)(struct exchange *x, const struct exchange_reply *r, struct buf *body,
                       size_t at);
    /* The same for B, a shared answer: see exchange_reply_shared. */
    void (*reply_shared)(struct exchange *x, struct blob *b, bool at_once);
    /* Publishes P (takes it, whatever happens), to be answered by ANSWER when it has come back.
     * WAIT_MS not 0: nothing else is read until then, and for so long at most. ERR_NOMEM: it is
     * still to be answered. */
    enum err (*publish)(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                        uint64_t wait_ms);
    /* Answers what a publish asked for. */
    void (*answer)(struct exchange_answer *a, const struct exchange_reply *r);
    /* The head of an answer without an end (r->body is none of it); returns where to append what
     * follows, NULL when the connection ends. */
    struct buf *(*stream)(struct exchange *x, const struct exchange_reply *r);
    /* The connection becomes a WebSocket: the answer that says so, with LINES of the handshake's
     * own. */
    void (*upgrade)(struct exchange *x, const struct buf *lines);
    /* Its token has been verified (judge.h) in a turn after the head came, and counts: goes on with
     * dispatch_judged. */
    void (*judged)(struct exchange *x);
    /* Gives back the memory of the request's head. */
    void (*forget_head)(struct exchange *x);
};

struct exchange {
    const struct exchange_ops *ops;
    /* Whose deadline, turn, address and end are the exchange's; its state begins with it. */
    struct conn *conn;
    const struct http_route *route;
    /* While it takes more than one call to answer the request; NULL otherwise. */
    const struct exchange_waiter *waiter;
    void *waiting; /* the waiter's */
    /* The request's head; of the version's memory, until exchange_forget_head. */
    const struct http_fields *fields; /* known ones by number, others by name; NULL: none */
    const char *method_name;          /* as it was sent; NULL: none was read */
    const char *host;                 /* the authority it is for; "": none was said */
    struct url url;
    char *name; /* what the path says behind the route, decoded; NULL = none */
    size_t name_len;
    struct buf body;
    struct buf lines; /* header lines for the answer, whichever it is (CORS) */
    uint8_t method;   /* enum http_method */
    bool has_host : 1;
    bool websocket : 1;      /* may go on as a WebSocket, and asks for it */
    bool keyless : 1;        /* that is asked for without a key, and by no Upgrade (RFC 8441) */
    bool chunked : 1;        /* an answer without an end goes in chunks (chunk.h) */
    bool unfinished : 1;     /* goes on when it is this connection's turn again */
    bool origin_allowed : 1; /* not a page of a foreign origin */
    bool trusted : 1;        /* conn.trusted, before a request says more */
    bool status_only : 1;    /* came by a listener for figures and readiness */
    bool foreign_host : 1;   /* for a host that is none of this machine's, where that counts */
    bool judging : 1;        /* its token is being verified: nothing of it is done until then */
    bool name_borrowed : 1;  /* `name` is of the request's head */
    uint32_t body_max;       /* bytes of `body` that this route takes */
};

/* What answers a publish that has come back: its request has been read and given back, and others
 * may have been read since. Valid during that call. */
struct exchange_answer {
    const struct exchange_ops *ops;
    struct conn *conn;
    const struct publish *publish;
    struct buf *lines; /* header lines that the answer gets */
    void *due;         /* the version's */
};

/* What the head of an answer takes at most, mostly. */
enum { EXCHANGE_ROOM = 1024 };

/* "application/json" */
extern const char exchange_json[];

/* The exchange of a connection that speaks HTTP, of any version. */
static inline struct exchange *exchange_of(const struct conn *c)
{
    return (struct exchange *)c->state;
}

/* --- answers; each one ends the exchange --- */

void exchange_reply(struct exchange *x, unsigned status, const char *type, const char *body,
                    size_t n);
/* The same for a body that may be long: it is what stands in BODY from AT on, behind room for the
 * head (EXCHANGE_ROOM); takes what BODY has. */
void exchange_reply_with(struct exchange *x, unsigned status, const char *type, struct buf *body,
                         size_t at);
/* With a shared answer (shared_answer.h) to a request that is no HEAD: by reference where nothing
 * is to be added, AT_ONCE or at the end of the turn. */
void exchange_reply_shared(struct exchange *x, struct blob *b, bool at_once);
/* 200 with a file of the hub's own, whose fields say what browsers may do with it. */
void exchange_reply_file(struct exchange *x, const char *type, const char *body, size_t n);
/* 304: the client has that file. */
void exchange_reply_unmodified(struct exchange *x);
/* application/problem+json (RFC 9457) with DETAIL, one sentence without a full stop. */
void exchange_fail(struct exchange *x, unsigned status, const char *detail);
/* The same with a member "code", a word for programs. */
void exchange_fail_as(struct exchange *x, unsigned status, const char *code, const char *detail);
/* 403: for DETAIL, or for the host of the request if that is the cause. */
void exchange_deny(struct exchange *x, const char *detail);
/* exchange_fail with a Retry-After, seconds. */
void exchange_fail_later(struct exchange *x, unsigned status, unsigned retry_s, const char *detail);
/* None: the connection just ends. A browser's EventSource gives up for ever at a 503, but comes
 * back then. */
void exchange_drop(struct exchange *x, enum close_reason why);
/* Adds a header line to the coming answer. */
void exchange_add_field(struct exchange *x, const char *name, const char *value);

/* --- answers that have no end --- */

/* 200 and the head; what follows is appended to what is returned (NULL: the connection ends), in
 * chunks if x->chunked says so. No other request is read on this connection: it goes on by another
 * protocol, or ends (conn_finish_after_output). */
struct buf *exchange_stream(struct exchange *x, const char *guard, const char *type);
/* As the request asks for, the connection is a WebSocket behind this answer; LINES: more header
 * lines of it. Then it goes on by another protocol. */
void exchange_upgrade(struct exchange *x, const struct buf *lines);

/* --- answers that come later --- */

/* From now on W does for the request what is to be done, with WAITING, and frees that; instead of a
 * waiter before it, which has freed its own. Both NULL: nobody. */
static inline void exchange_wait(struct exchange *x, const struct exchange_waiter *w, void *waiting)
{
    x->waiter = w;
    x->waiting = waiting;
}
/* For a request that will wait long: gives back its head. */
void exchange_forget_head(struct exchange *x);
/* Not now: others have their turn, then the waiter's go_on() is called, or the route's run(). */
void exchange_go_on_later(struct exchange *x);
/* The same when the connection, which is paused, is resumed. */
void exchange_go_on_resumed(struct exchange *x);
/* The same for what NEED says. */
void exchange_go_on_for(struct exchange *x, enum conn_need need);

/* Publishes P (takes it; NULL = out of memory), to be answered by ANSWER when it comes back; unless
 * its request is the last one, the next one is read meanwhile. */
void exchange_publish(struct exchange *x, struct publish *p, exchange_published_fn *answer);
/* The same for an empty publish, whose answer is waited for, MS at most, before anything else is
 * read. */
void exchange_probe(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                    uint64_t ms);
/* As exchange_reply, exchange_fail and (RETRY_S not 0) exchange_fail_later, for a publish that came
 * back. */
void exchange_answer_reply(struct exchange_answer *a, unsigned status, const char *type,
                           const char *body, size_t n);
void exchange_answer_fail(struct exchange_answer *a, unsigned status, unsigned retry_s,
                          const char *detail);

/* --- for versions of HTTP --- */

/* What was put off goes on. */
void exchange_go_on(struct exchange *x);
/* A request that waits for something is answered with what there is. False: it does not wait. */
bool exchange_time_up(struct exchange *x);
/* Whether it may be told that it is refused when memory is needed: whoever may be an EventSource
 * may not (exchange_drop). */
bool exchange_may_be_refused(const struct exchange *x);
/* It is over: gives back all but the body, which is the version's. */
void exchange_end(struct exchange *x);
/* Gives back what the path says. */
void exchange_forget_name(struct exchange *x);
/* Bytes of memory that it takes besides its own. */
size_t exchange_held(const struct exchange *x);

#endif
