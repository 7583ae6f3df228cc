/*
 * Records and index values that the disk has changed: what cannot be read is told in its place, all
 * else is found, and removals neither stop at it nor miscount.
 */
#include <check.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "storage/lmdb/store_lmdb.h"
#include "tests/unit/store_fixture.h"

static char *dir;
static struct store *store;
static struct store_state state;
static struct store_reader *reader;
static struct found found;
static struct found damaged; /* offsets and topics */

static void open_log(void)
{
    struct store_options o = {
        .path = dir, .sync = STORE_SYNC_NEVER, .map_bytes = UINT64_C(1) << 30, .readers_max = 4};
    ck_assert_int_eq(store_lmdb_open_booted(&o, "boot", &store, &state), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
}

static void leave(bool clean)
{
    store_reader_destroy(reader);
    reader = NULL;
    if (clean)
        store_close(store, 0, true);
    else
        store_abandon(store);
    store = NULL;
}

static void setup(void)
{
    dir = make_dir();
    store = NULL;
    reader = NULL;
    memset(&found, 0, sizeof(found));
    memset(&damaged, 0, sizeof(damaged));
}

static void teardown(void)
{
    leave(false);
    remove_dir(dir);
}

/* Flips a bit of byte AT of the value under KEY; negative: from its end. Or takes the value away.
 */
enum { TAKE_AWAY = 1 << 20 };

static void damage_value(const char *db, uint64_t key, int at)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {.mv_size = sizeof(key), .mv_data = &key}, old;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
    ck_assert_int_eq(mdb_env_open(env, dir, 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, db, 0, &dbi), 0);
    ck_assert_int_eq(mdb_get(txn, dbi, &k, &old), 0);
    if (at == TAKE_AWAY) {
        ck_assert_int_eq(mdb_del(txn, dbi, &k, NULL), 0);
    } else {
        uint8_t *bytes = malloc(old.mv_size);
        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, old.mv_data, old.mv_size);
        bytes[at < 0 ? (int)old.mv_size + at : at] ^= 1;
        MDB_val fresh = {.mv_size = old.mv_size, .mv_data = bytes};
        ck_assert_int_eq(mdb_put(txn, dbi, &k, &fresh, 0), 0);
        free(bytes);
    }
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* Whether there is a value under KEY; while the log is closed. */
static bool has_value(const char *db, uint64_t key)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {.mv_size = sizeof(key), .mv_data = &key}, value;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
    ck_assert_int_eq(mdb_env_open(env, dir, MDB_RDONLY, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, db, 0, &dbi), 0);
    int rc = mdb_get(txn, dbi, &k, &value);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return rc == 0;
}

static bool note(struct found *f, const struct store_record *r)
{
    f->offsets[f->count] = r->offset;
    f->topics[f->count++] = r->topic_id;
    return true;
}

static bool note_sound(void *ctx, const struct store_record *r)
{
    (void)ctx;
    return note(&found, r);
}

static bool note_damaged(void *ctx, const struct store_record *r)
{
    (void)ctx;
    return note(&damaged, r);
}

/* Reads all of TOPIC (0: of all) up to UNTIL. */
static void read_topic(uint32_t topic, uint64_t until, bool reverse)
{
    struct store_query q = {.until = until,
                            .topics = topic ? &topic : NULL,
                            .topic_count = topic ? 1 : 0,
                            .reverse = reverse,
                            .damaged = note_damaged};
    uint64_t reached;
    found.count = damaged.count = 0;
    ck_assert_int_eq(store_read(reader, &q, note_sound, NULL, &reached), ERR_OK);
    ck_assert_uint_eq(reached, reverse ? 1 : until);
}

/* Where a record can be damaged, and whether its topic is known all the same. */
enum { AT_TOPIC = 4, AT_TIME = 8, AT_END = -1 };

static const struct {
    uint64_t offset; /* block 0 is closed, block 1 the open one */
    int at;
} places[] = {
    {100, AT_END}, {100, AT_TOPIC}, {100, AT_TIME}, {4998, AT_END}, {4998, AT_TOPIC},
};

