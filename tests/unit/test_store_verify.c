/*
 * Checking a log: every kind of damage, planted into the values of a closed log, is found and
 * called by its name, by the check of the closed log and by that of one that is open; and what may
 * be in a log is not called damage.
 *
 * The log: offsets 1 to 5000 (blocks 0 and 1 of group 0), then from SECOND on (blocks 64 and 65 of
 * group 1); offset o belongs to topic o % 3 + 1, and topic 4 has none. Block 65 and group 1 are
 * open.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/store_lmdb.h"
#include "storage/record.h"
#include "tests/unit/store_fixture.h"

enum { FIRST_RUN = 5000, SECOND = 64 * BLOCK_SLOTS, SECOND_RUN = 6000, TOPICS = 3 };
enum { LAST = SECOND + SECOND_RUN - 1, RECORDS = FIRST_RUN + SECOND_RUN };

/* The linker puts this in place of LMDB's: the call number FAIL_AT finds its page gone. */
static size_t fail_at, calls;
int __real_mdb_cursor_get(MDB_cursor *c, MDB_val *key, MDB_val *value, MDB_cursor_op op);
int __wrap_mdb_cursor_get(MDB_cursor *c, MDB_val *key, MDB_val *value, MDB_cursor_op op);

int __wrap_mdb_cursor_get(MDB_cursor *c, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    return ++calls == fail_at ? MDB_PAGE_NOTFOUND : __real_mdb_cursor_get(c, key, value, op);
}

static char *dir;
static struct store *store;
static struct store_reader *reader;
static struct store_verify *verify;
static struct store_report report;

