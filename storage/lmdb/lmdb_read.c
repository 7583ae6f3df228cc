/*
 * Reading the durable log.
 *
 * A read for all topics walks the log. A read for a topic set goes from block to block: the groups'
 * values tell which blocks can hold anything, a block's value tells which offsets; those are
 * fetched in order. The open block (the one of the newest record, and all after it) is walked.
 * Index values may name records that are gone, and a damaged value only costs a walk: the log has
 * the last word. A damaged record is not trusted to name its topic: the index says whose it was, or
 * nobody does, and then it may have been anybody's.
 */
#include "storage/lmdb/lmdb_read.h"

#include <stdlib.h>
#include <string.h>

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_guard.h"
#include "storage/lmdb/lmdb_reader.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/lmdb_tail.h"
#include "storage/record.h"

/* Up to so many topics are looked up one by one in an index value; for larger sets its entries are
 * walked and looked up in a bitmap of the set, or, when its ids lie too far apart for that, by
 * halving the set. */
enum { SMALL_SET_MAX = 32, BITS_PER_TOPIC = 512 };

/* So many entries walked count as one looked up in the work that a call may do. */
enum { WALKED_PER_LOOK = 64 };

/* A record that is so many further on is reached by steps. */
enum { STEPS_MAX = 8 };

enum { WORD_BITS = 64 };

static const uint64_t no_block = UINT64_MAX;
static const uint64_t no_group = UINT64_MAX;

/* One call of lmdb_read. */
struct scan {
    struct lmdb_reader *r;
    const struct store_query *q;
    store_visit *visit;
    void *ctx;
    bool hidden;        /* what is at or below the floors is visited as well */
    bool large;         /* the set has more than SMALL_SET_MAX topics */
    bool mapped;        /* and is in r->set, from its first topic on */
    bool ended;         /* REACHED is where this call ends */
    uint64_t low, high; /* offsets that can matter, both included */
    uint64_t open;      /* the open block */
    uint64_t reached;   /* as store_read's */
    uint64_t at;        /* the log cursor's offset, 0 = nowhere */
    uint64_t group;     /* the group that BLOCKS speaks of, no_group at first */
    uint64_t blocks;    /* its blocks in which a topic asked for may occur */
    size_t found, looked;
};

/* Everything up to REACHED is done. */
static void advance(struct scan *s, uint64_t reached)
{
    s->reached = reached;
    if (s->q->max_scan && s->looked >= s->q->max_scan)
        s->ended = true;
}

/* Where ID is in the bitmap, which has ids from the set's first to its last. */
static bool place_in_map(const struct scan *s, uint32_t id, uint32_t *ret)
{
    *ret = id - s->q->topics[0];
    return id >= s->q->topics[0] && id <= s->q->topics[s->q->topic_count - 1];
}

static bool in_map(const struct scan *s, uint32_t id)
{
    uint32_t place;
    return place_in_map(s, id, &place) && (s->r->set[place / WORD_BITS] >> (place % WORD_BITS) & 1);
}

static bool in_set(const struct scan *s, uint32_t id)
{
    if (s->large)
        return s->mapped ? in_map(s, id) : store_query_names(s->q, id);
    for (size_t i = 0; i < s->q->topic_count; i++)
        if (s->q->topics[i] == id)
            return true;
    return false;
}

static bool is_visible(const struct scan *s, uint64_t offset, uint32_t topic_id)
{
    const struct catalog_topic *t = catalog_find(&s->r->base.store->catalog, topic_id);
    return t && (s->hidden || offset > atomic_load_explicit(&t->floor, memory_order_acquire));
}

static bool is_wanted(const struct scan *s, uint32_t topic_id)
{
    return !s->q->topics || in_set(s, topic_id);
}

/* Visits R by VISIT, which may be NULL. */
static void show(struct scan *s, store_visit *visit, const struct store_record *r)
{
    lmdb_guard_leave(); /* its checksum has read all of R; the visitor's faults are its own */
    bool taken = !visit || visit(s->ctx, r);
    lmdb_guard_enter();
    if (!taken) {
        s->reached = s->q->reverse ? r->offset + 1 : r->offset - 1;
        s->ended = true;
        return;
    }
    s->found += visit != NULL;
    advance(s, r->offset);
    if (s->q->max_records && s->found >= s->q->max_records)
        s->ended = true;
}

/* --- damage --- */

