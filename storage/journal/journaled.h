/*
 * A store that is safe before it is written: what is appended goes to a sequencer (a journal), is
 * held in memory, and is put into the store behind it later, much of it at once (applier.h).
 *
 * This is the one shared object, for its parts alone; store.h has what can be done with it, and
 * journaled_open.h makes one. Its own catalog speaks of everything, that of the store behind only
 * of what is applied.
 */
#ifndef STORAGE_JOURNAL_JOURNALED_H
#define STORAGE_JOURNAL_JOURNALED_H

#include "storage/journal/applier.h"
#include "storage/journal/batch_pack.h"
#include "storage/journal/group.h"
#include "storage/journal/held.h"
#include "storage/journal/sequencer.h"
#include "storage/store_ops.h"

struct journaled {
    struct store base;
    struct store *inner;         /* owned; whose it is at the moment, the applier knows */
    struct sequencer *sequencer; /* owned; NULL while it is opened */
    struct held held;
    struct applier applier;
    struct group_writer writer;
    uint64_t settled; /* records up to here are no topic's `held` any more */
    enum err place;   /* store_check_place of the store behind, the last time */
};

static inline struct journaled *journaled_of(struct store *s)
{
    return (struct journaled *)s;
}

struct journaled_reader {
    struct store_reader base;
    struct store_reader *inner; /* owned */
};

static inline struct journaled_reader *journaled_reader_of(struct store_reader *r)
{
    return (struct journaled_reader *)r;
}

#endif