/* Offsets 1 ... 5,001, of two topics in turn. _i: the place, and whether it was a clean stop. */
START_TEST(a_damaged_record_is_told_in_its_place)
{
    uint64_t offset = places[_i / 2].offset;
    bool open_block = offset > 4096;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 5001, 2), ERR_OK);
    leave(_i % 2);
    damage_value("log", offset, places[_i / 2].at);
    open_log();
    for (int reverse = 0; reverse < 2; reverse++) {
        for (uint32_t topic = 0; topic <= 2; topic++) {
            /* Even offsets are of topic 1; whose a record of the open block was nobody knows. */
            bool told = topic != 2 || open_block;
            read_topic(topic, 5001, reverse);
            ck_assert_uint_eq(damaged.count, told);
            if (told)
                ck_assert_uint_eq(damaged.offsets[0], offset);
            if (told)
                ck_assert_uint_eq(damaged.topics[0], open_block ? 0 : 1);
            ck_assert_uint_eq(found.count, topic == 0 ? 5000 : topic == 1 ? 2499 : 2501);
        }
    }
    ck_assert_uint_eq(store_damaged(store), 1); /* however often it was met */
    uint64_t after;
    ck_assert_int_eq(store_seek_time(reader, offset + 1, &after), ERR_OK);
    ck_assert_uint_eq(after, offset - 1);
}
END_TEST

/* Whose it is stays known, or not, when the open block is closed, and when its value is rewritten.
 */
START_TEST(what_was_damaged_in_the_open_block_is_not_forgotten)
{
    size_t removed;
    bool done;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 3000, 2), ERR_OK);
    leave(true);
    damage_value("log", 2000, AT_TOPIC);
    open_log();
    for (uint64_t first = 3001; first < 700000; first += 10000)
        ck_assert_int_eq(append_run(store, first, 10000, 2), ERR_OK);
    for (int round = 0; round < 2; round++) {
        for (uint32_t topic = 1; topic <= 2; topic++) {
            read_topic(topic, 2500, false);
            ck_assert_uint_eq(damaged.count, 1);
            ck_assert_uint_eq(damaged.offsets[0], 2000);
        }
        if (round == 0)
            ck_assert_int_eq(purge_some(store, 1, 1500, 100000, &removed, &done), ERR_OK);
    }
}
END_TEST

/* In a block where none of the topics asked for is; _i: they are many. */
START_TEST(what_may_be_anybodys_is_told_in_blocks_of_others)
{
    enum { TOPICS = 60, RECORDS = 300000 };
    uint32_t topics[TOPICS];
    for (uint32_t i = 0; i < TOPICS; i++)
        topics[i] = i + 3;
    open_log();
    add_topics(store, 1, TOPICS + 2);
    ck_assert_int_eq(append_run(store, 1, 3000, 2), ERR_OK);
    leave(true);
    damage_value("log", 2000, AT_TOPIC);
    open_log();
    for (uint64_t first = 3001; first < RECORDS; first += 10000)
        ck_assert_int_eq(append_run(store, first, 10000, 2), ERR_OK);
    ck_assert_int_eq(append_one(store, RECORDS + 10000, 3), ERR_OK);
    struct store_query q = {.until = RECORDS + 10000,
                            .topics = topics,
                            .topic_count = _i ? TOPICS : 1,
                            .damaged = note_damaged};
    for (int reverse = 0; reverse < 2; reverse++) {
        uint64_t reached;
        q.reverse = reverse;
        found.count = damaged.count = 0;
        ck_assert_int_eq(store_read(reader, &q, note_sound, NULL, &reached), ERR_OK);
        ck_assert_uint_eq(damaged.count, 1);
        ck_assert_uint_eq(damaged.offsets[0], 2000);
        ck_assert_uint_eq(found.count, 1);
    }
}
END_TEST

START_TEST(damage_behind_the_checkpoint_is_told_to_all)
{
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 2, 2), ERR_OK);
    ck_assert_int_eq(append_one(store, 3, 2), ERR_OK);
    leave(false);
    damage_value("log", 3, AT_TOPIC);
    open_log();
    for (uint32_t topic = 1; topic <= 2; topic++) {
        read_topic(topic, 3, false);
        ck_assert_uint_eq(damaged.count, 1);
        ck_assert_uint_eq(found.count, 1);
    }
}
END_TEST

