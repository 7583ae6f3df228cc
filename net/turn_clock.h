/*
 * A worker's clock: monotonic, and standing still while the worker does not run.
 *
 * A process can be stopped (SIGSTOP, a frozen container, a snapshot of its machine) or get no
 * processor. Peers cannot be judged for what happened meanwhile: the hub did not listen. So time in
 * which the worker should have run, and did not, does not count for any of its deadlines, and
 * neither does CLOCK_AFTER_MS behind it: what peers have sent has to get here first.
 *
 * Real time is CLOCK_MONOTONIC, which stands still while the machine is suspended, so that a
 * suspended machine is the same to its deadlines. Pure: time comes in. Milliseconds.
 */
#ifndef NET_TURN_CLOCK_H
#define NET_TURN_CLOCK_H

#include <stdint.h>

enum {
    CLOCK_PAUSE_MS = 500, /* less than that is a long turn or a busy machine */
    CLOCK_AFTER_MS = 1000,
};

struct turn_clock {
    uint64_t now_ms;   /* what it says; never goes back */
    uint64_t real_ms;  /* when it was read */
    uint64_t until_ms; /* real: until then nothing was to be done */
    uint64_t lost_ms;  /* real time that has not counted */
};

/* It says REAL_MS, and goes. */
void turn_clock_init(struct turn_clock *c, uint64_t real_ms);
/* The worker sleeps, and is to wake when the clock says AT_MS at the latest; UINT64_MAX = never. */
void turn_clock_sleep(struct turn_clock *c, uint64_t at_ms);
/* Reads it. RAN_MS: how long the thread has run since it was read, or a little longer; what took it
 * so long itself is no pause. Returns for how long the worker did not run, if that was a pause;
 * else 0. */
uint64_t turn_clock_read(struct turn_clock *c, uint64_t real_ms, uint64_t ran_ms);

#endif
