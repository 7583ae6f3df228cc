/* Looking at a log's file before LMDB does: whether its pages can be walked (lmdb_pages.h).
 */
#ifndef STORAGE_LMDB_LMDB_CHECK_H
#define STORAGE_LMDB_LMDB_CHECK_H

#include "storage/lmdb/lmdb_pages.h"
#include "storage/lmdb/lmdb_store.h"

/* Checks the pages of the log's file in directory PATH, which nobody writes to; ERR_OK when there
 * is none. ERR_CORRUPT, ERR_FORMAT (never when MARKED), ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err lmdb_check_file(const char *path, enum pages_depth depth, bool marked,
                                    struct pages_header *ret);
/* What PAGES_SHALLOW has left out, when there is reason for it; S's environment is open, H is what
 * that found. */
MUST_CHECK enum err lmdb_check_rest(const struct lmdb_store *s, const struct pages_header *h);
/* A check of what TXN, a reader's, sees. ERR_AGAIN: more has been committed since TXN began. */
MUST_CHECK enum err lmdb_pages_of(struct lmdb_store *s, MDB_txn *txn, struct lmdb_pages **ret);
/* All pages, on the copy's thread. */
MUST_CHECK enum err lmdb_check_before_copy(struct lmdb_store *s, struct store_copy *c);

#endif