/* Block 0 or group 0, its value damaged or gone: what they index is still found. */
START_TEST(a_damaged_index_hides_nothing)
{
    enum { RECORDS = 300000 };
    bool gone = _i / 2;
    open_log();
    add_topics(store, 1, 100);
    for (uint64_t first = 1; first < RECORDS; first += 10000)
        ck_assert_int_eq(append_run(store, first, 10000, 100), ERR_OK);
    leave(false);
    damage_value(_i % 2 ? "groups" : "index", 0, gone ? TAKE_AWAY : -1);
    open_log();
    for (int reverse = 0; reverse < 2; reverse++) {
        read_topic(100, RECORDS, reverse);
        ck_assert_uint_eq(found.count, RECORDS / 100);
        ck_assert_uint_eq(damaged.count, 0);
    }
    ck_assert_uint_eq(store_damaged(store), _i == 3 ? 0 : 1); /* the index is enough */
}
END_TEST

/* In the open group, where each block is tried that has a value. */
START_TEST(an_index_value_that_is_gone_hides_nothing)
{
    open_log();
    add_topics(store, 1, 100);
    ck_assert_int_eq(append_run(store, 1, 50000, 100), ERR_OK);
    leave(false);
    damage_value("index", 5, TAKE_AWAY);
    open_log();
    for (int reverse = 0; reverse < 2; reverse++) {
        read_topic(100, 50000, reverse);
        ck_assert_uint_eq(found.count, 500);
    }
    ck_assert_uint_eq(store_damaged(store), 1);
}
END_TEST

/* The index names a record above its topic's floor: it was there. */
START_TEST(a_record_that_is_gone_is_told)
{
    size_t removed;
    bool done;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 5001, 2), ERR_OK);
    ck_assert_int_eq(purge_some(store, 1, 50, 1000, &removed, &done), ERR_OK);
    leave(true);
    damage_value("log", 100, TAKE_AWAY);
    open_log();
    for (uint32_t topic = 1; topic <= 2; topic++) {
        read_topic(topic, 5001, false);
        ck_assert_uint_eq(damaged.count, topic == 1);
    }
    ck_assert_uint_eq(store_damaged(store), 1);
}
END_TEST

static uint64_t told_floor[4];

static void note_floor(void *ctx, uint32_t topic_id, uint64_t floor)
{
    (void)ctx;
    told_floor[topic_id] = floor;
}

/* _i: the damaged record's topic is known from the index, or only its own word is left. */
START_TEST(removing_takes_damaged_records_along)
{
    uint64_t offset = _i ? 4998 : 100;
    size_t removed;
    bool done;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 5001, 2), ERR_OK);
    leave(true);
    damage_value("log", offset, AT_END);
    damage_value("log", 4096, AT_TOPIC); /* the first one of the open block is of any topic */
    open_log();
    ck_assert_int_eq(purge_some(store, 1, 5001, 10000, &removed, &done), ERR_OK);
    ck_assert(done);
    ck_assert_uint_eq(removed, _i ? 2498 : 2499); /* not those of the open block */
    ck_assert_int_eq(trim_some(store, 5001, 10000, note_floor, NULL, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, _i ? 2503 : 2502);
    ck_assert_uint_eq(told_floor[2], 5001);
    read_topic(0, 5001, false);
    ck_assert_uint_eq(found.count + damaged.count, 0);
    ck_assert_uint_eq(topic_row(store, 2).messages, 0);
    ck_assert_uint_eq(topic_row(store, 2).bytes, 0);
}
END_TEST

/* A topic whose newest record went with it: its floor tells that something is lost. */
START_TEST(trimming_raises_the_floor_of_a_damaged_record)
{
    size_t removed;
    bool done;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_one(store, 10, 1), ERR_OK);
    ck_assert_int_eq(append_one(store, 5000, 2), ERR_OK);
    leave(true);
    damage_value("log", 10, AT_TOPIC);
    open_log();
    ck_assert_int_eq(trim_some(store, 4000, 100, note_floor, NULL, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, 1);
    ck_assert_uint_eq(topic_row(store, 1).floor, 10);
    ck_assert_uint_eq(topic_row(store, 1).messages, 0);
}
END_TEST

