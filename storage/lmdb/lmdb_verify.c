/*
 * Checking the durable log, piece by piece.
 *
 * Each step reads one moment of the log and forgets it again, so what a step says has to be true of
 * that moment alone, and what is said at the end has to hold whatever happened between the steps:
 *
 *   - A record is checked against the index values and rows of its own step.
 *   - Before LMDB walks the pages, they are checked themselves: of one moment that is kept as long
 * as that takes, or they would be used again.
 *   - A row says what is in the log up to its `counted`. Appends go above that. Removals take a
 *     topic's oldest records first and move its `swept`: a topic whose row has moved by the end is
 *     not settled, the totals of all others must be what was counted.
 */
#include "storage/lmdb/lmdb_verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/lmdb/lmdb_check.h"
#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_pages.h"
#include "storage/lmdb/lmdb_reader.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/record.h"

enum {
    STEP_BYTES = 1 << 20, /* what one step looks at, and */
    VALUE_COST = 256,     /* what each value counts for besides its size: about 4,096 records */
    ENTRY_COST = 16,      /* of a group's value, its size */
    TOPICS_FIRST = 4096,  /* room in the table of topics at first */
    STEP_PAGES = 256,
};

enum phase {
    PHASE_PAGES,
    PHASE_STATE,
    PHASE_TOPICS, /* rows */
    PHASE_LOG,
    PHASE_INDEX,
    PHASE_GROUPS,
    PHASE_KEYS,
    PHASE_TOTALS, /* rows again, against what was found */
    PHASE_DONE,
};

enum row { ROW_DAMAGED, ROW_READ };

/* A topic's row, and what is still to be found of it. */
struct topic_check {
    uint64_t messages, bytes; /* the row's, less what was found */
    uint64_t last, counted, swept;
    uint32_t id;
    uint8_t row; /* enum row */
    bool wrong;  /* what was found contradicts the row */
};

enum value { VALUE_MISSING, VALUE_DAMAGED, VALUE_READ };

/* The block whose records are being looked at, as this step's transaction sees it. */
struct block_check {
    bool known;
    uint64_t number;
    bool closed, group_closed;
    enum value index, group;
    struct block_index x;
    MDB_val group_value;
    uint16_t map[BLOCK_SLOTS];    /* block_index_map's */
    uint8_t grouped[BLOCK_SLOTS]; /* by number of the topic in X: 0 = not looked up, 1 + found */
};

struct lmdb_verify {
    struct store_verify base;
    enum phase phase;
    struct store_reader *moment; /* while pages are checked: what they are of; or NULL */
    struct lmdb_pages *pages;
    uint64_t at;                     /* the next key of the phase */
    uint64_t until;                  /* the last key that it looks at */
    uint32_t entry;                  /* the next entry of the group's value at AT */
    uint64_t txn_id;                 /* of a closed log's one moment, 0 = not known yet */
    uint64_t checkpoint;             /* the state's */
    uint64_t time_ms;                /* of the last record */
    uint64_t told_block, told_group; /* the last one told to have no value, `nowhere` at first */
    uint64_t told_unindexed, told_ungrouped; /* the last block of which a record was told */
    struct topic_check *topics;              /* those that have a row, ascending ids */
    uint32_t topic_count, topic_cap;
    /* This step's: */
    MDB_txn *txn;
    size_t left;         /* of STEP_BYTES */
    uint64_t open_block; /* of the newest record */
    uint32_t topic_max;  /* the highest id that has or has had a row */
    struct block_check block;
};

static const uint64_t nowhere = UINT64_MAX;

static struct lmdb_verify *verify_of(struct store_verify *v)
{
    return (struct lmdb_verify *)v;
}

static struct lmdb_store *store_of(const struct lmdb_verify *v)
{
    return lmdb_of(v->base.reader->store);
}

static MDB_dbi dbi_of(const struct lmdb_verify *v, enum lmdb_db db)
{
    return store_of(v)->dbi[db];
}

/* --- what was found --- */

static int get_row(const struct lmdb_verify *v, uint32_t id, MDB_val *ret)
{
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id};
    return mdb_get(v->txn, dbi_of(v, DB_TOPICS), &key, ret);
}