/* The topic under which the index names OFFSET; 0: under none. */
static int topic_by_index(struct scan *s, uint64_t offset, uint32_t *ret)
{
    uint64_t block = block_of(offset), key = block;
    struct block_index x;
    MDB_val value;
    *ret = 0;
    if (block >= s->open) {
        *ret = lmdb_open_topic(lmdb_of(s->r->base.store), offset);
        return 0;
    }
    int rc = lmdb_cursor_step(s->r->index, &key, &value, MDB_SET);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    if (block_index_open(&x, block, value.mv_data, value.mv_size) || block_index_map(&x, s->r->map))
        return 0;
    uint16_t number = s->r->map[block_slot(offset)];
    if (number)
        *ret = block_index_topic(&x, number - 1u);
    return 0;
}

/* The record at OFFSET, whose value is VALUE (NULL: there is none), cannot be read. */
static int show_damaged(struct scan *s, uint64_t offset, const MDB_val *value)
{
    struct store_record r = {.offset = offset};
    uint32_t claimed;
    int rc = topic_by_index(s, offset, &r.topic_id);
    if (rc)
        return rc;
    bool wanted = !r.topic_id || (is_wanted(s, r.topic_id) && is_visible(s, offset, r.topic_id));
    if (value && !record_claims(value->mv_data, value->mv_size, &claimed, &r.payload_len))
        r.payload_len = 0;
    if (wanted || value)
        store_met_damage(s->r->base.store, STORE_DAMAGE_RECORD, offset);
    if (wanted)
        show(s, s->q->damaged, &r);
    else
        advance(s, offset);
    return 0;
}

/* --- looking at records --- */

/* Whether a record need not be read, since it is of a topic that is not asked for. What it says
 * itself counts only when the open block says so, too. */
static bool is_another(const struct scan *s, uint64_t offset, const MDB_val *value)
{
    uint32_t claimed = record_topic(value->mv_data, value->mv_size);
    return claimed && !is_wanted(s, claimed) &&
           lmdb_open_topic(lmdb_of(s->r->base.store), offset) == claimed;
}

static int look(struct scan *s, uint64_t offset, const MDB_val *value)
{
    struct store_record record;
    s->looked++;
    if (is_another(s, offset, value)) {
        advance(s, offset);
        return 0;
    }
    if (record_decode(offset, value->mv_data, value->mv_size, &record))
        return show_damaged(s, offset, value);
    store_true_time(s->r->base.store, &record);
    if (is_wanted(s, record.topic_id) && is_visible(s, offset, record.topic_id))
        show(s, s->visit, &record);
    else
        advance(s, offset);
    return 0;
}

/* The index names a record that is not in the log. It mostly has been removed, and then a floor is
 * above it, which rose before. */
static int look_in_vain(struct scan *s, uint64_t offset)
{
    uint32_t topic_id;
    s->looked++;
    int rc = s->hidden ? 0 : topic_by_index(s, offset, &topic_id);
    if (rc)
        return rc;
    if (!s->hidden && topic_id && is_visible(s, offset, topic_id))
        return show_damaged(s, offset, NULL);
    advance(s, offset);
    return 0;
}

