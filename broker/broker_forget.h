/*
 * A broker forgets topics that nobody needs any more (idle.h): those that have been idle for long,
 * and when there is no room for another one, those that have been so the longest.
 */
#ifndef BROKER_BROKER_FORGET_H
#define BROKER_BROKER_FORGET_H

#include <stdint.h>

#include "base/err.h"

struct broker;

enum { BROKER_FORGET_LOOKS = 16384 /* at idle topics that a group may take in vain */ };

/* There is to be room for one more topic: several places at once, so that not each costs a commit.
 * What can be looked at in vain is bounded for all of the group. The store's errors. */
MUST_CHECK enum err broker_make_room(struct broker *b);
/* At the start, of a log that has more topics than may be: ERR_LIMIT when they are needed. */
MUST_CHECK enum err broker_forget_surplus(struct broker *b);
/* Forgets keys and topics that are due, one commit at most. *RET_DUE_MS: when some can be given up
 * next; at once when not all could be looked at. The store's errors; *RET_DUE_MS is set then, too.
 */
MUST_CHECK enum err broker_forget_due(struct broker *b, uint64_t now_ms, uint64_t *ret_due_ms);
/* Topics that were forgotten since the start. Any thread. */
uint64_t broker_forgotten(const struct broker *b);

#endif
