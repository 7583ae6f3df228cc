/*
 * Topics: names, patterns, and the table of all topics of a hub.
 *
 * The broker thread owns the table and alone adds to it; workers read it. A topic is never
 * freed while the table lives, so `struct topic *` may be kept anywhere.
 */
#ifndef BROKER_TOPIC_H
#define BROKER_TOPIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/topic_index.h"

enum { TOPIC_NAME_MAX = 255 }; /* bytes */

struct topic_retention;

struct topic {
    uint32_t id; /* dense from 1, in order of first use; the log's topic id */
    uint8_t name_len;
    bool memory; /* kept only in the tail, never on disk */
    bool marked; /* broker thread only: the log knows, or is told now, that it has been one */
    /* Every message of this topic at or below this offset is gone (trimmed, purged, evicted from
     * the tail); all above it are kept. Raised before the messages disappear. */
    _Atomic uint64_t floor;
    _Atomic uint64_t floor_serial; /* of the table when a removal last raised the floor */
    _Atomic uint64_t evicted;      /* the newest message that left the tail unpurged (memory) */
    _Atomic uint64_t last;         /* offset of the newest message, 0 = none ever */
    _Atomic uint64_t messages;     /* kept messages */
    _Atomic uint64_t bytes;        /* payload bytes of the kept messages */
    /* Publish rate: messages in the current and the previous TOPIC_RATE_WINDOW_MS. */
    _Atomic uint64_t rate_window; /* index of the current window */
    _Atomic uint32_t rate_now, rate_before;
    /* Broker thread only: if above the head, the topic's first message in the group that is being
     * put together. */
    uint64_t staged;
    /* Broker thread only, retention.c's: */
    const struct topic_retention *limits; /* NULL = none of its own */
    uint64_t due_ms;                      /* when its oldest message may be too old; 0 = unknown */
    struct topic *next_pending;           /* while pending */
    bool pending;                         /* in the list of topics to look at */
    bool held;    /* its oldest message is kept only until there are newer ones */
    bool unswept; /* a purge has raised the floor, and the log still has what is below */
    struct topic_place place; /* in the index by level */
    char name[];              /* name_len bytes and a NUL */
};

enum { TOPIC_RATE_WINDOW_MS = 5000 };

/* Topics: 1-255 bytes of UTF-8, levels separated by '/', no control characters (C0, DEL, C1),
 * no '+' or '#', not beginning with '/' or '$'. */
bool topic_name_valid(const char *name, size_t n);
/* Patterns: as topics, but '+' stands alone as one level and '#' as the last level for the rest
 * (the parent level included: "a/#" matches "a"), MQTT 5.0 section 4.7. */
bool topic_pattern_valid(const char *pattern, size_t n);
/* Whether a valid pattern-or-topic has wildcards. */
bool topic_is_pattern(const char *pattern, size_t n);
/* Both valid. */
bool topic_matches(const char *pattern, size_t pattern_len, const char *name, size_t name_len);
/* Whether PATTERN matches every topic that OTHER does. Both are valid topics or patterns. */
bool topic_pattern_covers(const char *pattern, size_t pattern_len, const char *other,
                          size_t other_len);

/* Counts one more message published at NOW_MS towards the rate. Broker thread only. */
void topic_rate_add(struct topic *t, uint64_t now_ms);
/* Messages a second over the last few seconds. Any thread. */
double topic_rate(const struct topic *t, uint64_t now_ms);

struct topic_table;

/* An empty table for at most MAX topics; NULL when out of memory. */
struct topic_table *topic_table_create(uint32_t max);
/* Frees the table and all topics; NULL is accepted. */
void topic_table_destroy(struct topic_table *t);
/* Any thread; NULL when there is no such topic. */
struct topic *topic_table_find(struct topic_table *t, const char *name, size_t n);
/* Any thread; NULL when no topic has that id. */
struct topic *topic_table_get(struct topic_table *t, uint32_t id);
/* Any thread: ids 1..count exist. */
uint32_t topic_table_count(const struct topic_table *t);
/* Any thread: the topics by level, to be looked up by pattern. */
struct topic_index *topic_table_index(const struct topic_table *t);
/* Adds a topic with the next id; broker thread only. The name is valid and not in the table.
 * ERR_LIMIT: the table is full; ERR_NOMEM. */
MUST_CHECK enum err topic_table_add(struct topic_table *t, const char *name, size_t n, bool memory,
                                    struct topic **ret);

/*
 * Losses: how readers, who run beside the broker, notice that messages are gone.
 *
 * Removals (purge, trim) come seldom and in any order, so each gets the next serial. Evictions of
 * memory messages come all the time, but in the order of offsets: one mark says how far they are.
 * Whoever sees a new floor also sees that the serial has moved, or the topic's `evicted`.
 */
/* A removal raises TOPIC's floor to at least FLOOR; broker thread only. */
void topic_table_raise_floor(struct topic_table *t, struct topic *topic, uint64_t floor);
/* The message of TOPIC at OFFSET leaves the tail and is kept nowhere else; ascending offsets over
 * all topics, but before anyone reads; broker thread only. */
void topic_table_evict(struct topic_table *t, struct topic *topic, uint64_t offset);
/* Any thread: the serial of the newest removal that is complete. */
uint64_t topic_table_floor_serial(const struct topic_table *t);
/* Any thread: whether a removal may have begun since SERIAL was read. */
bool topic_table_floors_moved(const struct topic_table *t, uint64_t serial);
/* Any thread: the highest floor that a removal has raised; and how far evictions are. */
uint64_t topic_table_floor_max(const struct topic_table *t);
uint64_t topic_table_evicted(const struct topic_table *t);

#endif
