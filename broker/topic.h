/*
 * Topics: names, patterns, and the table of all topics of a hub.
 *
 * The broker thread owns the table; workers read it. A topic that the broker forgets is not found
 * any more; it is freed when no worker is in a turn that began before (topic_table_enter) and no
 * reference to it is left. So a worker may use what it finds until its turn ends, and who keeps a
 * topic for longer, as messages do, takes a reference.
 */
#ifndef BROKER_TOPIC_H
#define BROKER_TOPIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/grace.h"
#include "base/id_table.h"
#include "broker/topic_index.h"

enum { TOPIC_NAME_MAX = 255 }; /* bytes */

struct topic_retention;

struct topic {
    uint32_t id; /* ascending from 1 in order of first use, never used again; the log's topic id */
    _Atomic uint32_t refs; /* the table's, and those of messages */
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
    uint32_t keys;       /* broker thread only: idempotency keys of the window */
    uint64_t last_group; /* broker thread only: the newest group with a publish to it */
    /* Broker thread only, idle.c's: */
    bool noted_idle;        /* in the list of topics that may be idle, */
    uint64_t noted_ms;      /* since then */
    uint64_t idle_since_ms; /* when it last became so */
    struct topic *next_idle;
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
    struct grace_item retired;
    char name[]; /* name_len bytes and a NUL */
};

enum { TOPIC_RATE_WINDOW_MS = 5000 };

/* Topics: 1-255 bytes of UTF-8, levels separated by '/', no control characters (C0, DEL, C1),
 * no '+' or '#', not beginning with '/' or '$'. */
bool topic_name_valid(const char *name, size_t n);
/* Patterns: as topics, but '+' stands alone as one level and '#' as the last level for the rest
 * (the parent level included: "a/#" matches "a"), MQTT 5.0 section 4.7. */
bool topic_pattern_valid(const char *pattern, size_t n);
/* Whether a valid pattern may be subscribed to: each + doubles the places at which a look-up goes
 * on (pattern_tree.h), so the more there are the fewer levels it may have. A # does not count. */
bool topic_pattern_bounded(const char *pattern, size_t n);
enum { TOPIC_LEVELS_ONE = 32, TOPIC_LEVELS_TWO = 16, TOPIC_LEVELS_MORE = 10 };
#define TOPIC_LEVELS_RULE                                                                          \
    "a pattern with one + has at most 32 levels, with two 16, with more 10 (a # not counted)"
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

static inline struct topic *topic_ref(struct topic *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

/* NULL is accepted. */
static inline void topic_unref(struct topic *t)
{
    if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
        free(t);
}

/*
 * Forgotten topics share one mark. Whoever wants topics that are not known, and has read less than
 * the mark, may have lost messages of one that has been forgotten, and cannot know: he is told. The
 * mark rises before a topic disappears; with it the serial of the removal and the eviction that the
 * forgotten topics have seen last: who knows of these has been told already. A new topic begins
 * with them, since it may be one of the forgotten.
 */
struct topic_forgotten {
    uint64_t mark;         /* no message of them was above */
    uint64_t floor_serial; /* the newest removal that took messages of them; 0 = none did */
    uint64_t evicted;      /* the newest of their messages that was evicted */
};
struct topic_table;

/* An empty table for at most MAX topics; NULL when out of memory. */
struct topic_table *topic_table_create(uint32_t max);
/* Frees the table and all topics to which there are no other references; NULL is accepted. */
void topic_table_destroy(struct topic_table *t);

/* A thread that is to look into the table beside the broker's: R, all zero at first, is its own.
 * Between enter and exit, its turn, it may use what it finds. */
void topic_table_join(struct topic_table *t, struct grace_reader *r);
void topic_table_leave(struct topic_table *t, struct grace_reader *r);
void topic_table_enter(struct topic_table *t, struct grace_reader *r);
void topic_table_exit(struct grace_reader *r);

/* NULL when there is no such topic; the same by id. */
struct topic *topic_table_find(struct topic_table *t, const char *name, size_t n);
struct topic *topic_table_get(const struct topic_table *t, uint32_t id);
/* The topics from id FROM on, ascending (id_walk_next). */
struct id_walk topic_table_walk(const struct topic_table *t, uint32_t from);
/* How many topics there are, and may be; and the highest id that was ever given. */
uint32_t topic_table_count(const struct topic_table *t);
uint32_t topic_table_max(const struct topic_table *t);
uint32_t topic_table_last_id(const struct topic_table *t);
/* How often a topic has been forgotten; changes after it can be found no more. */
uint64_t topic_table_forgets(const struct topic_table *t);
/* Any thread: the topics by level, to be looked up by pattern. */
struct topic_index *topic_table_index(const struct topic_table *t);
/* Adds a topic with the next id; broker thread only. The name is valid and not in the table.
 * ERR_LIMIT: the table is full, or ids are used up; ERR_NOMEM. */
MUST_CHECK enum err topic_table_add(struct topic_table *t, const char *name, size_t n, bool memory,
                                    struct topic **ret);
/* The same when some have been forgotten since the name was looked up: it is none of these, but may
 * be one of those before, which were as FORGOTTEN says. */
MUST_CHECK enum err topic_table_add_after(struct topic_table *t, const char *name, size_t n,
                                          bool memory, const struct topic_forgotten *forgotten,
                                          struct topic **ret);
/* The same at the start, with an id from the log that is above those before, however full the table
 * is; it is none of the forgotten. ERR_NOMEM. */
MUST_CHECK enum err topic_table_load(struct topic_table *t, uint32_t id, const char *name, size_t n,
                                     bool memory, struct topic **ret);
/* At the start, behind the last topic_table_load: ids up to LAST_ID have been used, and every
 * message of the topics that have been forgotten was at or below MARK. */
void topic_table_set_forgotten(struct topic_table *t, uint32_t last_id, uint64_t mark);
/* Forgets TOPIC, which has no messages; broker thread only. */
void topic_table_forget(struct topic_table *t, struct topic *topic);
/* Frees forgotten topics; true when some have to wait for a worker's turn to end. Broker thread
 * only. */
bool topic_table_collect(struct topic_table *t);

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

/* Any thread: what there is to know of the forgotten topics. */
struct topic_forgotten topic_table_forgotten(const struct topic_table *t);

#endif
