#include "storage/lmdb/lmdb_removal.h"

#include <stdlib.h>
#include <string.h>

#include "storage/lmdb/lmdb_rows.h"
#include "storage/record.h"

/* --- one record --- */

/* The key of R, which goes, lives on without the rest. */
static enum err keep_key(struct lmdb_removal *m, const struct store_record *r)
{
    char key[UINT8_MAX];
    uint8_t value[RECORD_HEADER_SIZE + UINT8_MAX];
    memcpy(key, r->key, r->key_len); /* what R borrows may move when something is written */
    struct store_record kept = {
        .offset = r->offset,
        .time_ms = r->time_ms,
        .topic_id = r->topic_id,
        .key = key,
        .key_len = r->key_len,
        .kind = r->kind,
    };
    uint64_t offset = r->offset;
    record_encode(value, &kept);
    MDB_val k = {.mv_size = sizeof(offset), .mv_data = &offset};
    MDB_val v = {.mv_size = record_size(&kept), .mv_data = value};
    return lmdb_err(mdb_put(m->w.txn, m->s->dbi[DB_KEYS], &k, &v, 0));
}

struct store_record lmdb_removal_timed(struct lmdb_removal *m, const struct store_record *r)
{
    struct store_record record = *r;
    store_true_time(&m->s->base, &record);
    return record;
}

static bool keeps_key(struct lmdb_removal *m, const struct store_record *r)
{
    struct store_record record = lmdb_removal_timed(m, r);
    return store_keeps_key(m->r, &record);
}

enum err lmdb_removal_take(struct lmdb_removal *m, const struct store_record *r)
{
    enum err e = r && keeps_key(m, r) ? keep_key(m, r) : ERR_OK;
    if (!e)
        e = lmdb_err(mdb_cursor_del(m->log, 0));
    m->r->removed += !e;
    return e;
}

/* --- the commit --- */

static void close_cursors(struct lmdb_removal *m)
{
    if (m->index)
        mdb_cursor_close(m->index);
    if (m->log)
        mdb_cursor_close(m->log);
    m->index = m->log = NULL;
}

static enum err open_cursors(struct lmdb_removal *m)
{
    int rc = mdb_cursor_open(m->w.txn, m->s->dbi[DB_LOG], &m->log);
    if (!rc)
        rc = mdb_cursor_open(m->w.txn, m->s->dbi[DB_INDEX], &m->index);
    return lmdb_err(rc);
}

static enum err write_gone_rows(struct lmdb_removal *m)
{
    for (struct catalog_topic *t = m->s->base.catalog.gone; t; t = t->next_gone) {
        enum err e = lmdb_write_row(m->s, &m->w, t);
        if (e)
            return e;
    }
    return ERR_OK;
}

enum err lmdb_removal_commit(struct lmdb_removal *m,
                             enum err (*work)(struct lmdb_removal *m, void *arg), void *arg)
{
    enum err e = lmdb_write_begin(m->s, &m->w);
    if (e)
        return e;
    e = open_cursors(m);
    if (!e)
        e = work(m, arg);
    close_cursors(m);
    if (!e)
        e = write_gone_rows(m);
    if (!e)
        return lmdb_write_commit(m->s, &m->w);
    lmdb_write_abort(m->s, &m->w);
    return e;
}

enum err lmdb_removal_end(struct lmdb_removal *m, enum err e)
{
    if (e) {
        catalog_drop_gone(&m->s->base.catalog);
    } else {
        catalog_commit_gone(&m->s->base.catalog, m->r);
        m->s->freed = true;
    }
    free(m->offsets);
    free(m->builder);
    return e;
}
