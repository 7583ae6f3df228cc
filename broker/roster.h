/*
 * Things in the order in which they came, each with a number above those before it: found by their
 * numbers, and walked from any number on, whoever has gone meanwhile. 8 bytes for each, with room
 * to grow 16.
 *
 * Pure; one owner at a time.
 */
#ifndef BROKER_ROSTER_H
#define BROKER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Embedded, all zero = empty. */
struct roster {
    uintptr_t *places; /* a thing, which is even; or 1 and twice the number of one that has gone */
    uint32_t count;    /* places in use, those of the gone included */
    uint32_t cap;
    uint32_t gone;
    uint64_t (*number)(const void *thing);
};

/* The numbers of things are read by NUMBER, and are from 1 to 2^63 - 1. */
void roster_init(struct roster *r, uint64_t (*number)(const void *thing));
/* What is in it is not touched. */
void roster_finish(struct roster *r);
/* THING, which is aligned to 2 bytes or more, has a number above all others. ERR_NOMEM. */
MUST_CHECK enum err roster_add(struct roster *r, void *thing);
/* THING, which is there, goes. */
void roster_remove(struct roster *r, const void *thing);
/* The first thing with a number above AFTER; NULL when there is none. */
void *roster_next(const struct roster *r, uint64_t after);
/* How many there are. */
static inline uint32_t roster_count(const struct roster *r)
{
    return r->count - r->gone;
}

#endif
