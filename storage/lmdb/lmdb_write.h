/*
 * Write transactions of the store's thread. Each happens as a whole, or leaves disk and memory as
 * they were.
 */
#ifndef STORAGE_LMDB_LMDB_WRITE_H
#define STORAGE_LMDB_LMDB_WRITE_H

#include "storage/lmdb/lmdb_store.h"

/* A write transaction with what becomes of the store when it commits. */
struct lmdb_write {
    MDB_txn *txn;
    struct lmdb_state state;
    uint32_t sweep_next;
    uint64_t sweep_start;
    bool rows; /* topic rows have been written */
};

/* ERR_IO, ERR_GONE, ERR_NOMEM, ERR_NOSPACE. */
MUST_CHECK enum err lmdb_write_begin(struct lmdb_store *s, struct lmdb_write *w);
/* Ends W either way. */
MUST_CHECK enum err lmdb_write_commit(struct lmdb_store *s, struct lmdb_write *w);
void lmdb_write_abort(struct lmdb_store *s, struct lmdb_write *w);
/* Writes T's row. */
MUST_CHECK enum err lmdb_write_row(struct lmdb_store *s, struct lmdb_write *w,
                                   struct catalog_topic *t);
/* The same when it has changed since it was written. */
MUST_CHECK enum err lmdb_write_row_if_changed(struct lmdb_store *s, struct lmdb_write *w,
                                              struct catalog_topic *t);
/* The same for all topics, which makes the head the checkpoint. */
MUST_CHECK enum err lmdb_write_all_rows(struct lmdb_store *s, struct lmdb_write *w);
/* As the store's operation: makes durable what was committed without a sync. */
MUST_CHECK enum err lmdb_sync_now(struct store *base);

#endif
