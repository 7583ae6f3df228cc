/* The steps of the clock in the log: as the store's operation. */
#ifndef STORAGE_LMDB_LMDB_TIMES_H
#define STORAGE_LMDB_LMDB_TIMES_H

#include "storage/lmdb/lmdb_store.h"

MUST_CHECK enum err lmdb_save_times(struct store *base);

#endif
