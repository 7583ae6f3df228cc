/*
 * storage/journal/group.h: what is packed comes back, in its order, and nothing else is accepted,
 * however well it is sealed. Each allocation fails once, in turn.
 *
 * The linker puts the allocation functions below in place of the ones they are named for (--wrap).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/journal/group.h"
#include "storage/journal/group_layout.h"
#include "tests/unit/store_fixture.h"

static struct group_writer writer;

/* --- allocations --- */

static size_t allocations, failing; /* the number of the one that fails, from 1; 0 = none */

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_realloc(void *p, size_t n)
{
    return ++allocations == failing ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return ++allocations == failing ? NULL : __real_reallocarray(p, n, size);
}

/* --- what is packed --- */

static uint32_t topic(uint32_t id, const char *name)
{
    struct group_topic t = {.id = id, .name = name, .name_len = (uint8_t)strlen(name)};
    return group_topic(&writer, &t);
}

static struct group_item record_item(uint32_t topic, uint64_t number, const char *payload)
{
    return (struct group_item){
        .op = GROUP_RECORD,
        .topic = topic,
        .record = {.offset = number,
                   .time_ms = 1700000000000 + number,
                   .kind = 3,
                   .event = "update",
                   .event_len = 6,
                   .key = "k-1",
                   .key_len = 3,
                   .payload = payload,
                   .payload_len = (uint32_t)strlen(payload)},
    };
}

static void put(struct group_item item)
{
    group_put(&writer, &item);
}

static const void *end(uint64_t span, size_t *ret_n)
{
    const void *bytes;
    ck_assert_int_eq(group_end(&writer, span, &bytes, ret_n), ERR_OK);
    return bytes;
}

/* One of each kind. */
static void put_one_of_each(void)
{
    uint32_t a = topic(7, "a"), b = topic(9, "rooms/b");
    put((struct group_item){
        .op = GROUP_TOPIC, .topic = b, .row = {.flags = 1, .floor = 5, .last = 6}});
    put(record_item(a, 0, "{\"a\":1}"));
    put((struct group_item){.op = GROUP_RECORD, .topic = b, .record = {.offset = 4}});
    put((struct group_item){.op = GROUP_RESERVE, .upto = 1000});
    put((struct group_item){.op = GROUP_PURGE, .topic = a, .upto = 11});
    put((struct group_item){.op = GROUP_TRIM, .upto = 12});
    put((struct group_item){.op = GROUP_FORGET, .topic = b, .upto = 13});
    put((struct group_item){.op = GROUP_NOTE, .note = {.name = "n.1", .value = "v", .n = 1}});
    put((struct group_item){.op = GROUP_NOTE, .note = {.name = "n.2", .value = "", .n = 0}});
    put((struct group_item){.op = GROUP_NOTE, .note = {.name = "n.3"}});
}

static const void *pack_one_of_each(size_t *ret_n)
{
    group_begin(&writer);
    put_one_of_each();
    return end(5, ret_n);
}

/* --- and what comes back --- */

static struct group_item next(struct group_walk *w, enum group_op op)
{
    struct group_item item;
    REQUIRE(group_next(w, &item));
    REQUIRE(item.op == op);
    return item;
}

static void check_name(const struct group *g, uint32_t index, uint32_t id, const char *name)
{
    struct group_topic t = group_topic_at(g, index);
    REQUIRE(t.id == id);
    REQUIRE(t.name_len == strlen(name));
    REQUIRE(memcmp(t.name, name, t.name_len) == 0);
}

static void check_records(const struct group *g, struct group_walk *w)
{
    struct group_item item = next(w, GROUP_RECORD);
    const struct store_record *r = &item.record;
    check_name(g, item.topic, 7, "a");
    REQUIRE(r->offset == 0 && r->time_ms == 1700000000000 && r->kind == 3 && r->topic_id == 0);
    REQUIRE(r->event_len == 6 && memcmp(r->event, "update", 6) == 0);
    REQUIRE(r->key_len == 3 && memcmp(r->key, "k-1", 3) == 0);
    REQUIRE(r->payload_len == 7 && memcmp(r->payload, "{\"a\":1}", 7) == 0);
    item = next(w, GROUP_RECORD);
    check_name(g, item.topic, 9, "rooms/b");
    REQUIRE(r->offset == 4 && r->time_ms == 0 && r->kind == 0);
    REQUIRE(r->event_len == 0 && r->key_len == 0 && r->payload_len == 0);
}

