/*
 * Things with ids that are given in ascending order, and that go in any order: found by id, and
 * walked in the order of ids. What it takes depends on how many there are, not on how many there
 * have been.
 *
 * One thread owns a table and alone changes it; others may look into it beside that, inside the
 * table's grace period (grace.h).
 */
#ifndef BASE_ID_TABLE_H
#define BASE_ID_TABLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/grace.h"

struct id_array;

struct id_table {
    struct grace *grace;
    _Atomic(struct id_array *) array; /* NULL = never anything in it */
    _Atomic uint32_t count;           /* things in it */
};

/* In place, empty; GRACE is borrowed, and has the owner of the table. */
void id_table_init(struct id_table *t, struct grace *grace);
/* What is in it is not touched. */
void id_table_finish(struct id_table *t);

/* ID is above all that are in it. ERR_NOMEM. */
MUST_CHECK enum err id_table_add(struct id_table *t, uint32_t id, void *thing);
/* Takes the thing with ID out, if there is one. What readers may have found is the caller's to
 * retire. */
void id_table_remove(struct id_table *t, uint32_t id);

/* NULL when there is none. */
void *id_table_get(const struct id_table *t, uint32_t id);
/* The thing with the lowest id that is not below FROM; NULL when there is none. */
void *id_table_next(const struct id_table *t, uint32_t from);

/* A walk over the table as it is when it begins; what is removed meanwhile may be left out, what is
 * added is. Readers: within one grace period. The owner: until something is added or removed. */
struct id_walk {
    const struct id_array *array;
    size_t at, count;
};
/* From the lowest id that is not below FROM. */
struct id_walk id_table_walk(const struct id_table *t, uint32_t from);
/* The next thing; NULL behind the last one. */
void *id_walk_next(struct id_walk *w);

/* Any thread: how many things there are. All that are counted can be found. */
static inline uint32_t id_table_count(const struct id_table *t)
{
    return atomic_load_explicit(&t->count, memory_order_acquire);
}

#endif
