/*
 * One topic: what there is of it, and what the parts of the broker note in it. All topics of a hub
 * stand in a table (topic_table.h).
 */
#ifndef BROKER_TOPIC_H
#define BROKER_TOPIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grace.h"

struct topic;
struct topic_dir;
struct topic_retention;

/* Where it stands in the index by level (topic_index.h). */
struct topic_place {
    struct topic_dir *dir;
    struct topic *next, *prev; /* in the directory (utlist) */
};

struct topic {
    uint32_t id; /* ascending from 1 in order of first use, never used again; the log's topic id */
    _Atomic uint32_t refs; /* the table's, and those of messages */
    uint8_t name_len;
    bool memory;   /* kept only in the tail, never on disk */
    bool marked;   /* broker thread only: the log knows, or is told now, that it has been one */
    uint32_t hash; /* of the name, the table's */
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
    /* Broker thread only: those of `messages` and `bytes` of a memory topic that the log has, from
     * before it became one. */
    uint64_t stored_messages, stored_bytes;
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
    struct topic *next_named; /* in its chain of the table */
    struct topic_place place;
    struct grace_item retired;
    char name[]; /* name_len bytes and a NUL */
};

enum { TOPIC_RATE_WINDOW_MS = 5000 };

static inline bool topic_is_named(const struct topic *t, const char *name, size_t n)
{
    return t->name_len == n && memcmp(t->name, name, n) == 0;
}

/* The log has MESSAGES and BYTES of T, a memory topic, left that are kept. Broker thread only. */
void topic_stored_left(struct topic *t, uint64_t messages, uint64_t bytes);

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

#endif