static void check_notes(struct group_walk *w)
{
    struct group_item item = next(w, GROUP_NOTE);
    REQUIRE(strcmp(item.note.name, "n.1") == 0 && item.note.n == 1);
    REQUIRE(*(const char *)item.note.value == 'v');
    item = next(w, GROUP_NOTE);
    REQUIRE(strcmp(item.note.name, "n.2") == 0 && item.note.n == 0 && item.note.value);
    item = next(w, GROUP_NOTE);
    REQUIRE(strcmp(item.note.name, "n.3") == 0 && item.note.n == 0 && !item.note.value);
}

static void check_one_of_each(const void *bytes, size_t n)
{
    struct group g;
    ck_assert_int_eq(group_open(bytes, n, &g), ERR_OK);
    ck_assert_uint_eq(g.span, 5);
    ck_assert_uint_eq(g.topic_count, 2);
    struct group_walk w = group_walk(&g);
    struct group_item item = next(&w, GROUP_TOPIC);
    check_name(&g, item.topic, 9, "rooms/b");
    REQUIRE(item.row.flags == 1 && item.row.floor == 5 && item.row.last == 6);
    check_records(&g, &w);
    REQUIRE(next(&w, GROUP_RESERVE).upto == 1000);
    item = next(&w, GROUP_PURGE);
    REQUIRE(item.upto == 11);
    check_name(&g, item.topic, 7, "a");
    REQUIRE(next(&w, GROUP_TRIM).upto == 12);
    item = next(&w, GROUP_FORGET);
    REQUIRE(item.upto == 13);
    check_name(&g, item.topic, 9, "rooms/b");
    check_notes(&w);
    REQUIRE(!group_next(&w, &item));
}

START_TEST(what_is_packed_comes_back)
{
    size_t n;
    const void *bytes = pack_one_of_each(&n);
    check_one_of_each(bytes, n);
    ck_assert_uint_eq(group_size(bytes), n);
    uint64_t span;
    struct group g;
    ck_assert_int_eq(group_open(bytes, n, &g), ERR_OK);
    ck_assert(group_claims(bytes, &span) == g.check);
    ck_assert_uint_eq(span, 5);
}
END_TEST

START_TEST(an_empty_group_comes_back)
{
    size_t n;
    struct group g;
    struct group_item item;
    group_begin(&writer);
    const void *bytes = end(0, &n);
    ck_assert_uint_eq(n, GROUP_HEADER_SIZE);
    ck_assert_int_eq(group_open(bytes, n, &g), ERR_OK);
    struct group_walk w = group_walk(&g);
    ck_assert(!group_next(&w, &item));
}
END_TEST

START_TEST(the_place_in_memory_does_not_matter)
{
    char copy[1024];
    size_t n;
    const void *bytes = pack_one_of_each(&n);
    ck_assert_uint_lt(n + 9, sizeof(copy));
    for (size_t shift = 0; shift < 9; shift++) {
        memcpy(copy + shift, bytes, n);
        check_one_of_each(copy + shift, n);
    }
}
END_TEST

/* Nothing of the writer or of the groups before shows. */
START_TEST(the_same_items_are_the_same_bytes)
{
    size_t n, again;
    const void *second = pack_one_of_each(&n);
    char *first = malloc(n);
    memcpy(first, second, n);
    group_begin(&writer);
    for (uint32_t id = 1; id < 100; id++)
        put(record_item(topic(id, "other"), id, "x"));
    end(100, &again);
    second = pack_one_of_each(&again);
    ck_assert_uint_eq(n, again);
    ck_assert_int_eq(memcmp(first, second, n), 0);
    free(first);
}
END_TEST

START_TEST(a_topic_is_named_once)
{
    enum { TOPICS = 20000 };
    size_t n;
    struct group g;
    char name[32];
    group_begin(&writer);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < TOPICS; i++) {
            snprintf(name, sizeof(name), "t/%u", i);
            REQUIRE(topic(1 + i * 1024, name) == i);
        }
    const void *bytes = end(0, &n);
    ck_assert_int_eq(group_open(bytes, n, &g), ERR_OK);
    ck_assert_uint_eq(g.topic_count, TOPICS);
    for (uint32_t i = 0; i < TOPICS; i++) {
        snprintf(name, sizeof(name), "t/%u", i);
        check_name(&g, i, 1 + i * 1024, name);
    }
}
END_TEST

