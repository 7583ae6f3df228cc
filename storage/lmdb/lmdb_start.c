/*
 * What an opening makes of what it finds: topics and totals come into memory, the records that the
 * rows do not count yet are counted, and one durable commit says that the log is in use.
 */
#include "storage/lmdb/lmdb_start.h"

#include <string.h>

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_env.h"
#include "storage/lmdb/lmdb_epoch.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_space.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/lmdb_tail.h"
#include "storage/lmdb/lmdb_write.h"
#include "storage/record.h"

static enum err load_forgotten(struct lmdb_store *s, MDB_txn *txn)
{
    struct lmdb_forgotten forgotten;
    enum err e = lmdb_get_forgotten(txn, s->dbi[DB_META], &forgotten);
    if (e)
        return e;
    if (forgotten.last_id > s->base.catalog.last_id)
        s->base.catalog.last_id = forgotten.last_id;
    s->base.catalog.forgotten = forgotten.mark;
    return ERR_OK;
}

static enum err load_topics(struct lmdb_store *s, MDB_txn *txn)
{
    MDB_cursor *c;
    MDB_val key, value;
    int rc = mdb_cursor_open(txn, s->dbi[DB_TOPICS], &c);
    if (rc)
        return lmdb_err(rc);
    enum err e = ERR_OK;
    while (!e && !(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT)))
        e = lmdb_load_topic(&s->base.catalog, &key, &value);
    mdb_cursor_close(c);
    return e || rc == MDB_NOTFOUND ? e : lmdb_err(rc);
}

/* A record behind the checkpoint: its topic may not have counted it yet. One that cannot be read
 * counts for the topic that it names, since most damage is in payloads; but it may be another's. */
static void recount_record(struct lmdb_store *s, uint64_t offset, const MDB_val *value)
{
    struct store_record r;
    if (record_decode(offset, value->mv_data, value->mv_size, &r)) {
        store_met_damage(&s->base, STORE_DAMAGE_RECORD, offset);
        s->unread_high = offset;
        if (!record_claims(value->mv_data, value->mv_size, &r.topic_id, &r.payload_len))
            return;
    }
    struct catalog_topic *t = catalog_find(&s->base.catalog, r.topic_id);
    if (!t || offset <= t->counted)
        return;
    catalog_appended(t, offset, r.payload_len);
    atomic_store_explicit(&t->newest, offset, memory_order_relaxed);
}