/* Looks at every record of the log in [LOW, HIGH]. */
static int walk(struct scan *s, uint64_t low, uint64_t high)
{
    MDB_cursor *log = s->r->log;
    bool reverse = s->q->reverse;
    uint64_t offset = reverse ? high : low;
    MDB_val value;
    int rc = reverse ? lmdb_cursor_seek_back(log, &offset, &value)
                     : lmdb_cursor_step(log, &offset, &value, MDB_SET_RANGE);
    while (!rc && offset >= low && offset <= high) {
        uint64_t before = offset;
        rc = look(s, offset, &value);
        if (rc || s->ended)
            return rc;
        rc = lmdb_cursor_step(log, &offset, &value, reverse ? MDB_PREV : MDB_NEXT);
        if (!rc && (reverse ? offset >= before : offset <= before))
            rc = MDB_CORRUPTED; /* keys that are not in order hide others */
    }
    s->at = 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The record at OFFSET, if it is still there. A step to the next record costs a small part of a
 * search from the root, and mostly stays in the page. */
static int fetch(struct scan *s, uint64_t offset, MDB_val *value)
{
    MDB_cursor *log = s->r->log;
    uint64_t key = s->at;
    int rc = 0;
    if (!s->at || offset < s->at || offset - s->at > STEPS_MAX) {
        key = offset;
        rc = lmdb_cursor_step(log, &key, value, MDB_SET);
    } else if (offset == s->at) {
        rc = lmdb_cursor_step(log, &key, value, MDB_GET_CURRENT);
    }
    while (!rc && key < offset)
        rc = lmdb_cursor_step(log, &key, value, MDB_NEXT);
    s->at = rc ? 0 : key;
    return !rc && key != offset ? MDB_NOTFOUND : rc;
}

/* Slots of one block, taken out from one end. */
enum { SLOT_WORDS = BLOCK_SLOTS / WORD_BITS };

struct slots {
    uint64_t bits[SLOT_WORDS];
    unsigned emptied; /* words, from the end where taking began */
};

/* Takes the next slot out; false when there is none. */
static bool take_slot(struct slots *slots, bool reverse, unsigned *ret)
{
    for (; slots->emptied < SLOT_WORDS; slots->emptied++) {
        unsigned word = reverse ? SLOT_WORDS - 1 - slots->emptied : slots->emptied;
        uint64_t bits = slots->bits[word];
        if (!bits)
            continue;
        unsigned bit =
            (unsigned)(reverse ? WORD_BITS - 1 - __builtin_clzll(bits) : __builtin_ctzll(bits));
        slots->bits[word] &= ~(UINT64_C(1) << bit);
        *ret = word * WORD_BITS + bit;
        return true;
    }
    return false;
}

/* Looks at the records that SLOTS name, in [LOW, HIGH] of BLOCK. */
static int look_at_slots(struct scan *s, uint64_t block, struct slots *slots, uint64_t low,
                         uint64_t high)
{
    unsigned slot;
    while (!s->ended && take_slot(slots, s->q->reverse, &slot)) {
        uint64_t offset = block_first(block) + slot;
        MDB_val value;
        if (offset < low || offset > high)
            continue;
        int rc = fetch(s, offset, &value);
        if (rc && rc != MDB_NOTFOUND)
            return rc;
        rc = rc ? look_in_vain(s, offset) : look(s, offset, &value);
        if (rc)
            return rc;
    }
    return 0;
}

static void collect_slots(struct scan *s, const struct block_index *x, struct slots *slots)
{
    s->looked += s->large ? 1 + x->topics / WALKED_PER_LOOK : s->q->topic_count;
    if (block_index_topic(x, 0) == 0)
        block_index_slots(x, 0, slots->bits); /* whoever's they are */
    if (s->large) {
        for (uint32_t i = 0; i < x->topics; i++)
            if (in_set(s, block_index_topic(x, i)))
                block_index_slots(x, i, slots->bits);
        return;
    }
    for (size_t i = 0; i < s->q->topic_count; i++) {
        uint32_t at = block_index_find(x, s->q->topics[i]);
        if (at < x->topics)
            block_index_slots(x, at, slots->bits);
    }
}

/* A block without index value has no records: unless it was that value that got lost. */
static int scan_unindexed(struct scan *s, uint64_t block, uint64_t low, uint64_t high)
{
    size_t looked = s->looked;
    int rc = walk(s, low, high);
    if (s->looked != looked)
        store_met_damage(s->r->base.store, STORE_DAMAGE_INDEX_MISSING, block);
    return rc;
}

static int scan_closed(struct scan *s, uint64_t block, uint64_t low, uint64_t high)
{
    struct slots slots = {0};
    uint64_t key = block;
    struct block_index x;
    MDB_val value;
    int rc = lmdb_cursor_step(s->r->index, &key, &value, MDB_SET);
    if (rc == MDB_NOTFOUND)
        return scan_unindexed(s, block, low, high);
    if (rc)
        return rc;
    if (block_index_open(&x, block, value.mv_data, value.mv_size)) {
        store_met_damage(s->r->base.store, STORE_DAMAGE_INDEX, block);
        return walk(s, low, high);
    }
    collect_slots(s, &x, &slots);
    return look_at_slots(s, block, &slots, low, high);
}

static int scan_block(struct scan *s, uint64_t block)
{
    uint64_t low = block_first(block), high = low + BLOCK_SLOTS - 1;
    if (low < s->low)
        low = s->low;
    if (high > s->high)
        high = s->high;
    int rc = block >= s->open ? walk(s, low, high) : scan_closed(s, block, low, high);
    if (!rc && !s->ended)
        advance(s, s->q->reverse ? low : high);
    return rc;
}

/* The blocks in which the group's value names a topic asked for; all when it is damaged. */
static uint64_t group_blocks(struct scan *s, uint64_t group, const MDB_val *value)
{
    uint64_t all = 0, blocks;
    uint32_t count = group_index_count(value->mv_size), id;
    enum err e =
        group_index_find(group, value->mv_data, value->mv_size, 0, &all); /* of any topic */
    s->looked += s->large ? count / WALKED_PER_LOOK : s->q->topic_count;
    if (s->large) {
        for (uint32_t i = 0; !e && i < count; i++) {
            e = group_index_entry(group, value->mv_data, value->mv_size, i, &id, &blocks);
            if (!e && in_set(s, id))
                all |= blocks;
        }
    } else {
        for (size_t i = 0; !e && i < s->q->topic_count; i++) {
            e = group_index_find(group, value->mv_data, value->mv_size, s->q->topics[i], &blocks);
            if (!e)
                all |= blocks;
        }
    }
    if (!e)
        return all;
    store_met_damage(s->r->base.store, STORE_DAMAGE_GROUP, group);
    return UINT64_MAX;
}

/* The nearest block from FROM on, in the direction of the query, whose bit is set for its group. */
static uint64_t nearest_bit(const struct scan *s, uint64_t from)
{
    unsigned place = (unsigned)(from & (GROUP_BLOCKS - 1)), bit;
    uint64_t blocks = s->blocks;
    blocks &= s->q->reverse ? UINT64_MAX >> (GROUP_BLOCKS - 1 - place) : UINT64_MAX << place;
    if (!blocks)
        return no_block;
    bit = (unsigned)(s->q->reverse ? GROUP_BLOCKS - 1 - __builtin_clzll(blocks)
                                   : __builtin_ctzll(blocks));
    return group_first(s->group) + bit;
}

/* Between FROM and *BLOCK no block has an index value, and so none should have a record; if one has
 * all the same, *BLOCK becomes the nearest of them. */
static int look_between(struct scan *s, uint64_t from, uint64_t *block)
{
    MDB_val value;
    bool reverse = s->q->reverse;
    uint64_t offset = reverse ? block_first(from) + BLOCK_SLOTS - 1 : block_first(from);
    if (*block == from)
        return 0;
    int rc = reverse ? lmdb_cursor_seek_back(s->r->log, &offset, &value)
                     : lmdb_cursor_step(s->r->log, &offset, &value, MDB_SET_RANGE);
    s->at = 0;
    bool nearer =
        reverse ? *block == no_block || block_of(offset) > *block : block_of(offset) < *block;
    if (!rc && nearer)
        *block = block_of(offset);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The nearest block from FROM on that has an index value, or the open one. */
static int nearest_indexed(struct scan *s, uint64_t from, uint64_t *ret)
{
    MDB_val value;
    uint64_t key = from;
    int rc = s->q->reverse ? lmdb_cursor_seek_back(s->r->index, &key, &value)
                           : lmdb_cursor_step(s->r->index, &key, &value, MDB_SET_RANGE);
    *ret = key;
    if (rc == MDB_NOTFOUND)
        *ret = s->q->reverse ? no_block : s->open;
    else if (!s->q->reverse && key > s->open)
        *ret = s->open;
    return rc && rc != MDB_NOTFOUND ? rc : look_between(s, from, ret);
}

/* Where the search goes on when FROM's group has no more: the next group's nearest block. */
static uint64_t beyond_group(const struct scan *s, uint64_t from)
{
    uint64_t first = group_first(group_of(from));
    if (!s->q->reverse)
        return first + GROUP_BLOCKS;
    return first ? first - 1 : no_block;
}

/* Makes s->blocks speak of GROUP. MDB_NOTFOUND when the group has no value. */
static int load_group(struct scan *s, uint64_t group)
{
    MDB_val value;
    uint64_t key = group;
    if (s->group == group)
        return 0;
    int rc = lmdb_cursor_step(s->r->groups, &key, &value, MDB_SET);
    if (rc)
        return rc;
    s->blocks = group_blocks(s, group, &value);
    s->group = group;
    return 0;
}

/*
 * One step of the search from block FROM on: *RET is the nearest block that may hold something and
 * *RET_HIT true, or *RET is where to go on searching (no_block: nowhere) and *RET_HIT false. A
 * group without a value is open, or a hole: then any block with an index value may.
 */
static int search_step(struct scan *s, uint64_t from, uint64_t *ret, bool *ret_hit)
{
    s->looked++;
    *ret = from;
    *ret_hit = true;
    if (from >= s->open)
        return 0;
    int rc = load_group(s, group_of(from));
    if (!rc) {
        *ret = nearest_bit(s, from);
        *ret_hit = *ret != no_block;
        if (!*ret_hit)
            *ret = beyond_group(s, from);
        return 0;
    }
    if (rc == MDB_NOTFOUND)
        rc = nearest_indexed(s, from, ret);
    *ret_hit = *ret != no_block && group_of(*ret) == group_of(from);
    return rc;
}

static bool block_in_range(const struct scan *s, uint64_t block)
{
    return block != no_block && block >= block_of(s->low) && block <= block_of(s->high);
}

static int scan_topics(struct scan *s)
{
    uint64_t block = block_of(s->q->reverse ? s->high : s->low), next;
    while (!s->ended && block_in_range(s, block)) {
        bool hit;
        int rc = search_step(s, block, &next, &hit);
        if (rc)
            return rc;
        block = next;
        if (!block_in_range(s, block))
            break;
        if (hit) {
            rc = scan_block(s, block);
            if (rc)
                return rc;
            block = s->q->reverse ? block - 1 : block + 1; /* 0 - 1 is no_block */
        } else {
            advance(s, s->q->reverse ? block_first(block + 1) : block_first(block) - 1);
        }
    }
    return 0;
}

static bool reserve_map(struct lmdb_reader *r, size_t words)
{
    if (words <= r->set_words)
        return true;
    uint64_t *set = reallocarray(r->set, words, sizeof(*set));
    if (!set)
        return false;
    memset(set + r->set_words, 0, (words - r->set_words) * sizeof(*set));
    r->set = set;
    r->set_words = words;
    return true;
}

static bool fill_map(struct scan *s)
{
    size_t count = s->q->topic_count;
    uint32_t range = s->q->topics[count - 1] - s->q->topics[0], place;
    s->mapped = range / BITS_PER_TOPIC < count;
    if (!s->mapped)
        return true;
    if (!reserve_map(s->r, range / WORD_BITS + 1))
        return false;
    for (size_t i = 0; i < count; i++)
        if (place_in_map(s, s->q->topics[i], &place))
            s->r->set[place / WORD_BITS] |= UINT64_C(1) << (place % WORD_BITS);
    return true;
}

static void clear_map(struct scan *s)
{
    uint32_t place;
    for (size_t i = 0; s->mapped && i < s->q->topic_count; i++)
        if (place_in_map(s, s->q->topics[i], &place))
            s->r->set[place / WORD_BITS] = 0;
}

/* Nothing of the set is at or below its lowest floor, nor above its newest record. */
static void clip_to_topics(struct scan *s)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < s->q->topic_count; i++) {
        const struct catalog_topic *t = catalog_find(&s->r->base.store->catalog, s->q->topics[i]);
        if (!t)
            continue;
        uint64_t newest = atomic_load_explicit(&t->newest, memory_order_relaxed);
        uint64_t floor = atomic_load_explicit(&t->floor, memory_order_acquire);
        if (floor < low)
            low = floor;
        if (newest > high)
            high = newest;
    }
    if (!s->hidden && low != UINT64_MAX && low >= s->low)
        s->low = low + 1;
    uint64_t unread = lmdb_of(s->r->base.store)->unread_high;
    if (high < unread)
        high = unread;
    if (high < s->high)
        s->high = high;
}