/* A large group does not leave its memory to small ones. */
START_TEST(much_memory_is_not_kept)
{
    enum { LARGE = 3 << 20 };
    size_t n;
    char *payload = calloc(1, LARGE + 1);
    memset(payload, 'x', LARGE);
    group_begin(&writer);
    put(record_item(topic(1, "a"), 0, payload));
    end(1, &n);
    ck_assert_uint_gt(n, LARGE);
    pack_one_of_each(&n);
    ck_assert_uint_lt(writer.bytes.cap, 1 << 20);
    free(payload);
}
END_TEST

/* --- what no group can hold --- */

static enum err end_with(struct group_item item, uint64_t span)
{
    const void *bytes;
    size_t n;
    group_begin(&writer);
    topic(1, "a");
    put(record_item(0, 5, "x"));
    group_put(&writer, &item);
    return group_end(&writer, span, &bytes, &n);
}

START_TEST(what_no_group_can_hold_is_refused)
{
    char long_name[STORE_NOTE_NAME_MAX + 2] = {0};
    memset(long_name, 'n', sizeof(long_name) - 1);
    char value[STORE_NOTE_MAX + 1] = {0};
    struct group_item item = record_item(0, 6, "x");
    ck_assert_int_eq(end_with(item, 7), ERR_OK);
    ck_assert_int_eq(end_with(item, 6), ERR_INVALID);
    item.record.offset = 5;
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item.record.offset = UINT64_MAX;
    ck_assert_int_eq(end_with(item, UINT64_MAX), ERR_INVALID);
    item = record_item(1, 6, "x");
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item = (struct group_item){.op = GROUP_PURGE, .topic = 1};
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item = (struct group_item){.op = GROUP_FORGET, .topic = 1};
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item = (struct group_item){.op = GROUP_TOPIC, .topic = 1};
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item = (struct group_item){.op = GROUP_NOTE, .note = {.name = ""}};
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item.note.name = long_name;
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item.note.name = long_name + 1;
    item.note.value = value;
    item.note.n = STORE_NOTE_MAX;
    ck_assert_int_eq(end_with(item, 7), ERR_OK);
    item.note.n = STORE_NOTE_MAX + 1;
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
    item = (struct group_item){.op = GROUP_NOTE + 1};
    ck_assert_int_eq(end_with(item, 7), ERR_INVALID);
}
END_TEST

START_TEST(topics_need_a_name_and_an_id)
{
    const void *bytes;
    size_t n;
    group_begin(&writer);
    topic(0, "a");
    ck_assert_int_eq(group_end(&writer, 0, &bytes, &n), ERR_INVALID);
    group_begin(&writer);
    topic(1, "");
    ck_assert_int_eq(group_end(&writer, 0, &bytes, &n), ERR_INVALID);
    group_begin(&writer);
    topic(1, "a");
    ck_assert_int_eq(group_end(&writer, 0, &bytes, &n), ERR_OK);
}
END_TEST

/* --- what is not a group --- */

