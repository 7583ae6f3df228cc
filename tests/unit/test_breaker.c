/* The circuit breaker: when a server is asked, by a clock that is a number. */
#include <check.h>
#include <stdlib.h>

#include "http/client/breaker.h"

static struct breaker b;

static void set_up(void)
{
    b = (struct breaker){0};
}

static void fail_often(uint64_t now_ms)
{
    for (int i = 1; i < BREAKER_FAILURES; i++) {
        ck_assert(breaker_may_ask(&b, now_ms));
        ck_assert(!breaker_failed(&b, now_ms));
    }
    ck_assert(breaker_may_ask(&b, now_ms));
    ck_assert(breaker_failed(&b, now_ms));
}

START_TEST(opens_when_it_fails_several_times_in_a_row)
{
    for (int i = 1; i < BREAKER_FAILURES; i++)
        breaker_failed(&b, 0);
    ck_assert(!breaker_succeeded(&b));
    fail_often(100);
    ck_assert(!breaker_may_ask(&b, 100));
    ck_assert_uint_eq(breaker_wait_ms(&b, 100), BREAKER_PAUSE_MS);
    ck_assert_uint_eq(breaker_wait_ms(&b, 100 + BREAKER_PAUSE_MS - 1), 1);
    ck_assert(!breaker_may_ask(&b, 100 + BREAKER_PAUSE_MS - 1));
}
END_TEST

START_TEST(lets_one_try)
{
    fail_often(0);
    ck_assert_uint_eq(breaker_wait_ms(&b, BREAKER_PAUSE_MS), 0);
    ck_assert(breaker_may_ask(&b, BREAKER_PAUSE_MS));
    ck_assert(!breaker_may_ask(&b, BREAKER_PAUSE_MS));
    ck_assert(!breaker_may_ask(&b, 100 * BREAKER_PAUSE_MS));
    ck_assert(breaker_succeeded(&b));
    ck_assert(breaker_may_ask(&b, BREAKER_PAUSE_MS));
    ck_assert(breaker_may_ask(&b, BREAKER_PAUSE_MS));
}
END_TEST

START_TEST(stays_open_longer_each_time)
{
    uint64_t now = 0, pause = BREAKER_PAUSE_MS;
    fail_often(now);
    for (int i = 0; i < 10; i++) {
        now += pause;
        ck_assert(breaker_may_ask(&b, now));
        ck_assert(breaker_failed(&b, now));
        pause = pause * 2 < BREAKER_PAUSE_MAX_MS ? pause * 2 : BREAKER_PAUSE_MAX_MS;
        ck_assert_uint_eq(breaker_wait_ms(&b, now), pause);
    }
    ck_assert(breaker_may_ask(&b, now + pause));
    ck_assert(breaker_succeeded(&b));
    fail_often(now);
    ck_assert_uint_eq(breaker_wait_ms(&b, now), BREAKER_PAUSE_MS);
}
END_TEST

/* Those that were under way when it opened. */
START_TEST(late_failures_say_nothing_new)
{
    fail_often(0);
    ck_assert(!breaker_failed(&b, 10));
    ck_assert_uint_eq(breaker_wait_ms(&b, 10), BREAKER_PAUSE_MS - 10);
    ck_assert(breaker_succeeded(&b)); /* and a late answer that it is well */
    ck_assert(breaker_may_ask(&b, 10));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("breaker");
    TCase *c = tcase_create("breaker");
    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_test(c, opens_when_it_fails_several_times_in_a_row);
    tcase_add_test(c, lets_one_try);
    tcase_add_test(c, stays_open_longer_each_time);
    tcase_add_test(c, late_failures_say_nothing_new);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