/* Sets the range and the open block; an empty log has an empty range. */
static int find_ends(struct scan *s)
{
    uint64_t last;
    MDB_val value;
    int rc = lmdb_cursor_step(s->r->log, &last, &value, MDB_LAST);
    if (rc == MDB_NOTFOUND) {
        s->high = 0;
        return 0;
    }
    if (rc)
        return rc;
    s->open = block_of(last);
    if (s->high > last)
        s->high = last; /* the newest ones may have been purged */
    if (s->q->topics)
        clip_to_topics(s);
    return 0;
}

static int scan_all(struct scan *s)
{
    int rc = find_ends(s);
    if (rc || s->low > s->high)
        return rc;
    return s->q->topics ? scan_topics(s) : walk(s, s->low, s->high);
}

static enum err scan(struct scan *s, uint64_t *ret_reached)
{
    s->large = s->q->topics && s->q->topic_count > SMALL_SET_MAX;
    if (s->large && !fill_map(s))
        return ERR_NOMEM;
    /* Before the transaction, which then holds at least this, and before the topics' newest
     * offsets, which are not below what this includes. */
    s->high = atomic_load_explicit(&s->r->base.store->committed, memory_order_acquire);
    if (s->high > s->q->until)
        s->high = s->q->until;
    s->low = s->q->after + 1;
    enum err e = lmdb_reader_begin(s->r);
    if (!e) {
        e = lmdb_err(scan_all(s));
        lmdb_reader_end(s->r);
    }
    if (s->large)
        clear_map(s);
    if (s->q->looked)
        *s->q->looked += s->looked;
    if (e == ERR_CORRUPT)
        store_met_damage(s->r->base.store, STORE_DAMAGE_FILE, 0);
    if (!e)
        *ret_reached = s->ended ? s->reached : s->q->reverse ? s->q->after + 1 : s->q->until;
    return e;
}