START_TEST(every_flipped_bit_is_noticed)
{
    uint8_t copy[1024];
    size_t n;
    struct group g;
    const void *bytes = pack_one_of_each(&n);
    memcpy(copy, bytes, n);
    for (size_t bit = 0; bit < n * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        REQUIRE(group_open(copy, n, &g) == ERR_CORRUPT);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(group_open(copy, n, &g), ERR_OK);
}
END_TEST

static void seal(uint8_t *group, size_t n)
{
    uint64_t check = XXH3_64bits(group + AT_MAGIC, n - AT_MAGIC);
    memcpy(group + AT_CHECK, &check, sizeof(check));
}

/* Each length in an allocation of its own, so that a sanitizer sees reads beyond the end; as it is,
 * and saying of itself that it is so long. */
START_TEST(every_other_length_is_noticed)
{
    size_t n;
    struct group g;
    const void *bytes = pack_one_of_each(&n);
    for (uint32_t length = 0; length < n; length++) {
        uint8_t *copy = malloc(length + !length);
        memcpy(copy, bytes, length);
        REQUIRE(group_open(copy, length, &g) == ERR_CORRUPT);
        if (length >= GROUP_HEADER_SIZE) {
            memcpy(copy + AT_SIZE, &length, sizeof(length));
            seal(copy, length);
            REQUIRE(group_open(copy, length, &g) == ERR_CORRUPT);
        }
        free(copy);
    }
}
END_TEST

/* A group with one item, of which SIZE bytes at AT are VALUE instead, and its sum says so. */
static enum err open_changed(struct group_item item, size_t at, uint64_t value, size_t size)
{
    uint8_t copy[1024];
    const void *bytes;
    size_t n;
    struct group g;
    group_begin(&writer);
    topic(1, "a");
    topic(2, "bb");
    group_put(&writer, &item);
    ck_assert_int_eq(group_end(&writer, 8, &bytes, &n), ERR_OK);
    memcpy(copy, bytes, n);
    memcpy(copy + at, &value, size);
    seal(copy, n);
    return group_open(copy, n, &g);
}

enum { ITEM = GROUP_HEADER_SIZE };

START_TEST(a_header_that_lies_is_noticed)
{
    struct group_item item = record_item(0, 3, "payload");
    ck_assert_int_eq(open_changed(item, AT_VERSION, GROUP_VERSION, 4), ERR_OK);
    ck_assert_int_eq(open_changed(item, AT_VERSION, GROUP_VERSION + 1, 4), ERR_FORMAT);
    ck_assert_int_eq(open_changed(item, AT_MAGIC, 0, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_SIZE, 60, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_ITEMS, 0, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_ITEMS, 2, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_ITEMS, UINT32_MAX, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_ITEMS_LEN, UINT32_MAX, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_TOPICS, 1, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_TOPICS, UINT32_MAX, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_NAMES_LEN, UINT32_MAX, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_ZERO, 1, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, AT_SPAN, 4, 8), ERR_OK);
    ck_assert_int_eq(open_changed(item, AT_SPAN, 3, 8), ERR_CORRUPT);
}
END_TEST

START_TEST(items_that_lie_are_noticed)
{
    struct group_item item = record_item(0, 3, "payload");
    ck_assert_int_eq(open_changed(item, ITEM + AT_OP, 0, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_OP, GROUP_NOTE + 1, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_TOPIC, 1, 4), ERR_OK);
    ck_assert_int_eq(open_changed(item, ITEM + AT_TOPIC, 2, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_EVENT_LEN, 7, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_PAYLOAD_LEN, 8, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_PAYLOAD_LEN, UINT32_MAX, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_NUMBER, 8, 8), ERR_CORRUPT);
    item = (struct group_item){.op = GROUP_TRIM, .upto = 1};
    ck_assert_int_eq(open_changed(item, ITEM + AT_TOPIC, 1, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_OP + 2, 1, 1), ERR_CORRUPT);
    item = (struct group_item){.op = GROUP_TOPIC, .row = {.flags = 1}};
    ck_assert_int_eq(open_changed(item, ITEM + AT_FLAGS, 255, 1), ERR_OK);
    ck_assert_int_eq(open_changed(item, ITEM + AT_FLAGS + 1, 1, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_TOPIC, 2, 4), ERR_CORRUPT);
}
END_TEST

START_TEST(numbers_that_do_not_ascend_are_noticed)
{
    uint8_t copy[1024];
    const void *bytes;
    size_t n;
    struct group g;
    group_begin(&writer);
    topic(1, "a");
    put(record_item(0, 3, ""));
    put(record_item(0, 4, ""));
    ck_assert_int_eq(group_end(&writer, 8, &bytes, &n), ERR_OK);
    memcpy(copy, bytes, n);
    for (uint64_t number = 0; number < 8; number++) {
        size_t second = RECORD_ITEM_SIZE + sizeof("update") - 1 + sizeof("k-1") - 1;
        memcpy(copy + ITEM + second + AT_NUMBER, &number, sizeof(number));
        seal(copy, n);
        ck_assert_int_eq(group_open(copy, n, &g), number > 3 ? ERR_OK : ERR_CORRUPT);
    }
}
END_TEST

START_TEST(notes_that_lie_are_noticed)
{
    struct group_item item = {.op = GROUP_NOTE, .note = {.name = "name", .value = "v\0l", .n = 3}};
    ck_assert_int_eq(open_changed(item, ITEM + AT_GONE, 0, 1), ERR_OK);
    ck_assert_int_eq(open_changed(item, ITEM + AT_GONE, 1, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_NOTE_NAME_LEN, 0, 2), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_NOTE_NAME_LEN, 3, 2), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_NOTE_NAME_LEN, 500, 2), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + AT_VALUE_LEN, 4, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + NOTE_ITEM_SIZE + 1, 0, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, ITEM + NOTE_ITEM_SIZE + 4, 'x', 1), ERR_CORRUPT);
    item = (struct group_item){.op = GROUP_NOTE, .note = {.name = "name"}};
    ck_assert_int_eq(open_changed(item, ITEM + AT_GONE, 2, 1), ERR_CORRUPT);
}
END_TEST

