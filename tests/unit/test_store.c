/* The contract of storage/store.h: one test, run against each member of the family. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_fixture.h"

typedef enum err open_function(const struct store_options *, struct store **, struct store_state *);

static const struct {
    const char *name;
    open_function *open;
} members[] = {
    {"memory", store_memory_open},
    {"lmdb", store_lmdb_open},
    {"journal, held", open_held},
    {"journal, applied", open_applied},
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static char *dir;
static struct store *store;
static struct store_state state;
static struct store_reader *reader;
static struct found found;

static void open_with(int member, uint64_t map_bytes)
{
    struct store_options o = {
        .path = dir,
        .sync = STORE_SYNC_NEVER,
        .map_bytes = map_bytes,
        .readers_max = 4,
    };
    ck_assert_int_eq(members[member].open(&o, &store, &state), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
}

static void open_member(int member)
{
    open_with(member, UINT64_C(1) << 30);
}

static void setup(void)
{
    dir = make_dir();
    store = NULL;
    reader = NULL;
    memset(&found, 0, sizeof(found));
}

static void teardown(void)
{
    store_reader_destroy(reader);
    store_close(store, 0, true);
    remove_dir(dir);
}

static void check_offsets(const uint64_t *offsets, size_t count)
{
    ck_assert_uint_eq(found.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(found.offsets[i], offsets[i]);
}

#define CHECK_OFFSETS(...)                                                                         \
    check_offsets((const uint64_t[]){__VA_ARGS__},                                                 \
                  sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

START_TEST(a_new_store_is_empty)
{
    open_member(_i);
    ck_assert_uint_ne(state.epoch, 0);
    ck_assert_uint_eq(state.head, 0);
    ck_assert_uint_eq(state.first, 1);
    ck_assert_uint_eq(state.last_time_ms, 0);
    ck_assert(state.created);
    ck_assert(state.clean);
    ck_assert_uint_eq(state.former_count, 0);
    struct store_query q = {.until = 100};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_uint_eq(found.reached, 100);
    q.reverse = true;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.reached, 1);
    ck_assert_uint_eq(store_damaged(store), 0);
}
END_TEST

static bool check_full_record(void *ctx, const struct store_record *r)
{
    static const char payload[] = "a\0b\r\n";
    ck_assert_uint_eq(r->offset, 7);
    ck_assert_uint_eq(r->time_ms, 1234567890123);
    ck_assert_uint_eq(r->topic_id, 1);
    ck_assert_uint_eq(r->kind, 2);
    ck_assert_uint_eq(r->payload_len, sizeof(payload));
    ck_assert_int_eq(memcmp(r->payload, payload, sizeof(payload)), 0);
    ck_assert_uint_eq(r->event_len, 5);
    ck_assert_int_eq(memcmp(r->event, "event", 5), 0);
    ck_assert_uint_eq(r->key_len, 3);
    ck_assert_int_eq(memcmp(r->key, "key", 3), 0);
    ++*(int *)ctx;
    return true;
}

START_TEST(a_record_comes_back_as_it_was)
{
    static const char payload[] = "a\0b\r\n";
    open_member(_i);
    add_topics(store, 1, 1);
    struct store_record r = {
        .offset = 7,
        .time_ms = 1234567890123,
        .topic_id = 1,
        .kind = 2,
        .payload = payload,
        .payload_len = sizeof(payload),
        .event = "event",
        .event_len = 5,
        .key = "key",
        .key_len = 3,
    };
    struct store_batch b = {.records = &r, .record_count = 1};
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    struct store_query q = {.until = 7};
    uint64_t reached;
    int seen = 0;
    ck_assert_int_eq(store_read(reader, &q, check_full_record, &seen, &reached), ERR_OK);
    ck_assert_int_eq(seen, 1);
}
END_TEST

static bool check_size(void *ctx, const struct store_record *r)
{
    ck_assert_uint_eq(r->payload_len, *(uint32_t *)ctx);
    for (uint32_t i = 0; i < r->payload_len; i += 997)
        ck_assert_int_eq(r->payload[i], 'x');
    return true;
}

START_TEST(payloads_of_any_size_come_back)
{
    static const uint32_t sizes[] = {0, 1, 2, 1000, 2000, 2100, 4096, 70000, 3000000};
    char *payload = malloc(3000000);
    memset(payload, 'x', 3000000);
    open_member(_i);
    add_topics(store, 1, 1);
    for (uint64_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct store_record r = {
            .offset = i + 1, .topic_id = 1, .payload = payload, .payload_len = sizes[i]};
        struct store_batch b = {.records = &r, .record_count = 1};
        ck_assert_int_eq(store_append(store, &b), ERR_OK);
        struct store_query q = {.after = i, .until = i + 1};
        uint64_t reached;
        uint32_t size = sizes[i];
        ck_assert_int_eq(store_read(reader, &q, check_size, &size, &reached), ERR_OK);
    }
    free(payload);
}
END_TEST

START_TEST(reads_select_by_range_and_topic)
{
    open_member(_i);
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 12, 3), ERR_OK); /* topics 2 3 1 2 3 1 ... */
    struct store_query q = {.after = 2, .until = 6};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(3, 4, 5, 6);
    ck_assert_uint_eq(found.reached, 6);
    q = (struct store_query){.until = 12, .topics = (uint32_t[]){1}, .topic_count = 1};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(3, 6, 9, 12);
    q = (struct store_query){
        .after = 3, .until = 11, .topics = (uint32_t[]){1, 3}, .topic_count = 2, .reverse = true};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(11, 9, 8, 6, 5);
    ck_assert_uint_eq(found.reached, 4);
    q = (struct store_query){.until = 12, .topics = (uint32_t[]){4, 900000}, .topic_count = 2};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_uint_eq(found.reached, 12);
    q.topic_count = 0;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_uint_eq(found.reached, 12);
}
END_TEST

