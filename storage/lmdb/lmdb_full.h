/* Whether disk and file system have room for the log's file. */
#ifndef STORAGE_LMDB_LMDB_FULL_H
#define STORAGE_LMDB_LMDB_FULL_H

#include "storage/lmdb/lmdb_store.h"

/* Takes space on the disk for the first PAGES pages of the file; its length stays. ERR_NOSPACE,
 * ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err lmdb_take_space(struct lmdb_store *s, size_t pages);
/* LMDB calls a write that was cut short an input/output error. When file or disk cannot give a page
 * more, or hardly anything is left of the disk, the answer is ERR_NOSPACE; E otherwise. */
enum err lmdb_explain(struct lmdb_store *s, enum err e);

#endif
