/* The ends of an open log. */
#ifndef STORAGE_LMDB_LMDB_CLOSE_H
#define STORAGE_LMDB_LMDB_CLOSE_H

#include "storage/lmdb/lmdb_store.h"

/* As the store's operations. */
void lmdb_close(struct store *base, uint64_t head, bool complete);
void lmdb_abandon(struct store *base);
/* Frees everything, also when the opening went half way; the log stays as the last commit left it.
 */
void lmdb_destroy(struct lmdb_store *s);

#endif
