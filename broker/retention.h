/*
 * Retention: which messages of the log are too old, too many or too large to be kept, and taking
 * them away little by little.
 *
 * Two ways lead out of the log. *Trimming* goes through it from its beginning: by the age that
 * topics have in common, and when the log takes too much room. *Expiring* takes the oldest messages
 * of single topics that have limits of their own. What only one of the two may touch the other
 * passes over; see retention.c.
 *
 * Pure: time comes in, the store does the work. Belongs to the broker's thread. Memory topics are
 * none of its business: they live as long as the tail.
 */
#ifndef BROKER_RETENTION_H
#define BROKER_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/idle.h"
#include "broker/topic.h"
#include "storage/store.h"

struct topic_table;

/* Limits of one topic; 0 = none. */
struct topic_retention {
    uint64_t max_age_ms;
    uint64_t max_messages;
    uint64_t max_bytes; /* of payload; the newest message is kept whatever its size */
    uint64_t keep_last; /* the newest so many are kept whatever their age and the log's size; at
                         * most max_messages where there is that */
};

struct retention_rule {
    const char *pattern; /* valid topic or pattern */
    struct topic_retention limits;
};

/* Immutable; owned by the caller. */
struct retention_rules {
    const struct retention_rule *rules; /* the first whose pattern matches a topic counts */
    size_t count;
    struct topic_retention otherwise; /* of topics that no rule matches */
    uint64_t max_log_bytes;           /* what the log may take in use; 0 = no limit */
};

struct retention {
    struct store *store;
    struct topic_table *topics;
    struct idle_topics *idle;
    const struct retention_rules *rules;
    uint64_t key_window_ms;               /* how long idempotency keys are remembered */
    uint64_t now_ms;                      /* of the step under way */
    uint64_t removed;                     /* messages, since the start */
    struct topic *pending, *pending_last; /* topics to look at, in order; by next_pending */
    /* When a topic's oldest message is due: not before DUE_MS. A sweep looks for them, from topic
     * id SWEEP_NEXT on (0 = none is under way), and finds the next time. */
    uint64_t due_ms, sweep_not_before_ms, sweep_due_ms;
    uint32_t sweep_next;
    /* Trimming by age and by size: everything up to here has been judged. */
    uint64_t age_at, size_at;
    uint64_t age_due_ms;
    bool shrinking;         /* the log was too large, and is not yet small enough */
    uint64_t crowded_bytes; /* it could not be made smaller than this; 0 = it could */
    bool expired_last;      /* the last step was for a pending topic */
    uint64_t keys_due_ms;   /* when kept keys are to be forgotten */
    /* The topic that is being judged, and what is left of it. */
    struct topic *judged;
    uint64_t left_messages, left_bytes;
};

/* In place; STORE, TOPICS, IDLE and RULES are borrowed, nothing is owned. All topics of the table
 * are still to be added. Those that lose their last message are noted in IDLE. */
void retention_init(struct retention *r, struct store *store, struct topic_table *topics,
                    struct idle_topics *idle, const struct retention_rules *rules,
                    uint64_t key_window_ms);
/* Other rules from now on; the former ones are not used any more. */
void retention_set_rules(struct retention *r, const struct retention_rules *rules);
/* The clock was set: what was due at its former times is to be found anew. */
void retention_step_clock(struct retention *r);
/* A topic that is new in the table. UNSWEPT: the log has a purge of it to be finished. */
void retention_add_topic(struct retention *r, struct topic *t, bool unswept);
/* The log will have to remove the rest of a purge of T. */
void retention_finish_purge(struct retention *r, struct topic *t);
/* T, with new totals, has a new message in the log. Nothing for topics without limits. */
void retention_published(struct retention *r, struct topic *t, uint64_t now_ms);

/* What every removal of the log needs: it raises floors, brings the topics' totals up to date and
 * keeps keys. Borrows R. */
struct store_removal retention_removal(struct retention *r, uint64_t now_ms, size_t max);
/* Takes the next step, one commit of about MAX records at most, or none. *RET_DUE_MS: when there is
 * more to do (Unix ms; at or before NOW_MS: at once; UINT64_MAX: only after the next publish). The
 * store's errors; *RET_DUE_MS is set then, too, some time later. */
MUST_CHECK enum err retention_step(struct retention *r, uint64_t now_ms, size_t max,
                                   uint64_t *ret_due_ms);

#endif
