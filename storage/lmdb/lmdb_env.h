/* LMDB's environment of a log, and the databases in it. */
#ifndef STORAGE_LMDB_LMDB_ENV_H
#define STORAGE_LMDB_LMDB_ENV_H

#include "storage/lmdb/lmdb_store.h"

enum {
    LMDB_FILE_MODE = 0600,
    LMDB_DATABASES_MAX = 8, /* DB_COUNT and room for later formats */
};

/* Opens s->env, also anew; NULL when that fails. Only while nobody reads. */
MUST_CHECK enum err lmdb_open_env(struct lmdb_store *s);
/* The same for a log that is only looked at, in directory PATH. */
MUST_CHECK enum err lmdb_open_env_closed(struct lmdb_store *s, const char *path);
/* LMDB maps its table of readers, and does not see to it that there is disk space behind it: on a
 * full disk, the first write to it would end the process (SIGBUS). Takes that space in directory
 * PATH; ERR_NOSPACE, ERR_TOO_LARGE, or why the table's file cannot be opened. */
MUST_CHECK enum err lmdb_take_table_space(const char *path, unsigned readers_max);
/* Learns the sizes of page and file. ERR_CORRUPT: a file shorter than its own account of its pages,
 * which would end in SIGBUS somewhere later. */
MUST_CHECK enum err lmdb_check_length(struct lmdb_store *s);
/* FLAGS may be MDB_CREATE. LMDB codes. */
int lmdb_open_database(MDB_txn *txn, enum lmdb_db db, unsigned flags, MDB_dbi *ret);
/* The same for all, into s->dbi. */
int lmdb_open_databases(struct lmdb_store *s, MDB_txn *txn, unsigned flags);

#endif
