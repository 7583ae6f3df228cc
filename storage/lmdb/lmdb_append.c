/*
 * The durable log: commits of what is new. Every change of the log is one write transaction of the
 * store's thread, which either happens as a whole or leaves disk and memory as they were.
 */

#include "storage/lmdb/lmdb_append.h"

#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_space.h"
#include "storage/lmdb/lmdb_tail.h"
#include "storage/lmdb/lmdb_write.h"
#include "storage/record.h"

/*
 * Totals reach the topics' rows little by little: each closed block writes one part in GROUP_BLOCKS
 * of the rows that have changed. When all topics have had their turn, the records up to where that
 * sweep began need not be counted again after an unclean stop.
 */
static enum err sweep(struct lmdb_store *s, struct lmdb_write *w)
{
    uint32_t slice = catalog_count(&s->base.catalog) / GROUP_BLOCKS + 1;
    struct id_walk left = catalog_walk(&s->base.catalog, w->sweep_next);
    struct catalog_topic *t;
    for (; (t = id_walk_next(&left)) && slice > 0; slice--) {
        enum err e = lmdb_write_row_if_changed(s, w, t);
        if (e)
            return e;
        w->sweep_next = t->id + 1;
    }
    if (!t) {
        w->state.checkpoint = w->sweep_start;
        w->sweep_start = s->base.last_offset;
        w->sweep_next = 1;
    }
    return ERR_OK;
}

static enum err append_topics(struct lmdb_store *s, struct lmdb_write *w,
                              const struct store_batch *b)
{
    for (size_t i = 0; i < b->topic_count; i++) {
        enum err e = lmdb_write_row(s, w, catalog_find(&s->base.catalog, b->topics[i].id));
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err append_record(struct lmdb_store *s, struct lmdb_write *w, MDB_cursor *log,
                              const struct store_record *r)
{
    uint64_t offset = r->offset;
    bool closed = false;
    MDB_val key = {.mv_size = sizeof(offset), .mv_data = &offset};
    MDB_val value = {.mv_size = record_size(r)};
    int rc = mdb_cursor_put(log, &key, &value, MDB_APPEND | MDB_RESERVE);
    if (rc)
        return lmdb_err(rc);
    record_encode(value.mv_data, r);
    enum err e = tail_add(s, w->txn, r->topic_id, offset, &closed);
    return e || !closed ? e : sweep(s, w);
}

static enum err append_records(struct lmdb_store *s, struct lmdb_write *w,
                               const struct store_batch *b)
{
    MDB_cursor *log;
    enum err e = lmdb_err(mdb_cursor_open(w->txn, s->dbi[DB_LOG], &log));
    if (e)
        return e;
    for (size_t i = 0; !e && i < b->record_count; i++)
        e = append_record(s, w, log, &b->records[i]);
    mdb_cursor_close(log);
    return e;
}

static enum err append_all(struct lmdb_store *s, struct lmdb_write *w, const struct store_batch *b)
{
    enum err e = append_topics(s, w, b);
    if (!e && b->record_count)
        e = append_records(s, w, b);
    if (e)
        return e;
    if (b->reserve > w->state.mark)
        w->state.mark = b->reserve;
    const struct store_note *n = b->note;
    return n ? lmdb_put_note(w->txn, s->dbi[DB_META], n->name, n->value, n->n) : ERR_OK;
}

static enum err append(struct lmdb_store *s, const struct store_batch *b)
{
    struct lmdb_write w;
    enum err e = lmdb_check_space(s, b);
    if (!e)
        e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = s->tail.known ? ERR_OK : tail_load(s, w.txn);
    struct tail_mark mark = tail_mark(&s->tail);
    if (!e)
        e = append_all(s, &w, b);
    if (e)
        lmdb_write_abort(s, &w);
    else
        e = lmdb_write_commit(s, &w);
    if (e)
        tail_undo(&s->tail, mark);
    return e;
}

enum err lmdb_append(struct store *base, const struct store_batch *b)
{
    struct lmdb_store *s = lmdb_of(base);
    enum err e = append(s, b);
    if (e != ERR_NOSPACE || !s->freed)
        return e;
    e = lmdb_age_free_pages(s);
    return e ? e : append(s, b);
}

/* A value that is shorter than any record: reading finds it as it finds damage that the disk has
 * made, and tells everybody, since it names no topic. */
static enum err put_unreadable(struct lmdb_store *s, struct lmdb_write *w, uint64_t offset)
{
    uint32_t nothing = 0;
    bool closed = false;
    MDB_val key = {.mv_size = sizeof(offset), .mv_data = &offset};
    MDB_val value = {.mv_size = sizeof(nothing), .mv_data = &nothing};
    enum err e = s->tail.known ? ERR_OK : tail_load(s, w->txn);
    if (!e)
        e = lmdb_err(mdb_put(w->txn, s->dbi[DB_LOG], &key, &value, MDB_APPEND));
    return e ? e : tail_add(s, w->txn, 0, offset, &closed);
}

enum err lmdb_put_damage(struct store *base, uint64_t offset)
{
    struct lmdb_store *s = lmdb_of(base);
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = put_unreadable(s, &w, offset);
    if (e)
        lmdb_write_abort(s, &w);
    else
        e = lmdb_write_commit(s, &w);
    s->tail.known = s->tail.known && !e;
    if (!e)
        s->unread_high = offset;
    return e;
}
