/*
 * The topics that a store knows, with their totals: shared by all members of the family.
 *
 * The store's thread alone changes a catalog. Readers on other threads may look topics up and read
 * the two atomic fields beside it, inside the catalog's grace period (store.c sees to that): a
 * topic that is forgotten is freed when none of them can be looking at it any more.
 */
#ifndef STORAGE_CATALOG_H
#define STORAGE_CATALOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/grace.h"
#include "base/id_table.h"
#include "storage/store_types.h"

enum { CATALOG_TOPICS_MAX = 1 << 22 };

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
    /* A store with a journal: what of the totals is not in the store behind it yet. */
    uint32_t held, held_bytes;
    uint64_t grouped; /* the durable log's: closed blocks of the open group that it occurs in */
    struct catalog_topic *next_gone; /* next topic of the removal */
    struct grace_item retired;
    uint32_t id;
    uint8_t name_len;
    uint8_t flags;
    char name[]; /* name_len bytes */
};

struct catalog {
    struct grace grace;
    struct id_table topics;
    uint32_t last_id;           /* the highest id ever used: it is not given again */
    uint64_t forgotten;         /* every message of a forgotten topic was at or below */
    struct catalog_topic *gone; /* topics of the removal that is being prepared */
};

/* In place, empty. */
void catalog_init(struct catalog *c);
void catalog_finish(struct catalog *c);

static inline uint32_t catalog_count(const struct catalog *c)
{
    return id_table_count(&c->topics);
}

/* NULL when ID is not known. */
static inline struct catalog_topic *catalog_find(const struct catalog *c, uint32_t id)
{
    return id_table_get(&c->topics, id);
}

/* The topics from id FROM on, ascending; on the store's thread, until one comes or goes. */
static inline struct id_walk catalog_walk(const struct catalog *c, uint32_t from)
{
    return id_table_walk(&c->topics, from);
}

/* Adds T (id, name, flags, floor and last; the rest starts at 0), whose id is above all that were
 * ever used. ERR_INVALID (id, empty name), ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err catalog_add(struct catalog *c, const struct store_topic *t);
/* Takes back all that was added since LAST_ID was the highest id. */
void catalog_undo_add(struct catalog *c, uint32_t last_id);
/* Whether nothing of T is in the log, nor will be looked for there. */
bool catalog_is_empty(const struct catalog_topic *t);
/* What the mark of the forgotten (c->forgotten) would be, were T among them. */
uint64_t catalog_mark_with(const struct catalog *c, const struct catalog_topic *t);
/* Forgets T, which is empty. */
void catalog_forget(struct catalog *c, struct catalog_topic *t);
/* Frees what was forgotten and nobody can be looking at any more. */
void catalog_collect(struct catalog *c);

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
