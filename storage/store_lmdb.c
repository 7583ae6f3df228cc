/*
 * The durable log: commits. Every change of the log is one write transaction of the store's thread,
 * which either happens as a whole or leaves disk and memory as they were.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/record.h"
#include "storage/store_lmdb.h"

enum { PURGE_STEP_MAX = 65536 }; /* most records that one purge commit takes away */

enum err lmdb_write_begin(struct lmdb_store *s, struct lmdb_write *w)
{
    w->state = s->state;
    w->sweep_next = s->sweep_next;
    w->sweep_start = s->sweep_start;
    w->rows = false;
    return lmdb_err(mdb_txn_begin(s->env, NULL, 0, &w->txn));
}

/* Rows that were written in vain: all count as changed again. */
static void rows_lost(struct lmdb_store *s)
{
    for (uint32_t id = 1; id <= catalog_count(&s->base.catalog); id++)
        catalog_find(&s->base.catalog, id)->counted = 0;
}

void lmdb_write_abort(struct lmdb_store *s, struct lmdb_write *w)
{
    mdb_txn_abort(w->txn);
    if (w->rows)
        rows_lost(s);
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
    int rc = mdb_txn_commit(w->txn); /* frees it in any case */
    if (rc) {
        if (w->rows)
            rows_lost(s);
        return lmdb_explain(s, lmdb_err(rc));
    }
    s->state = w->state;
    s->sweep_next = w->sweep_next;
    s->sweep_start = w->sweep_start;
    return ERR_OK;
}

static enum err write_row(struct lmdb_store *s, struct lmdb_write *w, struct catalog_topic *t)
{
    enum err e = lmdb_put_topic(w->txn, s->dbi[DB_TOPICS], t, s->base.last_offset);
    w->rows = true;
    t->counted = s->base.last_offset;
    return e;
}

enum err lmdb_write_row_if_changed(struct lmdb_store *s, struct lmdb_write *w,
                                   struct catalog_topic *t)
{
    return t->last > t->counted ? write_row(s, w, t) : ERR_OK;
}

/*
 * Totals reach the topics' rows little by little: each closed block writes one part in GROUP_BLOCKS
 * of the rows that have changed. When all topics have had their turn, the records up to where that
 * sweep began need not be counted again after an unclean stop.
 */
