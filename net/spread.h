/*
 * Spreading of what would come back at one moment: heartbeats and time limits of those who came
 * together. Pure: time comes in.
 *
 * The first few of each moment (a tick of the wheel) keep their whole time, so that who is alone,
 * or with few, is served to the millisecond. All others get less, each by another part of it: the
 * multiples of the golden ratio, which fill an interval evenly whatever their number is.
 */
#ifndef NET_SPREAD_H
#define NET_SPREAD_H

#include <stdint.h>

enum { SPREAD_FEW = 16 /* of a tick that keep their time */ };

/* All zero at first. */
struct spread {
    uint64_t tick;    /* of the last one */
    uint32_t in_tick; /* how many came in it */
    uint32_t placed;  /* how many were moved, of all */
};

/* How much earlier, below WITHIN_MS, what somebody awaits who comes at NOW_MS is to be. */
uint64_t spread_early(struct spread *s, uint64_t now_ms, uint64_t within_ms);
/* The first time above NOW_MS of what comes each INTERVAL_MS, and was due at DUE_MS. */
uint64_t spread_next(uint64_t due_ms, uint64_t interval_ms, uint64_t now_ms);

#endif