START_TEST(an_empty_range_is_finished)
{
    open_member(_i);
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_run(store, 1, 5, 1), ERR_OK);
    struct store_query q = {.after = 5, .until = 5};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_uint_eq(found.reached, 5);
    q.reverse = true;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.reached, 6);
}
END_TEST

START_TEST(reads_stop_where_they_are_told)
{
    open_member(_i);
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 12, 3), ERR_OK);
    struct store_query q = {
        .until = 12, .topics = (uint32_t[]){1}, .topic_count = 1, .max_records = 2};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(3, 6);
    ck_assert_uint_eq(found.reached, 6);
    q.reverse = true;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(12, 9);
    ck_assert_uint_eq(found.reached, 9);
    found.stop_at = 2;
    q.max_records = 0;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(12);
    ck_assert_uint_eq(found.reached, 10);
    q.reverse = false;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(3);
    ck_assert_uint_eq(found.reached, 5);
    found.stop_at = 1;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_uint_eq(found.reached, 2);
}
END_TEST

/* 70,000 offsets: many blocks, in which topics 1..7 are everywhere and topic 8 is rare. */
static void fill_blocks(void)
{
    add_topics(store, 1, 8);
    for (uint64_t first = 1; first < 70000; first += 7000) {
        ck_assert_int_eq(append_run(store, first, 6999, 7), ERR_OK);
        ck_assert_int_eq(append_one(store, first + 6999, 8), ERR_OK);
    }
}

START_TEST(rare_topics_are_found_over_many_blocks)
{
    open_member(_i);
    fill_blocks();
    struct store_query q = {.until = 70000, .topics = (uint32_t[]){8}, .topic_count = 1};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(7000, 14000, 21000, 28000, 35000, 42000, 49000, 56000, 63000, 70000);
    q.reverse = true;
    q.after = 13999;
    q.until = 69999;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(63000, 56000, 49000, 42000, 35000, 28000, 21000, 14000);
    ck_assert_uint_eq(found.reached, 14000);
}
END_TEST

START_TEST(bounded_reads_make_progress)
{
    open_member(_i);
    fill_blocks();
    for (size_t max_scan = 1; max_scan < 10000; max_scan = max_scan * 5 + 3) {
        for (int reverse = 0; reverse < 2; reverse++) {
            struct store_query q = {.until = 70000,
                                    .topics = (uint32_t[]){3, 8},
                                    .topic_count = 2,
                                    .reverse = reverse,
                                    .max_scan = max_scan};
            read_all(reader, q, &found);
            ck_assert_uint_eq(found.count, 10010);
            for (size_t i = 1; i < found.count; i++)
                REQUIRE(reverse ? found.offsets[i] < found.offsets[i - 1]
                                : found.offsets[i] > found.offsets[i - 1]);
        }
    }
}
END_TEST

