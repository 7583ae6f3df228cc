/*
 * The durable log: taking records away, by topic (purge, expire) and from the log's beginning
 * (trim), and what that does to the index (doc/storage-format.md, "Removing").
 *
 * Each call is one commit. Floors rise before records go, so that no reader sees half of it.
 */
#include "storage/lmdb/lmdb_remove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_read.h"
#include "storage/lmdb/lmdb_reader.h"
#include "storage/lmdb/lmdb_repair.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_tail.h"
#include "storage/lmdb/lmdb_write.h"
#include "storage/record.h"

enum {
    REMOVAL_MAX = 65536,   /* most records that one commit takes away */
    LOOKS_PER_REMOVAL = 8, /* so many records may be kept for each one that goes, for one commit */
    SETTLING_SLOTS = 512   /* a block is settled when one slot in so many is removed by topic */
};

/* One commit. */
struct removal {
    struct lmdb_store *s;
    struct store_removal *r;
    struct lmdb_write w;
    size_t max;
    MDB_cursor *log, *index; /* while W is open */
    struct block_builder *builder;
    /* Found by topic: */
    struct catalog_topic *topic;
    uint64_t *offsets;
    size_t count;
    uint64_t time_ms; /* of the last one that could be read, 0 = none: a damaged one has no other */
    bool stopped;     /* the judge said so */
};

/* --- one record --- */

/* The key of R, which goes, lives on without the rest. */
static enum err keep_key(struct removal *m, const struct store_record *r)
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

/* R with the time that it was; what is kept of it stays as it is on disk. */
static struct store_record timed(struct removal *m, const struct store_record *r)
{
    struct store_record record = *r;
    store_true_time(&m->s->base, &record);
    return record;
}

static bool keeps_key(struct removal *m, const struct store_record *r)
{
    struct store_record record = timed(m, r);
    return store_keeps_key(m->r, &record);
}

/* Removes the record under the log cursor; R is NULL when it is damaged. */
static enum err remove_record(struct removal *m, const struct store_record *r)
{
    enum err e = r && keeps_key(m, r) ? keep_key(m, r) : ERR_OK;
    if (!e)
        e = lmdb_err(mdb_cursor_del(m->log, 0));
    m->r->removed += !e;
    return e;
}

/* --- the index --- */

