/*
 * One commit that takes records away, by topic or from the log's beginning, as the parts that do so
 * share it (doc/storage-format.md, "Removing"): the record that goes, and the rows of its topics.
 */
#ifndef STORAGE_LMDB_LMDB_REMOVAL_H
#define STORAGE_LMDB_LMDB_REMOVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/block_index.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/lmdb_write.h"

struct lmdb_removal {
    struct lmdb_store *s;
    struct store_removal *r;
    struct lmdb_write w;
    size_t max;
    MDB_cursor *log, *index; /* while W is open */
    struct block_builder *builder;
    /* Found by topic: */
    struct catalog_topic *topic;
    uint64_t *offsets;
    size_t count;
    uint64_t time_ms; /* of the last one that could be read, 0 = none: a damaged one has no other */
    bool stopped;     /* the judge said so */
};

/* R with the time that it was; what is kept of it stays as it is on disk. */
struct store_record lmdb_removal_timed(struct lmdb_removal *m, const struct store_record *r);
/* Takes away the record under the log cursor; R is NULL when it is damaged. */
MUST_CHECK enum err lmdb_removal_take(struct lmdb_removal *m, const struct store_record *r);
/* Runs WORK and writes the rows of what went in one commit. Nothing has changed on error. */
MUST_CHECK enum err lmdb_removal_commit(struct lmdb_removal *m,
                                        enum err (*work)(struct lmdb_removal *m, void *arg),
                                        void *arg);
/* The commit ended with E, which is returned: the topics' figures follow, or stay. */
MUST_CHECK enum err lmdb_removal_end(struct lmdb_removal *m, enum err e);

#endif