START_TEST(large_topic_sets_are_found)
{
    enum { TOPICS = 500, RECORDS = 40000 };
    uint32_t odd[TOPICS / 2];
    open_member(_i);
    add_topics(store, 1, TOPICS);
    for (uint64_t first = 1; first < RECORDS; first += 1000)
        ck_assert_int_eq(append_run(store, first, 1000, TOPICS), ERR_OK);
    for (uint32_t i = 0; i < TOPICS / 2; i++)
        odd[i] = 2 * i + 1;
    for (int reverse = 0; reverse < 2; reverse++) {
        struct store_query q = {.until = RECORDS,
                                .topics = odd,
                                .topic_count = TOPICS / 2,
                                .max_scan = 777,
                                .reverse = reverse};
        read_all(reader, q, &found);
        ck_assert_uint_eq(found.count, RECORDS / 2);
        for (size_t i = 0; i < found.count; i++)
            REQUIRE(found.topics[i] % 2 == 1);
    }
}
END_TEST

START_TEST(offsets_may_have_holes_of_any_width)
{
    static const uint64_t offsets[] = {
        3, 4095, 4096, 8191, 300000, 300001, 1 << 24, 1ull << 40, (1ull << 40) + 1, UINT64_MAX - 1,
    };
    enum { N = sizeof(offsets) / sizeof(offsets[0]) };
    open_member(_i);
    add_topics(store, 1, 2);
    for (size_t i = 0; i < N; i++)
        ck_assert_int_eq(append_one(store, offsets[i], i % 2 + 1), ERR_OK);
    struct store_query q = {.until = UINT64_MAX - 1};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    check_offsets(offsets, N);
    for (int reverse = 0; reverse < 2; reverse++) {
        q.topics = (uint32_t[]){2};
        q.topic_count = 1;
        q.reverse = reverse;
        q.max_scan = 1;
        read_all(reader, q, &found);
        ck_assert_uint_eq(found.count, N / 2);
        for (size_t i = 0; i < N / 2; i++)
            ck_assert_uint_eq(found.offsets[i], offsets[reverse ? N - 1 - 2 * i : 2 * i + 1]);
    }
}
END_TEST

static enum err append_record(const struct store_record *r)
{
    struct store_batch b = {.records = r, .record_count = 1};
    return store_append(store, &b);
}

START_TEST(bad_batches_change_nothing)
{
    open_member(_i);
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 10, 2), ERR_OK);
    struct store_record r = {.offset = 10, .topic_id = 1, .time_ms = 10};
    ck_assert_int_eq(append_record(&r), ERR_INVALID); /* not above */
    r.offset = UINT64_MAX;
    ck_assert_int_eq(append_record(&r), ERR_INVALID);
    r.offset = 11;
    r.topic_id = 3;
    ck_assert_int_eq(append_record(&r), ERR_INVALID);
    r.topic_id = 0;
    ck_assert_int_eq(append_record(&r), ERR_INVALID);
    r.topic_id = 1;
    r.time_ms = 9;
    ck_assert_int_eq(append_record(&r), ERR_INVALID);
    r.time_ms = 10;
    r.payload_len = STORE_PAYLOAD_MAX + 1u;
    ck_assert_int_eq(append_record(&r), ERR_INVALID);
    struct store_record two[] = {{.offset = 12, .topic_id = 1, .time_ms = 12},
                                 {.offset = 12, .topic_id = 1, .time_ms = 12}};
    struct store_batch b = {.records = two, .record_count = 2};
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);

    struct store_query q = {.until = 20};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 10);
    ck_assert_uint_eq(topic_row(store, 1).messages, 5);
    ck_assert_int_eq(append_one(store, 11, 1), ERR_OK);
}
END_TEST

