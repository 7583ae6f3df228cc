/* Commits that take records, kept keys and topics away: as the store's operations. */
#ifndef STORAGE_LMDB_LMDB_REMOVE_H
#define STORAGE_LMDB_LMDB_REMOVE_H

#include "storage/lmdb/lmdb_store.h"

MUST_CHECK enum err lmdb_purge(struct store *base, struct catalog_topic *t, uint64_t upto,
                               struct store_removal *r);
MUST_CHECK enum err lmdb_expire(struct store *base, const uint32_t *topics, size_t count,
                                struct store_removal *r, size_t *ret_topics);
MUST_CHECK enum err lmdb_trim(struct store *base, uint64_t *at, uint64_t upto,
                              struct store_removal *r);
MUST_CHECK enum err lmdb_drop_keys(struct store *base, uint64_t time_ms, size_t max,
                                   uint64_t *ret_next);
MUST_CHECK enum err lmdb_forget(struct store *base, const uint32_t *ids, size_t count,
                                uint64_t mark);

#endif