/* A judge: what is older than TIME_MS goes, but that of topic KEEP. */
struct age {
    uint64_t time_ms;
    uint32_t keep;
};

static enum store_verdict judge_age(void *ctx, const struct store_record *r)
{
    const struct age *a = ctx;
    if (r->time_ms >= a->time_ms)
        return STORE_STOP;
    return r->topic_id == a->keep ? STORE_KEEP : STORE_REMOVE;
}

enum { NOBODY = 1000 };

/* Returns how many went. */
static size_t trim_older(uint64_t *at, struct age a)
{
    struct store_removal r = {.max = 10000, .judge = judge_age, .floor = note_floor, .ctx = &a};
    memset(told_floor, 0, sizeof(told_floor));
    ck_assert_int_eq(store_trim(store, at, UINT64_MAX, &r), ERR_OK);
    ck_assert(r.done);
    return r.removed;
}

static void expect_nothing_wrong(void)
{
    struct store_verify *v;
    bool done = false;
    ck_assert_int_eq(store_verify_create(reader, &v), ERR_OK);
    while (!done)
        ck_assert_int_eq(store_verify_step(v, &done), ERR_OK);
    ck_assert_uint_eq(store_report_damaged(store_verify_report(v)), 0);
    store_verify_destroy(v);
}

/* Offsets 1 ... 5,001, of three topics in turn; AT of offset 4,998, which is in the open block, is
 * damaged. */
static void damage_of_any_topic(int at)
{
    open_log();
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 5001, 3), ERR_OK);
    leave(true);
    damage_value("log", 4998, at);
    open_log();
}

static const int own_word[] = {AT_END, AT_TOPIC}; /* right, or wrong */

/* It is as old as the next one that can be read, and all topics learn that it went. */
START_TEST(one_of_any_topic_is_trimmed_in_its_turn)
{
    uint64_t at = 0;
    damage_of_any_topic(own_word[_i]);
    ck_assert_uint_eq(trim_older(&at, (struct age){4999, NOBODY}), 4997);
    ck_assert_uint_eq(at, 4997);
    for (uint32_t topic = 1; topic <= 3; topic++) {
        read_topic(topic, 4998, false);
        ck_assert_uint_eq(damaged.count, 1);
    }
    ck_assert_uint_eq(trim_older(&at, (struct age){5000, NOBODY}), 2);
    ck_assert_uint_eq(told_floor[1], 4998);
    ck_assert_uint_eq(told_floor[2], 4999);
    ck_assert_uint_eq(told_floor[3], 4998);
    for (uint32_t topic = 1; topic <= 3; topic++)
        ck_assert_uint_eq(topic_row(store, topic).floor, told_floor[topic]);
    ck_assert_uint_eq(trim_older(&at, (struct age){6000, NOBODY}), 2);
    for (uint32_t topic = 1; topic <= 3; topic++)
        ck_assert_uint_eq(topic_row(store, topic).messages + topic_row(store, topic).bytes, 0);
    expect_nothing_wrong();
}
END_TEST

/* Nor does it go before what is older: that topic's floor could not tell it. */
START_TEST(one_of_any_topic_stays_behind_what_is_kept)
{
    uint64_t at = 0;
    size_t removed;
    bool done;
    damage_of_any_topic(own_word[_i]);
    for (uint64_t first = 5002; first < 12000; first += 1000)
        ck_assert_int_eq(append_run(store, first, 1000, 3), ERR_OK); /* it gets an index value */
    ck_assert_uint_eq(trim_older(&at, (struct age){9001, 2}), 5999);
    ck_assert_uint_eq(told_floor[1], 9000);
    ck_assert_uint_eq(told_floor[2], 0);
    read_topic(2, 4998, false);
    ck_assert_uint_eq(damaged.count, 1);
    ck_assert_int_eq(purge_some(store, 2, 9000, 10000, &removed, &done), ERR_OK);
    ck_assert_uint_eq(trim_older(&at, (struct age){9002, 2}), 1);
    read_topic(0, 9000, false);
    ck_assert_uint_eq(damaged.count + found.count, 0);
    if (own_word[_i] == AT_END) /* else its topic counts one too many as long as it has others */
        expect_nothing_wrong();
    leave(true);
    ck_assert(!has_value("index", 1)); /* its block has nothing else */
    ck_assert(has_value("log", 9001));
    open_log();
}
END_TEST