START_TEST(a_failed_batch_leaves_no_topic)
{
    open_member(_i);
    struct store_topic t[] = {{.id = 1, .name = "a", .name_len = 1},
                              {.id = 1, .name = "b", .name_len = 1}};
    struct store_batch b = {.topics = t, .topic_count = 2};
    t[0].id = 2;
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID); /* 1 does not follow */
    t[0].id = 1;
    ck_assert_uint_eq(topic_row(store, 1).id, 0);
    t[1].id = 2;
    t[1].name_len = 0;
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);
    struct store_record r = {.offset = 1, .topic_id = 7};
    b = (struct store_batch){.topics = t, .topic_count = 1, .records = &r, .record_count = 1};
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);
    ck_assert_uint_eq(topic_row(store, 1).id, 0);
    r.topic_id = 1;
    t[0].flags = 5;
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    struct store_topic row = topic_row(store, 1);
    ck_assert_uint_eq(row.id, 1);
    ck_assert_uint_eq(row.flags, 5);
    ck_assert_uint_eq(row.messages, 1);
    ck_assert_uint_eq(row.last, 1);
}
END_TEST

START_TEST(topics_are_told_with_their_totals)
{
    open_member(_i);
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 10, 2), ERR_OK);
    struct store_topic t = topic_row(store, 1);
    ck_assert_uint_eq(t.messages, 5);
    ck_assert_uint_eq(t.bytes, 40);
    ck_assert_uint_eq(t.last, 10);
    ck_assert_uint_eq(t.floor, 0);
    ck_assert_uint_eq(topic_row(store, 2).last, 9);
    ck_assert_uint_eq(topic_row(store, 3).last, 0);
    ck_assert_uint_eq(topic_row(store, 4).id, 0);
}
END_TEST

START_TEST(purge_takes_one_topic_away)
{
    size_t removed;
    bool done;
    open_member(_i);
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 10000, 2), ERR_OK);
    ck_assert_int_eq(purge_some(store, 9, 5, 10, &removed, &done), ERR_INVALID);
    ck_assert_int_eq(purge_some(store, 1, 9000, 1000, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, 1000);
    ck_assert(!done);
    ck_assert_uint_eq(topic_row(store, 1).floor, 9000);
    struct store_query all = {.until = 10000};
    ck_assert_int_eq(read_into(reader, &all, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 5500); /* the floor hides what is still there, itself too */
    for (size_t i = 0; i < found.count; i++)
        REQUIRE(found.topics[i] != 1 || found.offsets[i] > 9000);
    struct store_query q = {.until = 10000, .topics = (uint32_t[]){1}, .topic_count = 1};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK); /* all at once, though half done */
    ck_assert_uint_eq(found.count, 500);
    ck_assert_uint_eq(found.offsets[0], 9002);
    size_t calls = 1;
    for (; !done; calls++)
        ck_assert_int_eq(purge_some(store, 1, 9000, 1000, &removed, &done), ERR_OK);
    ck_assert_uint_ge(calls, 5);
    struct store_topic t = topic_row(store, 1);
    ck_assert_uint_eq(t.messages, 500);
    ck_assert_uint_eq(t.bytes, 4000);
    ck_assert_uint_eq(t.last, 10000);
    ck_assert_uint_eq(topic_row(store, 2).messages, 5000);
    ck_assert_int_eq(read_into(reader, &(struct store_query){.until = 10000}, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 5500);
}
END_TEST

START_TEST(purge_spares_what_comes_later)
{
    size_t removed;
    bool done;
    open_member(_i);
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 10, 2), ERR_OK);
    ck_assert_int_eq(purge_some(store, 1, UINT64_MAX, 100, &removed, &done), ERR_OK);
    ck_assert(done);
    ck_assert_uint_eq(removed, 5);
    ck_assert_uint_eq(topic_row(store, 1).floor, 10);
    ck_assert_uint_eq(topic_row(store, 1).last, 10);
    ck_assert_int_eq(purge_some(store, 1, UINT64_MAX, 100, &removed, &done), ERR_OK);
    ck_assert(done);
    ck_assert_uint_eq(removed, 0);
    ck_assert_int_eq(purge_some(store, 1, 3, 100, &removed, &done), ERR_OK); /* no way back */
    ck_assert_uint_eq(topic_row(store, 1).floor, 10);
    ck_assert_int_eq(append_one(store, 11, 1), ERR_OK);
    struct store_query q = {.until = 11, .topics = (uint32_t[]){1}, .topic_count = 1};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    CHECK_OFFSETS(11);
}
END_TEST

