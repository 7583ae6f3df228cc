/* Commits of what is new. */
#ifndef STORAGE_LMDB_LMDB_APPEND_H
#define STORAGE_LMDB_LMDB_APPEND_H

#include "storage/lmdb/lmdb_store.h"

/* As the store's operation. */
MUST_CHECK enum err lmdb_append(struct store *base, const struct store_batch *b);

/* As the store's operation. */
MUST_CHECK enum err lmdb_put_damage(struct store *base, uint64_t offset);

#endif
