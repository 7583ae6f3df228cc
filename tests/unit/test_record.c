/* storage/record.h: what is written comes back, and nothing else is accepted. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "storage/record.h"

static const struct store_record full = {
    .offset = 81,
    .time_ms = 1700000000123,
    .topic_id = 77,
    .kind = 1,
    .payload = "{\"a\":1}",
    .payload_len = 7,
    .event = "update",
    .event_len = 6,
    .key = "k-1",
    .key_len = 3,
};

static void check_same(const struct store_record *a, const struct store_record *b)
{
    ck_assert_uint_eq(a->offset, b->offset);
    ck_assert_uint_eq(a->time_ms, b->time_ms);
    ck_assert_uint_eq(a->topic_id, b->topic_id);
    ck_assert_uint_eq(a->kind, b->kind);
    ck_assert_uint_eq(a->payload_len, b->payload_len);
    ck_assert_uint_eq(a->event_len, b->event_len);
    ck_assert_uint_eq(a->key_len, b->key_len);
    ck_assert_int_eq(memcmp(a->payload, b->payload, b->payload_len), 0);
    ck_assert_int_eq(memcmp(a->event, b->event, b->event_len), 0);
    ck_assert_int_eq(memcmp(a->key, b->key, b->key_len), 0);
}

static size_t encode(uint8_t *out, const struct store_record *r)
{
    record_encode(out, r);
    return record_size(r);
}

START_TEST(a_record_comes_back)
{
    uint8_t bytes[64];
    struct store_record r;
    size_t n = encode(bytes, &full);
    ck_assert_uint_eq(n, RECORD_HEADER_SIZE + 16);
    ck_assert_int_eq(record_decode(81, bytes, n, &r), ERR_OK);
    check_same(&r, &full);
    ck_assert_uint_eq(record_topic(bytes, n), 77);
}
END_TEST

START_TEST(an_empty_record_comes_back)
{
    uint8_t bytes[RECORD_HEADER_SIZE];
    struct store_record empty = {.offset = 1, .topic_id = 1}, r;
    size_t n = encode(bytes, &empty);
    ck_assert_uint_eq(n, RECORD_HEADER_SIZE);
    ck_assert_int_eq(record_decode(1, bytes, n, &r), ERR_OK);
    ck_assert_uint_eq(r.payload_len, 0);
    ck_assert_uint_eq(r.event_len, 0);
    ck_assert_uint_eq(r.key_len, 0);
}
END_TEST

/* LMDB aligns values to two bytes only. */
START_TEST(the_place_in_memory_does_not_matter)
{
    uint8_t bytes[80];
    struct store_record r;
    for (size_t shift = 0; shift < 9; shift++) {
        size_t n = encode(bytes + shift, &full);
        ck_assert_int_eq(record_decode(81, bytes + shift, n, &r), ERR_OK);
        check_same(&r, &full);
    }
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
    uint8_t bytes[64];
    struct store_record r;
    size_t n = encode(bytes, &full);
    for (size_t bit = 0; bit < n * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(record_decode(81, bytes, n, &r), ERR_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(record_decode(81, bytes, n, &r), ERR_OK);
}
END_TEST

START_TEST(a_record_under_another_offset_is_noticed)
{
    uint8_t bytes[64];
    struct store_record r;
    size_t n = encode(bytes, &full);
    ck_assert_int_eq(record_decode(80, bytes, n, &r), ERR_CORRUPT);
    ck_assert_int_eq(record_decode(82, bytes, n, &r), ERR_CORRUPT);
}
END_TEST

/* Each length in an allocation of its own, so that a sanitizer sees reads beyond the end. */
START_TEST(every_other_length_is_noticed)
{
    uint8_t bytes[64] = {0};
    struct store_record r;
    size_t n = encode(bytes, &full);
    for (size_t length = 0; length < sizeof(bytes); length++) {
        uint8_t *copy = malloc(length + !length);
        memcpy(copy, bytes, length);
        ck_assert_int_eq(record_decode(81, copy, length, &r), length == n ? ERR_OK : ERR_CORRUPT);
        ck_assert_uint_eq(record_topic(copy, length), length < RECORD_HEADER_SIZE ? 0 : 77);
        uint32_t topic, payload_len, least = (uint32_t)n - full.payload_len;
        ck_assert_int_eq(record_claims(copy, length, &topic, &payload_len), length >= least);
        ck_assert(length < least || (topic == 77 && payload_len == length - least));
        free(copy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *t = tcase_create("record");
    tcase_add_test(t, a_record_comes_back);
    tcase_add_test(t, an_empty_record_comes_back);
    tcase_add_test(t, the_place_in_memory_does_not_matter);
    tcase_add_test(t, every_flipped_bit_is_noticed);
    tcase_add_test(t, a_record_under_another_offset_is_noticed);
    tcase_add_test(t, every_other_length_is_noticed);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
