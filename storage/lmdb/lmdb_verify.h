/* Checking everything, in steps: as the store's operations. */
#ifndef STORAGE_LMDB_LMDB_VERIFY_H
#define STORAGE_LMDB_LMDB_VERIFY_H

#include "storage/store_ops.h"

struct store_verify *lmdb_verify_create(void);
void lmdb_verify_destroy(struct store_verify *v);
MUST_CHECK enum err lmdb_verify_step(struct store_verify *v, bool *ret_done);

#endif
