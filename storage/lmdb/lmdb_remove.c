/*
 * The durable log: taking records of topics away (purge, expire). Floors rise before records go, so
 * that no reader sees half of it.
 */
#include "storage/lmdb/lmdb_remove.h"

#include <stdlib.h>

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_read.h"
#include "storage/lmdb/lmdb_reader.h"
#include "storage/lmdb/lmdb_removal.h"
#include "storage/lmdb/lmdb_repair.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_settle.h"
#include "storage/record.h"

enum {
    REMOVAL_MAX = 65536, /* most records that one commit takes away */
    SETTLING_SLOTS = 512 /* a block is settled when one slot in so many is removed by topic */
};

static bool take(void *ctx, const struct store_record *r)
{
    struct lmdb_removal *m = ctx;
    if (store_judge(m->r, r) != STORE_REMOVE) {
        m->stopped = true;
        return false;
    }
    m->offsets[m->count++] = r->offset;
    m->time_ms = r->time_ms;
    catalog_note_gone(&m->s->base.catalog, m->topic, r->offset, r->payload_len);
    return true;
}

/* One whose topic is not known stays until the log is trimmed. */
static bool take_damaged(void *ctx, const struct store_record *r)
{
    struct lmdb_removal *m = ctx;
    struct store_record guess = *r;
    guess.time_ms = m->time_ms;
    return r->topic_id != m->topic->id || take(m, &guess);
}

/* Notes the oldest records of T up to UPTO that go; *RET_DONE: that is all of them. */
static enum err find_by_topic(struct lmdb_removal *m, struct catalog_topic *t, uint64_t upto,
                              bool *ret_done)
{
    struct store_query q = {
        .after = t->swept,
        .until = upto,
        .topics = &t->id,
        .topic_count = 1,
        .max_records = m->max - m->count,
        .damaged = take_damaged,
    };
    uint64_t reached = upto;
    m->topic = t;
    m->time_ms = 0;
    m->stopped = false;
    enum err e = q.after < q.until ? lmdb_read_hidden(m->s->own, &q, take, m, &reached) : ERR_OK;
    *ret_done = m->stopped || reached == upto;
    if (!e && !m->stopped && !m->r->judge && reached > t->swept)
        catalog_note_swept(&m->s->base.catalog, t, reached);
    return e;
}

static enum err remove_at(struct lmdb_removal *m, uint64_t offset)
{
    struct store_record r;
    MDB_val value;
    int rc = lmdb_cursor_step(m->log, &offset, &value, MDB_SET);
    if (rc)
        return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
    bool sound = !record_decode(offset, value.mv_data, value.mv_size, &r);
    return lmdb_removal_take(m, sound ? &r : NULL);
}

/* In the order of offsets, whatever the topics: neighbours share pages. */
static enum err remove_found(struct lmdb_removal *m, void *arg)
{
    (void)arg;
    qsort(m->offsets, m->count, sizeof(m->offsets[0]), lmdb_compare_numbers);
    enum err e = ERR_OK;
    bool settle = false;
    for (size_t i = 0; !e && i < m->count; i++) {
        uint64_t block = block_of(m->offsets[i]);
        settle |= block_slot(m->offsets[i]) % SETTLING_SLOTS == 0;
        e = remove_at(m, m->offsets[i]);
        if (e || (i + 1 < m->count && block_of(m->offsets[i + 1]) == block))
            continue;
        e = lmdb_err(lmdb_tidy_block(m, block, settle));
        settle = false;
    }
    return e;
}

static enum err begin_by_topic(struct lmdb_removal *m)
{
    m->max = m->r->max < REMOVAL_MAX ? m->r->max : REMOVAL_MAX;
    m->offsets = calloc(m->max, sizeof(*m->offsets));
    m->builder = malloc(sizeof(*m->builder));
    if (!m->offsets || !m->builder)
        return ERR_NOMEM;
    enum err e = lmdb_ready(m->s);
    return e || m->s->own ? e : lmdb_reader_create(&m->s->base, &m->s->own);
}

/* The floor rises first, so that no reader sees a purge half done. */
static enum err purge_step(struct lmdb_removal *m, struct catalog_topic *t, uint64_t upto)
{
    uint64_t floor = atomic_load_explicit(&t->floor, memory_order_relaxed);
    enum err e = begin_by_topic(m);
    if (!e)
        e = find_by_topic(m, t, upto, &m->r->done);
    if (e)
        return e;
    if (upto > floor)
        atomic_store_explicit(&t->floor, upto, memory_order_release);
    e = lmdb_removal_commit(m, remove_found, NULL);
    if (e)
        atomic_store_explicit(&t->floor, floor, memory_order_release);
    return e;
}

enum err lmdb_purge(struct store *base, struct catalog_topic *t, uint64_t upto,
                    struct store_removal *r)
{
    struct store_removal all = *r; /* nobody is asked or told but for keys and totals */
    all.judge = NULL;
    all.floor = NULL;
    struct lmdb_removal m = {.s = lmdb_of(base), .r = &all};
    enum err e = lmdb_removal_end(&m, purge_step(&m, t, upto));
    r->removed = all.removed;
    r->done = all.done;
    return e;
}

static enum err find_expired(struct lmdb_removal *m, const uint32_t *topics, size_t count,
                             size_t *ret_topics)
{
    for (*ret_topics = 0; *ret_topics < count && m->count < m->max; ++*ret_topics) {
        struct catalog_topic *t = catalog_find(&m->s->base.catalog, topics[*ret_topics]);
        bool done;
        enum err e = find_by_topic(m, t, t->last, &done);
        if (e || !done)
            return e;
    }
    return ERR_OK;
}

static enum err expire_step(struct lmdb_removal *m, const uint32_t *topics, size_t count,
                            size_t *ret_topics)
{
    enum err e = begin_by_topic(m);
    if (!e)
        e = find_expired(m, topics, count, ret_topics);
    if (e || m->count == 0)
        return e;
    catalog_raise_floors(&m->s->base.catalog, m->r);
    return lmdb_removal_commit(m, remove_found, NULL);
}

enum err lmdb_expire(struct store *base, const uint32_t *topics, size_t count,
                     struct store_removal *r, size_t *ret_topics)
{
    struct lmdb_removal m = {.s = lmdb_of(base), .r = r};
    enum err e = lmdb_removal_end(&m, expire_step(&m, topics, count, ret_topics));
    r->done = !e && *ret_topics == count;
    return e;
}
