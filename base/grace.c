/*
 * Eras: the owner's counter goes up with each collection. A reader inside shows the era in which it
 * entered; what was retired in that era or later, it may have found.
 *
 * A reader that reads the counter and is then held up before it shows the era may show an old one:
 * that only delays. One that shows it after the owner has looked finds nothing that was taken out
 * before, since all of this is in one order.
 */
#include "base/grace.h"

#include "utlist.h"

void grace_init(struct grace *g)
{
    *g = (struct grace){.first = NULL};
    atomic_init(&g->era, 1);
    pthread_mutex_init(&g->lock, NULL);
}

static void free_first(struct grace *g)
{
    struct grace_item *item = g->first;
    g->first = item->next;
    item->free(item);
}

void grace_finish(struct grace *g)
{
    while (g->first)
        free_first(g);
    pthread_mutex_destroy(&g->lock);
}

void grace_join(struct grace *g, struct grace_reader *r)
{
    pthread_mutex_lock(&g->lock);
    LL_PREPEND(g->readers, r);
    pthread_mutex_unlock(&g->lock);
}

void grace_leave(struct grace *g, struct grace_reader *r)
{
    pthread_mutex_lock(&g->lock);
    LL_DELETE(g->readers, r);
    pthread_mutex_unlock(&g->lock);
}

void grace_retire(struct grace *g, struct grace_item *item, void (*free)(struct grace_item *item))
{
    item->next = NULL;
    item->era = atomic_load_explicit(&g->era, memory_order_relaxed);
    item->free = free;
    if (g->first)
        g->last->next = item;
    else
        g->first = item;
    g->last = item;
}

/* The era in which the reader entered that has been inside for the longest; NONE when all are
 * outside. */
static uint64_t oldest_inside(struct grace *g, uint64_t none)
{
    uint64_t oldest = none;
    pthread_mutex_lock(&g->lock);
    for (struct grace_reader *r = g->readers; r; r = r->next) {
        uint64_t era = atomic_load(&r->era);
        if (era && era < oldest)
            oldest = era;
    }
    pthread_mutex_unlock(&g->lock);
    return oldest;
}

bool grace_collect(struct grace *g)
{
    if (!g->first)
        return false;
    uint64_t oldest = oldest_inside(g, atomic_fetch_add(&g->era, 1) + 1);
    while (g->first && g->first->era < oldest)
        free_first(g);
    return g->first != NULL;
}
