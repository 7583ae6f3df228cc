/*
 * One sorted array. Adding appends, removing leaves a hole; when it is full or has more holes than
 * things, a new one takes its place, and readers may go on in the old one for a while.
 */
#include "base/id_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    PLACES_FIRST = 64,
    HOLES_FREE = 64, /* so many holes cost nothing worth a new array */
    GUESSES = 4,     /* ids mostly lie evenly; where they do not, halving finds them */
};

struct id_entry {
    _Atomic(void *) thing; /* NULL = a hole */
    uint32_t id;
};

struct id_array {
    struct grace_item item;
    size_t cap;
    _Atomic size_t count; /* entries, holes included */
    struct id_entry entries[];
};

void id_table_init(struct id_table *t, struct grace *grace)
{
    *t = (struct id_table){.grace = grace};
}

void id_table_finish(struct id_table *t)
{
    free(atomic_load(&t->array));
    id_table_init(t, t->grace);
}

static void free_array(struct grace_item *item)
{
    free((char *)item - offsetof(struct id_array, item));
}

/* A new array with room for CAP things takes the place of the one in use, without its holes. */
static enum err replace(struct id_table *t, size_t cap)
{
    struct id_array *old = atomic_load(&t->array);
    struct id_array *a = calloc(1, sizeof(*a) + cap * sizeof(a->entries[0]));
    size_t n = 0;
    if (!a)
        return ERR_NOMEM;
    for (size_t i = 0; old && i < old->count; i++) {
        void *thing = old->entries[i].thing;
        if (!thing)
            continue;
        atomic_init(&a->entries[n].thing, thing);
        a->entries[n++].id = old->entries[i].id;
    }
    a->cap = cap;
    atomic_init(&a->count, n);
    atomic_store(&t->array, a);
    if (old)
        grace_retire(t->grace, &old->item, free_array);
    return ERR_OK;
}

static size_t room_for(size_t things)
{
    return things < PLACES_FIRST / 2 ? PLACES_FIRST : things * 2;
}

/* A place in [LOW, HIGH) where ID may stand, if ids lie evenly. */
static size_t guess(const struct id_array *a, size_t low, size_t high, uint32_t id)
{
    uint32_t first = a->entries[low].id, last = a->entries[high - 1].id;
    if (id <= first)
        return low;
    if (id >= last)
        return high - 1;
    return low + (size_t)((uint64_t)(id - first) * (high - 1 - low) / (last - first));
}

/* The first entry whose id is not below ID, or COUNT. */
static size_t place_of(const struct id_array *a, size_t count, uint32_t id)
{
    size_t low = 0, high = count;
    for (int looks = 0; low < high; looks++) {
        size_t at = looks < GUESSES ? guess(a, low, high, id) : low + (high - low) / 2;
        if (a->entries[at].id < id)
            low = at + 1;
        else
            high = at;
        if (at < count && a->entries[at].id == id)
            return at;
    }
    return low;
}

/* Behind the thing itself: who sees it counted finds it. */
static void count_one_more(struct id_table *t)
{
    atomic_store(&t->count, id_table_count(t) + 1);
}

/* The hole that a thing with ID has left, if it is still there. */
static struct id_entry *find_hole(struct id_array *a, uint32_t id)
{
    size_t at = a ? place_of(a, a->count, id) : 0;
    return a && at < a->count && a->entries[at].id == id ? &a->entries[at] : NULL;
}

enum err id_table_add(struct id_table *t, uint32_t id, void *thing)
{
    struct id_array *a = atomic_load(&t->array);
    struct id_entry *hole = find_hole(a, id);
    if (hole) {
        atomic_store(&hole->thing, thing);
        count_one_more(t);
        return ERR_OK;
    }
    bool behind = a && a->count > 0 && a->entries[a->count - 1].id > id; /* a hole */
    if (!a || a->count == a->cap || behind) {
        enum err e = replace(t, room_for(id_table_count(t)));
        if (e != ERR_OK)
            return e;
        a = atomic_load(&t->array);
    }
    size_t n = a->count;
    a->entries[n].id = id;
    atomic_store(&a->entries[n].thing, thing);
    atomic_store(&a->count, n + 1);
    count_one_more(t);
    return ERR_OK;
}

void id_table_remove(struct id_table *t, uint32_t id)
{
    struct id_array *a = atomic_load(&t->array);
    size_t at = a ? place_of(a, a->count, id) : 0;
    if (!a || at == a->count || a->entries[at].id != id || !a->entries[at].thing)
        return;
    atomic_store(&a->entries[at].thing, NULL);
    uint32_t left = id_table_count(t) - 1;
    atomic_store(&t->count, left);
    /* Without memory for a smaller array the old one does as well. */
    if (a->count - left > left + HOLES_FREE && replace(t, room_for(left)) != ERR_OK)
        return;
}

void *id_table_get(const struct id_table *t, uint32_t id)
{
    const struct id_array *a = atomic_load(&t->array);
    size_t count = a ? atomic_load(&a->count) : 0, at = a ? place_of(a, count, id) : 0;
    return at < count && a->entries[at].id == id ? atomic_load(&a->entries[at].thing) : NULL;
}

struct id_walk id_table_walk(const struct id_table *t, uint32_t from)
{
    const struct id_array *a = atomic_load(&t->array);
    size_t count = a ? atomic_load(&a->count) : 0;
    return (struct id_walk){a, a ? place_of(a, count, from) : 0, count};
}

void *id_walk_next(struct id_walk *w)
{
    while (w->at < w->count) {
        void *thing = atomic_load(&w->array->entries[w->at++].thing);
        if (thing)
            return thing;
    }
    return NULL;
}

void *id_table_next(const struct id_table *t, uint32_t from)
{
    struct id_walk w = id_table_walk(t, from);
    return id_walk_next(&w);
}
