/*
 * The groups that are safe, and not in the store yet: what readers find above it.
 *
 * One thread, the store's, adds groups and drops those that have been applied. Readers on other
 * threads look without a lock, inside the grace period of the store's catalog (store.c sees to
 * that). A group is in one chunk and is shown by one store: whole or not at all.
 */
#ifndef STORAGE_JOURNAL_HELD_H
#define STORAGE_JOURNAL_HELD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/grace.h"
#include "storage/store_types.h"

/* Ascending offsets. Chunks ascend, too. */
struct held_chunk {
    struct grace_item retired;
    _Atomic(struct held_chunk *) next, prev;
    _Atomic size_t count; /* records that readers may look at: never less */
    size_t cap, used;     /* records that there is room for, and that have been copied */
    size_t byte_cap, byte_used;
    struct store_record *records;
    uint32_t *topics; /* the records' topic ids once more, close together */
    char *bytes;      /* of payloads, events and keys */
};

struct held {
    struct grace *grace; /* borrowed */
    _Atomic(struct held_chunk *) oldest, newest;
    /* Everything at or below is in the store: readers begin above it, and look at it only after
     * `oldest` (held_view). */
    _Atomic uint64_t applied;
    struct held_chunk *fresh; /* prepared and not shown, NULL = none */
};

/* In place; GRACE outlives it. */
void held_init(struct held *h, struct grace *grace, uint64_t applied);
/* No reader is in it. */
void held_finish(struct held *h);

/* Copies B's records; held_show shows them, held_undo forgets them. *RET_RECORDS are the copies,
 * valid until they are applied and dropped. ERR_NOMEM. */
MUST_CHECK enum err held_prepare(struct held *h, const struct store_batch *b,
                                 const struct store_record **ret_records);
void held_show(struct held *h);
void held_undo(struct held *h);

/* Drops chunks of which everything is at or below APPLIED, which has been told. */
void held_drop(struct held *h);

static inline uint64_t held_applied(const struct held *h)
{
    return atomic_load(&h->applied);
}

/* How many records of C may be looked at, and the chunk behind it, NULL: there was none. In that
 * order: what C gets before another one follows it is not passed over. */
static inline size_t held_count(struct held_chunk *c, struct held_chunk **ret_next)
{
    *ret_next = atomic_load(&c->next);
    return atomic_load(&c->count);
}

/* The record with the smallest offset above AFTER, at *RET_AT of the chunk that is returned; C is
 * one with nothing before it that is wanted. NULL: there is none. */
struct held_chunk *held_seek(struct held_chunk *c, uint64_t after, size_t *ret_at);

#endif
