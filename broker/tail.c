#include "broker/tail.h"

#include <stdlib.h>
#include <string.h>

struct batch *batch_create(size_t count)
{
    struct batch *b = calloc(1, sizeof(*b) + count * sizeof(b->messages[0]));
    if (b)
        b->refs = 1;
    return b;
}

struct batch *batch_ref(struct batch *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void batch_unref(struct batch *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < b->count; i++)
        message_unref(b->messages[i]);
    free(b);
}

void tail_init(struct tail *t)
{
    memset(t, 0, sizeof(*t));
}

void tail_finish(struct tail *t)
{
    while (t->count)
        tail_pop(t);
    free(t->ring);
    tail_init(t);
}

static struct batch *at(const struct tail *t, size_t i)
{
    return t->ring[(t->start + i) & (t->cap - 1)];
}

static enum err grow(struct tail *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct batch **ring = malloc(cap * sizeof(struct batch *));
    if (!ring)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->count; i++)
        ring[i] = at(t, i);
    free(t->ring);
    t->ring = ring;
    t->start = 0;
    t->cap = cap;
    return ERR_OK;
}

enum err tail_push(struct tail *t, struct batch *b)
{
    if (t->count == t->cap && grow(t) != ERR_OK) {
        batch_unref(b);
        return ERR_NOMEM;
    }
    t->ring[(t->start + t->count++) & (t->cap - 1)] = b;
    return ERR_OK;
}

struct batch *tail_oldest(const struct tail *t)
{
    return t->count ? at(t, 0) : NULL;
}

void tail_pop(struct tail *t)
{
    batch_unref(at(t, 0));
    t->start = (t->start + 1) & (t->cap - 1);
    t->count--;
}

void tail_drop_below(struct tail *t, uint64_t first)
{
    while (t->count && at(t, 0)->last < first)
        tail_pop(t);
}

uint64_t tail_first(const struct tail *t, uint64_t none)
{
    return t->count ? at(t, 0)->first : none;
}

/* The first batch whose last offset is above AFTER. */
static size_t seek_batch(const struct tail *t, uint64_t after)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (at(t, mid)->last <= after)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct tail_iter tail_seek(const struct tail *t, uint64_t after)
{
    struct tail_iter it = {seek_batch(t, after), 0};
    if (it.batch == t->count)
        return it;
    const struct batch *b = at(t, it.batch);
    uint32_t low = 0, high = b->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (b->messages[mid]->offset <= after)
            low = mid + 1;
        else
            high = mid;
    }
    it.message = low;
    return it;
}

struct message *tail_next(const struct tail *t, struct tail_iter *it)
{
    for (; it->batch < t->count; it->batch++, it->message = 0)
        if (it->message < at(t, it->batch)->count)
            return at(t, it->batch)->messages[it->message++];
    return NULL;
}

struct message *tail_prev(const struct tail *t, struct tail_iter *it)
{
    while (it->message == 0) {
        if (it->batch == 0)
            return NULL;
        it->message = at(t, --it->batch)->count;
    }
    return at(t, it->batch)->messages[--it->message];
}
