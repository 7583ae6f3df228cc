/* Buckets of tokens, by a clock of the test's own. */
#include "base/rate.h"

#include <check.h>
#include <stdlib.h>

static const uint64_t s = 1000000000, start = 77 * UINT64_C(1000000000);

static unsigned taken_at(struct rate *r, const struct rate_rule *rule, uint64_t now, unsigned tries)
{
    uint64_t wait;
    unsigned taken = 0;
    while (tries-- > 0)
        taken += rate_take(r, rule, 1, now, &wait);
    return taken;
}

START_TEST(holds_what_comes_in_its_time)
{
    struct rate_rule second = {10, s}, minute = {10, 60 * s};
    struct rate r = {0}, long_one = {0};
    ck_assert_uint_eq(rate_room(&second), 10);
    ck_assert_uint_eq(taken_at(&r, &second, start, 100), 10);
    ck_assert_uint_eq(rate_room(&minute), 600);
    ck_assert_uint_eq(taken_at(&long_one, &minute, start, 1000), 600);
}
END_TEST

START_TEST(fills_as_time_goes_on)
{
    struct rate_rule rule = {10, s};
    struct rate r = {0};
    ck_assert_uint_eq(taken_at(&r, &rule, start, 10), 10);
    ck_assert_uint_eq(taken_at(&r, &rule, start + s / 10 - 1, 5), 0);
    ck_assert_uint_eq(taken_at(&r, &rule, start + s / 10, 5), 1);
    ck_assert_uint_eq(taken_at(&r, &rule, start + s / 2, 10), 4);
    ck_assert(!rate_is_full(&r, start + s));
    ck_assert(rate_is_full(&r, start + 2 * s));
    ck_assert_uint_eq(taken_at(&r, &rule, start + 100 * s, 50), 10);
}
END_TEST

/* It is told exactly when there is one again. */
START_TEST(says_how_long_to_wait)
{
    struct rate_rule rule = {3, s};
    struct rate r = {0};
    uint64_t now = start, wait;
    ck_assert_uint_eq(taken_at(&r, &rule, now, 3), 3);
    for (int i = 0; i < 20; i++) {
        ck_assert(!rate_take(&r, &rule, 1, now, &wait));
        ck_assert_uint_gt(wait, 0);
        ck_assert_uint_le(wait, s / 3 + 3);
        ck_assert_uint_eq(taken_at(&r, &rule, now + wait - 1, 1), 0);
        now += wait;
        ck_assert_uint_eq(taken_at(&r, &rule, now, 1), 1);
    }
}
END_TEST

START_TEST(what_is_larger_goes_when_it_is_full_and_is_owed)
{
    struct rate_rule rule = {1000, s};
    struct rate r = {0};
    uint64_t wait;
    ck_assert(rate_take(&r, &rule, 5000, start, &wait));
    ck_assert(!rate_take(&r, &rule, 1, start, &wait));
    ck_assert_uint_eq(wait, 4 * s + s / 1000);
    ck_assert(!rate_take(&r, &rule, 5000, start + 4 * s + s / 2, &wait));
    ck_assert_uint_eq(wait, s / 2);
    ck_assert(rate_take(&r, &rule, 5000, start + 5 * s, &wait));
}
END_TEST

START_TEST(what_was_not_used_is_there_again)
{
    struct rate_rule rule = {10, s};
    struct rate r = {0};
    ck_assert_uint_eq(taken_at(&r, &rule, start, 10), 10);
    rate_give_back(&r, &rule, 3);
    ck_assert_uint_eq(taken_at(&r, &rule, start, 10), 3);
    rate_give_back(&r, &rule, UINT32_MAX);
    ck_assert_uint_eq(taken_at(&r, &rule, start, 100), 10);
}
END_TEST

/* Another rule counts from the next one on. */
START_TEST(the_rule_may_change)
{
    struct rate_rule few = {2, s}, many = {100, s};
    struct rate r = {0};
    ck_assert_uint_eq(taken_at(&r, &few, start, 5), 2);
    ck_assert_uint_eq(taken_at(&r, &many, start, 5), 0);
    ck_assert_uint_eq(taken_at(&r, &many, start + s, 200), 100);
}
END_TEST

START_TEST(the_largest_and_the_slowest)
{
    struct rate_rule fast = {RATE_MAX, s}, slow = {1, s / 1000};
    struct rate r = {0}, slow_one = {0};
    uint64_t wait;
    ck_assert_uint_eq(rate_room(&fast), RATE_MAX);
    ck_assert(rate_take(&r, &fast, RATE_MAX - 1, start, &wait));
    ck_assert(!rate_take(&r, &fast, RATE_MAX, start, &wait));
    /* One fits into any. */
    ck_assert_uint_eq(rate_room(&slow), 1);
    ck_assert_uint_eq(taken_at(&slow_one, &slow, start, 5), 1);
    ck_assert_uint_eq(taken_at(&slow_one, &slow, start + s, 5), 1);
}
END_TEST

/* A thread's clock may be a little behind another's: nothing is gained by that. */
START_TEST(a_clock_behind_gains_nothing)
{
    struct rate_rule rule = {10, s};
    struct rate r = {0};
    ck_assert_uint_eq(taken_at(&r, &rule, start + s, 10), 10);
    ck_assert_uint_eq(taken_at(&r, &rule, start, 10), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rate");
    TCase *c = tcase_create("rate");
    tcase_add_test(c, holds_what_comes_in_its_time);
    tcase_add_test(c, fills_as_time_goes_on);
    tcase_add_test(c, says_how_long_to_wait);
    tcase_add_test(c, what_is_larger_goes_when_it_is_full_and_is_owed);
    tcase_add_test(c, what_was_not_used_is_there_again);
    tcase_add_test(c, the_rule_may_change);
    tcase_add_test(c, the_largest_and_the_slowest);
    tcase_add_test(c, a_clock_behind_gains_nothing);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
