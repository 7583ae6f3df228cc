/* What clients use, in one table for all threads: by a clock of the test's own. */
#include "base/quota.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t s = 1000000000, start = 99 * UINT64_C(1000000000);
static struct quota_table *table;

static void set_up(void)
{
    table = quota_table_create(4711);
    ck_assert_ptr_nonnull(table);
}

static void tear_down(void)
{
    quota_table_destroy(table);
}

static struct quota_key key_of(unsigned i)
{
    return quota_key_of(table, QUOTA_SUB, &i, sizeof(i));
}

static struct quota *get(unsigned i)
{
    struct quota_key key = key_of(i);
    struct quota *q = quota_get(table, &key);
    ck_assert_ptr_nonnull(q);
    return q;
}

START_TEST(one_key_has_one_quota)
{
    struct quota *first = get(1), *second = get(1), *other = get(2);
    struct quota_key as_token = key_of(1);
    as_token.kind = QUOTA_TOKEN;
    struct quota *token = quota_get(table, &as_token);
    ck_assert_ptr_eq(first, second);
    ck_assert_ptr_ne(first, other);
    ck_assert_ptr_ne(first, token);
    ck_assert_uint_eq(quota_table_count(table), 3);
    quota_put(table, first, start);
    quota_put(table, other, start);
    quota_put(table, token, start);
    ck_assert_uint_eq(quota_table_count(table), 1);
    quota_put(table, second, start);
    ck_assert_uint_eq(quota_table_count(table), 0);
}
END_TEST

START_TEST(counts_up_to_the_limit)
{
    struct quota *q = get(1);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(quota_add(q, QUOTA_CONNECTIONS, 1, 3));
    ck_assert(!quota_add(q, QUOTA_CONNECTIONS, 1, 3));
    ck_assert(quota_add(q, QUOTA_CONNECTIONS, 5, 0));
    ck_assert_uint_eq(quota_count(q, QUOTA_CONNECTIONS), 8);
    ck_assert(!quota_add(q, QUOTA_SUBSCRIPTIONS, 4, 3));
    ck_assert(quota_add(q, QUOTA_SUBSCRIPTIONS, 3, 3));
    quota_remove(q, QUOTA_CONNECTIONS, 8);
    quota_remove(q, QUOTA_SUBSCRIPTIONS, 3);
    ck_assert(quota_add(q, QUOTA_CONNECTIONS, 3, 3));
    quota_remove(q, QUOTA_CONNECTIONS, 3);
    quota_put(table, q, start);
}
END_TEST

START_TEST(messages_and_bytes_go_together_or_not_at_all)
{
    struct quota_limits l = {.most = {[QUOTA_PUBLISHES] = 10, [QUOTA_BYTES] = 1000}, .burst_ns = s};
    struct quota_over over;
    struct quota *q = get(1);
    ck_assert(quota_publish(q, &l, 1, 900, start, &over));
    ck_assert(!quota_publish(q, &l, 1, 200, start, &over));
    ck_assert_int_eq(over.what, QUOTA_BYTES);
    ck_assert_uint_eq(over.limit, 1000);
    ck_assert_uint_eq(over.wait_ns, s / 10);
    /* What was refused for its bytes has not used a message. */
    for (unsigned i = 0; i < 9; i++)
        ck_assert(quota_publish(q, &l, 1, 0, start, &over));
    ck_assert(!quota_publish(q, &l, 1, 0, start, &over));
    ck_assert_int_eq(over.what, QUOTA_PUBLISHES);
    quota_unpublish(q, &l, 1, 0);
    ck_assert(quota_publish(q, &l, 1, 0, start, &over));
    quota_put(table, q, start);
}
END_TEST

START_TEST(a_batch_counts_its_messages)
{
    struct quota_limits l = {.most = {[QUOTA_PUBLISHES] = 10}, .burst_ns = s};
    struct quota_over over;
    struct quota *q = get(1);
    ck_assert(!quota_publish(q, &l, 11, 0, start, &over));
    ck_assert_uint_eq(over.wait_ns, 0); /* it never will */
    ck_assert(quota_publish(q, &l, 8, 0, start, &over));
    ck_assert(!quota_publish(q, &l, 3, 0, start, &over));
    ck_assert_uint_eq(over.wait_ns, s / 10);
    ck_assert(quota_publish(q, &l, 2, 0, start, &over));
    quota_put(table, q, start);
}
END_TEST

START_TEST(no_limit_is_none)
{
    struct quota_limits l = {.burst_ns = s};
    struct quota_over over;
    struct quota *q = get(1);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(quota_publish(q, &l, 10000, 1 << 30, start, &over));
    quota_put(table, q, start);
    ck_assert_uint_eq(quota_table_count(table), 0);
}
END_TEST

