/*
 * Lines of the log for requests that are refused: enough to find out what a client does wrong, and
 * so few that no stranger can fill the log. One of these for each worker.
 */
#ifndef NET_REFUSALS_H
#define NET_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    REFUSALS_MS = 10000, /* of so long a time */
    REFUSALS_LINES = 10, /* the first ones get a line each; the others are told as a number */
};

/* All zero to begin with. Times are monotonic, ms. */
struct refusals {
    uint64_t until_ms; /* when the time ends that counts now */
    uint32_t lines;    /* written in it */
    uint32_t unsaid;   /* refused in it without a line */
};

/* One more. Whether it gets a line. */
bool refusals_may_log(struct refusals *r, uint64_t now_ms);
/* When the time is over: writes how many had no line, if there were any. Returns whether it did. */
bool refusals_check(struct refusals *r, uint64_t now_ms);
/* How long until refusals_check has something to say; UINT64_MAX: it has not. */
uint64_t refusals_wait_ms(const struct refusals *r, uint64_t now_ms);

#endif
