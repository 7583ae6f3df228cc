/*
 * Topics that nobody may need any more: those without messages and without idempotency keys. When
 * one has been so for a while, or at once when there is no room for another topic, it is forgotten,
 * unless somebody subscribes to it.
 *
 * A topic is noted when it becomes so, and looked at when its turn comes: what has changed by then
 * shows then. Pure; belongs to the broker's thread.
 */
#ifndef BROKER_IDLE_H
#define BROKER_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/interest.h"
#include "broker/topic.h"

/* How long a topic is kept for those who come back: who reconnects meanwhile is told exactly what
 * was lost, later by the mark of the forgotten. */
enum { IDLE_KEPT_MS = 60000 };

struct idle_topics {
    struct topic *first, *last; /* by next_idle, in the order of noted_ms */
};

/* T has lost messages or keys; it is noted if it has none left, and not twice. */
void idle_note(struct idle_topics *idle, struct topic *t, uint64_t now_ms);
/* The clock was set by OFF_MS: they have been idle for as long as before. */
void idle_step_clock(struct idle_topics *idle, int64_t off_ms);
/* When the first is to be looked at, UINT64_MAX when there is none. */
uint64_t idle_due_ms(const struct idle_topics *idle, uint64_t now_ms);

/* Whether a topic is in use just now, by something that shows in no figure of it. */
typedef bool idle_in_use(void *ctx, const struct topic *t);

/* Takes up to MAX topics that can be forgotten out of those that have been idle since BEFORE_MS or
 * longer, and looks at LOOKS topics at most. Those that are in use, or that somebody subscribes to,
 * are noted again. Returns how many are in RET: they are to be forgotten, or noted again. */
size_t idle_take(struct idle_topics *idle, struct interest *interest, idle_in_use *in_use,
                 void *ctx, uint64_t now_ms, uint64_t before_ms, size_t looks, struct topic **ret,
                 size_t max);

#endif