static void open_store(void)
{
    struct store_state state;
    struct store_options o = {
        .path = dir, .sync = STORE_SYNC_NEVER, .map_bytes = UINT64_C(1) << 30, .readers_max = 2};
    ck_assert_int_eq(store_lmdb_open_booted(&o, "boot", &store, &state), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
}

static void open_closed(void)
{
    ck_assert_int_eq(store_lmdb_open_closed(dir, &store), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
}

static void abandon(void)
{
    store_verify_destroy(verify);
    store_reader_destroy(reader);
    store_abandon(store);
    verify = NULL;
    reader = NULL;
    store = NULL;
}

static void make_log(void)
{
    open_store();
    add_topics(store, 1, TOPICS + 1);
    ck_assert_int_eq(append_run(store, 1, FIRST_RUN, TOPICS), ERR_OK);
    ck_assert_int_eq(append_run(store, SECOND, SECOND_RUN, TOPICS), ERR_OK);
    store_reader_destroy(reader);
    store_close(store, LAST, true);
    store = NULL;
    reader = NULL;
}

static void setup(void)
{
    dir = make_dir();
    fail_at = calls = 0;
    make_log();
}

static void teardown(void)
{
    abandon();
    remove_dir(dir);
}

/* Takes the check to its end; returns the number of steps. */
static size_t run(void)
{
    bool done = false;
    size_t steps = 0;
    if (!verify)
        ck_assert_int_eq(store_verify_create(reader, &verify), ERR_OK);
    for (; !done; steps++) {
        ck_assert_uint_lt(steps, 1000);
        ck_assert_int_eq(store_verify_step(verify, &done), ERR_OK);
    }
    report = *store_verify_report(verify);
    return steps;
}

static void check_clean(void)
{
    for (size_t i = 0; i < STORE_DAMAGE_KINDS; i++)
        ck_assert_msg(report.damage[i] == 0, "%s", store_damage_name(i));
    ck_assert_uint_eq(report.place_count, 0);
    ck_assert_uint_eq(store_report_damaged(&report), 0);
}

/* --- planting --- */

static MDB_env *env;
static MDB_txn *txn;

static MDB_dbi database(const char *name)
{
    MDB_dbi dbi;
    ck_assert_int_eq(mdb_dbi_open(txn, name, 0, &dbi), 0);
    return dbi;
}

static void begin_planting(void)
{
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
    ck_assert_int_eq(mdb_env_open(env, dir, MDB_NOSYNC, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
}

static void end_planting(void)
{
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static uint8_t taken[4 << 20];

/* A copy of a value that can be changed. */
static MDB_val take(const char *db, void *key, size_t key_size)
{
    MDB_val k = {key_size, key}, value;
    ck_assert_int_eq(mdb_get(txn, database(db), &k, &value), 0);
    ck_assert_uint_le(value.mv_size, sizeof(taken));
    memcpy(taken, value.mv_data, value.mv_size);
    return (MDB_val){value.mv_size, taken};
}

static void put(const char *db, void *key, size_t key_size, const void *data, size_t n)
{
    static uint8_t copy[sizeof(taken)];
    memcpy(copy, data, n);
    MDB_val k = {key_size, key}, value = {n, copy};
    ck_assert_int_eq(mdb_put(txn, database(db), &k, &value, 0), 0);
}

static void drop(const char *db, void *key, size_t key_size)
{
    MDB_val k = {key_size, key};
    ck_assert_int_eq(mdb_del(txn, database(db), &k, NULL), 0);
}

static void flip(const char *db, void *key, size_t key_size, size_t at)
{
    MDB_val value = take(db, key, key_size);
    taken[at < value.mv_size ? at : value.mv_size - 1] ^= 0x10;
    put(db, key, key_size, taken, value.mv_size);
}

enum { LAST_BYTE = 1 << 30 };

static void flip64(const char *db, uint64_t key, size_t at)
{
    flip(db, &key, sizeof(key), at);
}

/* A key that a record has left, with as much of a payload. */
static void put_key(uint64_t offset, uint32_t topic, uint32_t payload_len)
{
    struct store_record r = {.offset = offset,
                             .time_ms = offset,
                             .topic_id = topic,
                             .key = "a key",
                             .key_len = 5,
                             .payload = "payload",
                             .payload_len = payload_len};
    record_encode(taken, &r);
    put("keys", &offset, sizeof(offset), taken, record_size(&r));
}

static void put_record(uint64_t offset, uint32_t topic, uint64_t time_ms)
{
    struct store_record r = {.offset = offset,
                             .time_ms = time_ms,
                             .topic_id = topic,
                             .payload = (const char *)&offset,
                             .payload_len = sizeof(offset)};
    record_encode(taken, &r);
    put("log", &offset, sizeof(offset), taken, record_size(&r));
}

static struct lmdb_topic take_row(uint32_t id)
{
    struct lmdb_topic row;
    MDB_val key = {sizeof(id), &id}, value = take("topics", &id, sizeof(id));
    ck_assert_int_eq(lmdb_get_topic(&key, &value, &row), ERR_OK);
    return row;
}

static void put_row(const struct lmdb_topic *row)
{
    static const char name[] = "planted";
    struct catalog_topic *t = calloc(1, sizeof(*t) + sizeof(name));
    memcpy(t->name, name, sizeof(name));
    t->id = row->topic.id;
    t->name_len = sizeof(name) - 1;
    t->last = row->topic.last;
    t->messages = row->topic.messages;
    t->bytes = row->topic.bytes;
    t->swept = row->swept;
    atomic_store(&t->floor, row->topic.floor);
    ck_assert_int_eq(lmdb_put_topic(txn, database("topics"), t, row->counted), ERR_OK);
    free(t);
}

/* Writes BLOCK's index value anew from the records that are in the log and KEEP wants. */
static void put_index(uint64_t block, bool keep(uint64_t offset), uint32_t topic_of_kept)
{
    static struct block_builder b;
    block_builder_clear(&b);
    for (uint64_t offset = block_first(block); block_of(offset) == block; offset++) {
        MDB_val key = {sizeof(offset), &offset}, value;
        if (mdb_get(txn, database("log"), &key, &value) || !keep(offset))
            continue;
        uint32_t topic = record_topic(value.mv_data, value.mv_size);
        block_builder_add(&b, topic_of_kept ? topic_of_kept : topic, block_slot(offset));
    }
    size_t n = block_builder_finish(&b);
    block_builder_encode(&b, block, taken);
    put("index", &block, sizeof(block), taken, n);
}

struct entry {
    uint32_t topic;
    uint64_t blocks;
};

static void put_group(uint64_t group, const struct entry *entries, uint32_t count, size_t more)
{
    for (uint32_t i = 0; i < count; i++)
        group_index_encode(taken, group, i, count, entries[i].topic, entries[i].blocks);
    memset(taken + count * GROUP_ENTRY_SIZE, 0, more);
    put("groups", &group, sizeof(group), taken, count * GROUP_ENTRY_SIZE + more);
}

/* --- what is planted --- */

static void plant_payload(void)
{
    flip64("log", 100, LAST_BYTE);
}

static void plant_topic_of_record(void)
{
    uint64_t offset = 100; /* of topic 2 */
    MDB_val value = take("log", &offset, sizeof(offset));
    taken[4] = 3;
    put("log", &offset, sizeof(offset), taken, value.mv_size);
}

static void plant_short_record(void)
{
    uint64_t offset = 100;
    put("log", &offset, sizeof(offset), "short", 5);
}

static void plant_wrong_key(void)
{
    uint64_t offset = 100, other = 6000;
    MDB_val value = take("log", &offset, sizeof(offset));
    put("log", &other, sizeof(other), taken, value.mv_size);
}

static void plant_lost_record(void)
{
    uint64_t offset = 100;
    drop("log", &offset, sizeof(offset));
}

static void plant_unindexed_record(void)
{
    put_record(6000, 1, 6000);
}

static void plant_unknown_topic(void)
{
    put_record(6000, 9, 6000);
}

static void plant_old_time(void)
{
    put_record(200, 200 % TOPICS + 1, 199 - 1);
}

static void plant_index(void)
{
    flip64("index", 1, LAST_BYTE);
}

static void plant_no_index(void)
{
    uint64_t block = 1;
    drop("index", &block, sizeof(block));
}

static bool not_4500(uint64_t offset)
{
    return offset != 4500;
}

static void plant_incomplete_index(void)
{
    put_index(1, not_4500, 0);
}

static bool all(uint64_t offset)
{
    (void)offset;
    return true;
}

static void plant_index_of_other_topic(void)
{
    put_index(1, all, 1);
}

static void plant_unordered_index(void)
{
    static struct block_builder b;
    uint64_t block = 1;
    block_builder_clear(&b);
    block_builder_add(&b, 1, 5);
    block_builder_add(&b, 1, 4);
    size_t n = block_builder_finish(&b);
    block_builder_encode(&b, block, taken);
    put("index", &block, sizeof(block), taken, n);
}

static void plant_index_of_no_topic(void)
{
    put_index(1, all, 77);
}

static void plant_group(void)
{
    flip64("groups", 0, LAST_BYTE);
}

static void plant_no_group(void)
{
    uint64_t group = 0;
    drop("groups", &group, sizeof(group));
}

static void plant_missing_bit(void)
{
    static const struct entry entries[] = {{1, 3}, {2, 1}, {3, 3}};
    put_group(0, entries, 3, 0);
}

static void plant_missing_entry(void)
{
    static const struct entry entries[] = {{1, 3}, {3, 3}};
    put_group(0, entries, 2, 0);
}

static void plant_unordered_group(void)
{
    static const struct entry entries[] = {{1, 3}, {3, 3}, {2, 3}};
    put_group(0, entries, 3, 0);
}

static void plant_odd_group(void)
{
    static const struct entry entries[] = {{1, 3}, {2, 3}, {3, 3}};
    put_group(0, entries, 3, 1);
}

static void plant_group_of_no_topic(void)
{
    static const struct entry entries[] = {{1, 3}, {2, 3}, {3, 3}, {77, 1}};
    put_group(0, entries, 4, 0);
}

static void plant_messages(void)
{
    struct lmdb_topic row = take_row(2);
    row.topic.messages++;
    put_row(&row);
}

static void plant_bytes(void)
{
    struct lmdb_topic row = take_row(2);
    row.topic.bytes--;
    put_row(&row);
}

static void plant_last(void)
{
    struct lmdb_topic row = take_row(2);
    row.topic.last -= TOPICS;
    put_row(&row);
}

static void plant_floor(void)
{
    struct lmdb_topic row = take_row(2);
    row.topic.floor = row.topic.last + 1;
    put_row(&row);
}

static void plant_swept(void)
{
    struct lmdb_topic row = take_row(2);
    row.topic.floor = row.swept = 1; /* its first record */
    put_row(&row);
}

/* As if the checkpoint had come before the row. */
static void plant_uncounted(void)
{
    struct lmdb_topic row = take_row(2);
    row.counted = row.topic.last = FIRST_RUN;
    row.topic.messages = (FIRST_RUN - 1) / TOPICS + 1;
    row.topic.bytes = row.topic.messages * 8;
    put_row(&row);
}

static void plant_row(void)
{
    uint32_t id = 2;
    flip("topics", &id, sizeof(id), LAST_BYTE);
}

static void plant_no_row_of_records(void)
{
    uint32_t id = 2;
    drop("topics", &id, sizeof(id));
}

static void plant_row_of_nobody(void)
{
    struct lmdb_topic row = take_row(4);
    row.topic.id = 0;
    put_row(&row);
}

static void plant_forgotten(void)
{
    char forgotten[] = "forgotten";
    static const uint8_t wrong[16] = {1};
    put("meta", forgotten, 9, wrong, sizeof(wrong));
}

static void plant_key(void)
{
    put_key(6000, 1, 0);
    flip64("keys", 6000, LAST_BYTE);
}

static void plant_key_with_payload(void)
{
    put_key(6000, 1, 3);
}

static void plant_key_of_no_topic(void)
{
    put_key(6000, 77, 0);
}

static void plant_key_of_record(void)
{
    put_key(100, 2, 0);
}

static void plant_state(void)
{
    char name[] = "state";
    flip("meta", name, 5, 16);
}

static void plant_strange_state(void)
{
    struct lmdb_state state;
    ck_assert_int_eq(lmdb_get_state(txn, database("meta"), &state), ERR_OK);
    state.former_count = 1;
    ck_assert_int_eq(lmdb_put_state(txn, database("meta"), &state), ERR_OK);
}

/* --- what may be there --- */

static bool not_topic_2(uint64_t offset)
{
    return offset % TOPICS + 1 != 2;
}

/* Removals may leave values that name what is gone, or write them anew, or take them away. */
static void allow_rewritten_values(void)
{
    static const struct entry entries[] = {{1, 3}, {3, 3}};
    struct lmdb_topic row = take_row(2);
    for (uint64_t offset = 1; offset <= LAST; offset++) {
        MDB_val key = {sizeof(offset), &offset};
        if (!not_topic_2(offset) && (offset <= FIRST_RUN || offset >= SECOND))
            ck_assert_int_eq(mdb_del(txn, database("log"), &key, NULL), 0);
    }
    row.topic.messages = row.topic.bytes = 0;
    row.topic.floor = row.swept = row.topic.last;
    put_row(&row);
    put_index(0, not_topic_2, 0);
    put_group(0, entries, 2, 0);
}

static void allow_missing_values_of_nothing(void)
{
    for (uint64_t block = 0; block < 2; block++) {
        drop("index", &block, sizeof(block));
        for (uint64_t slot = 0; slot < BLOCK_SLOTS; slot++) {
            uint64_t offset = block_first(block) + slot;
            MDB_val key = {sizeof(offset), &offset};
            if (offset >= 1 && offset <= FIRST_RUN)
                ck_assert_int_eq(mdb_del(txn, database("log"), &key, NULL), 0);
        }
    }
    plant_no_group();
    for (uint32_t id = 1; id <= TOPICS; id++) {
        struct lmdb_topic row = take_row(id);
        row.topic.messages = SECOND_RUN / TOPICS;
        row.topic.bytes = row.topic.messages * 8;
        row.topic.floor = row.swept = FIRST_RUN;
        put_row(&row);
    }
}

static void allow_as_it_is(void)
{
}

static void allow_kept_keys(void)
{
    put_key(6000, 1, 0);
    put_key(LAST + 1, 4, 0);
}

/* The newest message of a topic may have left no record. */
static void allow_later_last(void)
{
    struct lmdb_topic row = take_row(2);
    row.topic.last = LAST + 1000;
    put_row(&row);
}

/* Topics that were forgotten leave a hole among the ids, and may be named where they were. */
static void allow_forgotten(void)
{
    static const struct entry entries[] = {{1, 3}, {2, 3}, {3, 3}, {77, 1}};
    static const struct lmdb_forgotten forgotten = {.last_id = 77, .mark = 5000};
    uint32_t id = 4; /* nobody's, but there is one behind it: */
    struct lmdb_topic row = take_row(id);
    drop("topics", &id, sizeof(id));
    row.topic.id = 1000;
    put_row(&row);
    ck_assert_int_eq(lmdb_put_forgotten(txn, database("meta"), &forgotten), ERR_OK);
    put_group(0, entries, 4, 0);
    put_key(6000, 77, 0);
}

static const struct allowed {
    void (*plant)(void);
    uint64_t records, blocks, groups;
} allowed[] = {
    {allow_as_it_is, RECORDS, 3, 1},
    {allow_kept_keys, RECORDS, 3, 1},
    {allow_later_last, RECORDS, 3, 1},
    {allow_forgotten, RECORDS, 3, 1},
    {allow_rewritten_values, RECORDS - FIRST_RUN / TOPICS - SECOND_RUN / TOPICS - 1, 3, 1},
    {allow_missing_values_of_nothing, SECOND_RUN, 1, 0},
};

/* --- tests --- */

#define DAMAGE(kind) STORE_DAMAGE_##kind

static const struct planted {
    void (*plant)(void);
    enum store_damage damage;
    uint64_t count, number; /* of the first place */
    uint32_t topic;         /* of it, 0 = none */
    enum store_damage also; /* the same again: nothing else */
    uint64_t also_count;
} planted[] = {
    {plant_payload, DAMAGE(RECORD), 1, 100, 2, DAMAGE(RECORD), 1},
    {plant_topic_of_record, DAMAGE(RECORD), 1, 100, 3, DAMAGE(TOPIC_TOTALS), 2},
    {plant_short_record, DAMAGE(RECORD), 1, 100, 0, DAMAGE(TOPIC_TOTALS), 1},
    {plant_wrong_key, DAMAGE(RECORD), 1, 6000, 2, DAMAGE(TOPIC_TOTALS), 1},
    {plant_lost_record, DAMAGE(TOPIC_TOTALS), 1, 0, 2, DAMAGE(TOPIC_TOTALS), 1},
    {plant_unindexed_record, DAMAGE(UNINDEXED), 1, 6000, 1, DAMAGE(TOPIC_TOTALS), 1},
    {plant_old_time, DAMAGE(TIME), 1, 200, 3, DAMAGE(TIME), 1},
    {plant_index, DAMAGE(INDEX), 1, 1, 0, DAMAGE(INDEX), 1},
    {plant_no_index, DAMAGE(INDEX_MISSING), 1, 1, 0, DAMAGE(INDEX_MISSING), 1},
    {plant_incomplete_index, DAMAGE(UNINDEXED), 1, 4500, 1, DAMAGE(UNINDEXED), 1},
    {plant_index_of_other_topic, DAMAGE(UNINDEXED), 604, 4096, 2, DAMAGE(UNINDEXED), 604},
    {plant_unordered_index, DAMAGE(INDEX), 1, 1, 0, DAMAGE(INDEX), 1},
    {plant_index_of_no_topic, DAMAGE(INDEX), 1, 1, 0, DAMAGE(UNINDEXED), 905},
    {plant_group, DAMAGE(GROUP), 1, 0, 0, DAMAGE(GROUP), 1},
    {plant_no_group, DAMAGE(GROUP_MISSING), 1, 0, 0, DAMAGE(GROUP_MISSING), 1},
    {plant_missing_bit, DAMAGE(UNGROUPED), 302, 4096, 2, DAMAGE(UNGROUPED), 302},
    {plant_missing_entry, DAMAGE(UNGROUPED), 1667, 1, 2, DAMAGE(UNGROUPED), 1667},
    {plant_unordered_group, DAMAGE(GROUP), 1, 0, 0, DAMAGE(UNGROUPED), 1667},
    {plant_group_of_no_topic, DAMAGE(GROUP), 1, 0, 0, DAMAGE(GROUP), 1},
    {plant_odd_group, DAMAGE(GROUP), 1, 0, 0, DAMAGE(GROUP), 1},
    {plant_messages, DAMAGE(TOPIC_TOTALS), 1, 0, 2, DAMAGE(TOPIC_TOTALS), 1},
    {plant_bytes, DAMAGE(TOPIC_TOTALS), 1, 0, 2, DAMAGE(TOPIC_TOTALS), 1},
    {plant_last, DAMAGE(TOPIC_TOTALS), 1, 0, 2, DAMAGE(TOPIC_TOTALS), 1},
    {plant_floor, DAMAGE(TOPIC_TOTALS), 1, 0, 2, DAMAGE(TOPIC_TOTALS), 1},
    {plant_swept, DAMAGE(REMOVED), 1, 1, 2, DAMAGE(REMOVED), 1},
    {plant_uncounted, DAMAGE(TOPIC_TOTALS), 1, 0, 2, DAMAGE(TOPIC_TOTALS), 1},
    {plant_key, DAMAGE(KEY), 1, 6000, 0, DAMAGE(KEY), 1},
    {plant_key_with_payload, DAMAGE(KEY), 1, 6000, 0, DAMAGE(KEY), 1},
    {plant_key_of_no_topic, DAMAGE(KEY), 1, 6000, 0, DAMAGE(KEY), 1},
    {plant_key_of_record, DAMAGE(KEY), 1, 100, 2, DAMAGE(KEY), 1},
    /* From here on, a hub does not open the log any more. */
    {plant_unknown_topic, DAMAGE(TOPIC), 1, 6000, 9, DAMAGE(TOPIC), 1},
    {plant_row, DAMAGE(TOPIC_ROW), 1, 0, 2, DAMAGE(TOPIC_ROW), 1},
    {plant_no_row_of_records, DAMAGE(TOPIC), 3667, 1, 2, DAMAGE(TOPIC), 3667},
    {plant_row_of_nobody, DAMAGE(TOPIC_ROW), 1, 0, 0, DAMAGE(TOPIC_ROW), 1},
    {plant_forgotten, DAMAGE(STATE), 1, 0, 0, DAMAGE(STATE), 1},
    {plant_state, DAMAGE(STATE), 1, 0, 0, DAMAGE(STATE), 1},
    {plant_strange_state, DAMAGE(STATE), 1, 0, 0, DAMAGE(STATE), 1},
};

enum { PLANTED = sizeof(planted) / sizeof(planted[0]), OPENABLE = PLANTED - 7 };

static const struct store_place *first_place(enum store_damage damage)
{
    for (size_t i = 0; i < report.place_count; i++)
        if (report.places[i].damage == damage)
            return &report.places[i];
    return NULL;
}

static void check_found(const struct planted *p)
{
    ck_assert_uint_eq(report.damage[p->damage], p->count);
    ck_assert_uint_eq(report.damage[p->also], p->also_count);
    const struct store_place *place = first_place(p->damage);
    ck_assert_ptr_nonnull(place);
    ck_assert_uint_eq(place->number, p->number);
    ck_assert_uint_eq(place->topic_id, p->topic);
}

/* Whether all that was found is what P expects; unknown topics also show in the index. */
static void check_nothing_else(const struct planted *p)
{
    for (size_t i = 0; i < STORE_DAMAGE_KINDS; i++) {
        bool expected = i == p->damage || i == p->also;
        if (p->plant == plant_unknown_topic)
            expected |= i == STORE_DAMAGE_UNINDEXED || i == STORE_DAMAGE_UNGROUPED;
        ck_assert_msg(expected || report.damage[i] == 0, "%s: %llu", store_damage_name(i),
                      (unsigned long long)report.damage[i]);
    }
}

static void file_time(struct timespec *ret, off_t *ret_size)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    ck_assert_int_eq(stat(path, &st), 0);
    *ret = st.st_mtim;
    *ret_size = st.st_size;
}

START_TEST(damage_is_found_in_a_closed_log)
{
    struct timespec before, after;
    off_t size_before, size_after;
    begin_planting();
    planted[_i].plant();
    end_planting();
    file_time(&before, &size_before);
    open_closed();
    run();
    check_found(&planted[_i]);
    check_nothing_else(&planted[_i]);
    abandon();
    file_time(&after, &size_after);
    ck_assert_int_eq(size_before, size_after);
    ck_assert_int_eq(before.tv_sec, after.tv_sec);
    ck_assert_int_eq(before.tv_nsec, after.tv_nsec);
}
END_TEST

START_TEST(damage_is_found_in_an_open_log)
{
    begin_planting();
    planted[_i].plant();
    end_planting();
    open_store();
    run();
    check_found(&planted[_i]);
    check_nothing_else(&planted[_i]);
}
END_TEST

START_TEST(what_may_be_there_is_no_damage)
{
    const struct allowed *a = &allowed[_i / 2];
    begin_planting();
    a->plant();
    end_planting();
    if (_i % 2)
        open_store();
    else
        open_closed();
    run();
    check_clean();
    ck_assert_uint_eq(report.records, a->records);
    ck_assert_uint_eq(report.topics, TOPICS + 1);
    ck_assert_uint_eq(report.blocks, a->blocks);
    ck_assert_uint_eq(report.groups, a->groups);
    ck_assert_uint_eq(report.unsettled, 0);
}
END_TEST

/* All kinds of removals by the store itself, finished or not, and a restart behind each. */
START_TEST(removals_are_no_damage)
{
    size_t removed;
    bool done;
    open_store();
    for (unsigned i = 0; i < 6; i++) {
        if (i == 0)
            ck_assert_int_eq(purge_some(store, 2, 3000, 100, &removed, &done), ERR_OK);
        if (i == 1)
            ck_assert_int_eq(purge_some(store, 3, LAST, 100000, &removed, &done), ERR_OK);
        if (i == 2)
            ck_assert_int_eq(trim_some(store, 4500, 1000, NULL, NULL, &removed, &done), ERR_OK);
        if (i == 3)
            ck_assert_int_eq(trim_some(store, SECOND + 100, 100000, NULL, NULL, &removed, &done),
                             ERR_OK);
        if (i == 4)
            ck_assert_int_eq(append_run(store, LAST + 300000, 9000, TOPICS), ERR_OK);
        if (i == 5)
            ck_assert_int_eq(trim_some(store, LAST + 400000, 100000, NULL, NULL, &removed, &done),
                             ERR_OK);
        run();
        check_clean();
        abandon();
        open_closed();
        run();
        check_clean();
        ck_assert_uint_eq(report.unsettled, 0);
        abandon();
        open_store();
    }
    ck_assert_uint_eq(report.records, 0);
}
END_TEST

/* The log lives on between the steps; topics that lose something are not settled. */
START_TEST(changes_meanwhile_are_no_damage)
{
    uint64_t head = LAST;
    size_t removed;
    bool done = false;
    unsigned steps = 0, since = 0; /* the rows were read */
    open_store();
    ck_assert_int_eq(store_verify_create(reader, &verify), ERR_OK);
    while (!done) {
        ck_assert_int_eq(store_verify_step(verify, &done), ERR_OK);
        ck_assert_int_eq(append_run(store, head + 1, 5000, TOPICS), ERR_OK);
        head += 5000;
        add_topics(store, TOPICS + 2 + steps, 1);
        ck_assert_int_eq(append_one(store, ++head, TOPICS + 2 + steps), ERR_OK);
        steps++;
        since += store_verify_report(verify)->topics > 0;
        if (since == 1)
            ck_assert_int_eq(purge_some(store, 2, head, 50, &removed, &done), ERR_OK);
        if (since == 2)
            ck_assert_int_eq(purge_some(store, 3, head, 100000, &removed, &done), ERR_OK);
        done = done && since > 2;
    }
    report = *store_verify_report(verify);
    check_clean();
    ck_assert_uint_ge(steps, 7);
    ck_assert_uint_eq(report.unsettled, 2);
}
END_TEST

START_TEST(steps_are_small)
{
    static char payload[300000];
    uint64_t offset = LAST;
    open_store();
    run();
    ck_assert_uint_ge(run(), 1); /* at its end, it stays there */
    store_verify_destroy(verify);
    verify = NULL;
    for (int i = 0; i < 20; i++) {
        offset++;
        struct store_record r = {.offset = offset,
                                 .time_ms = offset,
                                 .topic_id = 1,
                                 .payload = payload,
                                 .payload_len = sizeof(payload)};
        struct store_batch b = {.records = &r, .record_count = 1};
        ck_assert_int_eq(store_append(store, &b), ERR_OK);
    }
    ck_assert_uint_ge(run(), 6 + 20 * sizeof(payload) / (1 << 20) + RECORDS / 4096);
    check_clean();
}
END_TEST

/* A group's value that one step does not get through. */
START_TEST(large_groups_take_several_steps)
{
    enum { MANY = 150000 };
    open_store();
    add_topics(store, TOPICS + 2, MANY);
    ck_assert_int_eq(append_run(store, 2 * SECOND, 60000, MANY), ERR_OK);
    ck_assert_int_eq(append_run(store, 2 * SECOND + 60000, 60000, MANY), ERR_OK);
    ck_assert_int_eq(append_run(store, 2 * SECOND + 120000, 60000, MANY), ERR_OK);
    ck_assert_int_eq(append_run(store, 3 * SECOND, 10, TOPICS), ERR_OK);
    run();
    check_clean();
    ck_assert_uint_eq(report.groups, 3);
    ck_assert_uint_eq(report.topics, TOPICS + 1 + MANY);
    abandon();
    begin_planting();
    flip64("groups", 2, LAST_BYTE);
    end_planting();
    open_closed();
    run();
    ck_assert_uint_eq(report.damage[STORE_DAMAGE_GROUP], 1);
    ck_assert_uint_eq(first_place(STORE_DAMAGE_GROUP)->number, 2);
}
END_TEST

/* Many places of a kind: a few of them are told, all are counted. */
START_TEST(places_are_few)
{
    begin_planting();
    for (uint64_t offset = 10; offset < 100; offset += 10)
        flip64("log", offset, LAST_BYTE);
    flip64("index", 64, LAST_BYTE);
    end_planting();
    open_closed();
    run();
    ck_assert_uint_eq(report.damage[STORE_DAMAGE_RECORD], 9);
    ck_assert_uint_eq(store_report_damaged(&report), 10);
    ck_assert_uint_eq(report.place_count, STORE_PLACES_EACH + 1);
    ck_assert_uint_eq(first_place(STORE_DAMAGE_INDEX)->number, 64);
    ck_assert_uint_eq(report.places[0].name_len, 7);
    ck_assert_mem_eq(report.places[0].name, "topic-2", 7);
    ck_assert_uint_eq(report.records, RECORDS - 9);
    ck_assert_uint_eq(store_damaged(store), 10);
}
END_TEST

START_TEST(pages_that_cannot_be_read_are_damage)
{
    open_closed();
    calls = 0;
    run();
    size_t total = calls;
    ck_assert_uint_gt(total, RECORDS);
    for (size_t call = 1; call <= total; call += 1 + call / 20) {
        store_verify_destroy(verify);
        verify = NULL;
        calls = 0;
        fail_at = call;
        run();
        fail_at = 0;
        ck_assert_uint_eq(report.damage[STORE_DAMAGE_FILE], 1);
        ck_assert_uint_eq(store_report_damaged(&report), 1);
    }
}
END_TEST

/* --- opening what is closed --- */

static enum err try_closed(const char *path)
{
    enum err e = store_lmdb_open_closed(path, &store);
    if (e)
        store = NULL;
    return e;
}

START_TEST(a_log_in_use_is_refused)
{
    struct store *hub;
    struct store_state state;
    struct store_options o = {.path = dir, .map_bytes = 1 << 20, .readers_max = 1};
    ck_assert_int_eq(store_lmdb_open(&o, &hub, &state), ERR_OK);
    ck_assert_int_eq(try_closed(dir), ERR_LOCKED);
    store_abandon(hub);
    open_closed();
    ck_assert_int_eq(store_lmdb_open(&o, &hub, &state), ERR_LOCKED); /* and the other way round */
    struct store *second;
    ck_assert_int_eq(store_lmdb_open_closed(dir, &second), ERR_OK); /* both only look */
    store_abandon(second);
}
END_TEST

static void in_dir(char *path, size_t n, const char *name)
{
    snprintf(path, n, "%s/%s", dir, name);
}

/* Without a lock there is nothing that keeps a hub out; that it came shows. */
START_TEST(a_hub_that_comes_meanwhile_is_noticed)
{
    char lock[4096];
    bool done = false;
    enum err e = ERR_OK;
    struct store *closed;
    in_dir(lock, sizeof(lock), "longwire.lock");
    ck_assert_int_eq(remove(lock), 0);
    open_closed();
    closed = store;
    ck_assert_int_eq(store_verify_create(reader, &verify), ERR_OK);
    ck_assert_int_eq(store_verify_step(verify, &done), ERR_OK);
    struct store_state state;
    struct store_options o = {.path = dir, .map_bytes = 1 << 20, .readers_max = 1};
    ck_assert_int_eq(store_lmdb_open(&o, &store, &state), ERR_OK);
    while (!e && !done)
        e = store_verify_step(verify, &done);
    ck_assert_int_eq(e, ERR_LOCKED);
    store_abandon(store);
    store = closed;
}
END_TEST

START_TEST(what_is_no_log_is_refused)
{
    char path[4096], *other = make_dir();
    ck_assert_int_eq(try_closed(other), ERR_NOT_FOUND);
    ck_assert_int_eq(try_closed("/nowhere/at/all"), ERR_NOT_FOUND);
    in_dir(path, sizeof(path), "data.mdb");
    ck_assert_int_eq(try_closed(path), ERR_NOT_FOUND);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(try_closed(path), ERR_TOO_LARGE);
    snprintf(path, sizeof(path), "%s/data.mdb", other);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(try_closed(other), ERR_NOT_FOUND); /* empty */
    ck_assert_int_eq(ftruncate(fileno(f), 2 * sysconf(_SC_PAGESIZE)), 0);
    ck_assert_int_eq(try_closed(other), ERR_NOT_FOUND); /* of a first start that was killed */
    for (int i = 0; i < 5000; i++)
        fputs("noise", f);
    fclose(f);
    ck_assert_int_eq(try_closed(other), ERR_FORMAT);
    remove_dir(other);
}
END_TEST

START_TEST(a_log_cut_off_or_newer_is_refused)
{
    char path[4096], format[] = "format", state[] = "state";
    struct timespec ignored;
    off_t size;
    begin_planting();
    take("meta", format, 6);
    taken[8] = LMDB_FORMAT_JOURNALED + 1;
    put("meta", format, 6, taken, 16);
    end_planting();
    ck_assert_int_eq(try_closed(dir), ERR_FORMAT);
    begin_planting();
    drop("meta", format, 6);
    drop("meta", state, 5);
    end_planting();
    ck_assert_int_eq(try_closed(dir), ERR_FORMAT);
    begin_planting();
    ck_assert_int_eq(mdb_drop(txn, database("groups"), 1), 0);
    end_planting();
    ck_assert_int_eq(try_closed(dir), ERR_FORMAT);
    in_dir(path, sizeof(path), "data.mdb");
    file_time(&ignored, &size);
    ck_assert_int_eq(truncate(path, size - 8192), 0);
    ck_assert_int_eq(try_closed(dir), ERR_CORRUPT);
}
END_TEST

/* Of version 1, which had no kept keys: taken as it is, and brought up to date by who uses it. */
START_TEST(an_old_log_is_taken_as_it_is)
{
    char format[] = "format", *target = make_dir(), *original = dir;
    begin_planting();
    take("meta", format, 6);
    taken[8] = 1;
    put("meta", format, 6, taken, 16);
    ck_assert_int_eq(mdb_drop(txn, database("keys"), 1), 0);
    end_planting();
    open_closed();
    run();
    check_clean();
    struct store_copied copied;
    struct store_copy *c = store_copy_create(store, target);
    ck_assert_int_eq(store_copy_run(c, &copied), ERR_OK);
    store_copy_destroy(c);
    abandon();
    open_closed(); /* still of version 1 */
    run();
    check_clean();
    abandon();
    dir = target;
    open_store();
    run();
    check_clean();
    ck_assert_uint_eq(report.records, RECORDS);
    abandon();
    remove_dir(target);
    dir = original;
}
END_TEST

START_TEST(a_log_without_a_database_is_refused)
{
    begin_planting();
    ck_assert_int_eq(mdb_drop(txn, database("groups"), 1), 0);
    end_planting();
    ck_assert_int_eq(try_closed(dir), ERR_CORRUPT);
}
END_TEST

START_TEST(a_memory_store_is_sound)
{
    struct store_state state;
    struct store_options o = {0};
    ck_assert_int_eq(store_memory_open(&o, &store, &state), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 10, 2), ERR_OK);
    ck_assert_uint_eq(run(), 1);
    check_clean();
    ck_assert_uint_eq(report.records, 10);
    ck_assert_uint_eq(report.topics, 2);
}
END_TEST

START_TEST(kinds_have_names)
{
    for (size_t i = 0; i < STORE_DAMAGE_KINDS; i++) {
        ck_assert_uint_gt(strlen(store_damage_name(i)), 2);
        ck_assert_uint_gt(strlen(store_damage_text(i)), 10);
        ck_assert_ptr_nonnull(store_damage_unit(i));
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(store_damage_name(i), store_damage_name(j));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_verify");
    TCase *t = tcase_create("verify");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, damage_is_found_in_a_closed_log, 0, PLANTED);
    tcase_add_loop_test(t, damage_is_found_in_an_open_log, 0, OPENABLE);
    tcase_add_loop_test(t, what_may_be_there_is_no_damage, 0,
                        2 * sizeof(allowed) / sizeof(allowed[0]));
    tcase_add_test(t, removals_are_no_damage);
    tcase_add_test(t, changes_meanwhile_are_no_damage);
    tcase_add_test(t, steps_are_small);
    tcase_add_test(t, large_groups_take_several_steps);
    tcase_add_test(t, places_are_few);
    tcase_add_test(t, pages_that_cannot_be_read_are_damage);
    tcase_add_test(t, a_log_in_use_is_refused);
    tcase_add_test(t, a_hub_that_comes_meanwhile_is_noticed);
    tcase_add_test(t, what_is_no_log_is_refused);
    tcase_add_test(t, a_log_cut_off_or_newer_is_refused);
    tcase_add_test(t, an_old_log_is_taken_as_it_is);
    tcase_add_test(t, a_log_without_a_database_is_refused);
    tcase_add_test(t, a_memory_store_is_sound);
    tcase_add_test(t, kinds_have_names);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
