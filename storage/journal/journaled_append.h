/* Commits of a store with a journal. */
#ifndef STORAGE_JOURNAL_JOURNALED_APPEND_H
#define STORAGE_JOURNAL_JOURNALED_APPEND_H

#include "storage/journal/journaled.h"

/* As the store's operation. */
MUST_CHECK enum err journaled_append(struct store *s, const struct store_batch *b);
/* Holds B, a group that the journal has at PLACE, as one to be applied. ERR_NOMEM. */
MUST_CHECK enum err journaled_hold(struct journaled *s, const struct store_batch *b,
                                   const struct journal_place *place);
/* Brings the topics' totals and what is held up to date with what has been applied. */
void journaled_settle(struct journaled *s);

#endif
