/* Times of a log whose clock was set: each step moves what is before it, and too many become fewer.
 */
#include "storage/times.h"

#include <check.h>
#include <stdlib.h>

static struct times *times;

static void setup(void)
{
    times = NULL;
}

static void teardown(void)
{
    times_destroy(times);
}

static void add(uint64_t offset, int64_t delta_ms)
{
    struct times_step step = {.offset = offset, .most_ms = UINT64_MAX, .delta_ms = delta_ms};
    struct times *next = times_add(times, &step);
    ck_assert_ptr_nonnull(next);
    ck_assert_ptr_eq(next->former, times); /* readers may still look at it */
    times = next;
}

START_TEST(without_steps_records_say_the_truth)
{
    ck_assert_uint_eq(times_true(NULL, 7, 1000), 1000);
    ck_assert(times_in_order(NULL, 1));
    times_destroy(NULL);
}
END_TEST

START_TEST(a_step_moves_what_is_before_it)
{
    add(10, 500);
    ck_assert_uint_eq(times_true(times, 9, 1000), 1500);
    ck_assert_uint_eq(times_true(times, 10, 1000), 1500);
    ck_assert_uint_eq(times_true(times, 11, 1000), 1000);
    add(20, -300);
    ck_assert_uint_eq(times_true(times, 10, 1000), 1200);
    ck_assert_uint_eq(times_true(times, 20, 1000), 700);
    ck_assert_uint_eq(times_true(times, 21, 1000), 1000);
}
END_TEST

START_TEST(no_time_is_before_all_time)
{
    const struct times_step back = {.offset = 1, .most_ms = UINT64_MAX, .delta_ms = -1000};
    ck_assert_uint_eq(times_apply(&back, 1001), 1);
    ck_assert_uint_eq(times_apply(&back, 1000), 0);
    ck_assert_uint_eq(times_apply(&back, 999), 0);
    const struct times_step all = {.offset = 1, .most_ms = UINT64_MAX, .delta_ms = INT64_MIN};
    ck_assert_uint_eq(times_apply(&all, 999), 0);
}
END_TEST

START_TEST(no_time_is_later_than_the_step_says)
{
    const struct times_step capped = {.offset = 1, .most_ms = 5000, .delta_ms = 10};
    ck_assert_uint_eq(times_apply(&capped, 4989), 4999);
    ck_assert_uint_eq(times_apply(&capped, 4990), 5000);
    ck_assert_uint_eq(times_apply(&capped, 4991), 5000);
}
END_TEST

/* Steps at 10, 20, ... of the same size. */
static void add_many(size_t count, int64_t delta_ms)
{
    for (size_t i = 1; i <= count; i++)
        add(10 * i, delta_ms);
}

START_TEST(as_many_as_are_remembered_are_exact)
{
    add_many(TIMES_MAX - 1, 100);
    ck_assert(times_in_order(times, 1));
    add(10 * TIMES_MAX, 100);
    ck_assert_uint_eq(times->count, TIMES_MAX);
    ck_assert_uint_eq(times_true(times, 1, 1000), 1000 + 100 * TIMES_MAX);
    ck_assert_uint_eq(times_true(times, 11, 1000), 1000 + 100 * (TIMES_MAX - 1));
    /* Whether one was dropped before is not known. */
    ck_assert(!times_in_order(times, 1));
    ck_assert(!times_in_order(times, 10));
    ck_assert(times_in_order(times, 11));
}
END_TEST

/* Of two steps that become one, no record is older than it was: ahead counts for both, back for
 * those alone that are before the second. */
START_TEST(too_many_make_no_record_older)
{
    int64_t delta_ms = _i ? -100 : 100;
    add_many(TIMES_MAX + 1, delta_ms);
    ck_assert_uint_eq(times->count, TIMES_MAX);
    ck_assert_uint_eq(times->steps[0].offset, 20);
    int64_t oldest = delta_ms > 0 ? TIMES_MAX + 1 : TIMES_MAX;
    ck_assert_uint_eq(times_true(times, 1, 100000), (uint64_t)(100000 + oldest * delta_ms));
    ck_assert_uint_eq(times_true(times, 11, 100000), (uint64_t)(100000 + oldest * delta_ms));
    ck_assert_uint_eq(times_true(times, 21, 100000),
                      (uint64_t)(100000 + (TIMES_MAX - 1) * delta_ms));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("times");
    TCase *t = tcase_create("times");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, without_steps_records_say_the_truth);
    tcase_add_test(t, a_step_moves_what_is_before_it);
    tcase_add_test(t, no_time_is_before_all_time);
    tcase_add_test(t, no_time_is_later_than_the_step_says);
    tcase_add_test(t, as_many_as_are_remembered_are_exact);
    tcase_add_loop_test(t, too_many_make_no_record_older, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
