/* storage/block_index.h: both index values against what was put in, and against damage. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "storage/block_index.h"
#include "tests/unit/store_fixture.h"

enum { BLOCK = 12345, GROUP = 192 };

static struct block_builder builder;
static uint64_t bits[BLOCK_SLOTS / 64];

/* The value in an allocation of its own size. */
static uint8_t *build(size_t *ret_n)
{
    *ret_n = block_builder_finish(&builder);
    uint8_t *value = malloc(*ret_n);
    block_builder_encode(&builder, BLOCK, value);
    return value;
}

static bool has_bit(uint32_t slot)
{
    return bits[slot / 64] >> (slot % 64) & 1;
}

static void setup(void)
{
    block_builder_clear(&builder);
    memset(bits, 0, sizeof(bits));
}

START_TEST(places_are_split_into_block_and_slot)
{
    ck_assert_uint_eq(block_of(1), 0);
    ck_assert_uint_eq(block_of(4095), 0);
    ck_assert_uint_eq(block_of(4096), 1);
    ck_assert_uint_eq(block_slot(4097), 1);
    ck_assert_uint_eq(block_first(2), 8192);
    ck_assert_uint_eq(group_of(63), 0);
    ck_assert_uint_eq(group_of(64), 1);
    ck_assert_uint_eq(group_first(2), 128);
    ck_assert_uint_eq(group_bit(64), 1);
    ck_assert_uint_eq(group_bit(127), UINT64_C(1) << 63);
}
END_TEST

START_TEST(one_record_makes_a_value)
{
    struct block_index x;
    size_t n;
    block_builder_add(&builder, UINT32_MAX, 4095);
    uint8_t *value = build(&n);
    ck_assert_uint_eq(n, 8 + 6 + 2);
    ck_assert_int_eq(block_index_open(&x, BLOCK, value, n), ERR_OK);
    ck_assert_uint_eq(x.topics, 1);
    ck_assert_uint_eq(block_index_topic(&x, 0), UINT32_MAX);
    ck_assert_uint_eq(block_index_find(&x, UINT32_MAX), 0);
    ck_assert_uint_eq(block_index_find(&x, 1), 1);
    block_index_slots(&x, 0, bits);
    ck_assert(has_bit(4095));
    ck_assert(!has_bit(0));
    free(value);
}
END_TEST

/* A topic id for each slot, or 0 for a hole; few ids, many, and wide ones. */
static uint32_t topic_at(int kind, uint32_t slot)
{
    uint32_t mixed = (slot + 1) * 2654435761u;
    switch (kind) {
    case 0:
        return 9;
    case 1:
        return mixed % 7 == 0 ? 0 : mixed % 50 + 1;
    case 2:
        return 4096 - slot;
    default:
        return mixed | 1;
    }
}

START_TEST(a_block_tells_each_topic_its_slots)
{
    struct block_index x;
    size_t n, named = 0, records = 0;
    for (uint32_t slot = 0; slot < BLOCK_SLOTS; slot++) {
        if (!topic_at(_i, slot))
            continue;
        block_builder_add(&builder, topic_at(_i, slot), slot);
        records++;
    }
    uint8_t *value = build(&n);
    REQUIRE(block_index_open(&x, BLOCK, value, n) == ERR_OK);
    REQUIRE(x.records == records);
    for (uint32_t i = 0; i < x.topics; i++) {
        uint32_t id = block_index_topic(&x, i);
        REQUIRE(i == 0 || id > block_index_topic(&x, i - 1));
        REQUIRE(block_index_find(&x, id) == i);
        memset(bits, 0, sizeof(bits));
        block_index_slots(&x, i, bits);
        for (uint32_t slot = 0; slot < BLOCK_SLOTS; slot++) {
            if (!has_bit(slot))
                continue;
            REQUIRE(topic_at(_i, slot) == id);
            named++;
        }
    }
    REQUIRE(named == records);
    free(value);
}
END_TEST

START_TEST(a_damaged_block_is_noticed)
{
    struct block_index x;
    size_t n;
    for (uint32_t slot = 0; slot < 20; slot++)
        block_builder_add(&builder, slot % 3 + 1, slot);
    uint8_t *value = build(&n);
    REQUIRE(block_index_open(&x, BLOCK + 1, value, n) == ERR_CORRUPT);
    for (size_t bit = 0; bit < n * 8; bit++) {
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
        REQUIRE(block_index_open(&x, BLOCK, value, n) == ERR_CORRUPT);
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t length = 0; length < n; length++) {
        uint8_t *copy = malloc(length + !length);
        memcpy(copy, value, length);
        REQUIRE(block_index_open(&x, BLOCK, copy, length) == ERR_CORRUPT);
        free(copy);
    }
    free(value);
}
END_TEST

enum { ENTRIES = 100 };

static uint64_t group_blocks(uint32_t i)
{
    return UINT64_C(0x123456789abcdef) * (i + 1);
}

/* Ids 10, 20, 30, ... */
static void fill_group(uint8_t value[ENTRIES * GROUP_ENTRY_SIZE])
{
    for (uint32_t i = 0; i < ENTRIES; i++)
        group_index_encode(value, GROUP, i, ENTRIES, (i + 1) * 10, group_blocks(i));
}

