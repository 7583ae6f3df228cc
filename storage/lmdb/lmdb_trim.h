/* Commits that take records away from the log's beginning: as the store's operation. */
#ifndef STORAGE_LMDB_LMDB_TRIM_H
#define STORAGE_LMDB_LMDB_TRIM_H

#include "storage/lmdb/lmdb_store.h"

MUST_CHECK enum err lmdb_trim(struct store *base, uint64_t *at, uint64_t upto,
                              struct store_removal *r);

#endif