static void name_topic(const struct lmdb_verify *v, struct store_place *place, uint32_t id)
{
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id}, value;
    struct lmdb_topic row;
    place->topic_id = id;
    if (id == 0 || get_row(v, id, &value) || lmdb_get_topic(&key, &value, &row))
        return;
    place->name_len = row.topic.name_len;
    memcpy(place->name, row.topic.name, row.topic.name_len);
}

/* TOPIC 0: none. */
static void found(struct lmdb_verify *v, enum store_damage damage, uint64_t number, uint32_t topic)
{
    struct store_place *place = store_verify_found(&v->base, damage, number);
    if (place && topic)
        name_topic(v, place, topic);
}

/* Counts each record, and shows one of each block: they mostly are many. */
static void found_in_block(struct lmdb_verify *v, enum store_damage damage, uint64_t *told,
                           const struct store_record *r)
{
    if (*told == block_of(r->offset))
        v->base.report.damage[damage]++;
    else
        found(v, damage, r->offset, r->topic_id);
    *told = block_of(r->offset);
}

/* A checksum or structure is wrong. */
static void found_unreadable(struct lmdb_verify *v, enum store_damage damage, uint64_t number,
                             uint32_t topic)
{
    store_met_damage(v->base.reader->store, damage, number ? number : topic);
    found(v, damage, number, topic);
}

/* --- walking --- */

static void next_phase(struct lmdb_verify *v)
{
    v->phase++;
    v->at = 0;
    v->until = UINT64_MAX;
    v->entry = 0;
}

static void spend(struct lmdb_verify *v, size_t cost)
{
    v->left -= cost < v->left ? cost : v->left;
}

/* Looks at one value; when the step ends before it is through with it, v->entry is not 0. */
typedef int value_visit(struct lmdb_verify *v, uint64_t key, const MDB_val *value);

