#include "storage/lmdb/lmdb_settle.h"

#include <errno.h>
#include <stdlib.h>

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_tail.h"
#include "storage/record.h"

int lmdb_compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int delete_value(struct lmdb_removal *m, enum lmdb_db db, uint64_t number)
{
    MDB_val key = {.mv_size = sizeof(number), .mv_data = &number};
    int rc = mdb_del(m->w.txn, m->s->dbi[db], &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Whether a group has a block with an index value. */
static int group_has_blocks(struct lmdb_removal *m, uint64_t group, bool *ret)
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

int lmdb_topic_by_index(struct lmdb_removal *m, uint64_t offset, uint32_t *ret)
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

/* Fills the builder with what is left of BLOCK; records that cannot be read stay where they were
 * named, or become anybody's. */
static int collect_left(struct lmdb_removal *m, uint64_t block, const struct named *named)
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
static int settle_block(struct lmdb_removal *m, uint64_t block, const MDB_val *value)
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

int lmdb_settle_blocks(struct lmdb_removal *m, uint64_t from, uint64_t end)
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

static int collect_members(struct lmdb_removal *m, uint64_t group, struct members *g)
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

static int write_group(struct lmdb_removal *m, uint64_t group, struct members *g)
{
    qsort(g->pairs, g->count, sizeof(g->pairs[0]), lmdb_compare_numbers);
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
static int settle_group(struct lmdb_removal *m, uint64_t group, const MDB_val *value)
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
static int tidy_group(struct lmdb_removal *m, uint64_t block)
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
static int block_has_records(struct lmdb_removal *m, uint64_t block, bool *ret)
{
    uint64_t offset = block_first(block);
    MDB_val value;
    int rc = lmdb_cursor_step(m->log, &offset, &value, MDB_SET_RANGE);
    *ret = !rc && block_of(offset) == block;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int lmdb_tidy_block(struct lmdb_removal *m, uint64_t block, bool settle)
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

int lmdb_settle_groups(struct lmdb_removal *m, uint64_t from, uint64_t end)
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
