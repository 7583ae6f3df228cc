/* From an open environment to a log that is in use: recovery, and the commit that begins it. */
#ifndef STORAGE_LMDB_LMDB_START_H
#define STORAGE_LMDB_LMDB_START_H

#include "storage/lmdb/lmdb_store.h"

/* Loads what the log of format VERSION has (0: there is none yet, it is made), on the boot BOOT_ID,
 * and marks it as in use. ERR_CORRUPT and whatever commits can cause. */
MUST_CHECK enum err lmdb_start(struct lmdb_store *s, uint32_t version, const char *boot_id,
                               struct store_state *ret_state);
/* The steps of the clock, as TXN sees them; none when they cannot be read. ERR_CORRUPT, ERR_NOMEM.
 */
MUST_CHECK enum err lmdb_load_times(struct lmdb_store *s, MDB_txn *txn);

#endif
