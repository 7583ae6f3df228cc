/*
 * The HTTP/1.1 response reader, for what the hub itself asks (RFC 9110, RFC 9112): bytes in, the
 * whole answer out, no I/O. Where the input is cut makes no difference.
 *
 * Strict in what frames the body: an answer that two readers could cut differently is refused.
 * Bounded: head, number of fields and body have limits. Interim answers (1xx) are passed over.
 *
 *     feed ---> MORE    all was used, the answer is incomplete
 *           `-> DONE    it is there; what is behind it was not asked for
 *           `-> FAULT   `err`: ERR_INVALID, ERR_TOO_LARGE, ERR_NOMEM; the connection is of no use
 *
 * A body without a length lasts until the server ends the connection: http_reply_end.
 */
#ifndef HTTP_CLIENT_HTTP_REPLY_H
#define HTTP_CLIENT_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/h1/chunk_reader.h"
#include "http/http_fields.h"

struct http_reply_limits {
    size_t head_bytes; /* of all heads of an answer, interim ones included */
    size_t body_bytes;
};

enum http_reply_read { HTTP_REPLY_MORE, HTTP_REPLY_DONE, HTTP_REPLY_FAULT };

struct http_reply {
    /* At DONE; owned by the reply. */
    uint16_t status;
    bool keep_alive;            /* the connection may be used for another request */
    struct http_fields *fields; /* of the head */
    struct buf body;

    enum err err; /* at FAULT */

    /* Private. */
    const struct http_reply_limits *limits;
    uint8_t state; /* enum state, in the .c */
    uint8_t minor;
    size_t seen;     /* bytes of heads */
    struct buf line; /* what has come of a line of the head */
    uint64_t left;   /* bytes of a body with a length that have not come yet */
    struct chunk_reader chunks;
};

/* In place; allocates nothing. LIMITS is borrowed. */
void http_reply_init(struct http_reply *r, const struct http_reply_limits *limits);
/* Frees what it has; it may be initialised again then. Twice is harmless. */
void http_reply_finish(struct http_reply *r);
/* Feeds N bytes; *USED says how many of them it took. */
enum http_reply_read http_reply_feed(struct http_reply *r, const char *data, size_t n,
                                     size_t *used);
/* The server has ended the connection. Never MORE; cut off: FAULT with ERR_CLOSED. */
enum http_reply_read http_reply_end(struct http_reply *r);
/* Nothing of an answer has come. */
bool http_reply_is_untouched(const struct http_reply *r);

#endif
