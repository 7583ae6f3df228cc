/* A reader of the log: its transaction, its cursors, and how it makes way for a new environment. */
#ifndef STORAGE_LMDB_LMDB_READER_H
#define STORAGE_LMDB_LMDB_READER_H

#include "storage/lmdb/lmdb_store.h"

struct lmdb_reader {
    struct store_reader base;
    struct lmdb_reader *next; /* of the store's */
    MDB_txn *txn;             /* reset between calls; NULL: to be begun */
    MDB_cursor *log, *index, *groups;
    /* lmdb_read's: */
    uint64_t *set; /* bitmap of a set, all zero between calls; owned */
    size_t set_words;
    uint16_t map[BLOCK_SLOTS]; /* of the block of a damaged record: block_index_map's */
};

static inline struct lmdb_reader *lmdb_reader_of(struct store_reader *r)
{
    return (struct lmdb_reader *)r;
}

/* Begins to read one moment of the log with R's transaction, and ends that; the environment stays
 * in its place meanwhile. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err lmdb_reader_begin(struct lmdb_reader *r);
void lmdb_reader_end(struct lmdb_reader *r);
/* As lmdb_reader_end, but the moment is kept, and its pages are not used again, until the
 * environment is replaced. Resume goes on with it: ERR_AGAIN when it is gone. */
void lmdb_reader_park(struct lmdb_reader *r);
MUST_CHECK enum err lmdb_reader_resume(struct lmdb_reader *r);
/* As the store's operations. */
MUST_CHECK enum err lmdb_reader_create(struct store *s, struct store_reader **ret);
void lmdb_reader_destroy(struct store_reader *r);
/* Ends all readers' transactions, in which nobody is; they begin new ones. */
void lmdb_end_readers(struct lmdb_store *s);

#endif
