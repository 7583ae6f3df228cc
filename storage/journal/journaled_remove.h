/* Taking away from a store with a journal; and what else changes the store behind directly. */
#ifndef STORAGE_JOURNAL_JOURNALED_REMOVE_H
#define STORAGE_JOURNAL_JOURNALED_REMOVE_H

#include "storage/journal/journaled.h"

/* As the store's operations. */
MUST_CHECK enum err journaled_purge(struct store *s, struct catalog_topic *t, uint64_t upto,
                                    struct store_removal *r);
MUST_CHECK enum err journaled_expire(struct store *s, const uint32_t *topics, size_t count,
                                     struct store_removal *r, size_t *ret_topics);
MUST_CHECK enum err journaled_trim(struct store *s, uint64_t *at, uint64_t upto,
                                   struct store_removal *r);
MUST_CHECK enum err journaled_forget(struct store *s, const uint32_t *ids, size_t count,
                                     uint64_t mark);
MUST_CHECK enum err journaled_drop_keys(struct store *s, uint64_t time_ms, size_t max,
                                        uint64_t *ret_next);
MUST_CHECK enum err journaled_step_times(struct store *s, uint64_t offset, uint64_t most_ms,
                                         int64_t delta_ms);
MUST_CHECK enum err journaled_save_times(struct store *s);
MUST_CHECK enum err journaled_put_notes(struct store *s, const struct store_note *notes,
                                        size_t count);
MUST_CHECK enum err journaled_notes(struct store *s, const char *prefix, store_visit_note *visit,
                                    void *ctx);

#endif