enum err lmdb_read(struct store_reader *r, const struct store_query *q, store_visit *visit,
                   void *ctx, uint64_t *ret_reached)
{
    struct scan s = {.r = lmdb_reader_of(r), .q = q, .visit = visit, .ctx = ctx, .group = no_group};
    return scan(&s, ret_reached);
}

enum err lmdb_read_hidden(struct store_reader *r, const struct store_query *q, store_visit *visit,
                          void *ctx, uint64_t *ret_reached)
{
    struct scan s = {.r = lmdb_reader_of(r),
                     .q = q,
                     .visit = visit,
                     .ctx = ctx,
                     .hidden = true,
                     .group = no_group};
    return scan(&s, ret_reached);
}

static int visit_keys(struct lmdb_reader *r, MDB_cursor *keys, store_visit *visit, void *ctx)
{
    struct store_record record;
    uint64_t offset;
    MDB_val value;
    int rc = lmdb_cursor_step(keys, &offset, &value, MDB_FIRST);
    for (; !rc; rc = lmdb_cursor_step(keys, &offset, &value, MDB_NEXT)) {
        if (record_decode(offset, value.mv_data, value.mv_size, &record)) {
            store_met_damage(r->base.store, STORE_DAMAGE_KEY, offset);
            continue;
        }
        store_true_time(r->base.store, &record);
        if (!visit(ctx, &record))
            return 0;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum err lmdb_keys(struct store_reader *reader, store_visit *visit, void *ctx)
{
    struct lmdb_reader *r = lmdb_reader_of(reader);
    MDB_cursor *keys;
    enum err e = lmdb_reader_begin(r);
    if (e)
        return e;
    int rc = mdb_cursor_open(r->txn, lmdb_of(r->base.store)->dbi[DB_KEYS], &keys);
    if (!rc) {
        rc = visit_keys(r, keys, visit, ctx);
        mdb_cursor_close(keys);
    }
    lmdb_reader_end(r);
    return lmdb_err(rc);
}

/* The first sound record at or above *OFFSET; damaged ones have no time. */
static int next_sound(struct lmdb_reader *r, uint64_t *offset, struct store_record *ret)
{
    MDB_val value;
    int rc = lmdb_cursor_step(r->log, offset, &value, MDB_SET_RANGE);
    while (!rc && record_decode(*offset, value.mv_data, value.mv_size, ret)) {
        store_met_damage(r->base.store, STORE_DAMAGE_RECORD, *offset);
        rc = lmdb_cursor_step(r->log, offset, &value, MDB_NEXT);
    }
    if (!rc)
        store_true_time(r->base.store, ret);
    return rc;
}

/* Halves the range of offsets: OLDER is a record older than TIME_MS (or 0), none from END on is. */
static int seek_time(struct lmdb_reader *r, uint64_t time_ms, uint64_t *ret_after)
{
    uint64_t older = 0, end;
    MDB_val value;
    int rc = lmdb_cursor_step(r->log, &end, &value, MDB_LAST);
    end++;
    while (!rc && end - older > 1) {
        uint64_t middle = older + (end - older) / 2, at = middle;
        struct store_record record;
        rc = next_sound(r, &at, &record);
        if (rc == MDB_NOTFOUND || (!rc && (at >= end || record.time_ms >= time_ms))) {
            end = middle;
            rc = 0;
        } else if (!rc) {
            older = at;
        }
    }
    *ret_after = older;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum err lmdb_seek_time(struct store_reader *reader, uint64_t time_ms, uint64_t *ret_after)
{
    struct lmdb_reader *r = lmdb_reader_of(reader);
    uint64_t after;
    enum err e = lmdb_reader_begin(r);
    if (e)
        return e;
    e = lmdb_err(seek_time(r, time_ms, &after));
    lmdb_reader_end(r);
    if (!e)
        *ret_after = after;
    return e;
}
