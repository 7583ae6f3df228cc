/*
 * Chains of a hash table that grow one at a time, as items come (linear hashing): nobody waits
 * while all that a large table holds is put into another one.
 *
 * A table has COUNT chains in use, any number from 1 on. Who makes it one more moves those of the
 * items of one other chain that belong into the new one, which has number COUNT:
 *
 *     bucket_of(COUNT, COUNT) is that other chain, before COUNT is raised
 */
#ifndef BASE_BUCKETS_H
#define BASE_BUCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Which of COUNT chains HASH belongs into. */
static inline size_t bucket_of(uint64_t hash, size_t count)
{
    size_t mask = count > 1 ? SIZE_MAX >> __builtin_clzl(count - 1) : 0, i = hash & mask;
    return i < count ? i : i & mask >> 1;
}

/* Room for one more than COUNT pointers in the array CHAINS, which has room for *CAP: returns that
 * or where it lies now. NULL: out of memory, nothing has changed. What is new in it is not set. */
static inline void *buckets_reserve(void *chains, size_t count, size_t *cap)
{
    if (count < *cap)
        return chains;
    void *more = realloc(chains, *cap * 2 * sizeof(void *));
    if (more)
        *cap *= 2;
    return more;
}

#endif
