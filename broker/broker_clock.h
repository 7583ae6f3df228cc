/*
 * A broker and the clock, which may have been wrong and may be set (clock.h): when messages were
 * published, and since when they age.
 */
#ifndef BROKER_BROKER_CLOCK_H
#define BROKER_BROKER_CLOCK_H

#include <stdint.h>

#include "base/err.h"
#include "storage/store.h"

struct broker;

/* The clock was set by OFF_MS, ahead or (negative) back, and is to be followed (clock.h): all
 * messages so far are as old as they were, and NOW_MS comes by it from now on. */
void broker_step_clock(struct broker *b, int64_t off_ms);
/* The clock was set at NOW_MS, and nobody knows yet whether it is to be followed. */
void broker_doubt_clock(struct broker *b, uint64_t now_ms);

/* --- for the broker's parts --- */

/* At the start: the time by which the hub goes on from LOG when the clock says NOW_MS. */
uint64_t broker_settled_now(const struct store_state *log, uint64_t now_ms);
/* Messages from after NOW_MS can only be from a clock that was wrong; they age from now on. */
MUST_CHECK enum err broker_settle_times(struct broker *b, uint64_t now_ms);
/* A clock that is far ahead of the log may be wrong: then it is about to be set. */
void broker_note_rest(struct broker *b, uint64_t now_ms);
/* Tells the log of the last step of the clock, unless it knows. */
void broker_save_times(struct broker *b);

#endif
