/* A hash table with chains. Numbers count up, so that their low bits are as good as any hash. */
#include "delivery/stream_table.h"

#include "base/workers.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64 };

struct stream_table {
    struct listed_stream **slots;
    size_t mask; /* slots - 1, a power of two less one */
    size_t count;
};

static struct listed_stream **slot_of(const struct stream_table *t, uint64_t number)
{
    /* The rest, the worker's index, is the same for all of them. */
    return &t->slots[number / WORKERS_MAX & t->mask];
}

static uint64_t number_of(const struct listed_stream *s)
{
    return conn_number(s->stream.conn);
}

struct stream_table *stream_table_create(void)
{
    struct stream_table *t = calloc(1, sizeof(*t));
    struct listed_stream **slots = calloc(SLOTS_MIN, sizeof(struct listed_stream *));
    if (!t || !slots) {
        free(t);
        free(slots);
        return NULL;
    }
    t->slots = slots;
    t->mask = SLOTS_MIN - 1;
    return t;
}

void stream_table_destroy(struct stream_table *t)
{
    if (!t)
        return;
    free(t->slots);
    free(t);
}

static void enter(struct stream_table *t, struct listed_stream *s)
{
    struct listed_stream **slot = slot_of(t, number_of(s));
    s->next = *slot;
    *slot = s;
}

/* Without memory the chains grow instead. */
static void resize(struct stream_table *t, size_t size)
{
    struct listed_stream **old = t->slots, **slots = calloc(size, sizeof(struct listed_stream *));
    size_t old_size = t->mask + 1;
    if (!slots)
        return;
    t->slots = slots;
    t->mask = size - 1;
    for (size_t i = 0; i < old_size; i++) {
        while (old[i]) {
            struct listed_stream *s = old[i];
            old[i] = s->next;
            enter(t, s);
        }
    }
    free(old);
}

void stream_table_add(struct stream_table *t, struct listed_stream *s)
{
    if (t->count > t->mask)
        resize(t, 2 * (t->mask + 1));
    enter(t, s);
    t->count++;
}

void stream_table_remove(struct stream_table *t, struct listed_stream *s)
{
    struct listed_stream **at = slot_of(t, number_of(s));
    while (*at && *at != s)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = s->next;
    t->count--;
    if (t->mask >= 2 * SLOTS_MIN && t->count < t->mask / 8)
        resize(t, (t->mask + 1) / 2);
}

struct listed_stream *stream_table_find(const struct stream_table *t, uint64_t number)
{
    struct listed_stream *s = *slot_of(t, number);
    while (s && number_of(s) != number)
        s = s->next;
    return s;
}
