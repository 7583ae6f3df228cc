/* Counting subscribers by topic, pattern and transport, from several threads. */
#include "broker/interest.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct interest *interest;

static void setup(void)
{
    interest = interest_create(1000, 4);
    ck_assert_ptr_nonnull(interest);
}

static void teardown(void)
{
    interest_destroy(interest);
}

static void add(const char *filter, unsigned transport)
{
    ck_assert_int_eq(interest_add(interest, filter, strlen(filter), transport), ERR_OK);
}

static void take_away(const char *filter, unsigned transport)
{
    interest_remove(interest, filter, strlen(filter), transport);
}

static void check_counts(const char *topic, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3)
{
    uint32_t counts[INTEREST_TRANSPORTS] = {99, 99, 99, 99, 99};
    interest_count(interest, topic, strlen(topic), counts);
    ck_assert_uint_eq(counts[0], c0);
    ck_assert_uint_eq(counts[1], c1);
    ck_assert_uint_eq(counts[2], c2);
    ck_assert_uint_eq(counts[3], c3);
}

START_TEST(topics_and_patterns_are_counted_by_transport)
{
    check_counts("a/b", 0, 0, 0, 0);
    add("a/b", 0);
    add("a/b", 0);
    add("a/b", 3);
    add("a/+", 1);
    add("a/#", 2);
    add("#", 1);
    add("b/#", 0);
    check_counts("a/b", 2, 2, 1, 1);
    check_counts("a/c", 0, 2, 1, 0);
    check_counts("a", 0, 1, 1, 0);
    check_counts("b", 1, 1, 0, 0);
    check_counts("c", 0, 1, 0, 0);
}
END_TEST

START_TEST(each_removal_undoes_one_addition)
{
    add("a", 0);
    add("a", 0);
    add("a", 1);
    add("+", 2);
    take_away("a", 0);
    check_counts("a", 1, 1, 1, 0);
    take_away("+", 2);
    take_away("a", 1);
    check_counts("a", 1, 0, 0, 0);
    take_away("a", 0);
    check_counts("a", 0, 0, 0, 0);
    add("a", 0);
    check_counts("a", 1, 0, 0, 0);
}
END_TEST

START_TEST(who_has_a_filter_is_known)
{
    ck_assert(!interest_has(interest, "a", 1));
    add("a", 2);
    add("a/+", 0);
    add("a/+", 1);
    ck_assert(interest_has(interest, "a", 1));
    ck_assert(interest_has(interest, "a/+", 3));
    ck_assert(!interest_has(interest, "a/b", 3)); /* by a pattern only */
    ck_assert_uint_eq(interest_filters(interest), 2);
    take_away("a", 2);
    take_away("a/+", 0);
    ck_assert(!interest_has(interest, "a", 1));
    ck_assert(interest_has(interest, "a/+", 3));
    take_away("a/+", 1);
    take_away("a/+", 1); /* once too often */
    ck_assert_uint_eq(interest_filters(interest), 0);
}
END_TEST

static uint64_t steps(void)
{
    static uint64_t before;
    uint64_t now = interest_steps(interest), since = now - before;
    before = now;
    return since;
}

/* With so many at rest, each change and each question takes what it would take without them. */
START_TEST(the_others_cost_nothing)
{
    /* A chain more is made of one other, in both tables. */
    enum { MANY = 100000, MOVED = 40 };
    char filter[80];
    steps();
    for (int i = 0; i < MANY; i++) {
        snprintf(filter, sizeof(filter), i % 2 ? "room/%d/+" : "room/%d/x", i);
        add(filter, 0);
        ck_assert_uint_le(steps(), 4 + MOVED);
    }
    ck_assert_uint_eq(interest_filters(interest), MANY);
    add("news/+/today", 1);
    ck_assert_uint_le(steps(), 4 + MOVED);
    check_counts("room/8/x", 1, 0, 0, 0);
    check_counts("room/9/x", 1, 0, 0, 0);
    check_counts("news/9/today", 0, 1, 0, 0);
    check_counts("other", 0, 0, 0, 0);
    ck_assert_uint_le(steps(), 4 * 8);
    take_away("news/+/today", 1);
    ck_assert_uint_le(steps(), 8);
}
END_TEST

START_TEST(what_subscriptions_take_is_bounded)
{
    ck_assert(interest_take(interest, 600, false));
    ck_assert(!interest_take(interest, 401, false));
    ck_assert(interest_take(interest, 400, false));
    ck_assert(!interest_take(interest, 1, false));
    ck_assert(interest_take(interest, 50, true));
    ck_assert_uint_eq(interest_bytes(interest), 1050);
    interest_give_back(interest, 650);
    ck_assert(interest_take(interest, 600, false));
    interest_give_back(interest, 1000);
    ck_assert_uint_eq(interest_bytes(interest), 0);
}
END_TEST

START_TEST(what_is_left_goes_with_the_table)
{
    add("a", 0);
    add("a/#", 0);
    interest_destroy(NULL);
}
END_TEST

enum { THREADS = 4, ROUNDS = 2000 };

static const char *const filters[] = {"a", "a/b", "a/+", "a/#", "#", "b"};

static void *come_and_go(void *arg)
{
    unsigned transport = (unsigned)(uintptr_t)arg;
    uint32_t counts[INTEREST_TRANSPORTS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        const char *filter = filters[(i + transport) % 6];
        add(filter, transport);
        interest_count(interest, "a/b", 3, counts);
        /* Only this thread counts for its transport. */
        ck_assert_uint_eq(counts[transport], strcmp(filter, "a") && strcmp(filter, "b") ? 1 : 0);
        take_away(filter, transport);
    }
    return NULL;
}

START_TEST(threads_do_not_disturb_each_other)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    check_counts("a/b", 0, 0, 0, 0);
    ck_assert_uint_eq(interest_filters(interest), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("interest");
    TCase *t = tcase_create("interest");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, topics_and_patterns_are_counted_by_transport);
    tcase_add_test(t, each_removal_undoes_one_addition);
    tcase_add_test(t, who_has_a_filter_is_known);
    tcase_add_test(t, the_others_cost_nothing);
    tcase_add_test(t, what_subscriptions_take_is_bounded);
    tcase_add_test(t, what_is_left_goes_with_the_table);
    tcase_add_test(t, threads_do_not_disturb_each_other);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