/* Who has used up what there is does not get more by leaving and coming again. */
START_TEST(it_is_remembered_until_it_is_full)
{
    struct quota_limits l = {.most = {[QUOTA_PUBLISHES] = 10}, .burst_ns = s};
    struct quota_over over;
    struct quota *q = get(1);
    ck_assert(quota_publish(q, &l, 10, 0, start, &over));
    quota_put(table, q, start);
    ck_assert_uint_eq(quota_table_count(table), 1);
    q = get(1);
    ck_assert(!quota_publish(q, &l, 1, 0, start, &over));
    quota_put(table, q, start);
    quota_table_sweep(table, start + s - 1);
    ck_assert_uint_eq(quota_table_count(table), 1);
    quota_table_sweep(table, start + s);
    ck_assert_uint_eq(quota_table_count(table), 0);
}
END_TEST

/* Strangers without number come once each: what is kept of them has a bound, and goes. */
START_TEST(those_that_nobody_holds_are_bounded)
{
    struct quota_limits l = {.most = {[QUOTA_PUBLISHES] = 1}, .burst_ns = 3600 * s};
    struct quota_over over;
    for (unsigned i = 0; i < 3 * QUOTA_UNHELD_MAX; i++) {
        struct quota *q = get(i);
        ck_assert(quota_publish(q, &l, 1, 0, start, &over));
        quota_put(table, q, start);
    }
    size_t kept = quota_table_count(table);
    ck_assert_uint_le(kept, QUOTA_UNHELD_MAX);
    ck_assert_uint_ge(kept, QUOTA_UNHELD_MAX / 2);
    /* Each that comes later takes more than one with it, without any sweep. */
    for (unsigned i = 0; i < 2 * QUOTA_UNHELD_MAX; i++)
        quota_put(table, get(i), start + 7200 * s);
    ck_assert_uint_le(quota_table_count(table), 64);
}
END_TEST

/* All of them are found while the table grows. */
START_TEST(many_at_once)
{
    enum { MANY = 50000 };
    static struct quota *all[MANY];
    for (unsigned i = 0; i < MANY; i++)
        all[i] = get(i);
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_ptr_eq(get(i), all[i]);
        quota_put(table, all[i], start);
    }
    ck_assert_uint_eq(quota_table_count(table), MANY);
    for (unsigned i = 0; i < MANY; i++)
        quota_put(table, all[i], start);
    ck_assert_uint_eq(quota_table_count(table), 0);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000, KEYS = 8, MOST = 2 };

struct tally {
    pthread_t thread;
    unsigned granted;
};

/* Gets, adds up to a limit, publishes and gives back, on keys that all threads use. */
static void *use(void *arg)
{
    static const struct quota_limits l = {.most = {[QUOTA_PUBLISHES] = 1000},
                                          .burst_ns = UINT64_C(1000000000)};
    struct tally *t = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct quota_over over;
        struct quota *q = get(i % KEYS);
        if (quota_add(q, QUOTA_CONNECTIONS, 1, MOST)) {
            ck_assert_uint_le(quota_count(q, QUOTA_CONNECTIONS), MOST);
            quota_remove(q, QUOTA_CONNECTIONS, 1);
        }
        t->granted += quota_publish(q, &l, 1, 0, start, &over);
        quota_put(table, q, start);
    }
    return NULL;
}

/* A limit is one for all of them together. */
START_TEST(threads_share_it)
{
    struct tally all[THREADS] = {0};
    unsigned granted = 0;
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&all[i].thread, NULL, use, &all[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(all[i].thread, NULL);
        granted += all[i].granted;
    }
    ck_assert_uint_eq(granted, KEYS * 1000);
    ck_assert_uint_eq(quota_table_count(table), KEYS);
    for (unsigned i = 0; i < KEYS; i++) {
        struct quota *q = get(i);
        ck_assert_uint_eq(quota_count(q, QUOTA_CONNECTIONS), 0);
        quota_put(table, q, start);
    }
    quota_table_sweep(table, start + 10 * s);
    ck_assert_uint_eq(quota_table_count(table), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quota");
    TCase *c = tcase_create("quota");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, one_key_has_one_quota);
    tcase_add_test(c, counts_up_to_the_limit);
    tcase_add_test(c, messages_and_bytes_go_together_or_not_at_all);
    tcase_add_test(c, a_batch_counts_its_messages);
    tcase_add_test(c, no_limit_is_none);
    tcase_add_test(c, it_is_remembered_until_it_is_full);
    tcase_add_test(c, those_that_nobody_holds_are_bounded);
    tcase_add_test(c, many_at_once);
    tcase_add_test(c, threads_share_it);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