/* The floors told by a trim. */
struct floors {
    size_t calls;
    uint64_t of[8];
};

static void keep_floor(void *ctx, uint32_t topic_id, uint64_t floor)
{
    struct floors *f = ctx;
    f->calls++;
    f->of[topic_id] = floor;
}

START_TEST(trim_takes_the_oldest_away)
{
    struct floors floors = {0};
    size_t removed;
    bool done;
    open_member(_i);
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 20000, 2), ERR_OK);
    ck_assert_int_eq(trim_some(store, 15001, 2000, keep_floor, &floors, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, 2000);
    ck_assert(!done);
    ck_assert_uint_eq(floors.calls, 2);
    ck_assert_uint_eq(floors.of[1], 2000);
    ck_assert_uint_eq(floors.of[2], 1999);
    while (!done)
        ck_assert_int_eq(trim_some(store, 15001, 2000, keep_floor, &floors, &removed, &done),
                         ERR_OK);
    ck_assert_uint_eq(floors.of[1], 15000);
    ck_assert_uint_eq(floors.of[2], 15001);
    ck_assert_uint_eq(floors.of[3], 0);
    struct store_topic t = topic_row(store, 2);
    ck_assert_uint_eq(t.floor, 15001);
    ck_assert_uint_eq(t.messages, 2499);
    ck_assert_uint_eq(t.bytes, 2499 * 8);
    for (int reverse = 0; reverse < 2; reverse++) {
        struct store_query q = {
            .until = 20000, .topics = (uint32_t[]){2}, .topic_count = 1, .reverse = reverse};
        ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
        ck_assert_uint_eq(found.count, 2499);
        ck_assert_uint_eq(found.offsets[0], reverse ? 19999 : 15003);
    }
}
END_TEST

START_TEST(everything_can_be_trimmed)
{
    size_t removed;
    bool done;
    open_member(_i);
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 9000, 2), ERR_OK);
    ck_assert_int_eq(trim_some(store, UINT64_MAX, 100000, NULL, NULL, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, 9000);
    ck_assert(done);
    ck_assert_int_eq(trim_some(store, UINT64_MAX, 100, NULL, NULL, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, 0);
    ck_assert(done);
    ck_assert_int_eq(read_into(reader, &(struct store_query){.until = 9000}, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_uint_eq(topic_row(store, 1).messages, 0);
    ck_assert_uint_eq(topic_row(store, 1).last, 9000);
    ck_assert_int_eq(append_one(store, 9000, 1), ERR_INVALID);
    ck_assert_int_eq(append_run(store, 9001, 9000, 2), ERR_OK);
    struct store_query q = {.until = 18000, .topics = (uint32_t[]){1}, .topic_count = 1};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 4500);
}
END_TEST

START_TEST(a_purged_topic_is_trimmed_without_new_floor)
{
    struct floors floors = {0};
    size_t removed;
    bool done;
    open_member(_i);
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 100, 2), ERR_OK);
    ck_assert_int_eq(purge_some(store, 1, 100, 10, &removed, &done), ERR_OK);
    ck_assert(!done);
    ck_assert_int_eq(trim_some(store, 50, 1000, keep_floor, &floors, &removed, &done), ERR_OK);
    ck_assert(done);
    ck_assert_uint_eq(removed, 40);
    ck_assert_uint_eq(floors.calls, 1);
    ck_assert_uint_eq(floors.of[2], 49);
    ck_assert_int_eq(purge_some(store, 1, 100, 1000, &removed, &done), ERR_OK);
    ck_assert(done);
    ck_assert_uint_eq(removed, 25);
    ck_assert_uint_eq(topic_row(store, 1).messages, 0);
}
END_TEST

static enum err forget(uint32_t id)
{
    return store_forget(store, &id, 1, 0);
}

