/*
 * The topics that a store knows, with their totals: shared by all members of the family.
 *
 * The store's thread alone changes a catalog. Readers on other threads may look topics up and read
 * the two atomic fields beside it; a topic is never freed while the store is open.
 */
#ifndef STORAGE_CATALOG_H
#define STORAGE_CATALOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/store.h"

enum {
    CATALOG_CHUNK = 1024, /* topics allocated together */
    CATALOG_CHUNKS_MAX = 4096,
    CATALOG_TOPICS_MAX = CATALOG_CHUNK * CATALOG_CHUNKS_MAX,
};

struct catalog_topic {
    _Atomic uint64_t floor;  /* nothing at or below is visible; raised before it disappears */
    _Atomic uint64_t newest; /* no commit holds a record of it above; raised before the commit */
    uint64_t last;           /* offset of the newest record ever, 0 = none */
    uint64_t messages;       /* records in the log, those still waiting to be purged included */
    uint64_t bytes;          /* their payloads */
    uint64_t swept;          /* no record at or below is left in the log */
    uint64_t counted;    /* records up to here are in the totals that the log's row of it holds */
    uint64_t gone;       /* taken away by the removal that is being prepared, ... */
    uint64_t gone_bytes; /* ... their payload bytes, ... */
    uint64_t gone_upto;  /* ... and the offset of the newest of them */
    struct catalog_topic *next_gone; /* next topic of the removal */
    char *name;                      /* name_len bytes; owned */
    uint32_t id;
    uint8_t name_len;
    uint8_t flags;
};

struct catalog {
    _Atomic uint32_t count;     /* ids 1..count are known */
    struct catalog_topic *gone; /* topics of the removal that is being prepared */
    struct catalog_topic
        *chunks[CATALOG_CHUNKS_MAX]; /* set before COUNT says so, kept to the end */
};

/* In place, empty. */
void catalog_init(struct catalog *c);
void catalog_finish(struct catalog *c);

static inline uint32_t catalog_count(const struct catalog *c)
{
    return atomic_load_explicit(&c->count, memory_order_acquire);
}

/* NULL when ID is not known. Any thread. */
static inline struct catalog_topic *catalog_find(const struct catalog *c, uint32_t id)
{
    if (id == 0 || id > catalog_count(c))
        return NULL;
    return &c->chunks[(id - 1) / CATALOG_CHUNK][(id - 1) % CATALOG_CHUNK];
}

/* Adds T (id, name, flags and floor; the rest starts at 0), whose id must be the next one.
 * ERR_INVALID (id, empty name), ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err catalog_add(struct catalog *c, const struct store_topic *t);
/* Forgets the topics above COUNT again. */
void catalog_truncate(struct catalog *c, uint32_t count);

/* T as the store's users see it; the name is borrowed. */
struct store_topic catalog_describe(const struct catalog_topic *t);

/* A new record of T is in the log. */
void catalog_appended(struct catalog_topic *t, uint64_t offset, uint32_t payload_len);

/* Removal, in two steps so that a failed commit leaves the totals alone: note each record
 * (ascending offsets), then commit or drop all of it. The topics noted are the list from c->gone.
 */
void catalog_note_gone(struct catalog *c, struct catalog_topic *t, uint64_t offset,
                       uint32_t payload_len);
/* Notes that nothing of T at or below UPTO (>= 1, not below what was noted) is left. */
void catalog_note_swept(struct catalog *c, struct catalog_topic *t, uint64_t upto);
/* Raises the floors of the noted topics and tells R each that rose. */
void catalog_raise_floors(struct catalog *c, const struct store_removal *r);
/* Takes the noted records off the totals, tells R what is left, and forgets the notes. */
void catalog_commit_gone(struct catalog *c, const struct store_removal *r);
/* Forgets the notes. */
void catalog_drop_gone(struct catalog *c);
/* T's totals as they will be when the noted removal is committed. */
uint64_t catalog_messages_left(const struct catalog_topic *t);
uint64_t catalog_bytes_left(const struct catalog_topic *t);

#endif
