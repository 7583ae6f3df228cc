/* Ending in words when LMDB runs into damage all the same. */
#ifndef STORAGE_LMDB_LMDB_GUARD_H
#define STORAGE_LMDB_LMDB_GUARD_H

#include <lmdb.h>

/* ENV, of the log in directory PATH, ends the process in words when it runs into damage: from now
 * on its assertions, and faults between enter and leave, which nest, on any thread. LMDB codes. */
int lmdb_guard_env(MDB_env *env, const char *path);
void lmdb_guard_enter(void);
void lmdb_guard_leave(void);

#endif