START_TEST(empty_topics_are_forgotten)
{
    size_t removed;
    bool done;
    open_member(_i);
    add_topics(store, 1, 4);
    ck_assert_int_eq(append_run(store, 1, 300, 3), ERR_OK);
    ck_assert_int_eq(forget(1), ERR_INVALID); /* it has records */
    ck_assert_int_eq(forget(5), ERR_INVALID); /* not known */
    ck_assert_int_eq(store_forget(store, (uint32_t[]){4, 1}, 2, 0), ERR_INVALID);
    ck_assert_uint_eq(topic_row(store, 4).id, 4);
    ck_assert_int_eq(forget(4), ERR_OK); /* never had any */
    ck_assert_uint_eq(topic_row(store, 4).id, 0);
    ck_assert_uint_eq(store_forgotten(store), 0);
    ck_assert_int_eq(purge_some(store, 2, 1000, 30, &removed, &done), ERR_OK);
    ck_assert(!done);
    ck_assert_int_eq(forget(2), ERR_INVALID); /* a purge has still to be finished */
    ck_assert_int_eq(purge_some(store, 2, 1000, 1000, &removed, &done), ERR_OK);
    ck_assert_int_eq(forget(2), ERR_OK);
    ck_assert_int_eq(forget(2), ERR_INVALID);
    ck_assert_uint_eq(store_forgotten(store), 298); /* its newest message */
    add_topics(store, 5, 2);
    ck_assert_int_eq(store_forget(store, (uint32_t[]){5}, 1, 299), ERR_OK); /* left no record */
    ck_assert_uint_eq(store_forgotten(store), 299);
    ck_assert_int_eq(store_forget(store, (uint32_t[]){6}, 1, 7), ERR_OK);
    ck_assert_uint_eq(store_forgotten(store), 299);
    ck_assert_uint_eq(topic_row(store, 2).id, 0);
    ck_assert_uint_eq(topic_row(store, 3).messages, 100);
    struct store_query q = {.until = 300};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 200);
    q.topics = (uint32_t[]){1, 2, 4, 77};
    q.topic_count = 4;
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    ck_assert_uint_eq(found.count, 100);
    ck_assert_int_eq(append_one(store, 301, 2), ERR_INVALID);
}
END_TEST

START_TEST(ids_are_never_used_again)
{
    struct store_topic t = {.id = 2, .name = "again", .name_len = 5, .floor = 7, .last = 7};
    struct store_batch b = {.topics = &t, .topic_count = 1};
    open_member(_i);
    add_topics(store, 1, 3);
    ck_assert_int_eq(store_forget(store, (uint32_t[]){3, 2}, 2, 0), ERR_OK);
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);
    t.id = 3;
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);
    t.id = 6; /* the caller may pass over some */
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    t.id = 5;
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);
    ck_assert_int_eq(append_one(store, 8, 6), ERR_OK);
    t = topic_row(store, 6);
    ck_assert_uint_eq(t.floor, 7);
    ck_assert_uint_eq(t.last, 8);
    ck_assert_uint_eq(t.messages, 1);
    ck_assert(!t.unswept);
}
END_TEST

struct notes {
    size_t count;
    char text[256]; /* "name=value " of each */
};

static void take_note(void *ctx, const char *name, const void *value, size_t n)
{
    struct notes *all = ctx;
    size_t len = strlen(all->text);
    snprintf(all->text + len, sizeof(all->text) - len, "%s=%.*s ", name, (int)n,
             (const char *)value);
    all->count++;
}

static void expect_notes(const char *prefix, const char *text)
{
    struct notes all = {0};
    ck_assert_int_eq(store_notes(store, prefix, take_note, &all), ERR_OK);
    ck_assert_str_eq(all.text, text);
}

START_TEST(notes_are_put_together_or_not_at_all)
{
    static const char much[STORE_NOTE_MAX + 1];
    open_member(_i);
    struct store_note notes[] = {{"a", "one", 3}, {"b", "two", 3}, {"c", NULL, 0}};
    ck_assert_int_eq(store_put_note(store, "c", "three", 5), ERR_OK);
    ck_assert_int_eq(store_put_notes(store, notes, 3), ERR_OK);
    expect_notes("", "a=one b=two ");
    notes[0] = (struct store_note){"a", NULL, 0};
    notes[2] = (struct store_note){"c", much, sizeof(much)};
    ck_assert_int_eq(store_put_notes(store, notes, 3), ERR_INVALID);
    expect_notes("", "a=one b=two ");
    ck_assert_int_eq(store_put_notes(store, notes, 0), ERR_OK);
}
END_TEST

