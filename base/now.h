/*
 * The clocks of the machine, in ms. What is dated by them is up to broker/clock.h; a worker asks
 * once for a turn (net/turn_clock.h).
 */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdint.h>

/* Unix time; can be set, forwards and backwards. */
uint64_t now_unix_ms(void);
/* Never goes backwards, and stands still while the machine sleeps. */
uint64_t now_monotonic_ms(void);
/* The same, but goes on while it sleeps. */
uint64_t now_boottime_ms(void);

#endif
