/* Opening a log: its directory, its lock, its file, its format. */
#ifndef STORAGE_LMDB_LMDB_OPEN_H
#define STORAGE_LMDB_LMDB_OPEN_H

#include "storage/lmdb/lmdb_store.h"

/* Opens the log for S, which has its options, on a machine whose boot has the id BOOT_ID. As
 * store_lmdb_open; on error S is to be destroyed. */
MUST_CHECK enum err lmdb_open(struct lmdb_store *s, const char *boot_id,
                              struct store_state *ret_state);
/* Opens the log in directory PATH for being looked at. As store_lmdb_open_closed. */
MUST_CHECK enum err lmdb_open_closed(struct lmdb_store *s, const char *path);

#endif
