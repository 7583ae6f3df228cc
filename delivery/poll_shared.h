/*
 * One answer for all long-polls that would get the same in a turn: many wait for the same topics,
 * or come back with the same cursor, and their answers differ in nothing. So the first one's is
 * kept until the turn ends, and the others are sent its bytes.
 *
 * What a feed was brought, or was read for it, is the same for all who were at the same place,
 * unless something was lost since (replay.h, spans). Knows no connection.
 */
#ifndef DELIVERY_POLL_SHARED_H
#define DELIVERY_POLL_SHARED_H

#include <stdint.h>

#include "broker/feed.h"
#include "broker/message.h"
#include "broker/replay.h"

/* All zero: nothing is kept. */
struct poll_shared {
    struct feed *feed; /* held; NULL: nothing is kept */
    struct blob *answer;
    uint64_t head;  /* the worker's head then */
    uint32_t limit; /* of messages that was read with; 0: what came to the live */
    struct replay_span span;
};

/* The answer for the live members of F when the worker's head came to HEAD; NULL: none is kept.
 * Borrowed, until another one is kept. */
struct blob *poll_shared_live(const struct poll_shared *s, const struct feed *f, uint64_t head);
/* The answer for a poll at P that reads at most LIMIT messages, while the head is that of R. */
struct blob *poll_shared_read(const struct poll_shared *s, struct replay *r, struct feed *f,
                              const struct position *p, uint32_t limit);
/* Keeps ANSWER, which it takes, instead of what was kept. */
void poll_shared_keep_live(struct poll_shared *s, struct feed_table *t, struct feed *f,
                           uint64_t head, struct blob *answer);
/* The same for what was read in SPAN. */
void poll_shared_keep_read(struct poll_shared *s, struct replay *r, struct feed *f,
                           const struct replay_span *span, uint32_t limit, struct blob *answer);
/* The turn is over: keeps nothing. */
void poll_shared_drop(struct poll_shared *s, struct feed_table *t);

#endif
