#include "storage/lmdb/lmdb_forget.h"

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_write.h"
#include "storage/record.h"

/* --- kept keys --- */

/* Deletes from the beginning what is older than TIME_MS; *RET_NEXT is the time of the first that
 * stays. */
static int drop_old(struct store *s, MDB_cursor *keys, uint64_t time_ms, size_t max,
                    uint64_t *ret_next)
{
    struct store_record r;
    uint64_t offset;
    MDB_val value;
    int rc = lmdb_cursor_step(keys, &offset, &value, MDB_FIRST);
    for (; !rc && max > 0; max--) {
        bool sound = !record_decode(offset, value.mv_data, value.mv_size, &r);
        if (sound)
            store_true_time(s, &r);
        *ret_next = sound ? r.time_ms : 0;
        if (sound && r.time_ms >= time_ms)
            return 0;
        rc = mdb_cursor_del(keys, 0);
        if (!rc)
            rc = lmdb_cursor_step(keys, &offset, &value, MDB_NEXT);
    }
    if (rc == MDB_NOTFOUND)
        *ret_next = UINT64_MAX;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum err drop_keys(struct lmdb_store *s, struct lmdb_write *w, uint64_t time_ms, size_t max,
                          uint64_t *ret_next)
{
    MDB_cursor *keys;
    int rc = mdb_cursor_open(w->txn, s->dbi[DB_KEYS], &keys);
    if (rc)
        return lmdb_err(rc);
    rc = drop_old(&s->base, keys, time_ms, max, ret_next);
    mdb_cursor_close(keys);
    return lmdb_err(rc);
}

enum err lmdb_drop_keys(struct store *base, uint64_t time_ms, size_t max, uint64_t *ret_next)
{
    struct lmdb_store *s = lmdb_of(base);
    struct lmdb_write w;
    uint64_t next = UINT64_MAX;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = drop_keys(s, &w, time_ms, max, &next);
    if (e) {
        lmdb_write_abort(s, &w);
        return e;
    }
    e = lmdb_write_commit(s, &w);
    if (!e)
        *ret_next = next;
    return e;
}

/* --- forgotten topics --- */

static enum err delete_rows(struct lmdb_store *s, struct lmdb_write *w, const uint32_t *ids,
                            size_t count)
{
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < count; i++)
        e = lmdb_delete_topic(w->txn, s->dbi[DB_TOPICS], ids[i]);
    return e;
}

enum err lmdb_forget(struct store *base, const uint32_t *ids, size_t count, uint64_t mark)
{
    struct lmdb_store *s = lmdb_of(base);
    struct lmdb_forgotten forgotten = {.last_id = base->catalog.last_id, .mark = mark};
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = delete_rows(s, &w, ids, count);
    if (!e)
        e = lmdb_put_forgotten(w.txn, s->dbi[DB_META], &forgotten);
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}