static int delete_value(struct removal *m, enum lmdb_db db, uint64_t number)
{
    MDB_val key = {.mv_size = sizeof(number), .mv_data = &number};
    int rc = mdb_del(m->w.txn, m->s->dbi[db], &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Whether a group has a block with an index value. */
static int group_has_blocks(struct removal *m, uint64_t group, bool *ret)
{
    uint64_t block = group_first(group);
    MDB_val value;
    int rc = lmdb_cursor_step(m->index, &block, &value, MDB_SET_RANGE);
    *ret = !rc && group_of(block) == group;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* A block's index value, and what it says of each slot. */
struct named {
    bool known;
    struct block_index x;
    uint16_t map[BLOCK_SLOTS]; /* block_index_map's */
};

static void open_named(struct named *n, uint64_t block, const MDB_val *value)
{
    n->known = !block_index_open(&n->x, block, value->mv_data, value->mv_size) &&
               !block_index_map(&n->x, n->map);
}

/* The topic under which OFFSET is named; 0: under none. */
static uint32_t topic_named(const struct named *n, uint64_t offset)
{
    uint16_t number = n->known ? n->map[block_slot(offset)] : 0;
    return number ? block_index_topic(&n->x, number - 1u) : 0;
}

/* Fills the builder with what is left of BLOCK; records that cannot be read stay where they were
 * named, or become anybody's. */
static int collect_left(struct removal *m, uint64_t block, const struct named *named)
{
    uint64_t offset = block_first(block);
    struct store_record r;
    MDB_val value;
    block_builder_clear(m->builder);
    int rc = lmdb_cursor_step(m->log, &offset, &value, MDB_SET_RANGE);
    for (; !rc && block_of(offset) == block;
         rc = lmdb_cursor_step(m->log, &offset, &value, MDB_NEXT)) {
        if (record_decode(offset, value.mv_data, value.mv_size, &r))
            r.topic_id = topic_named(named, offset);
        block_builder_add(m->builder, r.topic_id, block_slot(offset));
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Makes the index value of BLOCK, which is VALUE under the index cursor, name what is left and no
 * more. */
static int settle_block(struct removal *m, uint64_t block, const MDB_val *value)
{
    struct named named;
    open_named(&named, block, value);
    int rc = collect_left(m, block, &named);
    if (rc || (named.known && m->builder->count == named.x.records))
        return rc; /* a damaged value is written anew */
    if (m->builder->count == 0)
        return mdb_cursor_del(m->index, 0);
    MDB_val key = {.mv_size = sizeof(block), .mv_data = &block};
    MDB_val fresh = {.mv_size = block_builder_finish(m->builder)};
    rc = mdb_cursor_put(m->index, &key, &fresh, MDB_RESERVE);
    if (!rc)
        block_builder_encode(m->builder, block, fresh.mv_data);
    return rc;
}

/* All blocks from FROM to before END that have an index value. */
static int settle_blocks(struct removal *m, uint64_t from, uint64_t end)
{
    uint64_t block = from;
    MDB_val value;
    int rc = lmdb_cursor_step(m->index, &block, &value, MDB_SET_RANGE);
    while (!rc && block < end) {
        rc = settle_block(m, block, &value);
        if (!rc)
            rc = lmdb_cursor_step(m->index, &block, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The topics of a group's index values: topic << GROUP_BITS | place of the block, ascending. */
struct members {
    uint64_t *pairs;
    size_t count, cap;
};

static int add_members(struct members *g, uint64_t block, const MDB_val *value)
{
    struct block_index x;
    if (block_index_open(&x, block, value->mv_data, value->mv_size))
        return MDB_CORRUPTED;
    if (g->count + x.topics > g->cap) {
        size_t cap = g->cap * 2 > g->count + x.topics ? g->cap * 2 : g->count + x.topics;
        uint64_t *pairs = reallocarray(g->pairs, cap, sizeof(*pairs));
        if (!pairs)
            return ENOMEM;
        g->pairs = pairs;
        g->cap = cap;
    }
    for (uint32_t i = 0; i < x.topics; i++)
        g->pairs[g->count++] =
            (uint64_t)block_index_topic(&x, i) << GROUP_BITS | (block & (GROUP_BLOCKS - 1));
    return 0;
}

static int collect_members(struct removal *m, uint64_t group, struct members *g)
{
    uint64_t block = group_first(group);
    MDB_val value;
    int rc = lmdb_cursor_step(m->index, &block, &value, MDB_SET_RANGE);
    while (!rc && group_of(block) == group) {
        rc = add_members(g, block, &value);
        if (!rc)
            rc = lmdb_cursor_step(m->index, &block, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t count_topics(const struct members *g)
{
    uint32_t topics = 0;
    for (size_t i = 0; i < g->count; i++)
        topics += i == 0 || g->pairs[i] >> GROUP_BITS != g->pairs[i - 1] >> GROUP_BITS;
    return topics;
}

static void encode_members(const struct members *g, uint64_t group, uint32_t topics, void *out)
{
    uint64_t blocks = 0;
    uint32_t entry = 0;
    for (size_t i = 0; i < g->count; i++) {
        uint64_t topic = g->pairs[i] >> GROUP_BITS;
        blocks |= group_bit(g->pairs[i]);
        if (i + 1 < g->count && g->pairs[i + 1] >> GROUP_BITS == topic)
            continue;
        group_index_encode(out, group, entry++, topics, (uint32_t)topic, blocks);
        blocks = 0;
    }
}

static int write_group(struct removal *m, uint64_t group, struct members *g)
{
    qsort(g->pairs, g->count, sizeof(g->pairs[0]), compare_numbers);
    uint32_t topics = count_topics(g);
    MDB_val key = {.mv_size = sizeof(group), .mv_data = &group};
    MDB_val value = {.mv_size = (size_t)topics * GROUP_ENTRY_SIZE};
    int rc = mdb_put(m->w.txn, m->s->dbi[DB_GROUPS], &key, &value, MDB_RESERVE);
    if (!rc)
        encode_members(g, group, topics, value.mv_data);
    return rc;
}

/* Of how many blocks a group's value tells, over all its topics; 0 when it is damaged. */
static size_t count_bits(uint64_t group, const MDB_val *value)
{
    size_t bits = 0;
    uint32_t count = group_index_count(value->mv_size), topic;
    uint64_t blocks;
    for (uint32_t i = 0; i < count; i++) {
        if (group_index_entry(group, value->mv_data, value->mv_size, i, &topic, &blocks))
            return 0;
        bits += (size_t)__builtin_popcountll(blocks);
    }
    return bits;
}

/* The same for GROUP, by the index values of its blocks. */
static int settle_group(struct removal *m, uint64_t group, const MDB_val *value)
{
    struct members g = {0};
    int rc = collect_members(m, group, &g);
    if (rc == MDB_CORRUPTED)
        rc = 0; /* a group that names too much does no harm */
    else if (!rc && g.count == 0)
        rc = delete_value(m, DB_GROUPS, group);
    else if (!rc && g.count != count_bits(group, value))
        rc = write_group(m, group, &g);
    free(g.pairs);
    return rc;
}

/* The group of a block that has lost records by topic: without blocks it loses its value. With its
 * middle and its last block it is settled, since those before have mostly lost theirs by then. */
static int tidy_group(struct removal *m, uint64_t block)
{
    uint64_t group = group_of(block);
    MDB_val key = {.mv_size = sizeof(group), .mv_data = &group}, value;
    bool has_blocks;
    if (group >= group_of(m->s->tail.block))
        return 0;
    int rc = group_has_blocks(m, group, &has_blocks);
    if (rc)
        return rc;
    if (!has_blocks)
        return delete_value(m, DB_GROUPS, group);
    if ((block + 1) % (GROUP_BLOCKS / 2) != 0)
        return 0;
    rc = mdb_get(m->w.txn, m->s->dbi[DB_GROUPS], &key, &value);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    return settle_group(m, group, &value);
}

/* Whether BLOCK has a record. */
static int block_has_records(struct removal *m, uint64_t block, bool *ret)
{
    uint64_t offset = block_first(block);
    MDB_val value;
    int rc = lmdb_cursor_step(m->log, &offset, &value, MDB_SET_RANGE);
    *ret = !rc && block_of(offset) == block;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* BLOCK has lost records by topic. It is looked at whether it has any left; settling it costs more,
 * and is done when one of a few of its slots was among them. The open block has no value yet. */
static int tidy_block(struct removal *m, uint64_t block, bool settle)
{
    uint64_t key = block;
    bool has_records;
    MDB_val value;
    if (!m->s->tail.known || block >= m->s->tail.block)
        return 0;
    int rc = block_has_records(m, block, &has_records);
    if (rc || (has_records && !settle))
        return rc;
    if (has_records) {
        rc = lmdb_cursor_step(m->index, &key, &value, MDB_SET);
        if (!rc)
            rc = settle_block(m, block, &value);
    } else {
        rc = delete_value(m, DB_INDEX, block);
    }
    return rc && rc != MDB_NOTFOUND ? rc : tidy_group(m, block);
}

/* All groups from FROM to before END that have a value. */
static int settle_groups(struct removal *m, uint64_t from, uint64_t end)
{
    MDB_cursor *groups;
    MDB_val value;
    int rc = mdb_cursor_open(m->w.txn, m->s->dbi[DB_GROUPS], &groups);
    if (rc)
        return rc;
    uint64_t group = from;
    while (!(rc = lmdb_cursor_step(groups, &group, &value, MDB_SET_RANGE)) && group < end) {
        rc = settle_group(m, group++, &value);
        if (rc)
            break;
    }
    mdb_cursor_close(groups);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* --- the commit --- */

static void close_cursors(struct removal *m)
{
    if (m->index)
        mdb_cursor_close(m->index);
    if (m->log)
        mdb_cursor_close(m->log);
    m->index = m->log = NULL;
}

static enum err open_cursors(struct removal *m)
{
    int rc = mdb_cursor_open(m->w.txn, m->s->dbi[DB_LOG], &m->log);
    if (!rc)
        rc = mdb_cursor_open(m->w.txn, m->s->dbi[DB_INDEX], &m->index);
    return lmdb_err(rc);
}

static enum err write_gone_rows(struct removal *m)
{
    for (struct catalog_topic *t = m->s->base.catalog.gone; t; t = t->next_gone) {
        enum err e = lmdb_write_row(m->s, &m->w, t);
        if (e)
            return e;
    }
    return ERR_OK;
}

/* Runs WORK and writes the rows of what went in one commit. Nothing has changed on error. */
static enum err commit_removal(struct removal *m, enum err (*work)(struct removal *m, void *arg),
                               void *arg)
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

static enum err end_removal(struct removal *m, enum err e)
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

/* --- by topic --- */

static bool take(void *ctx, const struct store_record *r)
{
    struct removal *m = ctx;
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
    struct removal *m = ctx;
    struct store_record guess = *r;
    guess.time_ms = m->time_ms;
    return r->topic_id != m->topic->id || take(m, &guess);
}

/* Notes the oldest records of T up to UPTO that go; *RET_DONE: that is all of them. */
static enum err find_by_topic(struct removal *m, struct catalog_topic *t, uint64_t upto,
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

static enum err remove_at(struct removal *m, uint64_t offset)
{
    struct store_record r;
    MDB_val value;
    int rc = lmdb_cursor_step(m->log, &offset, &value, MDB_SET);
    if (rc)
        return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
    bool sound = !record_decode(offset, value.mv_data, value.mv_size, &r);
    return remove_record(m, sound ? &r : NULL);
}

/* In the order of offsets, whatever the topics: neighbours share pages. */
static enum err remove_found(struct removal *m, void *arg)
{
    (void)arg;
    qsort(m->offsets, m->count, sizeof(m->offsets[0]), compare_numbers);
    enum err e = ERR_OK;
    bool settle = false;
    for (size_t i = 0; !e && i < m->count; i++) {
        uint64_t block = block_of(m->offsets[i]);
        settle |= block_slot(m->offsets[i]) % SETTLING_SLOTS == 0;
        e = remove_at(m, m->offsets[i]);
        if (e || (i + 1 < m->count && block_of(m->offsets[i + 1]) == block))
            continue;
        e = lmdb_err(tidy_block(m, block, settle));
        settle = false;
    }
    return e;
}

static enum err begin_by_topic(struct removal *m)
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
static enum err purge_step(struct removal *m, struct catalog_topic *t, uint64_t upto)
{
    uint64_t floor = atomic_load_explicit(&t->floor, memory_order_relaxed);
    enum err e = begin_by_topic(m);
    if (!e)
        e = find_by_topic(m, t, upto, &m->r->done);
    if (e)
        return e;
    if (upto > floor)
        atomic_store_explicit(&t->floor, upto, memory_order_release);
    e = commit_removal(m, remove_found, NULL);
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
    struct removal m = {.s = lmdb_of(base), .r = &all};
    enum err e = end_removal(&m, purge_step(&m, t, upto));
    r->removed = all.removed;
    r->done = all.done;
    return e;
}

static enum err find_expired(struct removal *m, const uint32_t *topics, size_t count,
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

static enum err expire_step(struct removal *m, const uint32_t *topics, size_t count,
                            size_t *ret_topics)
{
    enum err e = begin_by_topic(m);
    if (!e)
        e = find_expired(m, topics, count, ret_topics);
    if (e || m->count == 0)
        return e;
    catalog_raise_floors(&m->s->base.catalog, m->r);
    return commit_removal(m, remove_found, NULL);
}

enum err lmdb_expire(struct store *base, const uint32_t *topics, size_t count,
                     struct store_removal *r, size_t *ret_topics)
{
    struct removal m = {.s = lmdb_of(base), .r = r};
    enum err e = end_removal(&m, expire_step(&m, topics, count, ret_topics));
    r->done = !e && *ret_topics == count;
    return e;
}

/* --- from the beginning --- */

struct trim {
    uint64_t at, upto;
    uint64_t next; /* the record that the walk ended before */
    bool left;     /* there is one */
    bool stopped;  /* the judge said so */
    uint64_t lost; /* the newest one that went and was of any topic, 0 = none */
    uint64_t sound_at,
        sound_ms; /* a record that can be read, none before it on the way; its time */
};

/* Finds the next record that can be read; the log cursor, which is at OFFSET, stays there. */
static int find_sound(struct removal *m, struct trim *t, uint64_t offset)
{
    struct store_record r;
    MDB_val value;
    int rc;
    t->sound_at = offset;
    do
        rc = lmdb_cursor_step(m->log, &t->sound_at, &value, MDB_NEXT);
    while (!rc && record_decode(t->sound_at, value.mv_data, value.mv_size, &r));
    if (rc && rc != MDB_NOTFOUND)
        return rc;
    t->sound_ms = rc ? m->s->base.last_time_ms : timed(m, &r).time_ms;
    if (rc)
        t->sound_at = UINT64_MAX;
    return lmdb_cursor_step(m->log, &offset, &value, MDB_SET);
}

/* The topic for which the index names OFFSET; 0: for none. */
static int topic_by_index(struct removal *m, uint64_t offset, uint32_t *ret)
{
    uint64_t block = block_of(offset);
    struct named named;
    MDB_val value;
    *ret = lmdb_open_topic(m->s, offset);
    int rc = *ret ? MDB_NOTFOUND : lmdb_cursor_step(m->index, &block, &value, MDB_SET);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    open_named(&named, block, &value);
    *ret = topic_named(&named, offset);
    return 0;
}

/* What can be said of the record under the log cursor, which cannot be read: it is not younger than
 * the next one that can. *RET_CLAIMED: the topic that it names itself, which may be wrong. */
static int guess_record(struct removal *m, struct trim *t, const MDB_val *value,
                        struct store_record *ret, uint32_t *ret_claimed)
{
    *ret = (struct store_record){.offset = t->next};
    if (!record_claims(value->mv_data, value->mv_size, ret_claimed, &ret->payload_len))
        *ret_claimed = 0;
    store_met_damage(&m->s->base, STORE_DAMAGE_RECORD, t->next);
    int rc = topic_by_index(m, t->next, &ret->topic_id);
    if (!rc && t->sound_at <= t->next)
        rc = find_sound(m, t, t->next);
    ret->time_ms = t->sound_ms;
    return rc;
}

/* Whether nothing is left before OFFSET, where the log cursor is, and stays. */
static int is_oldest(struct removal *m, uint64_t offset, bool *ret)
{
    uint64_t first;
    MDB_val value;
    int rc = lmdb_cursor_step(m->log, &first, &value, MDB_FIRST);
    *ret = !rc && first == offset;
    return rc ? rc : lmdb_cursor_step(m->log, &offset, &value, MDB_SET);
}

/* The verdict on the record under the log cursor, R if it is SOUND. One that may be of any topic
 * raises all floors when it goes: it stays as long as a topic keeps something before it. */
static int judge_trimmed(struct removal *m, const struct store_record *r, bool sound,
                         enum store_verdict *ret)
{
    bool anybodys = !sound && r->topic_id == 0, oldest = true;
    bool known = anybodys || catalog_find(&m->s->base.catalog, r->topic_id);
    struct store_record judged = sound ? timed(m, r) : *r;
    *ret = known ? store_judge(m->r, &judged) : STORE_REMOVE;
    int rc = anybodys && *ret == STORE_REMOVE ? is_oldest(m, r->offset, &oldest) : 0;
    if (!oldest)
        *ret = STORE_KEEP;
    return rc;
}

/* Takes away R, which the log cursor is at; COUNTED: the topic that counts it. */
static enum err remove_trimmed(struct removal *m, struct trim *t, const struct store_record *r,
                               bool sound, uint32_t counted)
{
    struct catalog_topic *topic = catalog_find(&m->s->base.catalog, counted);
    if (!sound && r->topic_id == 0)
        t->lost = r->offset;
    if (topic)
        catalog_note_gone(&m->s->base.catalog, topic, r->offset, r->payload_len);
    return remove_record(m, sound ? r : NULL);
}

/* Judges the record under the log cursor; *RET_REMOVED: it went. */
static enum err trim_record(struct removal *m, struct trim *t, const MDB_val *value,
                            bool *ret_removed)
{
    struct store_record r;
    uint32_t claimed = 0;
    enum store_verdict verdict = STORE_KEEP;
    bool sound = !record_decode(t->next, value->mv_data, value->mv_size, &r);
    int rc = sound ? 0 : guess_record(m, t, value, &r, &claimed);
    if (!rc)
        rc = judge_trimmed(m, &r, sound, &verdict);
    t->stopped = verdict == STORE_STOP;
    *ret_removed = verdict == STORE_REMOVE;
    if (rc || !*ret_removed)
        return lmdb_err(rc);
    return remove_trimmed(m, t, &r, sound, r.topic_id ? r.topic_id : claimed);
}

/* Damaged records that an earlier step had to leave behind, since something was before them. */
static enum err trim_left_behind(struct removal *m, struct trim *t)
{
    struct store_record r;
    bool removed = true;
    MDB_val value;
    while (removed && m->r->removed < m->max) {
        int rc = lmdb_cursor_step(m->log, &t->next, &value, MDB_FIRST);
        if (rc || t->next > t->at || !record_decode(t->next, value.mv_data, value.mv_size, &r))
            return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
        enum err e = trim_record(m, t, &value, &removed);
        if (!e && removed)
            e = lmdb_err(tidy_block(m, block_of(t->next), true));
        if (e)
            return e;
    }
    t->stopped = false;
    return ERR_OK;
}

static enum err trim_records(struct removal *m, struct trim *t)
{
    size_t looks = 0;
    bool removed;
    MDB_val value;
    t->next = t->at + 1;
    int rc = lmdb_cursor_step(m->log, &t->next, &value, MDB_SET_RANGE);
    while (!rc && t->next <= t->upto && m->r->removed < m->max &&
           looks < m->max * LOOKS_PER_REMOVAL) {
        enum err e = trim_record(m, t, &value, &removed);
        if (e)
            return e;
        if (t->stopped)
            break;
        looks++;
        rc = lmdb_cursor_step(m->log, &t->next, &value, MDB_NEXT);
    }
    t->left = rc == 0;
    return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
}

/* Blocks and groups that the walk has passed; the open ones have no values yet. */
static int settle_passed(struct removal *m, const struct trim *t)
{
    uint64_t from = block_of(t->at + 1);
    uint64_t end = block_of(t->left ? t->next : m->s->base.last_offset);
    int rc = settle_blocks(m, from, end);
    return rc ? rc : settle_groups(m, group_of(from), group_of(end));
}

/* What went up to LOST may have been any topic's: nothing before it is left of any, and each that
 * had got so far says so. Whose newest is older has not, unless what was there at the opening was
 * never counted. */
static void note_lost(struct removal *m, uint64_t lost)
{
    struct id_walk all = catalog_walk(&m->s->base.catalog, 0);
    struct catalog_topic *t;
    while ((t = id_walk_next(&all))) {
        if (t->last < lost && lost <= m->s->unread_high)
            t->last = lost;
        uint64_t floor = atomic_load_explicit(&t->floor, memory_order_relaxed);
        if (t->last >= lost && t->gone_upto < lost && floor < lost)
            catalog_note_swept(&m->s->base.catalog, t, lost);
    }
}

static enum err trim_all(struct removal *m, void *arg)
{
    struct trim *t = arg;
    m->builder = malloc(sizeof(*m->builder));
    enum err e = m->builder ? trim_left_behind(m, t) : ERR_NOMEM;
    if (!e)
        e = trim_records(m, t);
    if (!e)
        e = lmdb_err(settle_passed(m, t));
    if (!e && t->lost)
        note_lost(m, t->lost);
    if (!e)
        catalog_raise_floors(&m->s->base.catalog, m->r);
    return e;
}

enum err lmdb_trim(struct store *base, uint64_t *at, uint64_t upto, struct store_removal *r)
{
    struct removal m = {.s = lmdb_of(base), .r = r, .max = r->max};
    struct trim t = {.at = *at, .upto = upto};
    enum err e = end_removal(&m, commit_removal(&m, trim_all, &t));
    if (e)
        return e;
    *at = t.left && t.next <= upto ? t.next - 1 : upto;
    r->done = t.stopped || *at == upto;
    return ERR_OK;
}

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
