/* Marking a finished copy as one. */
#ifndef STORAGE_LMDB_LMDB_MARK_H
#define STORAGE_LMDB_LMDB_MARK_H

#include "storage/lmdb/lmdb_store.h"

/* Marks the log in FILE, which nobody uses, as a copy made on the boot BOOT_ID: whoever opens it
 * draws a new epoch. Tells what is certain in it; durable on return. */
MUST_CHECK enum err lmdb_mark_copy(const char *file, const char *boot_id, struct store_copied *ret);

#endif
