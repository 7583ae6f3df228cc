/*
 * The live members of a feed: what a delivery needs of each of them lies together, so that a
 * fan-out walks over blocks of entries and touches nothing else of those who only receive.
 *
 * Members may come and leave at any time, also while they are walked: who leaves then is a hole
 * until the walk ends, and who comes is behind its end.
 */
#ifndef BROKER_LIVE_H
#define BROKER_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct feed;
struct receiver_ops;

/* A subscriber: embedded in what a frontend keeps for a connection; 12 bytes, so that what stands
 * behind it there is not pushed away by padding. */
struct subscriber {
    struct feed *feed; /* NULL = not subscribed */
    uint32_t at;       /* its place among the feed's live members, from 1; 0 = it is not live */
} __attribute__((packed, aligned(4)));

/* What SUB is the first member of. */
static inline void *subscriber_owner(struct subscriber *sub)
{
    return sub;
}

enum {
    LIVE_NO_HANDLE = -1,
    LIVE_BLOCK = 256, /* members; 4 KiB */
};

/* One member; 16 bytes. */
struct live {
    struct subscriber *sub; /* NULL: it left during the walk */
    int32_t handle;         /* what a fan-out may write to by itself; means nothing here */
    bool look;              /* not now: ask SUB, which is more than to write; also of a hole */
};

/* Embedded, all zero at first, and never moved. It grows by a block at a time and is never copied
 * as a whole, so a large one leaves no holes in the heap. */
struct live_set {
    const struct receiver_ops *kind; /* of all members; means nothing here */
    struct live **blocks; /* of LIVE_BLOCK members each; a single one may have room for less */
    struct live *first;   /* `blocks` of a set that has no more than one */
    uint32_t count;       /* with the holes */
    uint32_t cap;         /* 0 = there are no blocks yet */
    uint32_t holes;
    bool walked;
    struct live only; /* the place of the first: a set of one needs no memory of its own */
};

/* SUB, which is not live, becomes a member, of the same KIND as all others. HANDLE may be
 * LIVE_NO_HANDLE: then it is always asked. ERR_NOMEM: nothing changed. */
MUST_CHECK enum err live_add(struct live_set *s, struct subscriber *sub,
                             const struct receiver_ops *kind, int32_t handle);
/* SUB is a member and leaves. */
void live_remove(struct live_set *s, struct subscriber *sub);
/* Has room for one more: what comes next is live_move to it. ERR_NOMEM. */
MUST_CHECK enum err live_reserve(struct live_set *s);
/* SUB, a member of FROM, becomes one of TO as it is; TO has room. */
void live_move(struct live_set *from, struct live_set *to, struct subscriber *sub);
/* All have left. */
void live_finish(struct live_set *s);

/* Begins a walk over the first members, as many as are returned; after each step `blocks` and the
 * first block may lie elsewhere. There is one at a time, up to live_walk_end. */
uint32_t live_walk(struct live_set *s);
void live_walk_end(struct live_set *s);

/* Entry number I, below `count`; valid until the set changes. */
static inline struct live *live_at(const struct live_set *s, uint32_t i)
{
    return &s->blocks[i / LIVE_BLOCK][i % LIVE_BLOCK];
}

/* The entry of SUB, which is a member; valid until the set changes. */
static inline struct live *live_entry(const struct live_set *s, const struct subscriber *sub)
{
    return live_at(s, sub->at - 1);
}

#endif
