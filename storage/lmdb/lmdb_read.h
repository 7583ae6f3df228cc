/* Reading: as the store's operations. */
#ifndef STORAGE_LMDB_LMDB_READ_H
#define STORAGE_LMDB_LMDB_READ_H

#include "storage/store_ops.h"

MUST_CHECK enum err lmdb_read(struct store_reader *r, const struct store_query *q,
                              store_visit *visit, void *ctx, uint64_t *ret_reached);
/* As lmdb_read, also visiting what is at or below the floors: what a purge has still to remove. */
MUST_CHECK enum err lmdb_read_hidden(struct store_reader *r, const struct store_query *q,
                                     store_visit *visit, void *ctx, uint64_t *ret_reached);
MUST_CHECK enum err lmdb_keys(struct store_reader *r, store_visit *visit, void *ctx);
MUST_CHECK enum err lmdb_seek_time(struct store_reader *r, uint64_t time_ms, uint64_t *ret_after);

#endif
