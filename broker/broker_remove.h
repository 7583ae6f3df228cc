/*
 * A broker takes messages away: what retention does not keep, and what administrators purge and
 * trim.
 */
#ifndef BROKER_BROKER_REMOVE_H
#define BROKER_BROKER_REMOVE_H

#include <stdint.h>

#include "base/err.h"

struct broker;
struct retention_rules;
struct topic;

/* Takes the next step of retention, one commit at most, and forgets topics that have been idle for
 * long, one commit at most: how much is taken away follows what was published since the last step.
 * *RET_DUE_MS: when there is more to do (Unix ms; at or before NOW_MS: at once; UINT64_MAX: only
 * after the next commit). The store's errors; *RET_DUE_MS is set then, too. */
MUST_CHECK enum err broker_retain(struct broker *b, uint64_t now_ms, uint64_t *ret_due_ms);
/* RULES (borrowed) from now on, instead of the former ones. */
void broker_set_retention(struct broker *b, const struct retention_rules *rules);
/* Messages that retention took away since the start. Any thread. */
uint64_t broker_expired(const struct broker *b);
/* Hides all messages of TOPIC, durably; the log removes them bit by bit (broker_retain).
 * *RET_REMOVED counts them. The store's errors: they are hidden all the same, and what failed is
 * tried again. */
MUST_CHECK enum err broker_purge(struct broker *b, struct topic *topic, uint64_t *ret_removed);
/* Takes away stored messages in (*AT, UPTO], one commit, and moves *AT to how far it came; it is
 * finished at UPTO or the head. *RET_REMOVED counts them. The store's errors. */
MUST_CHECK enum err broker_trim(struct broker *b, uint64_t *at, uint64_t upto,
                                uint64_t *ret_removed);

#endif
