/*
 * The way to the hub: a queue of messages, one pipelined connection to the local socket.
 *
 * A message leaves the queue when the hub has acknowledged it. When the connection breaks, what was
 * not acknowledged is sent again on the next one, each under its own idempotency key, so that the
 * hub stores none of them twice. Non-blocking: the caller polls and says what time it is.
 */
#ifndef DEMO_FEED_H
#define DEMO_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    FEED_QUEUE_MAX = 16384, /* messages waiting for acknowledgement */
    FEED_WINDOW = 256,      /* of them on the wire */
    FEED_BACKOFF_MIN_MS = 100,
    FEED_BACKOFF_MAX_MS = 1000,
};

struct feed;

/* Borrows PATH. NULL: out of memory. */
struct feed *feed_create(const char *path);
/* NULL is accepted; what is still queued is lost. */
void feed_destroy(struct feed *f);
/* Queues one message; all is copied. ERR_LIMIT: the queue is full; ERR_NOMEM. */
MUST_CHECK enum err feed_push(struct feed *f, const char *topic, const struct buf *payload,
                              const char *event, const char *key);
/* Messages not acknowledged yet, and room for more. */
size_t feed_waiting(const struct feed *f);
size_t feed_room(const struct feed *f);

/* For poll(2): the descriptor (-1: not connected) and what to wait for. */
int feed_fd(const struct feed *f);
short feed_events(const struct feed *f);
/* When feed_run wants to be called whatever poll says (monotonic ms; UINT64_MAX: not at all). */
uint64_t feed_due_ms(const struct feed *f);
/* Does what can be done now: connects, writes, reads. Troubles go to standard error, once for each
 * outage. */
void feed_run(struct feed *f, uint64_t now_ms);

#endif
