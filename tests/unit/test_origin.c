/* Which pages have access. */
#include <check.h>
#include <stdlib.h>

#include "access/origin.h"

static char listed_page[] = "https://a.example", everybody[] = "*";
static char *const one[] = {listed_page};
static char *const all[] = {listed_page, everybody};

static const struct {
    const char *origin, *host;
    enum origin_access listed, with_all; /* where one page is listed, where all are, too */
} cases[] = {
    {"https://hub.example:8420", "hub.example:8420", ORIGIN_KNOWN, ORIGIN_KNOWN},
    {"https://HUB.example", "hub.EXAMPLE", ORIGIN_KNOWN, ORIGIN_KNOWN},
    {"https://hub.example", "hub.example:8420", ORIGIN_REFUSED, ORIGIN_ANY},
    {"http://localhost:3000", "hub.example", ORIGIN_KNOWN, ORIGIN_KNOWN},
    {"http://[::1]", "hub.example", ORIGIN_KNOWN, ORIGIN_KNOWN},
    {"https://a.example", "hub.example", ORIGIN_KNOWN, ORIGIN_KNOWN},
    {"https://A.example", "hub.example", ORIGIN_KNOWN, ORIGIN_KNOWN},
    {"http://a.example", "hub.example", ORIGIN_REFUSED, ORIGIN_ANY},
    {"https://a.example.org", "hub.example", ORIGIN_REFUSED, ORIGIN_ANY},
    {"null", "null", ORIGIN_REFUSED, ORIGIN_ANY},
    {"https://", "", ORIGIN_REFUSED, ORIGIN_ANY},
    {"", "", ORIGIN_REFUSED, ORIGIN_ANY},
};

START_TEST(pages_are_told_apart)
{
    ck_assert_int_eq(origin_judge(cases[_i].origin, cases[_i].host, one, 1), cases[_i].listed);
    ck_assert_int_eq(origin_judge(cases[_i].origin, cases[_i].host, all, 2), cases[_i].with_all);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("origin");
    TCase *t = tcase_create("origin");
    tcase_add_loop_test(t, pages_are_told_apart, 0, sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
