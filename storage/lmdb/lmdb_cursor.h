/* Stepping through a database whose keys are offsets, blocks, groups or ids: 8 bytes each. */
#ifndef STORAGE_LMDB_LMDB_CURSOR_H
#define STORAGE_LMDB_LMDB_CURSOR_H

#include <lmdb.h>
#include <stdint.h>

/* Steps C by OP; on entry *KEY is the key to seek, on success the key found. LMDB codes;
 * MDB_CORRUPTED for a key that is no offset. */
int lmdb_cursor_step(MDB_cursor *c, uint64_t *key, MDB_val *value, MDB_cursor_op op);
/* The record at the largest offset <= *KEY. */
int lmdb_cursor_seek_back(MDB_cursor *c, uint64_t *key, MDB_val *value);

#endif