START_TEST(tables_that_lie_are_noticed)
{
    enum { TABLE = ITEM + UPTO_ITEM_SIZE, SECOND = TABLE + TOPIC_ENTRY_SIZE };
    struct group_item item = {.op = GROUP_PURGE, .upto = 1};
    ck_assert_int_eq(open_changed(item, TABLE + AT_ID, 77, 4), ERR_OK);
    ck_assert_int_eq(open_changed(item, TABLE + AT_ID, 0, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, TABLE + AT_NAME, 1, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, SECOND + AT_NAME, 0, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, SECOND + AT_NAME, UINT32_MAX, 4), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, SECOND + AT_NAME_LEN, 0, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, SECOND + AT_NAME_LEN, 1, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, SECOND + AT_NAME_LEN, 3, 1), ERR_CORRUPT);
    ck_assert_int_eq(open_changed(item, SECOND + AT_ENTRY_ZERO + 2, 1, 1), ERR_CORRUPT);
}
END_TEST

/* --- memory --- */

static enum err try_to_pack(void)
{
    const void *bytes;
    size_t n;
    char name[16];
    group_begin(&writer);
    put_one_of_each();
    for (uint32_t i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "topic-%u", i);
        put(record_item(topic(100 + i, name), 10 + i, "some payload, some payload"));
    }
    enum err e = group_end(&writer, 210, &bytes, &n);
    struct group g;
    REQUIRE(e != ERR_OK || group_open(bytes, n, &g) == ERR_OK);
    return e;
}

START_TEST(out_of_memory_is_told_and_gone_with_the_group)
{
    size_t n, most;
    allocations = 0;
    ck_assert_int_eq(try_to_pack(), ERR_OK);
    most = allocations;
    ck_assert_uint_gt(most, 10);
    for (size_t i = 1; i <= most; i++) {
        group_writer_finish(&writer);
        allocations = 0;
        failing = i;
        ck_assert_int_eq(try_to_pack(), ERR_NOMEM);
        failing = 0;
        ck_assert_int_eq(try_to_pack(), ERR_OK);
        const void *bytes = pack_one_of_each(&n);
        check_one_of_each(bytes, n);
    }
}
END_TEST

static void setup(void)
{
    group_writer_init(&writer);
}

static void teardown(void)
{
    group_writer_finish(&writer);
}

int main(void)
{
    Suite *suite = suite_create("group");
    TCase *t = tcase_create("group");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_packed_comes_back);
    tcase_add_test(t, an_empty_group_comes_back);
    tcase_add_test(t, the_place_in_memory_does_not_matter);
    tcase_add_test(t, the_same_items_are_the_same_bytes);
    tcase_add_test(t, a_topic_is_named_once);
    tcase_add_test(t, much_memory_is_not_kept);
    tcase_add_test(t, what_no_group_can_hold_is_refused);
    tcase_add_test(t, topics_need_a_name_and_an_id);
    tcase_add_test(t, every_flipped_bit_is_noticed);
    tcase_add_test(t, every_other_length_is_noticed);
    tcase_add_test(t, a_header_that_lies_is_noticed);
    tcase_add_test(t, items_that_lie_are_noticed);
    tcase_add_test(t, numbers_that_do_not_ascend_are_noticed);
    tcase_add_test(t, notes_that_lie_are_noticed);
    tcase_add_test(t, tables_that_lie_are_noticed);
    tcase_add_test(t, out_of_memory_is_told_and_gone_with_the_group);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
