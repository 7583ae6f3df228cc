/* Write transactions: how each change of the log begins and ends, and the rows it takes along. */
#include "storage/lmdb/lmdb_write.h"

#include <string.h>

#include "storage/lmdb/lmdb_full.h"
#include "storage/lmdb/lmdb_guard.h"
#include "storage/lmdb/lmdb_place.h"
#include "storage/lmdb/lmdb_repair.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_store.h"

enum err lmdb_write_begin(struct lmdb_store *s, struct lmdb_write *w)
{
    enum err e = lmdb_ready(s);
    if (!e)
        e = lmdb_file_exists(s);
    if (e)
        return e;
    w->state = s->state;
    /* Only a commit after the sync may say so: one that the sync covers cannot know. */
    if (s->synced > w->state.certain)
        w->state.certain = s->synced;
    w->sweep_next = s->sweep_next;
    w->sweep_start = s->sweep_start;
    w->rows = false;
    lmdb_guard_enter();
    e = lmdb_err(mdb_txn_begin(s->env, NULL, 0, &w->txn));
    if (e)
        lmdb_guard_leave();
    return e;
}

/* Rows that were written in vain: all count as changed again. */
static void rows_lost(struct lmdb_store *s)
{
    struct id_walk all = catalog_walk(&s->base.catalog, 0);
    struct catalog_topic *t;
    while ((t = id_walk_next(&all)))
        t->counted = 0;
}

void lmdb_write_abort(struct lmdb_store *s, struct lmdb_write *w)
{
    mdb_txn_abort(w->txn);
    lmdb_guard_leave();
    if (w->rows)
        rows_lost(s);
}

/* The pages of all databases, as TXN sees them. */
static int count_used(const struct lmdb_store *s, MDB_txn *txn, size_t *ret)
{
    size_t pages = 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < DB_COUNT; i++) {
        MDB_stat st;
        rc = mdb_stat(txn, s->dbi[i], &st);
        if (!rc)
            pages += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    }
    *ret = pages;
    return rc;
}

enum err lmdb_write_commit(struct lmdb_store *s, struct lmdb_write *w)
{
    if (memcmp(&w->state, &s->state, sizeof(s->state)) != 0) {
        enum err e = lmdb_put_state(w->txn, s->dbi[DB_META], &w->state);
        if (e) {
            lmdb_write_abort(s, w);
            return e;
        }
    }
    size_t used, txn = mdb_txn_id(w->txn);
    int rc = count_used(s, w->txn, &used);
    if (rc)
        mdb_txn_abort(w->txn);
    else
        rc = mdb_txn_commit(w->txn); /* frees it in any case */
    lmdb_guard_leave();
    if (rc) {
        if (w->rows)
            rows_lost(s);
        enum err e = lmdb_explain(s, lmdb_err(rc));
        lmdb_commit_failed(s, txn);
        return e;
    }
    s->used_pages = used;
    s->state = w->state;
    s->sweep_next = w->sweep_next;
    s->sweep_start = w->sweep_start;
    return ERR_OK;
}

enum err lmdb_write_row(struct lmdb_store *s, struct lmdb_write *w, struct catalog_topic *t)
{
    enum err e = lmdb_put_topic(w->txn, s->dbi[DB_TOPICS], t, s->base.last_offset);
    w->rows = true;
    t->counted = s->base.last_offset;
    return e;
}

enum err lmdb_write_row_if_changed(struct lmdb_store *s, struct lmdb_write *w,
                                   struct catalog_topic *t)
{
    return t->last > t->counted ? lmdb_write_row(s, w, t) : ERR_OK;
}

enum err lmdb_write_all_rows(struct lmdb_store *s, struct lmdb_write *w)
{
    struct id_walk all = catalog_walk(&s->base.catalog, 0);
    struct catalog_topic *t;
    while ((t = id_walk_next(&all))) {
        enum err e = lmdb_write_row_if_changed(s, w, t);
        if (e)
            return e;
    }
    w->state.checkpoint = s->base.last_offset;
    return ERR_OK;
}

enum err lmdb_sync_now(struct store *base)
{
    struct lmdb_store *s = lmdb_of(base);
    enum err e = lmdb_ready(s);
    if (!e)
        e = lmdb_err(mdb_env_sync(s->env, 1));
    /* The kernel forgets what it could not write: no later sync tells that it is missing. */
    if (e)
        s->sync_failed = true;
    if (!s->sync_failed && s->sync != STORE_SYNC_ALWAYS)
        s->synced = base->last_offset;
    return e;
}