START_TEST(notes_are_kept_by_name)
{
    char longest[STORE_NOTE_NAME_MAX + 2];
    static const char large[STORE_NOTE_MAX + 1];
    open_member(_i);
    expect_notes("", "");
    ck_assert_int_eq(store_put_note(store, "b.x", "one", 3), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "a", "two", 3), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "b.a", "", 0), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "c", "four", 4), ERR_OK);
    expect_notes("", "a=two b.a= b.x=one c=four ");
    expect_notes("b.", "b.a= b.x=one ");
    expect_notes("d", "");
    ck_assert_int_eq(store_put_note(store, "b.x", "another", 7), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "a", NULL, 0), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "a", NULL, 0), ERR_OK); /* nothing to remove is fine */
    ck_assert_int_eq(store_put_note(store, "none", NULL, 0), ERR_OK);
    expect_notes("", "b.a= b.x=another c=four ");
    memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_int_eq(store_put_note(store, longest, "", 0), ERR_INVALID);
    ck_assert_int_eq(store_put_note(store, longest + 1, large, STORE_NOTE_MAX), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "", "", 0), ERR_INVALID);
    ck_assert_int_eq(store_put_note(store, "d", large, sizeof(large)), ERR_INVALID);
    ck_assert_int_eq(append_one(store, 1, 1), ERR_INVALID);
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_one(store, 1, 1), ERR_OK);
    expect_notes("b", "b.a= b.x=another ");
}
END_TEST

/* A thousand topics at a time, a hundred thousand in all. */
START_TEST(many_topics_come_and_go)
{
    enum { AT_ONCE = 1000, ROUNDS = 100 };
    static uint32_t ids[AT_ONCE];
    uint64_t offset = 0;
    size_t removed;
    bool done;
    open_member(_i);
    for (uint32_t first = 1; first <= AT_ONCE * ROUNDS; first += AT_ONCE) {
        add_topics(store, first, AT_ONCE);
        for (uint32_t i = 0; i < AT_ONCE; i++)
            ids[i] = first + i;
        ck_assert_int_eq(append_one(store, ++offset, first + 7), ERR_OK);
        ck_assert_int_eq(purge_some(store, first + 7, offset, 10, &removed, &done), ERR_OK);
        ck_assert_int_eq(store_forget(store, ids, AT_ONCE - 1, 0), ERR_OK); /* the last one stays */
        ck_assert_int_eq(append_one(store, ++offset, first + AT_ONCE - 1), ERR_OK);
    }
    struct store_query q = {.until = offset};
    for (uint32_t i = 0; i < ROUNDS; i++)
        ids[i] = AT_ONCE * (i + 1);
    for (q.topic_count = 1; q.topic_count <= ROUNDS; q.topic_count += ROUNDS - 1) {
        q.topics = ids;
        ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
        ck_assert_uint_eq(found.count, q.topic_count);
    }
}
END_TEST

START_TEST(times_are_found)
{
    uint64_t after;
    open_member(_i);
    add_topics(store, 1, 1);
    ck_assert_int_eq(store_seek_time(reader, 5, &after), ERR_OK);
    ck_assert_uint_eq(after, 0);
    static const uint64_t times[] = {10, 10, 20, 20, 20, 35};
    for (uint64_t i = 0; i < 6; i++) {
        struct store_record r = {.offset = 100 * (i + 1), .topic_id = 1, .time_ms = times[i]};
        ck_assert_int_eq(append_record(&r), ERR_OK);
    }
    static const struct {
        uint64_t time_ms, after;
    } cases[] = {{0, 0}, {10, 0}, {11, 200}, {20, 200}, {21, 500}, {35, 500}, {36, 600}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(store_seek_time(reader, cases[i].time_ms, &after), ERR_OK);
        ck_assert_uint_eq(after, cases[i].after);
    }
}
END_TEST

