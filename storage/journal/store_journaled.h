/* How a store gets its journal. */
#ifndef STORAGE_JOURNAL_STORE_JOURNALED_H
#define STORAGE_JOURNAL_STORE_JOURNALED_H

#include "storage/journal/journaled.h"

/* Takes INNER (on success), which has been opened. What its journal has that it has not is to be
 * applied next (journaled_hold, applier_apply_here). ERR_NOMEM. */
MUST_CHECK enum err journaled_create(struct store *inner, const struct applier_options *o,
                                     struct journaled **ret);
/* From now on it is a store, whose groups Q (taken on success) makes safe. ERR_NOMEM, ERR_IO,
 * ERR_LIMIT. */
MUST_CHECK enum err journaled_begin(struct journaled *s, struct sequencer *q);
/* Ends it, but for the store behind, which is returned. */
struct store *journaled_dissolve(struct journaled *s);

#endif
