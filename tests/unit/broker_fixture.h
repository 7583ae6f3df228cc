/*
 * What the tests of broker/ share: a broker on a store, with a clock that only the test moves, and
 * one worker's view of it.
 */
#ifndef TESTS_UNIT_BROKER_FIXTURE_H
#define TESTS_UNIT_BROKER_FIXTURE_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/broker.h"
#include "broker/replay.h"
#include "storage/store_ops.h"
#include "tests/unit/random.h"

/* Topics below "mem/" are kept in memory only, and all while `all_memory` is set. */
struct rig {
    uint64_t now_ms;               /* given to the broker with each commit */
    struct broker_options options; /* for the next start */
    bool all_memory;
    bool reads_all; /* feeds have more topics than are looked for (feed_topics.h) */
    char *dir;      /* of the durable log; NULL = the memory store, which cannot be started again */
    const char *boot_id; /* of the machine that the durable log runs on */
    struct store *store;
    struct store_state log;
    struct broker *broker;
    /* Appends fail with `fault` unless it is ERR_OK, and so does forgetting topics; `appends` and
     * `forgets` count those tried, `syncs` the calls of store_sync_now. */
    enum err fault;
    unsigned appends, forgets;
    _Atomic unsigned syncs;
    void (*before_floor)(struct rig *r); /* called by a trim before each floor that it tells */
    /* The worker: */
    struct store_reader *reader;
    struct feed_table *feeds;
    struct tail tail;
    struct replay replay;
    /* What the last follower_step that read read, for others of its feed; NULL: nothing. */
    const struct feed *slice_feed;
    struct replay_span slice_span;
    uint64_t *slice; /* offsets */
    size_t slice_count;
};

/* Default options, nothing started. DURABLE: a log on disk in a directory of its own. */
void rig_init(struct rig *r, bool durable);
void rig_start(struct rig *r);
/* Ends it cleanly, or as a crash would. What subscribes must have left. */
void rig_stop(struct rig *r);
void rig_crash(struct rig *r);
/* The same, and starts it anew. */
void rig_restart(struct rig *r, bool cleanly);
/* Stops it if it runs, and removes the log. */
void rig_finish(struct rig *r);

/* One message; KEY may be NULL. */
struct message *message_of(const char *topic, const char *payload, const char *key);
/* A publish of one message whose payload is the topic. */
struct publish *publish_of(const char *topic, const char *key);
/* Links the publishes (NULL at the end) to a list and returns the first. */
struct publish *list_of(struct publish *first, ...) __attribute__((sentinel));
/* Frees a list. */
void list_free(struct publish *list);

/* Commits LIST, and gives the batch to the worker. */
void rig_commit(struct rig *r, struct publish *list);
/* Commits LIST; the caller gives the batch (NULL: nothing new) to the worker when it wants. */
struct batch *rig_commit_apart(struct rig *r, struct publish *list);
/* Takes B. */
void rig_hand_over(struct rig *r, struct batch *b);
/* Publishes one message (checked), and returns its offset. */
uint64_t rig_publish(struct rig *r, const char *topic);
uint64_t rig_publish_key(struct rig *r, const char *topic, const char *key);
/* Publishes COUNT messages of the topic as one group. */
void rig_publish_run(struct rig *r, const char *topic, size_t count);
/* Fills the tail so that everything older is driven out of it. */
void rig_flush_tail(struct rig *r);
struct topic *rig_topic(struct rig *r, const char *name);
void rig_purge(struct rig *r, const char *name);
/* All steps of it; returns how many records went. */
uint64_t rig_trim(struct rig *r, uint64_t upto);
/* All that retention has to do at r->now_ms; returns when there is more, Unix ms. */
uint64_t rig_retain(struct rig *r);

/* A subscriber with its place. */
struct follower {
    struct subscriber sub;
    struct position position;
    struct gap gap; /* the newest that was told */
    uint64_t *got;  /* offsets, in the order of arrival */
    size_t count, cap;
    size_t stop_after; /* refuse more messages in one call; 0 = take all */
    size_t this_call;
};

/* Joins the feed of FILTERS (separated by blanks); leaves the place alone. */
void follower_join(struct rig *r, struct follower *f, const char *filters);
/* The same, and takes its place with replay_start. */
void follower_start(struct rig *r, struct follower *f, const char *filters,
                    const struct after *after);
/* The same from the text of an `after`. */
void follower_start_text(struct rig *r, struct follower *f, const char *filters, const char *after);
/* One replay_next; what is told to be forgotten is. Appends to f->got. */
enum err follower_step(struct rig *r, struct follower *f);
/* Takes what the last step of another follower of the feed read. False: it may not. */
bool follower_take(struct rig *r, struct follower *f);
/* Reads on to the worker's head, or to a gap: then true. */
bool follower_read(struct rig *r, struct follower *f);
/* Leaves and frees. */
void follower_finish(struct rig *r, struct follower *f);
/* Its cursor as text, valid until the next call. */
const char *follower_cursor(struct rig *r, const struct follower *f);

void check_got(const struct follower *f, const uint64_t *offsets, size_t count);
/* Checks that F got exactly these since it joined or was cleared. */
#define CHECK_GOT(f, ...)                                                                          \
    check_got(f, (const uint64_t[]){__VA_ARGS__},                                                  \
              sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
#define CHECK_GOT_NOTHING(f) ck_assert_uint_eq((f)->count, 0)

#endif
