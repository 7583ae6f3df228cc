/* Copies and checks of a store with a journal: of the store behind, when it has what there was. */
#ifndef STORAGE_JOURNAL_JOURNALED_LOOK_H
#define STORAGE_JOURNAL_JOURNALED_LOOK_H

#include "storage/journal/journaled.h"

/* As the store's operations. */
MUST_CHECK enum err journaled_copy(struct store_copy *c, struct store_copied *ret);
struct store_verify *journaled_verify_create(void);
void journaled_verify_destroy(struct store_verify *v);
MUST_CHECK enum err journaled_verify_step(struct store_verify *v, bool *ret_done);

#endif
