/* Whether a log is in its directory, and still there. */
#ifndef STORAGE_LMDB_LMDB_PLACE_H
#define STORAGE_LMDB_LMDB_PLACE_H

#include "storage/lmdb/lmdb_store.h"

/* Whether the lock file behind LOCK_FD (-1: there is none) says that its directory has a log; and
 * writes that there, if it can. */
bool lmdb_is_marked(int lock_fd);
void lmdb_mark_directory(const struct lmdb_store *s);
/* Whether the log's file is still in the file system, or else in its directory: ERR_GONE. */
MUST_CHECK enum err lmdb_file_exists(struct lmdb_store *s);
/* As the store's operation. */
MUST_CHECK enum err lmdb_check_place(struct store *base);

#endif
