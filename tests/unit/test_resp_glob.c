/* Redis's globs as patterns of the hub. */
#include "broker/topic_name.h"
#include "frontends/resp/resp_glob.h"

#include <check.h>
#include <string.h>

/* What is a glob, and what it is translated to; NULL: it cannot be. */
static const struct {
    const char *glob, *filter;
} cases[] = {
    {"*", "#"},           {"***", "#"},       {"a/*", "a/+/#"}, {"a/b/**", "a/b/+/#"},
    {"a.b/*", "a.b/+/#"}, {"a\\/*", "a/+/#"}, {"a\\*", "a*"},   {"a\\?\\[\\]\\\\", "a?[]\\"},
    {"\\*/*", "*/+/#"},   {"a\\*\\", "a*\\"}, {"/*", "/+/#"}, /* which is no valid pattern: no topic
                                                                 begins with a slash */
    {"a*", NULL},         {"a.*", NULL},      {"a:*", NULL},    {"a/*/", NULL},
    {"*/a", NULL},        {"*a", NULL},       {"a/?", NULL},    {"?", NULL},
    {"[a]", NULL},        {"a\\*[", NULL},    {"a/*?", NULL},   {"a\\/\\**", NULL},
};

START_TEST(globs)
{
    char filter[RESP_GLOB_MAX + 1];
    const char *glob = cases[_i].glob;
    size_t n;
    ck_assert(resp_glob_is(glob, strlen(glob)));
    enum err e = resp_glob_translate(glob, strlen(glob), filter, &n);
    if (!cases[_i].filter) {
        ck_assert_int_eq(e, ERR_INVALID);
        return;
    }
    ck_assert_int_eq(e, ERR_OK);
    filter[n] = '\0';
    ck_assert_str_eq(filter, cases[_i].filter);
}
END_TEST

START_TEST(others_are_no_globs)
{
    static const char *const names[] = {"",     "a",     "a/b", "#",    "a/+",
                                        "a*/#", "+/[x]", "?/#", "a\\b", "]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(!resp_glob_is(names[i], strlen(names[i])), "%s", names[i]);
    ck_assert(!resp_glob_is("a\0b", 3));
}
END_TEST

START_TEST(the_longest_fits)
{
    char glob[TOPIC_NAME_MAX], filter[RESP_GLOB_MAX];
    size_t n;
    memset(glob, 'x', sizeof(glob));
    glob[sizeof(glob) - 2] = '/';
    glob[sizeof(glob) - 1] = '*';
    ck_assert_int_eq(resp_glob_translate(glob, sizeof(glob), filter, &n), ERR_OK);
    ck_assert_uint_eq(n, RESP_GLOB_MAX);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("resp_glob");
    TCase *tc = tcase_create("resp_glob");
    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, globs, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, others_are_no_globs);
    tcase_add_test(tc, the_longest_fits);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
