/*
 * The end of the log that is not in the index yet: one open block, one open group.
 *
 * It is only a picture of what is committed. A commit that fails while it closes a block leaves the
 * picture unknown; the next commit loads it again.
 */
#include "storage/lmdb/lmdb_tail.h"

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/record.h"

struct tail_mark tail_mark(const struct lmdb_tail *t)
{
    return (struct tail_mark){.block = t->block, .count = t->builder.count};
}

void tail_undo(struct lmdb_tail *t, struct tail_mark mark)
{
    if (t->known && t->block == mark.block)
        t->builder.count = mark.count;
    else
        t->known = false;
}

/* Reserves N bytes under KEY, which is mostly the highest: appending fills pages better. */
static int put_reserved(MDB_txn *txn, MDB_dbi dbi, uint64_t key, size_t n, MDB_val *ret)
{
    MDB_val k = {.mv_size = sizeof(key), .mv_data = &key};
    *ret = (MDB_val){.mv_size = n};
    int rc = mdb_put(txn, dbi, &k, ret, MDB_APPEND | MDB_RESERVE);
    if (rc != MDB_KEYEXIST)
        return rc;
    *ret = (MDB_val){.mv_size = n};
    return mdb_put(txn, dbi, &k, ret, MDB_RESERVE);
}

/* --- the open block, for readers --- */

/* A reader that looks meanwhile finds no block, or another one, and asks the records. */
static void open_move(struct lmdb_open_block *o, uint64_t block)
{
    if (atomic_load_explicit(&o->block, memory_order_relaxed) == block)
        return;
    atomic_store_explicit(&o->block, UINT64_MAX, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < BLOCK_SLOTS; i++)
        atomic_store_explicit(&o->topics[i], 0, memory_order_relaxed);
    atomic_store_explicit(&o->block, block, memory_order_release);
}

/* Before the commit that shows the record. */
static void open_note(struct lmdb_open_block *o, uint32_t topic_id, uint64_t offset)
{
    open_move(o, block_of(offset));
    atomic_store_explicit(&o->topics[block_slot(offset)], topic_id, memory_order_relaxed);
}

