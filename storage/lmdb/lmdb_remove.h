/* Commits that take records of topics away: as the store's operations. */
#ifndef STORAGE_LMDB_LMDB_REMOVE_H
#define STORAGE_LMDB_LMDB_REMOVE_H

#include "storage/lmdb/lmdb_store.h"

MUST_CHECK enum err lmdb_purge(struct store *base, struct catalog_topic *t, uint64_t upto,
                               struct store_removal *r);
MUST_CHECK enum err lmdb_expire(struct store *base, const uint32_t *topics, size_t count,
                                struct store_removal *r, size_t *ret_topics);

#endif
