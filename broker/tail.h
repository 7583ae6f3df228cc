/*
 * The hot tail: the newest messages, kept in memory as the committed batches they came in.
 *
 * A batch is what one turn of the broker committed: immutable, reference-counted, shared by all
 * workers. The broker and each worker have a tail of their own; the broker decides how far back it
 * reaches and tells the workers with every batch.
 */
#ifndef BROKER_TAIL_H
#define BROKER_TAIL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/message.h"

struct batch {
    _Atomic uint32_t refs;
    uint32_t count;             /* messages; 0 only when `last` alone moves */
    uint64_t first, last;       /* offsets first..last are settled by this batch */
    uint64_t tail_first;        /* keep nothing whose last offset is below this */
    struct message *messages[]; /* ascending offsets; the batch holds a reference to each */
};

/* One reference; room for COUNT messages, none filled in; NULL when out of memory. */
struct batch *batch_create(size_t count);
struct batch *batch_ref(struct batch *b);
/* NULL is accepted. */
void batch_unref(struct batch *b);

struct tail {
    struct batch **ring;      /* cap slots, oldest at `start` */
    size_t start, count, cap; /* cap: a power of two, or 0 */
};

/* A place in a tail: valid until the tail changes. */
struct tail_iter {
    size_t batch; /* 0 = oldest */
    uint32_t message;
};

void tail_init(struct tail *t);
void tail_finish(struct tail *t);
/* Appends, taking the caller's reference (also on failure). ERR_NOMEM. */
MUST_CHECK enum err tail_push(struct tail *t, struct batch *b);
/* Drops batches whose last offset is below FIRST. */
void tail_drop_below(struct tail *t, uint64_t first);
/* The oldest batch, NULL when empty; tail_pop drops it. */
struct batch *tail_oldest(const struct tail *t);
void tail_pop(struct tail *t);
/* The smallest offset that the tail covers; NONE when it is empty. */
uint64_t tail_first(const struct tail *t, uint64_t none);
/* Points before the first message with an offset > AFTER, or (reverse) just behind the last with an
 * offset <= UNTIL. */
struct tail_iter tail_seek(const struct tail *t, uint64_t after);
/* The next message at IT going up, or going down; NULL at the end. */
struct message *tail_next(const struct tail *t, struct tail_iter *it);
struct message *tail_prev(const struct tail *t, struct tail_iter *it);

#endif
