/*
 * A worker's subscription tables: which subscribers want which message.
 *
 * A *filter* is one topic or pattern that somebody on this worker subscribes to (filter.h). A
 * *feed* is a set of filters together with an encoding; all subscribers that want the same set in
 * the same encoding share one feed, so that what a turn brings is found, ordered and encoded once
 * for all of them. A set that one subscriber has alone changes in place: what one more subscription
 * costs does not depend on how many there are.
 *
 * Pure: knows no socket and no thread; one worker owns a table.
 */
#ifndef BROKER_FEED_H
#define BROKER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/live.h"
#include "broker/message.h"
#include "broker/topic.h"

struct topic_table;
struct feed_table;
struct filter;
struct filter_table;
struct lag_limits;

/* One message that a turn brought to a feed. */
struct feed_hit {
    struct message *message; /* borrowed from the turn's batches */
    struct feed_hit *next;
};

/* Messages, and bytes of their payload. */
struct feed_total {
    uint64_t messages, bytes;
};

struct feed {
    const struct encoding *encoding;
    struct filter **filters; /* ascending by address: the feed's identity */
    uint32_t *places;        /* for each, where it notes the feed (filter_add_feed) */
    uint32_t filter_count;
    uint32_t pattern_count; /* of the filters */
    uint32_t refs;          /* subscribers, live or not, and who holds it */
    struct live_set live;   /* the live ones */
    uint32_t transport;     /* for the interest table */
    uint32_t delivered_s;   /* when something was last delivered to the live ones; who does, says */
    /* This turn: */
    struct feed_hit *hits, *hits_last; /* ascending offsets */
    uint64_t last_hit; /* offset; a message is hit once however many filters match */
    /* What has come for it since it was made, and what of that before this turn's first hit. */
    struct feed_total total, total_before;
    struct feed *next_touched; /* feeds hit in this turn */
    /* For reading the log: topics found so far among those with ids up to `topics_seen`
     * (feed_topics.h); `topics_many`: so many that they are not kept. */
    uint32_t *topic_ids;
    uint32_t topic_count, topic_cap, topics_seen;
    uint64_t forgets_seen; /* forgotten ones have been taken out of `topic_ids` */
    bool topics_many;
    bool all; /* contains "#": all topics but private ones (topic_name.h) */
    /* Its limits in the lag rules of that serial (lag.h); 0 = never looked for. */
    uint32_t lag_serial;
    const struct lag_limits *lag_limits;
    struct feed *hash_next; /* table chain */
    uint64_t hash;
};

/* Is told of every filter that a subscriber of TRANSPORT gets and loses, and WHO that is (NULL:
 * nobody is told), and asked for the memory that filters and feeds take (NULL: there is always
 * some). */
struct feed_watcher {
    enum err (*subscribed)(void *ctx, struct filter *f, unsigned transport, void *who);
    void (*unsubscribed)(void *ctx, struct filter *f, unsigned transport, void *who);
    bool (*take)(void *ctx, size_t bytes,
                 bool must); /* false: so much is not left; see MUST there */
    void (*give_back)(void *ctx, size_t bytes);
    void *ctx;
};

/* TOPICS is borrowed. NULL when out of memory. */
struct feed_table *feed_table_create(struct topic_table *topics,
                                     const struct feed_watcher *watcher);
/* All subscribers must have left; NULL is accepted. */
void feed_table_destroy(struct feed_table *t);
struct topic_table *feed_table_topics(const struct feed_table *t);
struct filter_table *feed_table_filters(const struct feed_table *t);
/* Its subscribers see all, private topics too (topic_name.h); none has come yet. */
void feed_table_see_all(struct feed_table *t);
/* What was looked at or changed so far: filters, levels of patterns, feeds' members of filters. */
uint64_t feed_table_steps(const struct feed_table *t);

/* A filter set being put together. */
struct feed_spec {
    struct feed_table *table;
    struct filter **filters;
    uint32_t count, cap;
};
void feed_spec_init(struct feed_spec *s, struct feed_table *t);
void feed_spec_finish(struct feed_spec *s);
/* Adds a valid topic or pattern; one that is there already is fine. ERR_FULL: subscriptions take as
 * much as they may; ERR_NOMEM. */