START_TEST(a_block_tells_each_slot_its_topic)
{
    static uint16_t map[BLOCK_SLOTS];
    struct block_index x;
    size_t n;
    for (uint32_t slot = 0; slot < BLOCK_SLOTS; slot++)
        if (topic_at(_i, slot))
            block_builder_add(&builder, topic_at(_i, slot), slot);
    uint8_t *value = build(&n);
    ck_assert_int_eq(block_index_open(&x, BLOCK, value, n), ERR_OK);
    ck_assert_int_eq(block_index_map(&x, map), ERR_OK);
    for (uint32_t slot = 0; slot < BLOCK_SLOTS; slot++) {
        uint32_t topic = topic_at(_i, slot);
        REQUIRE((map[slot] == 0) == (topic == 0));
        REQUIRE(map[slot] == 0 || block_index_topic(&x, map[slot] - 1u) == topic);
    }
    free(value);
}
END_TEST

/* Values whose parts fit, but are not in order, as no writer would make them. */
START_TEST(a_block_out_of_order_is_noticed)
{
    static uint16_t map[BLOCK_SLOTS];
    static const struct {
        uint32_t ids[2];
        uint16_t ends[2], slots[3];
        enum err expected;
    } values[] = {
        {{1, 2}, {1, 3}, {7, 5, 6}, ERR_OK},         {{2, 1}, {1, 3}, {7, 5, 6}, ERR_CORRUPT},
        {{1, 1}, {1, 3}, {7, 5, 6}, ERR_CORRUPT},    {{0, 1}, {1, 3}, {7, 5, 6}, ERR_OK},
        {{1, 2}, {0, 3}, {7, 5, 6}, ERR_CORRUPT},    {{1, 2}, {3, 3}, {4, 5, 6}, ERR_CORRUPT},
        {{1, 2}, {9, 3}, {7, 5, 6}, ERR_CORRUPT},    {{1, 2}, {1, 3}, {7, 6, 5}, ERR_CORRUPT},
        {{1, 2}, {1, 3}, {5, 5, 6}, ERR_CORRUPT},    {{1, 2}, {1, 3}, {7, 6, 6}, ERR_CORRUPT},
        {{1, 2}, {1, 3}, {4096, 5, 6}, ERR_CORRUPT}, {{1, 0}, {1, 3}, {7, 5, 6}, ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct block_index x = {.topics = 2, .records = 3};
        x.ids = (const uint8_t *)values[i].ids;
        x.ends = (const uint8_t *)values[i].ends;
        x.slots = (const uint8_t *)values[i].slots;
        ck_assert_msg(block_index_map(&x, map) == values[i].expected, "value %zu", i);
    }
}
END_TEST

START_TEST(a_group_tells_each_topic_its_blocks)
{
    uint8_t value[ENTRIES * GROUP_ENTRY_SIZE];
    uint64_t blocks;
    uint32_t id;
    fill_group(value);
    REQUIRE(group_index_count(sizeof(value)) == ENTRIES);
    for (uint32_t topic = 1; topic < (ENTRIES + 2) * 10; topic++) {
        REQUIRE(group_index_find(GROUP, value, sizeof(value), topic, &blocks) == ERR_OK);
        bool there = topic % 10 == 0 && topic <= ENTRIES * 10;
        REQUIRE(blocks == (there ? group_blocks(topic / 10 - 1) : 0));
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        REQUIRE(group_index_entry(GROUP, value, sizeof(value), i, &id, &blocks) == ERR_OK);
        REQUIRE(id == (i + 1) * 10);
        REQUIRE(blocks == group_blocks(i));
    }
}
END_TEST

/* With any one bit flipped, every answer is right or refused. */
START_TEST(a_damaged_group_never_hides_a_topic)
{
    uint8_t value[ENTRIES * GROUP_ENTRY_SIZE];
    uint64_t blocks;
    fill_group(value);
    for (size_t bit = 0; bit < sizeof(value) * 8; bit++) {
        size_t refused = 0;
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
        for (uint32_t i = 0; i < ENTRIES; i++) {
            if (group_index_find(GROUP, value, sizeof(value), (i + 1) * 10, &blocks))
                refused++;
            else
                REQUIRE(blocks == group_blocks(i));
        }
        REQUIRE(refused >= 1);
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

START_TEST(a_group_of_another_size_or_place_is_noticed)
{
    uint8_t value[ENTRIES * GROUP_ENTRY_SIZE];
    uint64_t blocks;
    fill_group(value);
    REQUIRE(group_index_find(GROUP + 1, value, sizeof(value), 10, &blocks) == ERR_CORRUPT);
    for (size_t n = 0; n < sizeof(value); n++) {
        uint8_t *copy = malloc(n + !n);
        memcpy(copy, value, n);
        REQUIRE(group_index_find(GROUP, copy, n, 10, &blocks) == ERR_CORRUPT);
        REQUIRE(group_index_find(GROUP, copy, n, 5, &blocks) == ERR_CORRUPT);
        REQUIRE(group_index_find(GROUP, copy, n, 99999, &blocks) == ERR_CORRUPT);
        free(copy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("block_index");
    TCase *t = tcase_create("values");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, places_are_split_into_block_and_slot);
    tcase_add_test(t, one_record_makes_a_value);
    tcase_add_loop_test(t, a_block_tells_each_topic_its_slots, 0, 4);
    tcase_add_test(t, a_damaged_block_is_noticed);
    tcase_add_loop_test(t, a_block_tells_each_slot_its_topic, 0, 4);
    tcase_add_test(t, a_block_out_of_order_is_noticed);
    tcase_add_test(t, a_group_tells_each_topic_its_blocks);
    tcase_add_test(t, a_damaged_group_never_hides_a_topic);
    tcase_add_test(t, a_group_of_another_size_or_place_is_noticed);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