/* Topic 1 has got no further than offset 1. _i: whether that is sure. */
START_TEST(one_of_any_topic_is_no_loss_of_those_that_are_not_as_far)
{
    uint64_t at = 0;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_one(store, 1, 1), ERR_OK);
    ck_assert_int_eq(append_one(store, 2, 2), ERR_OK);
    ck_assert_int_eq(append_one(store, 3, 2), ERR_OK);
    leave(_i);
    damage_value("log", 3, AT_TOPIC);
    open_log();
    ck_assert_int_eq(append_one(store, 4, 2), ERR_OK);
    ck_assert_uint_eq(trim_older(&at, (struct age){5, NOBODY}), 4);
    ck_assert_uint_eq(topic_row(store, 1).floor, _i ? 1 : 3);
    ck_assert_uint_eq(topic_row(store, 2).floor, 4);
    expect_nothing_wrong();
}
END_TEST

struct limit {
    size_t left;    /* more records stay */
    size_t damaged; /* asked about, with times */
    uint64_t times[8];
};

static enum store_verdict keep_some(void *ctx, const struct store_record *r)
{
    struct limit *l = ctx;
    if (!r->payload)
        l->times[l->damaged++] = r->time_ms;
    return l->left && l->left-- ? STORE_REMOVE : STORE_STOP;
}

START_TEST(expiring_counts_damaged_records)
{
    struct limit limit = {.left = 30};
    struct store_removal r = {.max = 1000, .judge = keep_some, .ctx = &limit};
    uint32_t topic = 1;
    size_t topics;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 5001, 2), ERR_OK);
    leave(true);
    damage_value("log", 2, AT_END);
    damage_value("log", 20, AT_END);
    damage_value("log", 100, AT_END);
    open_log();
    ck_assert_int_eq(store_expire(store, &topic, 1, &r, &topics), ERR_OK);
    ck_assert(r.done);
    ck_assert_uint_eq(r.removed, 30);
    ck_assert_uint_eq(limit.damaged, 2);
    ck_assert_uint_eq(limit.times[0], 0);
    ck_assert_uint_eq(limit.times[1], 18);
    ck_assert_uint_eq(topic_row(store, 1).messages, 2470);
    ck_assert_uint_eq(topic_row(store, 1).floor, 60);
    read_topic(1, 5001, false);
    ck_assert_uint_eq(damaged.count, 1);
    ck_assert_uint_eq(damaged.offsets[0], 100);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_damage");
    TCase *t = tcase_create("store_damage");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_damaged_record_is_told_in_its_place, 0,
                        2 * (int)(sizeof(places) / sizeof(places[0])));
    tcase_add_test(t, what_was_damaged_in_the_open_block_is_not_forgotten);
    tcase_add_test(t, damage_behind_the_checkpoint_is_told_to_all);
    tcase_add_loop_test(t, what_may_be_anybodys_is_told_in_blocks_of_others, 0, 2);
    tcase_add_loop_test(t, a_damaged_index_hides_nothing, 0, 4);
    tcase_add_test(t, an_index_value_that_is_gone_hides_nothing);
    tcase_add_test(t, a_record_that_is_gone_is_told);
    tcase_add_loop_test(t, removing_takes_damaged_records_along, 0, 2);
    tcase_add_test(t, trimming_raises_the_floor_of_a_damaged_record);
    tcase_add_loop_test(t, one_of_any_topic_is_trimmed_in_its_turn, 0, 2);
    tcase_add_loop_test(t, one_of_any_topic_stays_behind_what_is_kept, 0, 2);
    tcase_add_loop_test(t, one_of_any_topic_is_no_loss_of_those_that_are_not_as_far, 0, 2);
    tcase_add_test(t, expiring_counts_damaged_records);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
