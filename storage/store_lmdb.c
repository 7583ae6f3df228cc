/*
 * The durable log: commits of what is new. Every change of the log is one write transaction of the
 * store's thread, which either happens as a whole or leaves disk and memory as they were.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/lmdb_write.h"
#include "storage/record.h"
#include "storage/store_lmdb.h"

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
    return ERR_OK;
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

static enum err lmdb_append(struct store *base, const struct store_batch *b)
{
    struct lmdb_store *s = lmdb_of(base);
    enum err e = append(s, b);
    if (e != ERR_NOSPACE || !s->freed)
        return e;
    e = lmdb_age_free_pages(s);
    return e ? e : append(s, b);
}

static uint64_t lmdb_size(struct store *base)
{
    struct stat st;
    int fd;
    if (mdb_env_get_fd(lmdb_of(base)->env, &fd) || fstat(fd, &st))
        return 0;
    return (uint64_t)st.st_size;
}

static uint64_t lmdb_used(struct store *base)
{
    const struct lmdb_store *s = lmdb_of(base);
    return (uint64_t)s->used_pages * s->page_size;
}

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

static void lmdb_abandon(struct store *base)
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

static void lmdb_close(struct store *base, uint64_t head, bool complete)
{
    struct lmdb_store *s = lmdb_of(base);
    enum err e = close_cleanly(s, head, complete);
    if (e)
        log_warn("the log could not be closed cleanly: %s", err_text(e));
    lmdb_destroy(s);
}

const struct store_ops lmdb_ops = {
    .append = lmdb_append,
    .sync_now = lmdb_sync_now,
    .check_place = lmdb_check_place,
    .purge = lmdb_purge,
    .expire = lmdb_expire,
    .trim = lmdb_trim,
    .forget = lmdb_forget,
    .drop_keys = lmdb_drop_keys,
    .save_times = lmdb_save_times,
    .copy = lmdb_copy,
    .size = lmdb_size,
    .used = lmdb_used,
    .close = lmdb_close,
    .abandon = lmdb_abandon,
    .reader_create = lmdb_reader_create,
    .reader_destroy = lmdb_reader_destroy,
    .read = lmdb_read,
    .keys = lmdb_keys,
    .seek_time = lmdb_seek_time,
    .verify_create = lmdb_verify_create,
    .verify_destroy = lmdb_verify_destroy,
    .verify_step = lmdb_verify_step,
};

/* Of a log that is open for verifying and copying alone. */
const struct store_ops lmdb_closed_ops = {
    .copy = lmdb_copy,
    .size = lmdb_size,
    .abandon = lmdb_abandon,
    .reader_create = lmdb_reader_create,
    .reader_destroy = lmdb_reader_destroy,
    .verify_create = lmdb_verify_create,
    .verify_destroy = lmdb_verify_destroy,
    .verify_step = lmdb_verify_step,
};
