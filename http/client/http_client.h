/*
 * The HTTP/1.1 client of one loop: what the hub itself asks of one server, by a bounded number of
 * connections that are kept for the next request. Nothing blocks, nobody waits longer than is said.
 *
 *     http_client_send ──> a connection that is idle, or a new one
 *                     `──> waits, the oldest first, until one is free
 *                                          each ends in done(), on the loop's thread, once
 *
 * A request goes out again when the connection that was kept for it had been ended meanwhile, and
 * at the next address when there is nobody at one; never after a byte of an answer. So the server
 * may get it twice.
 */
#ifndef HTTP_CLIENT_HTTP_CLIENT_H
#define HTTP_CLIENT_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/client/http_reply.h"
#include "net/loop.h"
#include "net/remote.h"

struct http_call;
struct http_client;

/* R: the answer, borrowed for the call; NULL: there is none, for WHY: ERR_CLOSED (nobody is there,
 * or the connection broke), ERR_TIMEOUT, ERR_INVALID (what came is no HTTP), ERR_TOO_LARGE,
 * ERR_NOMEM. The call is its owner's again. */
typedef void http_call_done(struct http_call *call, const struct http_reply *r, enum err why);

/* One request; embedded in what wants the answer, which keeps it until done(). */
struct http_call {
    http_call_done *done; /* set by the owner */
    /* Private. */
    struct buf request;
    uint64_t due_ms;
    unsigned tries;
    struct http_call *next, *prev; /* utlist */
};

struct http_client_rules {
    uint64_t timeout_ms;  /* of each call, from http_client_send to its last byte */
    uint32_t connections; /* at once, at least 1 */
    uint32_t waiting;     /* calls that have none yet */
    const struct http_reply_limits *limits; /* always the same, and there as long as the client */
};

/* Of the server R (a reference is taken). NULL: out of memory. */
struct http_client *http_client_create(struct loop *l, struct remote *r,
                                       const struct http_client_rules *rules);
/* Other rules, and another server, for what is sent from now on. */
void http_client_set(struct http_client *h, struct remote *r,
                     const struct http_client_rules *rules);
/* Behind the end of the loop's connections. Calls that are left are not told. NULL is accepted. */
void http_client_destroy(struct http_client *h);

/* Appends the first lines of a request with METHOD to that server; fields, an empty line and what
 * else there is follow. */
void http_client_begin(const struct http_client *h, struct buf *request, const char *method);
/* Sends the complete REQUEST (takes it, whatever happens). Not told by done(): ERR_LIMIT (as many
 * wait as may), ERR_CLOSED (nobody is there), ERR_NOMEM. */
MUST_CHECK enum err http_client_send(struct http_client *h, struct http_call *call,
                                     struct buf *request);

#endif
