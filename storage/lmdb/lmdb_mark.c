#include "storage/lmdb/lmdb_mark.h"

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_env.h"
#include "storage/lmdb/lmdb_epoch.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_store.h"

/* The highest offset that anything in TXN's log has been given. */
static int find_highest(MDB_txn *txn, MDB_dbi log, MDB_dbi topics, uint64_t *ret)
{
    MDB_cursor *c;
    MDB_val key, value;
    struct lmdb_topic t;
    int rc = mdb_cursor_open(txn, log, &c);
    if (rc)
        return rc;
    *ret = 0;
    rc = lmdb_cursor_step(c, ret, &value, MDB_LAST);
    mdb_cursor_close(c);
    if (!rc || rc == MDB_NOTFOUND)
        rc = mdb_cursor_open(txn, topics, &c);
    if (rc)
        return rc;
    while (!(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT)))
        if (!lmdb_get_topic(&key, &value, &t) && t.topic.last > *ret)
            *ret = t.topic.last;
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * All that the copy has is certain in it, whatever becomes of the original: cursors up to there
 * were given out for just these messages. Unless opening the original itself would have to doubt
 * that.
 */
static enum err mark_copy(MDB_txn *txn, const char *boot_id, struct store_copied *ret)
{
    static const enum lmdb_db needed[] = {DB_META, DB_LOG, DB_TOPICS};
    MDB_dbi dbi[DB_COUNT];
    struct lmdb_state state;
    struct lmdb_forgotten forgotten;
    uint64_t highest;
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof(needed) / sizeof(needed[0]); i++)
        rc = lmdb_open_database(txn, needed[i], 0, &dbi[needed[i]]);
    if (!rc)
        rc = find_highest(txn, dbi[DB_LOG], dbi[DB_TOPICS], &highest);
    enum err e = rc ? lmdb_err(rc) : lmdb_get_state(txn, dbi[DB_META], &state);
    if (!e)
        e = lmdb_get_forgotten(txn, dbi[DB_META], &forgotten);
    if (e)
        return e;
    if (state.head > highest)
        highest = state.head;
    if (forgotten.mark > highest)
        highest = forgotten.mark;
    if (highest > state.certain && !lmdb_needs_new_epoch(&state, boot_id))
        state.certain = highest;
    e = lmdb_delete_note(txn, dbi[DB_META], STORE_NOTE_JOURNAL);
    if (e)
        return e;
    state.stop = STOP_COPIED;
    ret->epoch = state.epoch;
    ret->last = state.certain;
    return lmdb_put_state(txn, dbi[DB_META], &state);
}

static enum err mark_copy_in(MDB_env *env, const char *file, const char *boot_id,
                             struct store_copied *ret)
{
    MDB_txn *txn;
    int rc = mdb_env_set_maxdbs(env, LMDB_DATABASES_MAX);
    if (!rc)
        rc = mdb_env_open(env, file, MDB_NOSUBDIR | MDB_NOLOCK, LMDB_FILE_MODE);
    if (!rc)
        rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc)
        return lmdb_err(rc);
    enum err e = mark_copy(txn, boot_id, ret);
    if (!e)
        return lmdb_err(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return e;
}

enum err lmdb_mark_copy(const char *file, const char *boot_id, struct store_copied *ret)
{
    MDB_env *env;
    int rc = mdb_env_create(&env);
    if (rc)
        return lmdb_err(rc);
    enum err e = mark_copy_in(env, file, boot_id, ret);
    mdb_env_close(env);
    return e;
}
