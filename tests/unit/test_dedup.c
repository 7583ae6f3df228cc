/* Idempotency keys: the window, the limit, and what a failed commit takes back. */
#include "broker/dedup.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_MS = 1000, MAX_KEYS = 4, START_MS = 50000 };

static struct dedup *dedup;

static void setup(void)
{
    dedup = dedup_create(WINDOW_MS, MAX_KEYS);
    ck_assert_ptr_nonnull(dedup);
}

static void teardown(void)
{
    dedup_destroy(dedup);
}

static uint64_t find(uint32_t topic, const char *key, uint64_t now_ms)
{
    return dedup_find(dedup, topic, key, strlen(key), now_ms);
}

static void add(uint32_t topic, const char *key, uint64_t offset, uint64_t now_ms)
{
    ck_assert_int_eq(dedup_add(dedup, topic, key, strlen(key), offset, now_ms), ERR_OK);
}

START_TEST(a_key_belongs_to_its_topic)
{
    ck_assert_uint_eq(find(1, "k", START_MS), 0);
    add(1, "k", 7, START_MS);
    ck_assert_uint_eq(find(1, "k", START_MS), 7);
    ck_assert_uint_eq(find(2, "k", START_MS), 0);
    ck_assert_uint_eq(find(1, "kk", START_MS), 0);
    ck_assert_uint_eq(find(1, "K", START_MS), 0);
    add(2, "k", 8, START_MS);
    ck_assert_uint_eq(find(1, "k", START_MS), 7);
    ck_assert_uint_eq(find(2, "k", START_MS), 8);
}
END_TEST

START_TEST(a_key_is_known_for_the_window)
{
    add(1, "a", 1, START_MS);
    add(1, "b", 2, START_MS + 10);
    ck_assert_uint_eq(find(1, "a", START_MS + WINDOW_MS), 1);
    ck_assert_uint_eq(find(1, "a", START_MS + WINDOW_MS + 1), 0);
    ck_assert_uint_eq(find(1, "b", START_MS + WINDOW_MS + 10), 2);
    ck_assert_uint_eq(dedup_count(dedup), 1);
    ck_assert_uint_eq(find(1, "c", START_MS + WINDOW_MS + 11), 0);
    ck_assert_uint_eq(dedup_count(dedup), 0);
}
END_TEST

START_TEST(the_oldest_makes_room)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    for (unsigned i = 0; i < 6; i++)
        add(1, keys[i], i + 1, START_MS);
    ck_assert_uint_eq(dedup_count(dedup), MAX_KEYS);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(find(1, keys[i], START_MS), i < 2 ? 0 : i + 1);
}
END_TEST

START_TEST(a_known_key_takes_no_second_place)
{
    for (unsigned i = 1; i <= MAX_KEYS; i++)
        add(1, i == 1 ? "first" : i == 2 ? "b" : i == 3 ? "c" : "d", i, START_MS);
    add(1, "first", 9, START_MS);
    ck_assert_uint_eq(dedup_count(dedup), MAX_KEYS);
    ck_assert_uint_eq(find(1, "first", START_MS), 9);
    add(1, "e", 10, START_MS); /* "b" is the oldest now */
    ck_assert_uint_eq(find(1, "first", START_MS), 9);
    ck_assert_uint_eq(find(1, "b", START_MS), 0);
    ck_assert_uint_eq(find(1, "c", START_MS), 3);
}
END_TEST

START_TEST(a_known_key_is_there_once)
{
    add(1, "a", 1, START_MS);
    add(1, "b", 2, START_MS);
    add(1, "b", 9, START_MS);
    ck_assert_uint_eq(dedup_count(dedup), 2);
    add(1, "c", 10, START_MS);
    add(1, "d", 11, START_MS);
    add(1, "d", 12, START_MS); /* all places are taken, and it has one */
    ck_assert_uint_eq(dedup_count(dedup), MAX_KEYS);
    ck_assert_uint_eq(find(1, "a", START_MS), 1);
    dedup_forget_above(dedup, 8);
    ck_assert_uint_eq(find(1, "b", START_MS), 0);
    ck_assert_uint_eq(dedup_count(dedup), 1);
}
END_TEST

START_TEST(a_failed_commit_is_forgotten)
{
    add(1, "a", 5, START_MS);
    add(1, "b", 6, START_MS);
    add(1, "c", 7, START_MS);
    dedup_forget_above(dedup, 7);
    ck_assert_uint_eq(dedup_count(dedup), 3);
    dedup_forget_above(dedup, 5);
    ck_assert_uint_eq(find(1, "a", START_MS), 5);
    ck_assert_uint_eq(find(1, "b", START_MS), 0);
    ck_assert_uint_eq(find(1, "c", START_MS), 0);
    add(1, "c", 6, START_MS);
    ck_assert_uint_eq(find(1, "c", START_MS), 6);
    dedup_forget_above(dedup, 0);
    ck_assert_uint_eq(dedup_count(dedup), 0);
    dedup_forget_above(dedup, 0);
}
END_TEST

START_TEST(without_a_window_nothing_is_kept)
{
    struct dedup *off[2] = {dedup_create(0, MAX_KEYS), dedup_create(WINDOW_MS, 0)};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(dedup_add(off[i], 1, "k", 1, 7, START_MS), ERR_OK);
        ck_assert_uint_eq(dedup_find(off[i], 1, "k", 1, START_MS), 0);
        ck_assert_uint_eq(dedup_count(off[i]), 0);
        dedup_destroy(off[i]);
    }
    dedup_destroy(NULL);
}
END_TEST

START_TEST(keys_of_all_lengths_and_many_of_them)
{
    enum { KEYS = 20000 };
    char key[255];
    struct dedup *big = dedup_create(WINDOW_MS, KEYS);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < KEYS; i++) {
            size_t n = 12 + i % (sizeof(key) - 12 + 1);
            memset(key, 'x', sizeof(key));
            snprintf(key, sizeof(key), "%011u", i);
            key[11] = 'x';
            if (pass == 0)
                ck_assert_int_eq(dedup_add(big, i % 5, key, n, i + 1, START_MS), ERR_OK);
            else
                ck_assert_uint_eq(dedup_find(big, i % 5, key, n, START_MS), i + 1);
        }
    ck_assert_uint_eq(dedup_count(big), KEYS);
    dedup_destroy(big);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dedup");
    TCase *t = tcase_create("dedup");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_key_belongs_to_its_topic);
    tcase_add_test(t, a_key_is_known_for_the_window);
    tcase_add_test(t, the_oldest_makes_room);
    tcase_add_test(t, a_known_key_takes_no_second_place);
    tcase_add_test(t, a_known_key_is_there_once);
    tcase_add_test(t, a_failed_commit_is_forgotten);
    tcase_add_test(t, without_a_window_nothing_is_kept);
    tcase_add_test(t, keys_of_all_lengths_and_many_of_them);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
