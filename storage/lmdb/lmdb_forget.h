/* Commits that take kept keys and topics away: as the store's operations. */
#ifndef STORAGE_LMDB_LMDB_FORGET_H
#define STORAGE_LMDB_LMDB_FORGET_H

#include "storage/lmdb/lmdb_store.h"

MUST_CHECK enum err lmdb_drop_keys(struct store *base, uint64_t time_ms, size_t max,
                                   uint64_t *ret_next);
MUST_CHECK enum err lmdb_forget(struct store *base, const uint32_t *ids, size_t count,
                                uint64_t mark);

#endif
