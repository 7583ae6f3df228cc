/* The open block and group, and how they become index values. */
#ifndef STORAGE_LMDB_LMDB_TAIL_H
#define STORAGE_LMDB_LMDB_TAIL_H

#include "storage/lmdb/lmdb_store.h"

struct tail_mark {
    uint64_t block;
    size_t count;
};
/* Builds the tail anew from what TXN sees. ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err tail_load(struct lmdb_store *s, MDB_txn *txn);
struct tail_mark tail_mark(const struct lmdb_tail *t);
/* The commit that began at MARK did not happen. */
void tail_undo(struct lmdb_tail *t, struct tail_mark mark);
/* A record goes to OFFSET; if that is in a later block, the open one is closed by writing its index
 * value, and the same for the group. *RET_CLOSED is set to true then, else left alone. */
MUST_CHECK enum err tail_add(struct lmdb_store *s, MDB_txn *txn, uint32_t topic_id, uint64_t offset,
                             bool *ret_closed);

/* Whose the record at OFFSET is, if that is in the open block; 0: not known. Any thread. */
uint32_t lmdb_open_topic(const struct lmdb_store *s, uint64_t offset);

#endif
