/*
 * HTTP/1.1 connections (RFC 9110, RFC 9112). Publishes are pipelined: while they are under way, the
 * requests behind them are read, and what has to be answered leaves in their order (http_due.h).
 * Anything else waits until all before it are answered, so that it finds what they published.
 *
 *            head            body                  answer
 *   IDLE ----------> BODY ----------> ANSWERING ----------> IDLE, or the end
 *   ^ |  \             ^ |                ^
 *   | |   +-> HELD ---+ |                +-- no publish: upgrades and event streams change the
 * protocol | |    answers due  | | |                 +-- publish: its answer is due, IDLE at once
 *   | +-- closed, kicked, at the end: ENDING, ends behind the answers that are due
 *
 * What stands at the paths is handed in (http_routes.h); who may do what is in http_access.h.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/http_due.h"
#include "http/http_request.h"
#include "http/http_routes.h"
#include "http/url.h"
#include "net/conn.h"

struct worker_part;

enum http_phase {
    HTTP_PHASE_IDLE,
    HTTP_PHASE_HELD, /* the head is there, and is looked at when nothing is due any more */
    HTTP_PHASE_BODY,
    HTTP_PHASE_ANSWERING,
    HTTP_PHASE_ENDING, /* reads nothing; answers are due, the last of which ends the connection */
};

struct http;

/* What whoever has taken a request does for it until it is answered; handed in with what it keeps
 * for that (http_wait). */
struct exchange_waiter {
    /* After http_go_on_later; NULL: the route's run() again. */
    void (*go_on)(struct conn *c, struct http *h);
    /* The deadline has come, the hub stops, or the peer sends no more or is to go: answers with
     * what there is. NULL: it needs no such push. */
    void (*time_up)(struct conn *c, struct http *h);
    /* It is answered, or its connection has ended: frees h->waiting. */
    void (*end)(struct http *h);
    /* Bytes of memory that h->waiting takes. */
    size_t (*held)(const struct http *h);
    /* NULL: there is nothing to tell. */
    void (*describe)(const struct http *h, struct description *d);
    bool may_refuse; /* when memory is needed it gets a 503, whatever its method */
};

/* What the head of an answer takes at most, mostly. */
enum { HTTP_ROOM = 1024 };

/* State of an HTTP connection. */
struct http {
    struct http_request request;
    struct http_limits limits;
    enum http_phase phase;
    unsigned method;     /* one bit */
    bool complete;       /* the end of the request has been read, or follows with no body between */
    bool more;           /* there is input behind what was read of this request so far */
    bool last;           /* the connection ends with this answer */
    bool unfinished;     /* goes on when it is this connection's turn again */
    bool origin_allowed; /* not a page of a foreign origin */
    bool trusted;        /* conn.trusted, before a request says more */
    bool status_only;    /* came by a listener for figures and readiness */
    bool foreign_host;   /* for a host that is none of this machine's, where that counts */
    bool name_borrowed;  /* `name` is of the request\'s head */
    bool body_borrowed;  /* `body` is of the input, until that has been looked at */
    const struct http_route *route;
    struct url url; /* of request.target */
    char *name;     /* what the path says behind the route, decoded; NULL = none */
    size_t name_len;
    struct buf body;
    size_t body_max;        /* bytes that this route takes */
    uint64_t body_until_ms; /* when the body is too late if nothing more of it comes */
    struct buf fields;      /* header lines for the answer, whichever it is (CORS) */
    /* While it takes more than one call to answer the request; NULL otherwise. */
    const struct exchange_waiter *waiter;
    void *waiting;        /* the waiter's */
    struct http_due *due; /* answers that are due, of requests before this one */
};

extern const struct protocol http_protocol;

/* Hands in what stands at which path (borrowed), for all threads: before the first connection. */
void http_set_routes(const struct http_routes *r);
/* A new TCP connection speaks http_protocol: sets it up. STATUS_ONLY: it may only ask for figures
 * and readiness. */
void http_accepted(struct conn *c, bool status_only);
/* A connection of the local socket turned out to speak HTTP. */
void http_adopt(struct conn *c);
/* The state of a connection that speaks http_protocol. */
struct http *http_of(struct conn *c);

/* Answers. Each one ends the exchange: the next request is read, or the connection ends. */
void http_reply(struct conn *c, unsigned status, const char *type, const char *body, size_t n);
/* The same for a body that may be long: it is what stands in BODY from AT on, behind room for the
 * head (HTTP_ROOM); takes what BODY has. */
void http_reply_with(struct conn *c, unsigned status, const char *type, struct buf *body,
                     size_t at);
/* An answer for several requests that are no HEAD: as http_reply with 200, and the lines FIELDS.
 * One reference; NULL: out of memory. It has a Date: not to be kept beyond the turn. */
struct blob *http_shared_create(const char *fields, const char *type, const char *body, size_t n);
/* Answers with it: by reference where nothing is to be added, AT_ONCE or at the end of the turn.
 * For what is held until nothing is due, as http_reply_with. */
void http_reply_shared(struct conn *c, struct blob *b, bool at_once);
/* application/problem+json (RFC 9457) with DETAIL, one sentence without a full stop. */
void http_fail(struct conn *c, unsigned status, const char *detail);
/* 403: for DETAIL, or for the host of the request if that is the cause. */
void http_deny(struct conn *c, const char *detail);
/* http_fail with a Retry-After, seconds. */
void http_fail_later(struct conn *c, unsigned status, unsigned retry_s, const char *detail);
/* From now on W does for the request what is to be done, with WAITING, and frees that; instead of a
 * waiter before it, which has freed its own. Both NULL: nobody. */
static inline void http_wait(struct http *h, const struct exchange_waiter *w, void *waiting)
{
    h->waiter = w;
    h->waiting = waiting;
}

/* Not now: others have their turn, then the waiter's go_on() is called, or the route's run(). */
void http_go_on_later(struct conn *c);
/* The same for what NEED says. */
void http_go_on_for(struct conn *c, enum conn_need need);
/* Publishes P (takes it; NULL = out of memory), to be answered by ANSWER when it comes back; unless
 * its request is the last one, the next one is read meanwhile. */
void http_publish(struct conn *c, struct publish *p, http_due_answer_fn *answer);
/* The same for an empty publish, whose answer is waited for, MS at most, before anything else is
 * read. */
void http_probe(struct conn *c, struct publish *p, http_due_answer_fn *answer, uint64_t ms);
/* As http_reply, http_fail and (RETRY_S not 0) http_fail_later, for a publish that came back. */
void http_due_reply(struct conn *c, struct http_due_answer *a, unsigned status, const char *type,
                    const char *body, size_t n);
/* 201 with JSON. */
void http_due_created(struct conn *c, struct http_due_answer *a, const char *body, size_t n);
void http_due_fail(struct conn *c, struct http_due_answer *a, unsigned status, unsigned retry_s,
                   const char *detail);
/* For a request that will wait long: gives back its target, host and header fields. */
void http_forget_head(struct http *h);
/* Adds a header line to the coming answer. */
void http_add_field(struct http *h, const char *name, const char *value);
/* As http_reply with 200, for a file of the hub's own, whose fields say what browsers may do with
 * it. */
void http_reply_file(struct conn *c, const char *type, const char *body, size_t n);
/* Appends these lines to OUT, which fails if one of them is missing for want of memory: a page that
 * does not find its CORS header would give up. */
void http_put_fields(const struct http *h, struct buf *out);
/* The current time as an HTTP Date; valid until the next call of this thread. */
const char *http_now(void);

/* Gives back the memory of heads. */
extern const struct worker_part http_part;

#endif
