/*
 * The broker's core: takes publishes, gives them offsets, commits them to the log as one group,
 * and returns the committed batch. Pure: no socket, no thread, no clock; time comes in.
 *
 * One thread owns a broker (hub.c runs it). The topic table and the interest table that it works on
 * are shared with the workers; see their headers.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/broker_options.h"
#include "broker/cursor.h"
#include "broker/idle.h"
#include "broker/interest.h"
#include "broker/message.h"
#include "broker/publish.h"
#include "broker/retention.h"
#include "broker/revoked.h"
#include "broker/tail.h"
#include "broker/topic.h"
#include "storage/store.h"

struct presence;
struct roll;
struct topic_table;
struct broker;

/* Loads topics and idempotency keys from S (borrowed, outlives the broker), which was opened with
 * STATE. NOW_MS is the Unix time; messages that are dated after it count as from now (but see
 * CLOCK_EARLIEST_MS). ERR_NOMEM, ERR_LIMIT (more topics in the log than max_topics, idle ones not
 * counted), or the store's errors. */
MUST_CHECK enum err broker_create(const struct broker_options *o, struct store *s,
                                  const struct store_state *state, uint64_t now_ms,
                                  struct broker **ret);
/* NULL is accepted; the store stays open. */
void broker_destroy(struct broker *b);

struct topic_table *broker_topics(struct broker *b);
struct interest *broker_interest(struct broker *b);
/* Tokens that count no longer. */
struct revoked *broker_revoked(struct broker *b);
struct presence *broker_presence(struct broker *b);
/* NULL: there are no hooks. */
struct roll *broker_roll(struct broker *b);
/* The last offset in use, and the log's epoch. */
uint64_t broker_head(const struct broker *b);
uint32_t broker_epoch(const struct broker *b);

/* Commits a list of publishes as one group, in order, and fills in their results. *RET_BATCH is the
 * batch of what is new, with one reference, or NULL when nothing is. Publishes fail one by one; a
 * failing disk fails those that need it. */
void broker_commit(struct broker *b, struct publish *list, uint64_t now_ms,
                   struct batch **ret_batch);
/* The last commit before the store is closed: the newest offsets of memory topics, so that the next
 * hub knows what its subscribers cannot have missed; of those that a crash has made uncertain, the
 * highest that they can have been; of those that tell who comes and goes, one that nobody has seen
 * (broker_head is above it). The store's errors. */
MUST_CHECK enum err broker_remember(struct broker *b);
/* As store_put_notes. */
MUST_CHECK enum err broker_put_notes(struct broker *b, const struct store_note *notes,
                                     size_t count);
/* Makes durable what was committed without fsync. */
MUST_CHECK enum err broker_sync(struct broker *b);
/* A copy of the log to be made in PATH (store_copy_run), ended before the store is closed. NULL
 * when out of memory. Any thread. */
struct store_copy *broker_copy(struct broker *b, const char *path);
/* Bytes that the log takes on disk, and those of them in use. */
uint64_t broker_log_bytes(struct broker *b);
uint64_t broker_log_used(struct broker *b);
/* As store_check_place. */
MUST_CHECK enum err broker_check_place(struct broker *b);
/* What of it cannot be read, as store_damaged. Any thread. */
uint64_t broker_log_damaged(const struct broker *b);

#endif
