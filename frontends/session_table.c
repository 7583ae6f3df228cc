/* A hash table with chains. Numbers count up, so that their low bits are as good as any hash. */
#include <stdlib.h>

#include "frontends/session.h"

enum { SLOTS_MIN = 64 };

struct session_table {
    struct session **slots;
    size_t mask; /* slots - 1, a power of two less one */
    size_t count;
};

static struct session **slot_of(const struct session_table *t, uint64_t number)
{
    /* The rest, the worker's index, is the same for all of them. */
    return &t->slots[number / HUB_WORKERS_MAX & t->mask];
}

static uint64_t number_of(const struct session *s)
{
    return conn_number(s->stream.conn);
}

struct session_table *session_table_create(void)
{
    struct session_table *t = calloc(1, sizeof(*t));
    struct session **slots = calloc(SLOTS_MIN, sizeof(struct session *));
    if (!t || !slots) {
        free(t);
        free(slots);
        return NULL;
    }
    t->slots = slots;
    t->mask = SLOTS_MIN - 1;
    return t;
}

void session_table_destroy(struct session_table *t)
{
    if (!t)
        return;
    free(t->slots);
    free(t);
}

static void enter(struct session_table *t, struct session *s)
{
    struct session **slot = slot_of(t, number_of(s));
    s->next = *slot;
    *slot = s;
}

/* Without memory the chains grow instead. */
static void resize(struct session_table *t, size_t size)
{
    struct session **old = t->slots, **slots = calloc(size, sizeof(struct session *));
    size_t old_size = t->mask + 1;
    if (!slots)
        return;
    t->slots = slots;
    t->mask = size - 1;
    for (size_t i = 0; i < old_size; i++) {
        while (old[i]) {
            struct session *s = old[i];
            old[i] = s->next;
            enter(t, s);
        }
    }
    free(old);
}

void session_add(struct session_table *t, struct session *s)
{
    if (t->count > t->mask)
        resize(t, 2 * (t->mask + 1));
    enter(t, s);
    t->count++;
}

void session_remove(struct session_table *t, struct session *s)
{
    struct session **at = slot_of(t, number_of(s));
    while (*at && *at != s)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = s->next;
    t->count--;
    if (t->mask >= 2 * SLOTS_MIN && t->count < t->mask / 8)
        resize(t, (t->mask + 1) / 2);
}

struct session *session_find(const struct session_table *t, uint64_t number)
{
    struct session *s = *slot_of(t, number);
    while (s && number_of(s) != number)
        s = s->next;
    return s;
}
