/* The small rows of `meta` and `topics`, and what LMDB's error codes mean. */
#ifndef STORAGE_LMDB_LMDB_ROWS_H
#define STORAGE_LMDB_LMDB_ROWS_H

#include "storage/lmdb/lmdb_store.h"

/* The enum err for an LMDB or errno code. */
enum err lmdb_err(int rc);
/* ERR_NOT_FOUND: no such row; ERR_FORMAT: another program's, or a newer version's. */
MUST_CHECK enum err lmdb_get_format(MDB_txn *txn, MDB_dbi meta, uint32_t *ret_version);
MUST_CHECK enum err lmdb_put_format(MDB_txn *txn, MDB_dbi meta, uint32_t version);
/* ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_state(MDB_txn *txn, MDB_dbi meta, struct lmdb_state *ret);
/* *RET is set only if there were steps; ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_times(MDB_txn *txn, MDB_dbi meta, struct times **ret);
MUST_CHECK enum err lmdb_put_times(MDB_txn *txn, MDB_dbi meta, const struct times *t);
MUST_CHECK enum err lmdb_put_state(MDB_txn *txn, MDB_dbi meta, const struct lmdb_state *state);
/* Writes T with the totals that it has without the removal being prepared, counted up to COUNTED.
 */
MUST_CHECK enum err lmdb_put_topic(MDB_txn *txn, MDB_dbi topics, const struct catalog_topic *t,
                                   uint64_t counted);
/* A row of `topics`; the name borrows from it. */
struct lmdb_topic {
    struct store_topic topic; /* its figures as far as COUNTED says */
    uint64_t swept, counted;
};
/* Reads a row without trusting it. ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_topic(const MDB_val *key, const MDB_val *value,
                                   struct lmdb_topic *ret);
/* What is left of forgotten topics. */
struct lmdb_forgotten {
    uint32_t last_id; /* none of them had an id above */
    uint64_t mark;    /* nor a message above */
};
/* A log from before version 3 has forgotten nothing, and has no such row. ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_forgotten(MDB_txn *txn, MDB_dbi meta, struct lmdb_forgotten *ret);
MUST_CHECK enum err lmdb_put_forgotten(MDB_txn *txn, MDB_dbi meta,
                                       const struct lmdb_forgotten *forgotten);
MUST_CHECK enum err lmdb_delete_topic(MDB_txn *txn, MDB_dbi topics, uint32_t id);
/* Adds the topic of one row to C. ERR_CORRUPT, ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err lmdb_load_topic(struct catalog *c, const MDB_val *key, const MDB_val *value);

/* Notes (store_put_note). */
MUST_CHECK enum err lmdb_put_note(MDB_txn *txn, MDB_dbi meta, const char *name, const void *value,
                                  size_t n);
/* One that is not there is fine. */
MUST_CHECK enum err lmdb_delete_note(MDB_txn *txn, MDB_dbi meta, const char *name);
/* Moves C, of `meta`, to the FIRST note whose name begins with PREFIX, or on to the next one.
 * MDB_NOTFOUND: there is none. */
int lmdb_step_note(MDB_cursor *c, const char *prefix, bool first, MDB_val *ret_key,
                   MDB_val *ret_value);
/* The row of a note; the value borrows from it. */
struct lmdb_note {
    char name[STORE_NOTE_NAME_MAX + 1];
    const void *value;
    size_t n;
};
/* Reads a row without trusting it. ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_note(const MDB_val *key, const MDB_val *value, struct lmdb_note *ret);

#endif
