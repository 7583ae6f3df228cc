/* Reading a store with a journal: the store behind up to what is applied, then what is held. */
#ifndef STORAGE_JOURNAL_JOURNALED_READ_H
#define STORAGE_JOURNAL_JOURNALED_READ_H

#include "storage/journal/journaled.h"

/* As the store's operations. */
MUST_CHECK enum err journaled_reader_create(struct store *s, struct store_reader **ret);
void journaled_reader_destroy(struct store_reader *r);
MUST_CHECK enum err journaled_read(struct store_reader *r, const struct store_query *q,
                                   store_visit *visit, void *ctx, uint64_t *ret_reached);
MUST_CHECK enum err journaled_keys(struct store_reader *r, store_visit *visit, void *ctx);
MUST_CHECK enum err journaled_seek_time(struct store_reader *r, uint64_t time_ms,
                                        uint64_t *ret_after);

#endif