uint32_t lmdb_open_topic(const struct lmdb_store *s, uint64_t offset)
{
    const struct lmdb_open_block *o = &s->open;
    if (atomic_load_explicit(&o->block, memory_order_acquire) != block_of(offset))
        return 0;
    uint32_t topic_id = atomic_load_explicit(&o->topics[block_slot(offset)], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    bool same = atomic_load_explicit(&o->block, memory_order_relaxed) == block_of(offset);
    return same ? topic_id : 0;
}

/* --- the writer's picture --- */

/* Nobody looks for records of topics that are not known any more. */
static void note_in_group(struct lmdb_store *s, uint32_t topic_id, uint64_t block)
{
    struct catalog_topic *t = catalog_find(&s->base.catalog, topic_id);
    if (t)
        t->grouped |= group_bit(block);
    else if (topic_id == 0)
        s->tail.unread |= group_bit(block);
}

static enum err close_block(struct lmdb_store *s, MDB_txn *txn)
{
    struct lmdb_tail *t = &s->tail;
    MDB_val value;
    if (t->builder.count == 0)
        return ERR_OK;
    size_t n = block_builder_finish(&t->builder);
    int rc = put_reserved(txn, s->dbi[DB_INDEX], t->block, n, &value);
    if (rc)
        return lmdb_err(rc);
    block_builder_encode(&t->builder, t->block, value.mv_data);
    for (size_t i = 0; i < t->builder.count; i++)
        note_in_group(s, (uint32_t)(t->builder.pairs[i] >> BLOCK_BITS), t->block);
    return ERR_OK;
}

static enum err close_group(struct lmdb_store *s, MDB_txn *txn)
{
    struct id_walk all = catalog_walk(&s->base.catalog, 0);
    uint64_t group = group_of(s->tail.block);
    uint32_t count = s->tail.unread != 0, i = 0;
    struct catalog_topic *t;
    MDB_val value;
    while ((t = id_walk_next(&all)))
        count += t->grouped != 0;
    if (count == 0)
        return ERR_OK;
    int rc = put_reserved(txn, s->dbi[DB_GROUPS], group, (size_t)count * GROUP_ENTRY_SIZE, &value);
    if (rc)
        return lmdb_err(rc);
    if (s->tail.unread)
        group_index_encode(value.mv_data, group, i++, count, 0, s->tail.unread);
    s->tail.unread = 0;
    all = catalog_walk(&s->base.catalog, 0);
    while ((t = id_walk_next(&all))) {
        if (t->grouped)
            group_index_encode(value.mv_data, group, i++, count, t->id, t->grouped);
        t->grouped = 0;
    }
    return ERR_OK;
}

/* Not known while it is between two blocks: an error leaves it so. */
static enum err move_to(struct lmdb_store *s, MDB_txn *txn, uint64_t block)
{
    struct lmdb_tail *t = &s->tail;
    t->known = false;
    enum err e = close_block(s, txn);
    if (!e && group_of(block) != group_of(t->block))
        e = close_group(s, txn);
    if (e)
        return e;
    t->block = block;
    block_builder_clear(&t->builder);
    t->known = true;
    return ERR_OK;
}

enum err tail_add(struct lmdb_store *s, MDB_txn *txn, uint32_t topic_id, uint64_t offset,
                  bool *ret_closed)
{
    if (block_of(offset) != s->tail.block) {
        enum err e = move_to(s, txn, block_of(offset));
        if (e)
            return e;
        *ret_closed = true;
    }
    block_builder_add(&s->tail.builder, topic_id, block_slot(offset));
    open_note(&s->open, topic_id, offset);
    return ERR_OK;
}

static void forget_group(struct lmdb_store *s)
{
    struct id_walk all = catalog_walk(&s->base.catalog, 0);
    struct catalog_topic *t;
    while ((t = id_walk_next(&all)))
        t->grouped = 0;
    s->tail.unread = 0;
}

static void load_record(struct lmdb_store *s, uint32_t topic_id, uint64_t offset, bool open)
{
    if (!open) {
        note_in_group(s, topic_id, block_of(offset));
        return;
    }
    block_builder_add(&s->tail.builder, topic_id, block_slot(offset));
    open_note(&s->open, topic_id, offset);
}

/* Enters each record of BLOCK, which is the open one, or whose index value cannot be read. */
static int load_records(struct lmdb_store *s, MDB_cursor *log, uint64_t block, bool open)
{
    uint64_t offset = block_first(block);
    struct store_record r;
    MDB_val value;
    int rc = lmdb_cursor_step(log, &offset, &value, MDB_SET_RANGE);
    for (; !rc && block_of(offset) == block;
         rc = lmdb_cursor_step(log, &offset, &value, MDB_NEXT)) {
        bool sound = !record_decode(offset, value.mv_data, value.mv_size, &r);
        if (!sound)
            store_met_damage(&s->base, STORE_DAMAGE_RECORD, offset);
        load_record(s, sound ? r.topic_id : 0, offset, open);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int load_closed_block(struct lmdb_store *s, MDB_cursor *log, uint64_t block,
                             const MDB_val *value)
{
    struct block_index x;
    if (block_index_open(&x, block, value->mv_data, value->mv_size)) {
        store_met_damage(&s->base, STORE_DAMAGE_INDEX, block);
        return load_records(s, log, block, false);
    }
    for (uint32_t i = 0; i < x.topics; i++)
        note_in_group(s, block_index_topic(&x, i), block);
    return 0;
}

static int load_group(struct lmdb_store *s, MDB_cursor *log, MDB_cursor *index)
{
    uint64_t block = group_first(group_of(s->tail.block));
    MDB_val value;
    int rc = lmdb_cursor_step(index, &block, &value, MDB_SET_RANGE);
    while (!rc && block < s->tail.block) {
        rc = load_closed_block(s, log, block, &value);
        if (!rc)
            rc = lmdb_cursor_step(index, &block, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int load(struct lmdb_store *s, MDB_cursor *log, MDB_cursor *index)
{
    uint64_t offset;
    MDB_val value;
    int rc = lmdb_cursor_step(log, &offset, &value, MDB_LAST);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    s->tail.block = block_of(offset);
    rc = load_records(s, log, s->tail.block, true);
    return rc ? rc : load_group(s, log, index);
}

enum err tail_load(struct lmdb_store *s, MDB_txn *txn)
{
    struct lmdb_tail *t = &s->tail;
    MDB_cursor *log, *index;
    t->known = false;
    t->block = 0;
    block_builder_clear(&t->builder);
    forget_group(s);
    int rc = mdb_cursor_open(txn, s->dbi[DB_LOG], &log);
    if (rc)
        return lmdb_err(rc);
    rc = mdb_cursor_open(txn, s->dbi[DB_INDEX], &index);
    if (!rc) {
        rc = load(s, log, index);
        mdb_cursor_close(index);
    }
    mdb_cursor_close(log);
    t->known = rc == 0;
    return lmdb_err(rc);
}
