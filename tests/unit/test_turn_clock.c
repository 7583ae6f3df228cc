/* The worker's clock: time in which the worker did not run does not count. */
#include "net/turn_clock.h"

#include <check.h>
#include <stdlib.h>

enum { START = 5000 };

static struct turn_clock clock_;

static void setup(void)
{
    turn_clock_init(&clock_, START);
}

static uint64_t read_at(uint64_t real_ms)
{
    return turn_clock_read(&clock_, real_ms, 0);
}

START_TEST(it_goes_with_real_time)
{
    ck_assert_uint_eq(clock_.now_ms, START);
    ck_assert_uint_eq(read_at(START), 0);
    ck_assert_uint_eq(read_at(START + 7), 0);
    ck_assert_uint_eq(clock_.now_ms, START + 7);
}
END_TEST

START_TEST(sleeping_until_something_is_due_is_no_pause)
{
    turn_clock_sleep(&clock_, START + 60000);
    ck_assert_uint_eq(read_at(START + 60000 + CLOCK_PAUSE_MS - 1), 0);
    ck_assert_uint_eq(clock_.now_ms, START + 60000 + CLOCK_PAUSE_MS - 1);
    turn_clock_sleep(&clock_, UINT64_MAX);
    ck_assert_uint_eq(read_at(START + 9000000), 0);
    ck_assert_uint_eq(clock_.now_ms, START + 9000000);
}
END_TEST

START_TEST(a_sleep_that_ends_early_allows_nothing_later)
{
    turn_clock_sleep(&clock_, START + 60000);
    ck_assert_uint_eq(read_at(START + 10), 0);
    ck_assert_uint_eq(read_at(START + 10 + CLOCK_PAUSE_MS), CLOCK_PAUSE_MS);
}
END_TEST

START_TEST(a_pause_in_a_sleep_counts_from_its_end)
{
    turn_clock_sleep(&clock_, START + 2000);
    ck_assert_uint_eq(read_at(START + 90000), 88000);
    ck_assert_uint_le(clock_.now_ms, START + 2000);
}
END_TEST

START_TEST(a_pause_in_a_turn_does_not_count)
{
    ck_assert_uint_eq(read_at(START + 100), 0);
    ck_assert_uint_eq(read_at(START + 100 + 40000), 40000);
    ck_assert_uint_eq(clock_.now_ms, START + 100);
}
END_TEST

/* A clock that took them for pauses would stand still for ever under load. */
START_TEST(a_long_turn_of_work_is_no_pause)
{
    uint64_t real = START;
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(turn_clock_read(&clock_, real += 600, 590), 0);
    ck_assert_uint_eq(clock_.now_ms, real);
    ck_assert_uint_eq(turn_clock_read(&clock_, real + 5000, 600), 4400);
    ck_assert_uint_eq(clock_.now_ms, real);
}
END_TEST

START_TEST(it_stands_still_for_a_while_after_a_pause_and_then_goes_on)
{
    uint64_t real = START + 40000;
    ck_assert_uint_eq(read_at(real), 40000);
    while (real < START + 40000 + CLOCK_AFTER_MS) {
        ck_assert_uint_eq(read_at(real += 100), 0);
        ck_assert_uint_eq(clock_.now_ms, START);
    }
    ck_assert_uint_eq(read_at(real + 33), 0);
    ck_assert_uint_eq(clock_.now_ms, START + 33);
}
END_TEST

START_TEST(pauses_add_up_and_it_never_goes_back)
{
    uint64_t real = START, before = START;
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_eq(read_at(real += 3000), 3000);
        for (int turn = 0; turn < 20; turn++) {
            ck_assert_uint_eq(read_at(real += 100), 0);
            ck_assert_uint_ge(clock_.now_ms, before);
            before = clock_.now_ms;
        }
    }
    ck_assert_uint_eq(clock_.now_ms, START + 20 * (2000 - CLOCK_AFTER_MS));
}
END_TEST

/* A machine that has just started. */
START_TEST(it_does_not_fall_below_zero)
{
    turn_clock_init(&clock_, 10);
    ck_assert_uint_eq(read_at(700), 690);
    ck_assert_uint_eq(clock_.now_ms, 10);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("turn_clock");
    TCase *t = tcase_create("turn_clock");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, it_goes_with_real_time);
    tcase_add_test(t, sleeping_until_something_is_due_is_no_pause);
    tcase_add_test(t, a_sleep_that_ends_early_allows_nothing_later);
    tcase_add_test(t, a_pause_in_a_sleep_counts_from_its_end);
    tcase_add_test(t, a_pause_in_a_turn_does_not_count);
    tcase_add_test(t, a_long_turn_of_work_is_no_pause);
    tcase_add_test(t, it_stands_still_for_a_while_after_a_pause_and_then_goes_on);
    tcase_add_test(t, pauses_add_up_and_it_never_goes_back);
    tcase_add_test(t, it_does_not_fall_below_zero);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
