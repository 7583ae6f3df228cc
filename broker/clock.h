/*
 * What time it is, for what the hub dates and ages: the clock of the machine as long as it goes on
 * as a clock does, compared with one that cannot be set.
 *
 * A clock that was set (NTP after a bad start, a wrong hand, a machine without a battery) is not
 * followed at once: the hub's time goes on by the clock that cannot be set until the new time has
 * stood for CLOCK_CONFIRM_MS. If it is taken back before, nothing has happened; else the hub steps,
 * and what it knows of times steps with it (broker_step_clock). Pure: both clocks come in.
 */
#ifndef BROKER_CLOCK_H
#define BROKER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CLOCK_STEP_MS = 10000,    /* what is further off than this has been set; less is followed */
    CLOCK_CONFIRM_MS = 60000, /* how long a new time has to stand */
    /* A log whose newest message is older than this at the start: its messages age only after the
     * clock has stood for CLOCK_CONFIRM_MS. */
    CLOCK_REST_MS = 86400000,
};
/* 2026-01-01: a clock that tells less than when this program was made has not been set yet. */
#define CLOCK_EARLIEST_MS UINT64_C(1767225600000)

enum clock_event {
    CLOCK_SAME,
    CLOCK_DOUBTED, /* it was set; not followed yet */
    CLOCK_BACK,    /* it is back where it was before */
    CLOCK_STEPPED, /* it is followed now */
};

struct clock {
    uint64_t now_ms;    /* the hub's time, Unix; never runs backwards but by a step */
    uint64_t steady_ms; /* when it was told, by the clock that cannot be set */
    bool doubted;       /* the clock is at a distance: */
    int64_t off_ms;     /* by so much it is ahead of the hub's time, as last seen */
    uint64_t since_ms;  /* that it has stood there, by the steady clock */
};

/* What each of the clocks tells at the start. LAST_MS is the time of the newest message, 0 = none:
 * where the clock has not been set, the hub's time goes on from there. */
void clock_init(struct clock *c, uint64_t unix_ms, uint64_t steady_ms, uint64_t last_ms);
/* TIME_MS, earlier or later by OFF_MS. */
uint64_t clock_moved(uint64_t time_ms, int64_t off_ms);
/* The same now. C->now_ms is the time to be used; after CLOCK_DOUBTED and CLOCK_STEPPED *RET_OFF_MS
 * is by how much the clock was set, ahead or (negative) back. */
enum clock_event clock_tell(struct clock *c, uint64_t unix_ms, uint64_t steady_ms,
                            int64_t *ret_off_ms);

#endif
