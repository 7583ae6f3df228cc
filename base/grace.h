/*
 * When that which one thread takes out of a shared structure may be freed.
 *
 * Readers on other threads look into the structure without a lock, between grace_enter and
 * grace_exit. The owner takes something out, so that nobody who comes later finds it, and retires
 * it; it is freed by a later grace_collect, when all readers that were inside at that moment have
 * been outside. Nobody ever waits.
 *
 * What readers follow to come to the thing is to be loaded and stored sequentially consistently
 * (the default of <stdatomic.h>), or under a lock.
 */
#ifndef BASE_GRACE_H
#define BASE_GRACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thread that looks. Embedded; belongs to the thread. */
struct grace_reader {
    _Atomic uint64_t era; /* when it entered; 0 = outside */
    struct grace_reader *next;
};

/* Embedded in what is retired. */
struct grace_item {
    struct grace_item *next;
    uint64_t era;
    void (*free)(struct grace_item *item);
};

struct grace {
    _Atomic uint64_t era;
    pthread_mutex_t lock; /* guards the list of readers */
    struct grace_reader *readers;
    struct grace_item *first, *last; /* the owner's: retired, the oldest first */
};

/* In place. */
void grace_init(struct grace *g);
/* Frees what is still retired. All readers have left. */
void grace_finish(struct grace *g);

/* R, all zero at first, takes part from now on, and no more. Any thread. */
void grace_join(struct grace *g, struct grace_reader *r);
void grace_leave(struct grace *g, struct grace_reader *r);

/* R's thread; entering again changes nothing. */
static inline void grace_enter(struct grace *g, struct grace_reader *r)
{
    if (atomic_load_explicit(&r->era, memory_order_relaxed) == 0)
        atomic_store(&r->era, atomic_load(&g->era));
}

static inline void grace_exit(struct grace_reader *r)
{
    atomic_store_explicit(&r->era, 0, memory_order_release);
}

/* Takes ITEM, which nobody can find any more; FREE is called with it, on the owner's thread. */
void grace_retire(struct grace *g, struct grace_item *item, void (*free)(struct grace_item *item));
/* Frees what nobody can be looking at any more. True when something is left to be freed later. */
bool grace_collect(struct grace *g);

#endif