static enum err sweep(struct lmdb_store *s, struct lmdb_write *w, uint32_t count)
{
    uint32_t slice = count / GROUP_BLOCKS + 1;
    for (; slice > 0 && w->sweep_next <= count; slice--, w->sweep_next++) {
        enum err e = lmdb_write_row_if_changed(s, w, catalog_find(&s->base.catalog, w->sweep_next));
        if (e)
            return e;
    }
    if (w->sweep_next > count) {
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
        enum err e = write_row(s, w, catalog_find(&s->base.catalog, b->topics[i].id));
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err append_record(struct lmdb_store *s, struct lmdb_write *w, MDB_cursor *log,
                              const struct store_record *r, uint32_t swept_topics)
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
    return e || !closed ? e : sweep(s, w, swept_topics);
}

static enum err append_records(struct lmdb_store *s, struct lmdb_write *w,
                               const struct store_batch *b)
{
    MDB_cursor *log;
    uint32_t topics = catalog_count(&s->base.catalog);
    enum err e = lmdb_err(mdb_cursor_open(w->txn, s->dbi[DB_LOG], &log));
    if (e)
        return e;
    for (size_t i = 0; !e && i < b->record_count; i++)
        e = append_record(s, w, log, &b->records[i], topics);
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
    /* Only a commit after the sync may say so: this one may be lost without what it speaks of. */
    if (s->synced > w->state.certain)
        w->state.certain = s->synced;
    return ERR_OK;
}

static enum err tail_ready(struct lmdb_store *s, struct lmdb_write *w)
{
    return s->tail.known ? tail_reserve(s) : tail_load(s, w->txn);
}

static enum err append(struct lmdb_store *s, const struct store_batch *b)
{
    struct lmdb_write w;
    enum err e = lmdb_check_space(s, b);
    if (!e)
        e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = tail_ready(s, &w);
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

static enum err lmdb_sync_now(struct store *base)
{
    struct lmdb_store *s = lmdb_of(base);
    enum err e = lmdb_err(mdb_env_sync(s->env, 1));
    if (!e && s->sync != STORE_SYNC_ALWAYS)
        s->synced = base->last_offset;
    return e;
}

/* The records that one purge commit removes. */
struct purge {
    struct catalog *catalog;
    struct catalog_topic *topic;
    uint64_t *offsets;
    size_t count;
};

static bool purge_collect(void *ctx, const struct store_record *r)
{
    struct purge *p = ctx;
    p->offsets[p->count++] = r->offset;
    catalog_note_gone(p->catalog, p->topic, r->offset, r->payload_len);
    return true;
}

static enum err own_reader(struct lmdb_store *s)
{
    return s->own ? ERR_OK : lmdb_reader_create(&s->base, &s->own);
}

/* Notes the oldest records of the topic up to UPTO that are still in the log. */
static enum err purge_find(struct lmdb_store *s, struct purge *p, uint64_t upto, size_t max,
                           bool *ret_done)
{
    struct store_query q = {
        .after = p->topic->swept,
        .until = upto,
        .topics = &p->topic->id,
        .topic_count = 1,
        .max_records = max,
    };
    uint64_t reached = upto;
    enum err e =
        q.after < q.until ? lmdb_read_hidden(s->own, &q, purge_collect, p, &reached) : ERR_OK;
    if (!e && reached > p->topic->swept)
        catalog_note_swept(p->catalog, p->topic, reached);
    *ret_done = reached == upto;
    return e;
}

static enum err purge_commit(struct lmdb_store *s, const struct purge *p)
{
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    for (size_t i = 0; !e && i < p->count; i++) {
        MDB_val key = {.mv_size = sizeof(p->offsets[i]), .mv_data = &p->offsets[i]};
        e = lmdb_err(mdb_del(w.txn, s->dbi[DB_LOG], &key, NULL));
    }
    if (!e)
        e = write_row(s, &w, p->topic);
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

/* The floor rises first, so that no reader sees a purge half done. */
static enum err purge_step(struct lmdb_store *s, struct purge *p, uint64_t upto, size_t max,
                           bool *ret_done)
{
    uint64_t floor = atomic_load_explicit(&p->topic->floor, memory_order_relaxed);
    enum err e = purge_find(s, p, upto, max, ret_done);
    if (e)
        return e;
    if (upto > floor)
        atomic_store_explicit(&p->topic->floor, upto, memory_order_release);
    e = purge_commit(s, p);
    if (e)
        atomic_store_explicit(&p->topic->floor, floor, memory_order_release);
    return e;
}

static enum err lmdb_purge(struct store *base, struct catalog_topic *t, uint64_t upto, size_t max,
                           size_t *ret_removed, bool *ret_done)
{
    struct lmdb_store *s = lmdb_of(base);
    size_t step = max < 1 ? 1 : max < PURGE_STEP_MAX ? max : PURGE_STEP_MAX;
    struct purge p = {.catalog = &base->catalog, .topic = t};
    enum err e = own_reader(s);
    if (e)
        return e;
    p.offsets = calloc(step, sizeof(*p.offsets));
    if (!p.offsets)
        return ERR_NOMEM;
    e = purge_step(s, &p, upto, step, ret_done);
    if (e) {
        catalog_drop_gone(&base->catalog);
    } else {
        catalog_commit_gone(&base->catalog);
        s->freed = true;
        *ret_removed = p.count;
    }
    free(p.offsets);
    return e;
}

/* One trim commit. */
struct trim {
    uint64_t upto;
    size_t max;
    store_floor *floor;
    void *ctx;
    size_t removed;
    bool left;     /* a record stays, */
    uint64_t next; /* the first of them at this offset */
};

/* Deletes the record under LOG, noting what its topic loses. A damaged one belongs to no topic. */
static int trim_record(struct lmdb_store *s, MDB_cursor *log, uint64_t offset, const MDB_val *value)
{
    struct store_record r;
    struct catalog_topic *t = NULL;
    if (record_decode(offset, value->mv_data, value->mv_size, &r))
        store_count_damage(&s->base);
    else
        t = catalog_find(&s->base.catalog, r.topic_id);
    if (t)
        catalog_note_gone(&s->base.catalog, t, offset, r.payload_len);
    return mdb_cursor_del(log, 0);
}

static int trim_records(struct lmdb_store *s, MDB_cursor *log, struct trim *t)
{
    MDB_val value;
    int rc = lmdb_cursor_step(log, &t->next, &value, MDB_FIRST);
    while (!rc && t->next <= t->upto && t->removed < t->max) {
        rc = trim_record(s, log, t->next, &value);
        if (!rc) {
            t->removed++;
            rc = lmdb_cursor_step(log, &t->next, &value, MDB_NEXT);
        }
    }
    t->left = rc == 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Deletes at most MAX entries of DBI whose keys are below END. */
static int trim_keys(MDB_txn *txn, MDB_dbi dbi, uint64_t end, size_t max)
{
    MDB_cursor *c;
    MDB_val value;
    uint64_t key;
    int rc = mdb_cursor_open(txn, dbi, &c);
    if (rc)
        return rc;
    rc = lmdb_cursor_step(c, &key, &value, MDB_FIRST);
    for (; !rc && key < end && max > 0; max--) {
        rc = mdb_cursor_del(c, 0);
        if (!rc)
            rc = lmdb_cursor_step(c, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The index of what is before the first record that stays, the open block and group excepted. */
static int trim_index(struct lmdb_store *s, struct lmdb_write *w, const struct trim *t)
{
    uint64_t block = block_of(t->left ? t->next : s->base.last_offset);
    int rc = trim_keys(w->txn, s->dbi[DB_INDEX], block, t->max);
    return rc ? rc : trim_keys(w->txn, s->dbi[DB_GROUPS], group_of(block), t->max);
}

static enum err write_gone_rows(struct lmdb_store *s, struct lmdb_write *w)
{
    for (struct catalog_topic *t = s->base.catalog.gone; t; t = t->next_gone) {
        enum err e = write_row(s, w, t);
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err trim_all(struct lmdb_store *s, struct lmdb_write *w, struct trim *t)
{
    MDB_cursor *log;
    int rc = mdb_cursor_open(w->txn, s->dbi[DB_LOG], &log);
    if (rc)
        return lmdb_err(rc);
    rc = trim_records(s, log, t);
    mdb_cursor_close(log);
    if (!rc)
        rc = trim_index(s, w, t);
    if (rc)
        return lmdb_err(rc);
    catalog_raise_floors(&s->base.catalog, t->floor, t->ctx);
    return write_gone_rows(s, w);
}

static enum err lmdb_trim(struct store *base, uint64_t upto, size_t max, store_floor *floor,
                          void *ctx, size_t *ret_removed, bool *ret_done)
{
    struct lmdb_store *s = lmdb_of(base);
    struct trim t = {.upto = upto, .max = max ? max : 1, .floor = floor, .ctx = ctx};
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = trim_all(s, &w, &t);
    if (e)
        lmdb_write_abort(s, &w);
    else
        e = lmdb_write_commit(s, &w);
    if (e) {
        catalog_drop_gone(&base->catalog);
        return e;
    }
    catalog_commit_gone(&base->catalog);
    s->freed = true;
    *ret_removed = t.removed;
    *ret_done = !t.left || t.next > upto;
    return ERR_OK;
}

static bool directory_is_empty(const char *path)
{
    DIR *d = opendir(path);
    bool empty = true;
    if (!d)
        return true; /* the copy will say what is wrong */
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    closedir(d);
    return empty;
}

/* Half a copy must not be taken for one. */
static void drop_copy(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    unlinkat(fd, "data.mdb", 0);
    close(fd);
}

static enum err lmdb_backup(struct store *base, const char *path)
{
    struct lmdb_store *s = lmdb_of(base);
    if (!directory_is_empty(path))
        return ERR_INVALID;
    enum err e = lmdb_err(mdb_env_copy2(s->env, path, MDB_CP_COMPACT));
    if (!e)
        e = lmdb_mark_copy(path);
    if (e)
        drop_copy(path);
    return e;
}

static uint64_t lmdb_size(struct store *base)
{
    struct stat st;
    int fd;
    if (mdb_env_get_fd(lmdb_of(base)->env, &fd) || fstat(fd, &st))
        return 0;
    return (uint64_t)st.st_size;
}

void lmdb_destroy(struct lmdb_store *s)
{
    if (s->own)
        lmdb_reader_destroy(s->own);
    if (s->env)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->tail.group_blocks);
    store_finish(&s->base);
    free(s);
}

static void lmdb_abandon(struct store *base)
{
    lmdb_destroy(lmdb_of(base));
}

static enum err write_all_rows(struct lmdb_store *s, struct lmdb_write *w)
{
    for (uint32_t id = 1; id <= catalog_count(&s->base.catalog); id++) {
        enum err e = lmdb_write_row_if_changed(s, w, catalog_find(&s->base.catalog, id));
        if (e)
            return e;
    }
    w->state.checkpoint = s->base.last_offset;
    return ERR_OK;
}

static enum err close_cleanly(struct lmdb_store *s, uint64_t head)
{
    struct lmdb_write w;
    enum err e = lmdb_err(mdb_env_set_flags(s->env, MDB_NOSYNC, 0));
    if (!e)
        e = lmdb_err(mdb_env_sync(s->env, 1)); /* before anything says that all is well */
    if (!e)
        e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = write_all_rows(s, &w);
    w.state.stop = STOP_CLEAN;
    w.state.head = head;
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

static void lmdb_close(struct store *base, uint64_t head)
{
    struct lmdb_store *s = lmdb_of(base);
    enum err e = close_cleanly(s, head);
    if (e)
        log_warn("the log could not be closed cleanly: %s", err_text(e));
    lmdb_destroy(s);
}

const struct store_ops lmdb_ops = {
    .append = lmdb_append,
    .sync_now = lmdb_sync_now,
    .purge = lmdb_purge,
    .trim = lmdb_trim,
    .backup = lmdb_backup,
    .size = lmdb_size,
    .close = lmdb_close,
    .abandon = lmdb_abandon,
    .reader_create = lmdb_reader_create,
    .reader_destroy = lmdb_reader_destroy,
    .read = lmdb_read,
    .seek_time = lmdb_seek_time,
};
