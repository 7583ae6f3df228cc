/* Chains that become one more at a time: where things belong, and what has to move. */
#include "base/buckets.h"

#include <check.h>

enum { HASHES = 2000, COUNTS = 300 };

static uint64_t hash_of(uint64_t i)
{
    return i * UINT64_C(0x9E3779B97F4A7C15) >> 20;
}

START_TEST(one_more_takes_from_one_other_alone)
{
    for (size_t count = 1; count < COUNTS; count++) {
        size_t from = bucket_of(count, count), moved = 0;
        ck_assert_uint_lt(from, count);
        for (uint64_t i = 0; i < HASHES; i++) {
            size_t before = bucket_of(hash_of(i), count), now = bucket_of(hash_of(i), count + 1);
            ck_assert_uint_lt(before, count);
            ck_assert(now == before || (before == from && now == count));
            moved += now != before;
        }
        ck_assert_uint_gt(moved, 0);
    }
}
END_TEST

START_TEST(each_has_its_part)
{
    for (size_t count = 1; count < COUNTS; count += 7) {
        size_t found[COUNTS] = {0};
        for (uint64_t i = 0; i < 100 * COUNTS; i++)
            found[bucket_of(hash_of(i), count)]++;
        /* Those that have not been parted yet have up to twice as much as the others. */
        for (size_t b = 0; b < count; b++)
            ck_assert_uint_le(found[b], 100 * COUNTS / count * 5 / 2 + 10);
    }
}
END_TEST

START_TEST(there_is_room_for_one_more)
{
    size_t cap = 2;
    void **chains = malloc(cap * sizeof(void *));
    for (size_t count = 2; count < COUNTS; count++) {
        chains = buckets_reserve(chains, count, &cap);
        ck_assert_ptr_nonnull(chains);
        ck_assert_uint_gt(cap, count);
        chains[count] = (void *)&chains[count];
    }
    ck_assert_uint_eq(cap, 512);
    free(chains);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("buckets");
    TCase *t = tcase_create("buckets");
    tcase_add_test(t, one_more_takes_from_one_other_alone);
    tcase_add_test(t, each_has_its_part);
    tcase_add_test(t, there_is_room_for_one_more);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
