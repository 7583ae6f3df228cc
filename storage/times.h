/*
 * What is known of steps of the clock: records bear the time that the hub's clock told, and when
 * the clock was set, in either direction, those before tell times of another clock.
 *
 * Each step that the hub followed is noted with the log's head: all records up to there are by so
 * much later or earlier than they say. So times read from a log never run backwards, and a message
 * is as old as the hub has known it for, whatever its clock was set to meanwhile.
 */
#ifndef STORAGE_TIMES_H
#define STORAGE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TIMES_MAX = 32 }; /* steps remembered, the newest ones */

/* Of records up to OFFSET: DELTA_MS is added, and no time is later than MOST_MS then. */
struct times_step {
    uint64_t offset;
    uint64_t most_ms;
    int64_t delta_ms;
};

/* Immutable once readers can see it. */
struct times {
    struct times *former; /* the one that it replaced: readers may still look at it */
    size_t count;
    struct times_step steps[TIMES_MAX]; /* in order of their offsets */
};

/* The time of the record at OFFSET that says TIME_MS. T NULL: there were no steps. */
uint64_t times_true(const struct times *t, uint64_t offset, uint64_t time_ms);
/* The time that STEP makes of TIME_MS. */
uint64_t times_apply(const struct times_step *step, uint64_t time_ms);
/* Whether the records at OFFSET and before it tell times in order: where there have been more steps
 * than are remembered, the oldest do not. */
bool times_in_order(const struct times *t, uint64_t offset);
/* A new one, with STEP behind the steps of T, which is its `former`. NULL when out of memory. Of
 * too many the two oldest become one, by which no record is older than it was. */
struct times *times_add(struct times *t, const struct times_step *step);
/* With all former ones. NULL is accepted. */
void times_destroy(struct times *t);

#endif
