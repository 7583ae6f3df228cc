#include "storage/lmdb/lmdb_close.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/lmdb/lmdb_reader.h"
#include "storage/lmdb/lmdb_repair.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_write.h"

void lmdb_destroy(struct lmdb_store *s)
{
    if (s->own)
        lmdb_reader_destroy(s->own);
    if (s->env)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->list_lock);
    pthread_rwlock_destroy(&s->env_lock);
    free(s->path);
    store_finish(&s->base);
    free(s);
}

void lmdb_abandon(struct store *base)
{
    lmdb_destroy(lmdb_of(base));
}

static enum err close_cleanly(struct lmdb_store *s, uint64_t head, bool complete)
{
    struct lmdb_write w;
    enum err e = lmdb_ready(s);
    if (!e && s->sync_failed)
        e = ERR_IO;
    if (!e)
        e = lmdb_err(mdb_env_set_flags(s->env, MDB_NOSYNC, 0));
    if (!e)
        e = lmdb_err(mdb_env_sync(s->env, 1)); /* before anything says that all is well */
    if (!e)
        e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = lmdb_write_all_rows(s, &w);
    w.state.stop = STOP_CLEAN;
    w.state.head = head;
    w.state.complete = complete;
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

void lmdb_close(struct store *base, uint64_t head, bool complete)
{
    struct lmdb_store *s = lmdb_of(base);
    enum err e = close_cleanly(s, head, complete);
    if (e)
        log_warn("the log could not be closed cleanly: %s", err_text(e));
    lmdb_destroy(s);
}