MUST_CHECK enum err feed_spec_add(struct feed_spec *s, const char *filter, size_t n);
/* Adds all filters of FEED. */
MUST_CHECK enum err feed_spec_add_feed(struct feed_spec *s, const struct feed *f);
/* Takes one out; ERR_NOT_FOUND. */
MUST_CHECK enum err feed_spec_remove(struct feed_spec *s, const char *filter, size_t n);

/* Makes SUB a subscriber of the feed for that set and encoding, leaving its former feed, where it
 * may have been live: then it stays so. ENCODING may be NULL, or one that writes nothing, for those
 * who only want to be told. WHO, the same for all that is done for SUB, is whatever the watcher is
 * told; NULL = nobody.
 * ERR_FULL, ERR_NOMEM (then nothing changed). */
MUST_CHECK enum err feed_join(struct subscriber *sub, const struct feed_spec *s,
                              const struct encoding *encoding, unsigned transport, void *who);
/* Adds one filter to SUB's set, or takes one out; SUB stays live if it is. What is there already,
 * or not there, is fine. ERR_FULL (feed_add), ERR_NOMEM: nothing changed. */
MUST_CHECK enum err feed_add(struct feed_table *t, struct subscriber *sub, const char *filter,
                             size_t n, void *who);
MUST_CHECK enum err feed_drop(struct feed_table *t, struct subscriber *sub, const char *filter,
                              size_t n, void *who);
/* The same for one that another subscriber of the same connection has: it was granted before. */
MUST_CHECK enum err feed_take_over(struct feed_table *t, struct subscriber *sub, const char *filter,
                                   size_t n, void *who);
/* While it is GENEROUS nothing is refused as ERR_FULL: for sets that only become smaller. */
void feed_table_set_generous(struct feed_table *t, bool generous);
/* Leaves; fine when not subscribed. */
void feed_leave(struct subscriber *sub, struct feed_table *t, void *who);
/* Keeps F, whoever leaves it, until feed_release: to be asked what it wants. It subscribes nobody.
 */
void feed_hold(struct feed *f);
void feed_release(struct feed *f, struct feed_table *t);
/* Enters the feed's live members, all of one KIND, with that handle (live.h), and leaves them; SUB
 * is subscribed. ERR_NOMEM. */
MUST_CHECK enum err feed_go_live(struct subscriber *sub, const struct receiver_ops *kind,
                                 int32_t handle);
void feed_go_idle(struct subscriber *sub);
bool feed_is_live(const struct subscriber *sub);
/* The entry of SUB, which is live; valid until somebody comes or leaves. */
struct live *feed_entry(const struct subscriber *sub);

/* Whether F wants messages of TOPIC. */
bool feed_wants(struct feed_table *t, const struct feed *f, const struct topic *topic);
/* The first filter of F that matches, an exact name first; NULL when none does. *RET_LEN is its
 * length. Valid while F lives. */
const char *feed_matching_filter(struct feed_table *t, const struct feed *f,
                                 const struct topic *topic, size_t *ret_len, bool *ret_pattern);
/* Whether F, which may be NULL, has exactly this filter. */
bool feed_has(const struct feed_table *t, const struct feed *f, const char *filter, size_t n);
/* About how many bytes one subscriber of F has of what its set takes, NULL = none. */
size_t feed_share(const struct feed *f);
const char *filter_name(const struct filter *f, size_t *ret_len);

/* Adds a message to every feed with live members that wants it. ERR_NOMEM: it was not added to all;
 * the caller lets those who may have missed it read from the tail. */
MUST_CHECK enum err feed_turn_add(struct feed_table *t, struct message *m);
/* Takes the feeds that were hit, linked by next_touched; feed_turn_end forgets the hits. */
struct feed *feed_turn_feeds(struct feed_table *t);
void feed_turn_end(struct feed_table *t);

#endif
