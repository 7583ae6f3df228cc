#include "storage/lmdb/lmdb_reader.h"

#include <stdlib.h>

#include "storage/lmdb/lmdb_guard.h"
#include "storage/lmdb/lmdb_rows.h"

static int renew(struct lmdb_reader *r)
{
    int rc = mdb_txn_renew(r->txn);
    if (rc)
        return rc;
    rc = mdb_cursor_renew(r->txn, r->log);
    if (!rc)
        rc = mdb_cursor_renew(r->txn, r->index);
    if (!rc)
        rc = mdb_cursor_renew(r->txn, r->groups);
    if (rc)
        mdb_txn_reset(r->txn);
    return rc;
}

static int open_cursors(struct lmdb_reader *r, const struct lmdb_store *s)
{
    int rc = mdb_cursor_open(r->txn, s->dbi[DB_LOG], &r->log);
    if (!rc)
        rc = mdb_cursor_open(r->txn, s->dbi[DB_INDEX], &r->index);
    if (!rc)
        rc = mdb_cursor_open(r->txn, s->dbi[DB_GROUPS], &r->groups);
    return rc;
}

static void end_for_good(struct lmdb_reader *r)
{
    if (r->groups)
        mdb_cursor_close(r->groups);
    if (r->index)
        mdb_cursor_close(r->index);
    if (r->log)
        mdb_cursor_close(r->log);
    if (r->txn)
        mdb_txn_abort(r->txn);
    r->groups = r->index = r->log = NULL;
    r->txn = NULL;
}

static int begin_first(struct lmdb_reader *r, const struct lmdb_store *s)
{
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &r->txn);
    if (!rc)
        rc = open_cursors(r, s);
    if (rc)
        end_for_good(r);
    return rc;
}

enum err lmdb_reader_begin(struct lmdb_reader *r)
{
    struct lmdb_store *s = lmdb_of(r->base.store);
    pthread_rwlock_rdlock(&s->env_lock);
    lmdb_guard_enter();
    enum err e = s->env ? lmdb_err(r->txn ? renew(r) : begin_first(r, s)) : ERR_IO;
    if (e) {
        lmdb_guard_leave();
        pthread_rwlock_unlock(&s->env_lock);
    }
    return e;
}

void lmdb_reader_end(struct lmdb_reader *r)
{
    mdb_txn_reset(r->txn);
    lmdb_guard_leave();
    pthread_rwlock_unlock(&lmdb_of(r->base.store)->env_lock);
}

void lmdb_reader_park(struct lmdb_reader *r)
{
    lmdb_guard_leave();
    pthread_rwlock_unlock(&lmdb_of(r->base.store)->env_lock);
}

enum err lmdb_reader_resume(struct lmdb_reader *r)
{
    struct lmdb_store *s = lmdb_of(r->base.store);
    pthread_rwlock_rdlock(&s->env_lock);
    lmdb_guard_enter();
    if (r->txn)
        return ERR_OK;
    lmdb_reader_park(r);
    return ERR_AGAIN;
}

enum err lmdb_reader_create(struct store *base, struct store_reader **ret)
{
    struct lmdb_store *s = lmdb_of(base);
    struct lmdb_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    r->base.store = base;
    pthread_mutex_lock(&s->list_lock);
    r->next = s->readers;
    s->readers = r;
    pthread_mutex_unlock(&s->list_lock);
    enum err e = lmdb_reader_begin(r);
    if (e) {
        lmdb_reader_destroy(&r->base);
        return e;
    }
    lmdb_reader_end(r);
    *ret = &r->base;
    return ERR_OK;
}

static void forget_reader(struct lmdb_store *s, struct lmdb_reader *r)
{
    pthread_mutex_lock(&s->list_lock);
    struct lmdb_reader **at = &s->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    pthread_mutex_unlock(&s->list_lock);
}

void lmdb_reader_destroy(struct store_reader *reader)
{
    struct lmdb_reader *r = lmdb_reader_of(reader);
    struct lmdb_store *s = lmdb_of(r->base.store);
    pthread_rwlock_rdlock(&s->env_lock); /* as a reader: a copy may be in it for long */
    forget_reader(s, r);
    end_for_good(r);
    pthread_rwlock_unlock(&s->env_lock);
    free(r->set);
    free(r);
}

void lmdb_end_readers(struct lmdb_store *s)
{
    pthread_mutex_lock(&s->list_lock);
    for (struct lmdb_reader *r = s->readers; r; r = r->next)
        end_for_good(r);
    pthread_mutex_unlock(&s->list_lock);
}
