/* Rates between two samples of the figures. */
#include <check.h>
#include <stdlib.h>

#include "tools/ctl/ctl_sample.h"

/* STATS is what a hub says of itself, AT when, in seconds. */
static struct ctl_sample sample_of(const char *stats, double at)
{
    struct ctl_sample s = {.stats = json_loads(stats, 0, NULL), .at = at};
    ck_assert_ptr_nonnull(s.stats);
    return s;
}

START_TEST(rates_are_per_second)
{
    struct ctl_sample first = sample_of("{\"counters\": {\"publishes\": 100, \"gaps\": 7}}", 10);
    struct ctl_sample second = sample_of("{\"counters\": {\"publishes\": 160, \"gaps\": 7}}", 14);
    struct ctl_sample none = {.at = 9};
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "publishes"), 15);
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "gaps"), 0);
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "unknown"), 0);
    ck_assert_double_eq(ctl_sample_rate(&none, &second, "publishes"), 0);
    first.at = 14; /* at the same moment: no rate */
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "publishes"), 0);
    second.at = 16; /* the hub has been restarted: it counts from 0 */
    ck_assert_double_eq(ctl_sample_rate(&second, &first, "publishes"), 0);
    first.at = 18;
    ck_assert_double_eq(ctl_sample_rate(&second, &first, "publishes"), 0);
    ctl_sample_finish(&first);
    ctl_sample_finish(&second);
    ck_assert_ptr_null(second.stats);
}
END_TEST

START_TEST(connections_are_added_up)
{
    struct ctl_sample s =
        sample_of("{\"connections\": {\"sse\": 1, \"ws\": 20, \"poll\": 300, \"new\": 4000}}", 0);
    struct ctl_sample none = {0};
    ck_assert_uint_eq(ctl_sample_connections(&s), 4321);
    ck_assert_uint_eq(ctl_sample_connections(&none), 0);
    ctl_sample_finish(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_sample");
    TCase *tc = tcase_create("ctl_sample");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, rates_are_per_second);
    tcase_add_test(tc, connections_are_added_up);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