static int walk_values(struct lmdb_verify *v, MDB_cursor *c, value_visit *look)
{
    MDB_val value;
    uint64_t key = v->at;
    int rc = lmdb_cursor_step(c, &key, &value, MDB_SET_RANGE);
    while (!rc && key <= v->until) {
        v->at = key;
        if (v->left == 0)
            return 0;
        rc = look(v, key, &value);
        if (rc || v->entry)
            return rc;
        spend(v, VALUE_COST);
        v->at = key + 1;
        rc = lmdb_cursor_step(c, &key, &value, MDB_NEXT);
    }
    if (!rc || rc == MDB_NOTFOUND)
        next_phase(v);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Goes on with a database whose keys are 64-bit integers; the phase ends behind its last one. */
static int walk(struct lmdb_verify *v, enum lmdb_db db, value_visit *look)
{
    MDB_cursor *c;
    int rc = mdb_cursor_open(v->txn, dbi_of(v, db), &c);
    if (rc)
        return rc;
    rc = walk_values(v, c, look);
    mdb_cursor_close(c);
    return rc;
}

typedef int row_visit(struct lmdb_verify *v, uint32_t id, const MDB_val *key, const MDB_val *value);

static int walk_row_values(struct lmdb_verify *v, MDB_cursor *c, row_visit *look)
{
    uint32_t id = (uint32_t)v->at;
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id}, value;
    int rc = mdb_cursor_get(c, &key, &value, MDB_SET_RANGE);
    while (!rc && v->left > 0) {
        if (key.mv_size != sizeof(id))
            return MDB_CORRUPTED;
        memcpy(&id, key.mv_data, sizeof(id));
        rc = look(v, id, &key, &value);
        if (rc)
            return rc;
        spend(v, VALUE_COST + value.mv_size);
        v->at = (uint64_t)id + 1;
        rc = v->at > UINT32_MAX ? MDB_NOTFOUND : mdb_cursor_get(c, &key, &value, MDB_NEXT);
    }
    if (rc == MDB_NOTFOUND)
        next_phase(v);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int walk_rows(struct lmdb_verify *v, row_visit *look)
{
    MDB_cursor *c;
    int rc = mdb_cursor_open(v->txn, dbi_of(v, DB_TOPICS), &c);
    if (rc)
        return rc;
    rc = walk_row_values(v, c, look);
    mdb_cursor_close(c);
    return rc;
}

/* --- state and topics --- */

static bool state_is_sound(const struct lmdb_state *s)
{
    bool sound = s->stop <= STOP_COPIED && s->sync <= STORE_SYNC_NEVER && s->complete <= 1;
    for (size_t i = 0; i < s->former_count; i++)
        sound &= s->former[i].epoch != 0;
    return sound;
}

/* Each that cannot be read is damage of its own. */
static int check_notes(struct lmdb_verify *v)
{
    MDB_cursor *c;
    MDB_val key, value;
    struct lmdb_note note;
    int rc = mdb_cursor_open(v->txn, dbi_of(v, DB_META), &c);
    if (rc)
        return rc;
    rc = lmdb_step_note(c, "", true, &key, &value);
    for (; !rc; rc = lmdb_step_note(c, "", false, &key, &value))
        if (lmdb_get_note(&key, &value, &note) != ERR_OK)
            found_unreadable(v, STORE_DAMAGE_STATE, 0, 0);
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int check_state(struct lmdb_verify *v)
{
    struct lmdb_state state = {0};
    struct lmdb_forgotten forgotten;
    MDB_dbi meta = dbi_of(v, DB_META);
    uint32_t version;
    enum err e = lmdb_get_format(v->txn, meta, &version);
    if (!e)
        e = lmdb_get_state(v->txn, meta, &state);
    if (!e)
        e = lmdb_get_forgotten(v->txn, meta, &forgotten);
    struct times *times = NULL;
    if (!e)
        e = lmdb_get_times(v->txn, meta, &times);
    times_destroy(times);
    if (e == ERR_NOMEM)
        return ENOMEM;
    if (e == ERR_IO || e == ERR_NOSPACE)
        return EIO;
    if (e || !state_is_sound(&state))
        found_unreadable(v, STORE_DAMAGE_STATE, 0, 0);
    v->checkpoint = state.checkpoint;
    next_phase(v);
    return check_notes(v);
}

/* One more topic, with an id above the others'. */
static struct topic_check *add_topic(struct lmdb_verify *v, uint32_t id)
{
    if (v->topic_count == v->topic_cap) {
        size_t cap = v->topic_cap ? (size_t)v->topic_cap * 2 : TOPICS_FIRST;
        struct topic_check *topics = reallocarray(v->topics, cap, sizeof(*topics));
        if (!topics)
            return NULL;
        v->topics = topics;
        v->topic_cap = (uint32_t)cap;
    }
    struct topic_check *t = &v->topics[v->topic_count++];
    *t = (struct topic_check){.id = id, .row = ROW_DAMAGED};
    return t;
}

/* Ids are mostly dense, and then stand where they would without the forgotten ones. */
static struct topic_check *topic_of(const struct lmdb_verify *v, uint32_t id)
{
    uint32_t low = 0, high = v->topic_count;
    if (id > 0 && id <= high && v->topics[id - 1].id == id)
        return &v->topics[id - 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (v->topics[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < v->topic_count && v->topics[low].id == id ? &v->topics[low] : NULL;
}

static int check_row(struct lmdb_verify *v, uint32_t id, const MDB_val *key, const MDB_val *value)
{
    struct lmdb_topic row;
    if (id == 0 || v->topic_count == CATALOG_TOPICS_MAX) {
        found_unreadable(v, STORE_DAMAGE_TOPIC_ROW, 0, id);
        return 0;
    }
    struct topic_check *t = add_topic(v, id);
    if (!t)
        return ENOMEM;
    v->base.report.topics++;
    if (lmdb_get_topic(key, value, &row)) {
        found_unreadable(v, STORE_DAMAGE_TOPIC_ROW, 0, id);
        return 0;
    }
    *t = (struct topic_check){
        .id = id,
        .messages = row.topic.messages,
        .bytes = row.topic.bytes,
        .last = row.topic.last,
        .counted = row.counted,
        .swept = row.swept,
        .row = ROW_READ,
        .wrong = row.topic.floor > row.topic.last || row.swept > row.topic.last,
    };
    return 0;
}

static bool totals_differ(const struct topic_check *t)
{
    return t->wrong || t->messages || t->bytes;
}

static int check_totals(struct lmdb_verify *v, uint32_t id, const MDB_val *key,
                        const MDB_val *value)
{
    struct topic_check *t = topic_of(v, id);
    struct lmdb_topic now;
    if (!t || t->row != ROW_READ)
        return 0;
    if (lmdb_get_topic(key, value, &now) || now.swept != t->swept)
        v->base.report.unsettled++;
    else if (totals_differ(t))
        found(v, STORE_DAMAGE_TOPIC_TOTALS, 0, id);
    return 0;
}

/* --- records --- */

/* The one value under KEY. */
static int get_value(const struct lmdb_verify *v, enum lmdb_db db, uint64_t key, MDB_val *ret)
{
    MDB_val k = {.mv_size = sizeof(key), .mv_data = &key};
    return mdb_get(v->txn, dbi_of(v, db), &k, ret);
}

static int load_index(struct lmdb_verify *v, struct block_check *b)
{
    MDB_val value;
    int rc = get_value(v, DB_INDEX, b->number, &value);
    if (rc == MDB_NOTFOUND) {
        b->index = VALUE_MISSING;
        return 0;
    }
    if (rc)
        return rc;
    b->index = VALUE_READ;
    if (block_index_open(&b->x, b->number, value.mv_data, value.mv_size) ||
        block_index_map(&b->x, b->map))
        b->index = VALUE_DAMAGED;
    memset(b->grouped, 0, sizeof(b->grouped));
    return 0;
}

static int load_group(struct lmdb_verify *v, struct block_check *b)
{
    int rc = get_value(v, DB_GROUPS, group_of(b->number), &b->group_value);
    b->group = rc ? VALUE_MISSING : VALUE_READ;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int enter_block(struct lmdb_verify *v, uint64_t number)
{
    struct block_check *b = &v->block;
    int rc = 0;
    if (b->known && b->number == number)
        return 0;
    b->known = false;
    b->number = number;
    b->closed = number < v->open_block;
    b->group_closed = group_of(number) < group_of(v->open_block);
    if (b->closed)
        rc = load_index(v, b);
    if (!rc && b->group_closed)
        rc = load_group(v, b);
    b->known = rc == 0;
    return rc;
}

/* Takes a record of topic ID off what is still to be found. */
static void count(struct lmdb_verify *v, uint32_t id, uint64_t offset, uint32_t payload_len)
{
    struct topic_check *t = topic_of(v, id);
    if (!t || t->row != ROW_READ)
        return;
    if (offset <= t->swept)
        found(v, STORE_DAMAGE_REMOVED, offset, id);
    if (offset > t->counted) {
        t->wrong |= offset <= v->checkpoint; /* an unclean stop would not count it */
        return;
    }
    t->messages--;
    t->bytes -= payload_len;
    t->wrong |= offset > t->last;
}

/* Most damage is in payloads: what the rest says is counted, or the totals would seem wrong, too.
 */
static void count_damaged(struct lmdb_verify *v, uint64_t offset, const MDB_val *value)
{
    uint32_t topic = 0, payload_len;
    bool fits = record_claims(value->mv_data, value->mv_size, &topic, &payload_len);
    found_unreadable(v, STORE_DAMAGE_RECORD, offset, topic);
    if (fits)
        count(v, topic, offset, payload_len);
}

static void check_topic(struct lmdb_verify *v, const struct store_record *r)
{
    MDB_val ignored;
    const struct topic_check *t = topic_of(v, r->topic_id);
    /* A topic that came into being since the rows were read has one by now. */
    if (!t && get_row(v, r->topic_id, &ignored) == MDB_NOTFOUND)
        found(v, STORE_DAMAGE_TOPIC, r->offset, r->topic_id);
}

/* Whether the block's index value names the record; *RET_NUMBER is its topic's number there. */
static bool is_indexed(const struct block_check *b, const struct store_record *r,
                       uint32_t *ret_number)
{
    uint32_t number = b->map[block_slot(r->offset)];
    if (number == 0 || block_index_topic(&b->x, number - 1) != r->topic_id)
        return false;
    *ret_number = number - 1;
    return true;
}

/* Whether the group's value names the block for the topic; a damaged one counts as if it did, since
 * readers then look everywhere. */
static bool is_in_group(const struct block_check *b, uint32_t topic)
{
    uint64_t blocks;
    enum err e = group_index_find(group_of(b->number), b->group_value.mv_data,
                                  b->group_value.mv_size, topic, &blocks);
    return e || blocks & group_bit(b->number);
}

static bool is_grouped(struct block_check *b, const struct store_record *r, bool indexed,
                       uint32_t number)
{
    if (!indexed)
        return is_in_group(b, r->topic_id);
    if (!b->grouped[number])
        b->grouped[number] = 1 + is_in_group(b, r->topic_id);
    return b->grouped[number] == 2;
}

static void found_missing(struct lmdb_verify *v, enum store_damage damage, uint64_t *told,
                          uint64_t number)
{
    if (*told != number)
        found(v, damage, number, 0);
    *told = number;
}

/* Whether readers who look for the record's topic find it. */
static void check_findable(struct lmdb_verify *v, const struct store_record *r)
{
    struct block_check *b = &v->block;
    uint32_t number = 0;
    bool indexed = b->closed && b->index == VALUE_READ && is_indexed(b, r, &number);
    if (b->closed && b->index == VALUE_MISSING)
        found_missing(v, STORE_DAMAGE_INDEX_MISSING, &v->told_block, b->number);
    if (b->closed && b->index == VALUE_READ && !indexed)
        found_in_block(v, STORE_DAMAGE_UNINDEXED, &v->told_unindexed, r);
    if (!b->group_closed)
        return;
    if (b->group == VALUE_MISSING)
        found_missing(v, STORE_DAMAGE_GROUP_MISSING, &v->told_group, group_of(b->number));
    else if (!is_grouped(b, r, indexed, number))
        found_in_block(v, STORE_DAMAGE_UNGROUPED, &v->told_ungrouped, r);
}

static int look_at_record(struct lmdb_verify *v, uint64_t offset, const MDB_val *value)
{
    struct store_record r;
    int rc = enter_block(v, block_of(offset));
    if (rc)
        return rc;
    spend(v, value->mv_size);
    if (record_decode(offset, value->mv_data, value->mv_size, &r)) {
        count_damaged(v, offset, value);
        return 0;
    }
    v->base.report.records++;
    store_true_time(v->base.reader->store, &r);
    if (r.time_ms < v->time_ms &&
        times_in_order(atomic_load_explicit(&v->base.reader->store->times, memory_order_acquire),
                       offset))
        found(v, STORE_DAMAGE_TIME, offset, r.topic_id);
    v->time_ms = r.time_ms;
    check_topic(v, &r);
    count(v, r.topic_id, offset, r.payload_len);
    check_findable(v, &r);
    return 0;
}

/* The highest offset of the log, 0 when it is empty. */
static int find_newest(const struct lmdb_verify *v, uint64_t *ret)
{
    MDB_cursor *c;
    MDB_val value;
    int rc = mdb_cursor_open(v->txn, dbi_of(v, DB_LOG), &c);
    if (rc)
        return rc;
    *ret = 0;
    rc = lmdb_cursor_step(c, ret, &value, MDB_LAST);
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Up to what is there when it begins: no row that was read speaks of more. */
static int check_log(struct lmdb_verify *v)
{
    uint64_t newest;
    int rc = find_newest(v, &newest);
    if (rc)
        return rc;
    v->open_block = block_of(newest);
    v->block.known = false;
    if (v->at == 0)
        v->until = newest;
    return walk(v, DB_LOG, look_at_record);
}

/* --- index values --- */

static int look_at_index(struct lmdb_verify *v, uint64_t block, const MDB_val *value)
{
    struct block_index x;
    spend(v, value->mv_size);
    v->base.report.blocks++;
    if (block_index_open(&x, block, value->mv_data, value->mv_size) ||
        block_index_map(&x, v->block.map) || block_index_topic(&x, x.topics - 1) > v->topic_max)
        found_unreadable(v, STORE_DAMAGE_INDEX, block, 0);
    return 0;
}

/* As many entries as there is time for; false when one of them is wrong. */
static bool look_at_entries(struct lmdb_verify *v, uint64_t group, const MDB_val *value)
{
    uint32_t n = group_index_count(value->mv_size), before = 0, topic;
    uint64_t blocks;
    bool first = v->entry == 0; /* which may be that of topic 0 */
    if (v->entry && v->entry < n &&
        group_index_entry(group, value->mv_data, value->mv_size, v->entry - 1, &before, &blocks))
        return false;
    for (; v->entry < n && v->left > 0; v->entry++, before = topic, first = false) {
        if (group_index_entry(group, value->mv_data, value->mv_size, v->entry, &topic, &blocks) ||
            (!first && topic <= before) || topic > v->topic_max)
            return false;
        spend(v, ENTRY_COST);
    }
    return true;
}

static int look_at_group(struct lmdb_verify *v, uint64_t group, const MDB_val *value)
{
    size_t n = value->mv_size;
    v->base.report.groups += v->entry == 0;
    bool sound = n > 0 && n % GROUP_ENTRY_SIZE == 0 && look_at_entries(v, group, value);
    if (!sound)
        found_unreadable(v, STORE_DAMAGE_GROUP, group, 0);
    if (!sound || v->entry >= group_index_count(n))
        v->entry = 0; /* through with it */
    return 0;
}

/* Values may name topics that have been forgotten since. */
static int find_topic_max(struct lmdb_verify *v)
{
    struct lmdb_forgotten forgotten;
    MDB_cursor *c;
    MDB_val key, value;
    int rc = mdb_cursor_open(v->txn, dbi_of(v, DB_TOPICS), &c);
    if (rc)
        return rc;
    v->topic_max = 0;
    rc = mdb_cursor_get(c, &key, &value, MDB_LAST);
    if (!rc && key.mv_size == sizeof(v->topic_max))
        memcpy(&v->topic_max, key.mv_data, sizeof(v->topic_max));
    mdb_cursor_close(c);
    if (!lmdb_get_forgotten(v->txn, dbi_of(v, DB_META), &forgotten) &&
        forgotten.last_id > v->topic_max)
        v->topic_max = forgotten.last_id;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int check_values(struct lmdb_verify *v, enum lmdb_db db, value_visit *look)
{
    int rc = find_topic_max(v);
    return rc ? rc : walk(v, db, look);
}

/* --- kept keys --- */

static bool is_kept_key(const struct store_record *r)
{
    return r->key_len > 0 && r->event_len == 0 && r->payload_len == 0;
}

static int look_at_key(struct lmdb_verify *v, uint64_t offset, const MDB_val *value)
{
    struct store_record r;
    MDB_val there;
    if (record_decode(offset, value->mv_data, value->mv_size, &r) || !is_kept_key(&r) ||
        r.topic_id == 0 || r.topic_id > v->topic_max)
        found_unreadable(v, STORE_DAMAGE_KEY, offset, 0);
    else if (get_value(v, DB_LOG, offset, &there) == 0)
        found(v, STORE_DAMAGE_KEY, offset, r.topic_id);
    return 0;
}

static int check_keys(struct lmdb_verify *v)
{
    if (dbi_of(v, DB_KEYS) != 0)
        return check_values(v, DB_KEYS, look_at_key);
    next_phase(v);
    return 0;
}

/* --- steps --- */

static int run_phase(struct lmdb_verify *v)
{
    switch (v->phase) {
    case PHASE_STATE:
        return check_state(v);
    case PHASE_TOPICS:
        return walk_rows(v, check_row);
    case PHASE_LOG:
        return check_log(v);
    case PHASE_INDEX:
        return check_values(v, DB_INDEX, look_at_index);
    case PHASE_GROUPS:
        return check_values(v, DB_GROUPS, look_at_group);
    case PHASE_KEYS:
        return check_keys(v);
    case PHASE_TOTALS:
        return walk_rows(v, check_totals);
    default:
        return 0;
    }
}

/* Where pages cannot be read, neither can what is behind them, and nothing adds up any more. */
static void give_up_phase(struct lmdb_verify *v)
{
    found(v, STORE_DAMAGE_FILE, 0, 0);
    next_phase(v);
}

static void skip_totals(struct lmdb_verify *v)
{
    v->base.report.unsettled = v->topic_count;
    next_phase(v);
}

/* A closed log stays as it is. */
static bool has_changed(struct lmdb_verify *v)
{
    uint64_t id = mdb_txn_id(v->txn);
    if (!store_of(v)->closed)
        return false;
    if (v->txn_id == 0)
        v->txn_id = id;
    return v->txn_id != id;
}

static enum err run_step(struct lmdb_verify *v)
{
    if (has_changed(v))
        return ERR_LOCKED;
    int rc = run_phase(v);
    if (rc != MDB_CORRUPTED && rc != MDB_PAGE_NOTFOUND)
        return lmdb_err(rc);
    give_up_phase(v);
    return ERR_OK;
}

/* --- pages --- */

static void end_pages(struct lmdb_verify *v)
{
    pages_destroy(v->pages);
    v->pages = NULL;
    if (v->moment)
        lmdb_reader_destroy(v->moment);
    v->moment = NULL;
}

/* ERR_AGAIN: somebody commits meanwhile. */
static enum err begin_pages(struct lmdb_verify *v)
{
    enum err e = lmdb_reader_create(v->base.reader->store, &v->moment);
    if (!e)
        e = lmdb_reader_begin(lmdb_reader_of(v->moment));
    if (e)
        return e;
    e = lmdb_pages_of(store_of(v), lmdb_reader_of(v->moment)->txn, &v->pages);
    if (e)
        lmdb_reader_end(lmdb_reader_of(v->moment));
    else
        lmdb_reader_park(lmdb_reader_of(v->moment));
    return e;
}

static enum err walk_pages(struct lmdb_verify *v, bool *ret_done)
{
    enum err e = lmdb_reader_resume(lmdb_reader_of(v->moment));
    if (e)
        return e;
    e = pages_step(v->pages, STEP_PAGES, ret_done);
    if (e || *ret_done)
        lmdb_reader_end(lmdb_reader_of(v->moment));
    else
        lmdb_reader_park(lmdb_reader_of(v->moment));
    return e;
}

/* When pages are damaged, that is all that can be said. */
static enum err check_pages(struct lmdb_verify *v)
{
    bool done = false;
    enum err e = v->pages ? walk_pages(v, &done) : begin_pages(v);
    if (e || done)
        end_pages(v);
    if (e == ERR_CORRUPT) {
        found_unreadable(v, STORE_DAMAGE_FILE, 0, 0);
        v->phase = PHASE_DONE;
        return ERR_OK;
    }
    if (!e && done)
        next_phase(v);
    return e == ERR_AGAIN ? ERR_OK : e;
}

/* --- all of it --- */

enum err lmdb_verify_step(struct store_verify *base, bool *ret_done)
{
    struct lmdb_verify *v = verify_of(base);
    if (v->phase == PHASE_PAGES && !store_of(v)->closed) {
        enum err pages = check_pages(v);
        *ret_done = v->phase == PHASE_DONE;
        return pages;
    }
    if (v->phase == PHASE_PAGES)
        next_phase(v); /* the opening of a closed log has looked at all of them */
    struct lmdb_reader *r = lmdb_reader_of(base->reader);
    enum err e = lmdb_reader_begin(r);
    if (e)
        return e;
    v->txn = r->txn;
    v->left = STEP_BYTES;
    e = run_step(v);
    lmdb_reader_end(r);
    if (!e && v->phase == PHASE_TOTALS && base->report.damage[STORE_DAMAGE_FILE])
        skip_totals(v);
    *ret_done = v->phase == PHASE_DONE;
    return e;
}

struct store_verify *lmdb_verify_create(void)
{
    struct lmdb_verify *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->told_block = v->told_group = v->told_unindexed = v->told_ungrouped = nowhere;
    return &v->base;
}

void lmdb_verify_destroy(struct store_verify *base)
{
    struct lmdb_verify *v = verify_of(base);
    end_pages(v);
    free(v->topics);
    free(v);
}
