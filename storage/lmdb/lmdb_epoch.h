/* When a log draws a new epoch, so that nobody takes new messages for those he has seen. */
#ifndef STORAGE_LMDB_LMDB_EPOCH_H
#define STORAGE_LMDB_LMDB_EPOCH_H

#include "storage/lmdb/lmdb_store.h"

/* Offsets were shown that may be lost: the machine went down under a policy that allows it, or this
 * is a copy whose original may have gone on. BOOT_ID "": not known, which equals no other. */
bool lmdb_needs_new_epoch(const struct lmdb_state *st, const char *boot_id);
/* Draws one; the present one becomes the newest of the former. ERR_IO. */
MUST_CHECK enum err lmdb_change_epoch(struct lmdb_state *st);

#endif
