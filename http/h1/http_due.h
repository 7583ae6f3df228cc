/*
 * The answers of an HTTP/1.1 connection that are due: those of publishes that are under way, and
 * what has been answered meanwhile and leaves behind them, since answers come in the order of the
 * requests (RFC 9112 section 9.3.2). First in, first out; the first one is always a publish.
 *
 *     POST ──http_due_add──> │ publish │ publish │ text │ publish │
 *                               ^ http_due_first, answered when it has come back; then
 *                                 http_due_drop_first, and the texts that come to the front leave
 *
 * Its memory is there while something is due: an idle connection has none. Pure; what is published
 * is an opaque pointer here.
 */
#ifndef HTTP_H1_HTTP_DUE_H
#define HTTP_H1_HTTP_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct exchange_answer;
struct publish;

enum {
    /* A connection that has so many bytes due, publishes under way and texts together, is not read
     * from; limits.inflight bounds their number. */
    HTTP_DUE_BYTES = 1 << 20,
};

/* What an answer needs of its request, which has been read and given back. */
struct http_due_answer {
    const struct publish *publish; /* it waits for this to come back; NULL: `text` is all of it */
    /* Called then (exchange.h). */
    void (*answer)(struct exchange_answer *a, const struct publish *p);
    struct buf text; /* header lines that it gets (CORS), or one or more whole answers */
    size_t weight;   /* bytes, counted in the queue's */
    uint8_t method;  /* enum http_method */
    uint8_t minor;   /* HTTP/1.minor */
    bool current; /* its request is the connection's still: nothing is read until it is answered */
};

/* The queue; NULL is an empty one. */
struct http_due {
    size_t bytes; /* what all weigh but for the last one's text, which may still grow */
    uint32_t first, count, cap;
    struct http_due_answer answers[]; /* a ring */
};

/* Appends the answer of P, which weighs WEIGHT bytes; all else of it is zero. Valid until the queue
 * is changed. NULL: out of memory. */
struct http_due_answer *http_due_add(struct http_due **d, const struct publish *p, size_t weight);
/* Where to append a whole answer that leaves behind all others. The queue is not empty. NULL: out
 * of memory. */
struct buf *http_due_text(struct http_due **d);
/* The answer that comes next; NULL when none is due. */
struct http_due_answer *http_due_first(struct http_due *d);
/* The answer that comes last; the queue is not empty. */
struct http_due_answer *http_due_last(struct http_due *d);
/* The first one has been given; the queue is not empty. */
void http_due_drop_first(struct http_due **d);
/* Drops all but the first one; the queue is not empty. */
void http_due_drop_others(struct http_due *d);
/* Drops all. */
void http_due_clear(struct http_due **d);
/* Whether MAX answers or HTTP_DUE_BYTES are due. */
bool http_due_is_full(const struct http_due *d, uint32_t max);
/* Bytes that are under way or take memory here. */
size_t http_due_held(const struct http_due *d);

#endif
