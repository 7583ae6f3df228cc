/* How many lines strangers may cause, whatever they send. */
#include <check.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/refusals.h"

START_TEST(a_flood_gets_few_lines)
{
    struct refusals r = {0};
    unsigned lines = 0, sums = 0;
    for (uint64_t now = 1; now <= 5 * REFUSALS_MS; now++) {
        sums += refusals_check(&r, now);
        for (int i = 0; i < 3; i++)
            lines += refusals_may_log(&r, now);
    }
    ck_assert_uint_eq(lines, 5 * REFUSALS_LINES);
    ck_assert_uint_eq(sums, 4);
}
END_TEST

START_TEST(the_rest_is_told_when_the_time_is_over)
{
    struct refusals r = {0};
    for (int i = 0; i < REFUSALS_LINES; i++)
        ck_assert(refusals_may_log(&r, 1000));
    ck_assert_uint_eq(refusals_wait_ms(&r, 1000), UINT64_MAX);
    ck_assert(!refusals_may_log(&r, 1001));
    ck_assert(!refusals_may_log(&r, 1001));
    ck_assert_uint_eq(r.unsaid, 2);
    ck_assert_uint_eq(refusals_wait_ms(&r, 1002), REFUSALS_MS - 2);
    ck_assert(!refusals_check(&r, 1000 + REFUSALS_MS - 1));
    ck_assert_uint_eq(refusals_wait_ms(&r, 1000 + REFUSALS_MS), 0);
    ck_assert(refusals_check(&r, 1000 + REFUSALS_MS));
    ck_assert(!refusals_check(&r, 1000 + REFUSALS_MS));
    ck_assert_uint_eq(refusals_wait_ms(&r, 1000 + REFUSALS_MS), UINT64_MAX);
}
END_TEST

START_TEST(who_is_refused_now_and_then_is_always_told)
{
    struct refusals r = {0};
    for (uint64_t now = 0; now < 100 * REFUSALS_MS; now += REFUSALS_MS / REFUSALS_LINES)
        ck_assert(refusals_may_log(&r, now));
}
END_TEST

int main(void)
{
    log_set_level(LOG_WARN);
    Suite *s = suite_create("refusals");
    TCase *t = tcase_create("refusals");
    tcase_add_test(t, a_flood_gets_few_lines);
    tcase_add_test(t, the_rest_is_told_when_the_time_is_over);
    tcase_add_test(t, who_is_refused_now_and_then_is_always_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
