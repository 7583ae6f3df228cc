/* Copies beside a running log. */
#ifndef STORAGE_LMDB_LMDB_COPY_H
#define STORAGE_LMDB_LMDB_COPY_H

#include "storage/lmdb/lmdb_store.h"

/* As the store's operation. */
MUST_CHECK enum err lmdb_copy(struct store_copy *c, struct store_copied *ret);
/* Ends the copies under way, soon, and lets none begin until lmdb_allow_copies: the environment is
 * to be replaced. */
void lmdb_end_copies(struct lmdb_store *s);
void lmdb_allow_copies(struct lmdb_store *s);

#endif
