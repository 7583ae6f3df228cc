/* Opening anew after a header that could not be written. */
#ifndef STORAGE_LMDB_LMDB_REPAIR_H
#define STORAGE_LMDB_LMDB_REPAIR_H

#include "storage/lmdb/lmdb_store.h"

/* To be asked before a write: ERR_IO while, after a failed commit, none can be made. */
MUST_CHECK enum err lmdb_ready(struct lmdb_store *s);
/* Transaction TXN could not be committed: sees to it that there are others. */
void lmdb_commit_failed(struct lmdb_store *s, size_t txn);

#endif
