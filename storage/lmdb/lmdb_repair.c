/*
 * After a header that could not be written.
 *
 * LMDB then begins no transaction any more, not even to read (MDB_PANIC), until the environment is
 * opened anew. That is done here, at once, and goes on by itself when the disk does:
 *
 *  - It is closed while no reader is in it (env_lock). Their transactions end, and each reader
 *    begins another one with its next call. A copy, which would be in it for long, is given up.
 *  - The header in force is made durable before anything is written: else, if the machine went
 *    down, the failed one might turn up, whose pages are something else by then.
 *  - If the file shows the failed commit (LMDB could not put the old header back), then whoever was
 *    told that it failed was told wrong, and offsets would be used twice: nothing is written until
 *    the log is opened from the start. Readers go on; they look no further than what was told.
 */
#include "storage/lmdb/lmdb_repair.h"

#include "base/log.h"
#include "storage/lmdb/lmdb_copy.h"
#include "storage/lmdb/lmdb_env.h"
#include "storage/lmdb/lmdb_reader.h"
#include "storage/lmdb/lmdb_rows.h"

static bool has_panicked(struct lmdb_store *s)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (!rc)
        mdb_txn_abort(txn);
    return rc == MDB_PANIC;
}

static enum err open_anew(struct lmdb_store *s)
{
    MDB_txn *txn;
    enum err e = lmdb_open_env(s);
    if (e)
        return e;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    rc = lmdb_open_databases(s, txn, 0);
    if (!rc)
        rc = mdb_txn_commit(txn); /* keeps the handles */
    else
        mdb_txn_abort(txn);
    if (!rc && s->sync != STORE_SYNC_ALWAYS)
        rc = mdb_env_set_flags(s->env, MDB_NOSYNC, 1);
    return lmdb_err(rc);
}

static enum err replace_env(struct lmdb_store *s)
{
    lmdb_end_copies(s);
    pthread_rwlock_wrlock(&s->env_lock);
    lmdb_end_readers(s);
    if (s->env)
        mdb_env_close(s->env);
    s->env = NULL;
    enum err e = open_anew(s);
    if (e && s->env) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    pthread_rwlock_unlock(&s->env_lock);
    lmdb_allow_copies(s);
    return e;
}

static enum err reopen(struct lmdb_store *s)
{
    MDB_envinfo info;
    s->health = HEALTH_CLOSED;
    enum err e = replace_env(s);
    if (!e)
        e = lmdb_err(mdb_env_info(s->env, &info));
    if (e)
        return e;
    s->health = info.me_last_txnid == s->last_txn ? HEALTH_UNSURE : HEALTH_AHEAD;
    if (s->health == HEALTH_AHEAD)
        log_error("the log shows a commit that has failed: it takes no more until a restart");
    return ERR_OK;
}

enum err lmdb_ready(struct lmdb_store *s)
{
    enum err e = s->health == HEALTH_CLOSED ? reopen(s) : ERR_OK;
    if (e || s->health == HEALTH_GOOD)
        return e;
    if (s->health == HEALTH_AHEAD)
        return ERR_IO;
    e = lmdb_err(mdb_env_sync(s->env, 1));
    if (!e)
        s->health = HEALTH_GOOD;
    return e;
}

void lmdb_commit_failed(struct lmdb_store *s, size_t txn)
{
    if (!has_panicked(s))
        return;
    if (s->last_txn != txn - 1) /* a disk that fails again and again is told once */
        log_warn("the header of the log could not be written");
    s->last_txn = txn - 1;
    enum err e = reopen(s);
    if (e)
        log_error("the log cannot be opened anew: %s", err_text(e));
}
