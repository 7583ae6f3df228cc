/* Histograms: what percentiles say is not below the truth, and not more than 0.8 % above it. */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/random.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_histogram.h"

enum { VALUES = 20000 };

static struct bench_histogram h;

static void setup(void)
{
    histogram_clear(&h);
}

/* The largest value that may be told for V. */
static uint64_t rounded(uint64_t v)
{
    return v + (v >> HISTOGRAM_BITS);
}

START_TEST(an_empty_one_has_nothing_to_tell)
{
    ck_assert_uint_eq(histogram_percentile(&h, 50), 0);
    ck_assert_uint_eq(histogram_percentile(&h, 100), 0);
}
END_TEST

START_TEST(cells_follow_each_other_without_hole_or_overlap)
{
    for (size_t i = 0; i + 1 < HISTOGRAM_CELLS; i++) {
        ck_assert_uint_eq(histogram_cell(histogram_upper(i)), i);
        ck_assert_uint_eq(histogram_cell(histogram_upper(i) + 1), i + 1);
    }
}
END_TEST

START_TEST(a_cell_is_narrow)
{
    for (uint64_t v = 1; v < UINT64_C(1) << HISTOGRAM_TOP_BITS; v += v / 100 + 1) {
        uint64_t upper = histogram_upper(histogram_cell(v));
        ck_assert_uint_ge(upper, v);
        ck_assert_uint_le(upper, rounded(v));
    }
}
END_TEST

START_TEST(small_values_are_exact)
{
    for (uint64_t v = 0; v <= 100; v++)
        histogram_add(&h, v);
    for (uint64_t v = 1; v <= 100; v++)
        ck_assert_uint_eq(histogram_percentile(&h, (double)v * 100 / 101), v - 1);
    ck_assert_uint_eq(histogram_percentile(&h, 0), 0);
    ck_assert_uint_eq(histogram_percentile(&h, 100), 100);
}
END_TEST

START_TEST(what_is_too_large_counts_as_the_largest)
{
    histogram_add(&h, 1000);
    histogram_add(&h, UINT64_MAX);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_uint_le(histogram_percentile(&h, 50), rounded(1000));
    ck_assert_uint_eq(histogram_percentile(&h, 100), UINT64_MAX);
}
END_TEST

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(percentiles_are_those_of_the_sorted_values)
{
    static uint64_t values[VALUES];
    static const double percents[] = {0.1, 1, 25, 50, 90, 99, 99.9, 100};
    random_seed();
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = (uint64_t)random_below(1u << 31) >> random_below(31);
        histogram_add(&h, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), compare);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        size_t rank = (size_t)(percents[i] * VALUES / 100 + 0.5);
        uint64_t truth = values[rank - 1], told = histogram_percentile(&h, percents[i]);
        ck_assert_uint_ge(told, truth);
        ck_assert_uint_le(told, rounded(truth));
    }
    ck_assert_uint_eq(histogram_percentile(&h, 100), values[VALUES - 1]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench_histogram");
    TCase *t = tcase_create("bench_histogram");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, an_empty_one_has_nothing_to_tell);
    tcase_add_test(t, cells_follow_each_other_without_hole_or_overlap);
    tcase_add_test(t, a_cell_is_narrow);
    tcase_add_test(t, small_values_are_exact);
    tcase_add_test(t, what_is_too_large_counts_as_the_largest);
    tcase_add_test(t, percentiles_are_those_of_the_sorted_values);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