static int recount(struct lmdb_store *s, MDB_cursor *log)
{
    uint64_t offset = s->state.checkpoint + 1;
    MDB_val value;
    int rc = lmdb_cursor_step(log, &offset, &value, MDB_SET_RANGE);
    while (!rc) {
        recount_record(s, offset, &value);
        rc = lmdb_cursor_step(log, &offset, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What the log's records say about where it stands. */
struct ends {
    uint64_t first, last; /* 0 = no record */
    uint64_t last_time_ms;
};

static int find_ends(MDB_cursor *log, struct ends *ret)
{
    struct store_record r;
    MDB_val value;
    *ret = (struct ends){0};
    int rc = lmdb_cursor_step(log, &ret->first, &value, MDB_FIRST);
    if (!rc)
        rc = lmdb_cursor_step(log, &ret->last, &value, MDB_LAST);
    for (uint64_t at = ret->last; !rc; rc = lmdb_cursor_step(log, &at, &value, MDB_PREV)) {
        if (record_decode(at, value.mv_data, value.mv_size, &r))
            continue;                  /* the last one that can be read tells the time */
        ret->last_time_ms = r.time_ms; /* as it says: the steps come on top */
        break;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum err load_log(struct lmdb_store *s, MDB_txn *txn, struct ends *ret)
{
    MDB_cursor *log;
    int rc = mdb_cursor_open(txn, s->dbi[DB_LOG], &log);
    if (rc)
        return lmdb_err(rc);
    rc = recount(s, log);
    if (!rc)
        rc = find_ends(log, ret);
    mdb_cursor_close(log);
    return lmdb_err(rc);
}

/* Offsets up to it may have been used without leaving a record. */
static uint64_t reserved(const struct lmdb_state *st)
{
    return st->stop == STOP_CLEAN ? 0 : st->mark;
}

/* Offsets that were used must not be used again, even when nothing of them is left. */
static uint64_t find_head(const struct lmdb_store *s, const struct ends *ends)
{
    uint64_t head = s->state.head > ends->last ? s->state.head : ends->last;
    if (s->base.catalog.forgotten > head)
        head = s->base.catalog.forgotten;
    struct id_walk all = catalog_walk(&s->base.catalog, 0);
    const struct catalog_topic *t;
    while ((t = id_walk_next(&all)))
        if (t->last > head)
            head = t->last;
    return s->reserved_apart || reserved(&s->state) < head ? head : reserved(&s->state);
}

static void tell_state(const struct lmdb_store *s, const struct ends *ends, bool clean,
                       struct store_state *ret)
{
    *ret = (struct store_state){
        .epoch = s->state.epoch,
        .head = s->base.last_offset,
        .first = ends->first ? ends->first : s->base.last_offset + 1,
        .last_time_ms = ends->last_time_ms,
        .clean = clean,
        .topic_id_last = s->base.catalog.last_id,
        .forgotten = s->base.catalog.forgotten,
        .former_count = s->state.former_count,
    };
    for (size_t i = 0; i < s->state.former_count; i++) {
        ret->former[i].epoch = s->state.former[i].epoch;
        ret->former[i].last = s->state.former[i].last;
    }
}

/* Everything found is on the disk by now, so all offsets up to the head are certain. */
static void take_over(const struct lmdb_store *s, struct lmdb_state *st, const char *boot_id)
{
    uint64_t mark = reserved(st);
    st->stop = STOP_UNCLEAN;
    st->complete = false;
    st->sync = (uint8_t)s->sync;
    st->head = s->base.last_offset;
    st->mark = mark > s->base.last_offset ? mark : s->base.last_offset;
    st->certain = s->base.last_offset;
    memset(st->boot_id, 0, sizeof(st->boot_id));
    memcpy(st->boot_id, boot_id, strnlen(boot_id, BOOT_ID_SIZE - 1));
}

static uint32_t wanted_version(const struct lmdb_store *s)
{
    return s->behind_journal ? LMDB_FORMAT_JOURNALED : LMDB_FORMAT_VERSION;
}

/* What came with later versions: 2 has `keys`; from 3 on topics may be forgotten, and no older
 * program may see that. */
static enum err bring_up_to_date(struct lmdb_store *s, struct lmdb_write *w)
{
    enum err e = lmdb_err(lmdb_open_databases(s, w->txn, MDB_CREATE));
    return e ? e : lmdb_put_format(w->txn, s->dbi[DB_META], wanted_version(s));
}

static enum err use_databases(struct lmdb_store *s, struct lmdb_write *w, uint32_t version)
{
    return version < wanted_version(s) ? bring_up_to_date(s, w)
                                       : lmdb_err(lmdb_open_databases(s, w->txn, 0));
}

enum err lmdb_load_times(struct lmdb_store *s, MDB_txn *txn)
{
    struct times *t = NULL;
    enum err e = lmdb_get_times(txn, s->dbi[DB_META], &t);
    atomic_store_explicit(&s->base.times, t, memory_order_release);
    return e;
}

static uint64_t true_time(struct lmdb_store *s, uint64_t offset, uint64_t time_ms)
{
    struct store_record r = {.offset = offset, .time_ms = time_ms};
    store_true_time(&s->base, &r);
    return r.time_ms;
}

static enum err load_existing(struct lmdb_store *s, struct lmdb_write *w, uint32_t version,
                              const char *boot_id, struct ends *ret)
{
    s->reserved_apart = s->reserved_apart && version == LMDB_FORMAT_JOURNALED;
    enum err e = use_databases(s, w, version);
    if (!e)
        e = lmdb_get_state(w->txn, s->dbi[DB_META], &s->state);
    if (!e)
        e = lmdb_load_times(s, w->txn);
    if (!e)
        e = load_topics(s, w->txn);
    if (!e)
        e = load_forgotten(s, w->txn);
    if (!e)
        e = load_log(s, w->txn, ret);
    if (e == ERR_CORRUPT || e == ERR_NOT_FOUND) {
        store_say_wrong("its state, or the row of a topic, cannot be read");
        return ERR_CORRUPT;
    }
    if (e)
        return e;
    ret->last_time_ms = true_time(s, ret->last, ret->last_time_ms);
    s->base.last_offset = find_head(s, ret);
    s->base.last_time_ms = ret->last_time_ms;
    w->state = s->state;
    return lmdb_needs_new_epoch(&s->state, boot_id) ? lmdb_change_epoch(&w->state) : ERR_OK;
}

static enum err make_new(struct lmdb_store *s, struct lmdb_write *w)
{
    enum err e = lmdb_err(lmdb_open_databases(s, w->txn, MDB_CREATE));
    if (!e)
        e = lmdb_put_format(w->txn, s->dbi[DB_META], wanted_version(s));
    if (!e)
        e = store_draw_epoch(0, &w->state.epoch);
    s->state.stop = STOP_CLEAN;
    s->state.complete = true;
    return e;
}

/* VERSION 0: there is no log yet. */
static enum err load_or_make(struct lmdb_store *s, struct lmdb_write *w, uint32_t version,
                             const char *boot_id, struct ends *ret)
{
    enum err e = version ? load_existing(s, w, version, boot_id, ret) : make_new(s, w);
    if (e)
        return e;
    take_over(s, &w->state, boot_id);
    return tail_load(s, w->txn);
}

static enum err commit_with_rows(struct lmdb_store *s, struct lmdb_write *w)
{
    enum err e = lmdb_write_all_rows(s, w);
    if (!e)
        return lmdb_write_commit(s, w);
    lmdb_write_abort(s, w);
    return e;
}

/* On a full disk there may be no room for the rows: what they lack is counted again next time. */
static enum err commit_without_rows(struct lmdb_store *s, uint32_t version,
                                    const struct lmdb_state *st)
{
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    w.state = *st;
    e = use_databases(s, &w, version); /* those of the other transaction went with it */
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

/* One durable commit says that the log is in use, before anything is shown or appended. */
static enum err commit_start(struct lmdb_store *s, uint32_t version, const char *boot_id,
                             struct ends *ret, struct lmdb_state *ret_found)
{
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = load_or_make(s, &w, version, boot_id, ret);
    if (e) {
        lmdb_write_abort(s, &w);
        return e;
    }
    struct lmdb_state st = w.state;
    *ret_found = s->state;
    e = commit_with_rows(s, &w);
    return e == ERR_NOSPACE && version ? commit_without_rows(s, version, &st) : e;
}

enum err lmdb_start(struct lmdb_store *s, uint32_t version, const char *boot_id,
                    struct store_state *ret_state)
{
    struct ends ends = {0};
    struct lmdb_state found;
    enum err e = commit_start(s, version, boot_id, &ends, &found);
    if (e)
        return e;
    atomic_store_explicit(&s->base.committed, s->base.last_offset, memory_order_release);
    s->sweep_next = 1;
    s->sweep_start = s->base.last_offset;
    lmdb_take_spare(s);
    tell_state(s, &ends, found.stop == STOP_CLEAN, ret_state);
    ret_state->created = version == 0;
    ret_state->copied = found.stop == STOP_COPIED;
    ret_state->reserved = s->reserved_apart ? reserved(&found) : 0;
    ret_state->complete = found.stop == STOP_CLEAN && found.complete;
    bool synced = s->sync == STORE_SYNC_ALWAYS || s->behind_journal;
    return synced ? ERR_OK : lmdb_err(mdb_env_set_flags(s->env, MDB_NOSYNC, 1));
}