START_TEST(a_full_store_refuses_and_goes_on)
{
    static const char payload[100000];
    size_t removed;
    bool done;
    uint64_t offset = 0;
    enum err e = ERR_OK;
    open_with(_i, 4 << 20);
    add_topics(store, 1, 1);
    while (!e && offset < 1000) {
        struct store_record r = {.offset = offset + 1,
                                 .topic_id = 1,
                                 .payload = payload,
                                 .payload_len = sizeof(payload)};
        e = append_record(&r);
        offset += !e;
    }
    ck_assert_int_eq(e, ERR_NOSPACE);
    ck_assert_uint_gt(offset, 10);
    ck_assert_uint_eq(topic_row(store, 1).messages, offset);
    uint64_t reached;
    ck_assert_int_eq(store_seek_time(reader, 1, &reached), ERR_OK);
    ck_assert_uint_eq(reached, offset);
    ck_assert_int_eq(trim_some(store, offset / 2, 1000, NULL, NULL, &removed, &done), ERR_OK);
    ck_assert(done);
    for (int i = 0; i < 5; i++) {
        struct store_record r = {
            .offset = ++offset, .topic_id = 1, .payload = payload, .payload_len = sizeof(payload)};
        ck_assert_int_eq(append_record(&r), ERR_OK);
    }
}
END_TEST

START_TEST(reserving_needs_no_record)
{
    open_member(_i);
    struct store_batch b = {.reserve = 1000};
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_one(store, 5, 1), ERR_OK); /* the mark does not bar offsets below */
    ck_assert_int_eq(store_sync_now(store), ERR_OK);
    ck_assert_uint_gt(store_size(store), 0);
}
END_TEST

enum { BATCH = 37, BATCHES = 400 };

/* Reads beside the writer: what it sees ends at a batch's end. */
static void *read_beside(void *arg)
{
    static _Thread_local struct found seen;
    struct store_reader *r;
    (void)arg;
    ck_assert_int_eq(store_reader_create(store, &r), ERR_OK);
    do {
        struct store_query q = {
            .until = BATCH * BATCHES, .topics = (uint32_t[]){1, 2, 3}, .topic_count = 3};
        ck_assert_int_eq(read_into(r, &q, &seen), ERR_OK);
        ck_assert_uint_eq(seen.count % BATCH, 0);
        for (size_t i = 0; i < seen.count; i++)
            REQUIRE(seen.offsets[i] == i + 1);
    } while (seen.count < BATCH * BATCHES);
    store_reader_destroy(r);
    return NULL;
}

START_TEST(readers_see_whole_commits)
{
    pthread_t thread;
    open_member(_i);
    add_topics(store, 1, 3);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_beside, NULL), 0);
    for (uint64_t i = 0; i < BATCHES; i++)
        ck_assert_int_eq(append_run(store, i * BATCH + 1, BATCH, 3), ERR_OK);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(enders_accept_null)
{
    store_close(NULL, 5, true);
    store_abandon(NULL);
    store_reader_destroy(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_store_is_empty,
        a_record_comes_back_as_it_was,
        payloads_of_any_size_come_back,
        reads_select_by_range_and_topic,
        an_empty_range_is_finished,
        reads_stop_where_they_are_told,
        rare_topics_are_found_over_many_blocks,
        bounded_reads_make_progress,
        large_topic_sets_are_found,
        offsets_may_have_holes_of_any_width,
        bad_batches_change_nothing,
        a_failed_batch_leaves_no_topic,
        topics_are_told_with_their_totals,
        purge_takes_one_topic_away,
        purge_spares_what_comes_later,
        trim_takes_the_oldest_away,
        everything_can_be_trimmed,
        a_purged_topic_is_trimmed_without_new_floor,
        empty_topics_are_forgotten,
        ids_are_never_used_again,
        many_topics_come_and_go,
        notes_are_kept_by_name,
        notes_are_put_together_or_not_at_all,
        times_are_found,
        a_full_store_refuses_and_goes_on,
        reserving_needs_no_record,
        readers_see_whole_commits,
        enders_accept_null,
    };
    Suite *suite = suite_create("store");
    TCase *contract = tcase_create("contract");
    tcase_add_checked_fixture(contract, setup, teardown);
    tcase_set_timeout(contract, 300);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_loop_test(contract, tests[i], 0, MEMBERS);
    suite_add_tcase(suite, contract);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
