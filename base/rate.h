/*
 * A bucket of tokens that fills at so many a second and holds what comes in a certain time, kept as
 * one number: the time at which it would be full if nothing more were taken (the generic cell rate
 * algorithm, ITU-T I.371). So a change of the rule needs no conversion, and any thread may take.
 *
 * Pure: time comes in, in nanoseconds of a clock that does not go backwards by much.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero = full. */
struct rate {
    _Atomic uint64_t full_ns;
};

/* So many times a second in ns is still below 2^64. */
#define RATE_MAX ((uint64_t)1 << 34)

struct rate_rule {
    uint64_t per_s;    /* 1 to RATE_MAX */
    uint64_t burst_ns; /* what comes in this time is what the bucket holds */
};

/* How many a full bucket holds; at least 1. */
uint64_t rate_room(const struct rate_rule *rule);
/* Takes N. More than the bucket holds is taken when it is full, and owed: those behind it wait for
 * that. False: they are not there, but will be in *RET_WAIT_NS if nobody else takes any. */
bool rate_take(struct rate *r, const struct rate_rule *rule, uint64_t n, uint64_t now_ns,
               uint64_t *ret_wait_ns);
/* N that were taken by the same rule were not used. */
void rate_give_back(struct rate *r, const struct rate_rule *rule, uint64_t n);
bool rate_is_full(const struct rate *r, uint64_t now_ns);

#endif
