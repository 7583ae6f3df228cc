/* How long an answer counts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/cache_control.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *first, *second; /* fields; NULL: there is none */
    uint32_t age_s;
} examples[] = {
    {NULL, NULL, 0},
    {"max-age=60", NULL, 60},
    {"private, MAX-AGE=60", NULL, 60},
    {"max-age=\"60\"", NULL, 60},
    {" , max-age=60 , must-revalidate", NULL, 60},
    {"private", "max-age=7", 7},
    {"max-age=60, no-store", NULL, 0},
    {"no-cache", "max-age=60", 0},
    {"max-age=60", "max-age=5", 5},
    {"max-age=5", "max-age=60", 5},
    {"max-age=5, max-age=x", NULL, 0},
    {"max-age=0", NULL, 0},
    {"max-age", NULL, 0},
    {"max-age=", NULL, 0},
    {"max-age=-1", NULL, 0},
    {"max-age=1.5", NULL, 0},
    {"max-age =60", NULL, 0},
    {"s-maxage=60", NULL, 0},
    {"x=\"max-age=60\"", NULL, 0},
    {"max-age=99999999999999999999999", NULL, CACHE_AGE_MAX_S},
};

static void add(struct http_fields *f, const char *value)
{
    if (value)
        http_fields_add(f, "cache-control", 13, value, strlen(value));
}

START_TEST(says_how_long)
{
    struct http_fields *f = http_fields_take();
    add(f, examples[_i].first);
    http_fields_add(f, "Age", 3, "5", 1);
    add(f, examples[_i].second);
    ck_assert_uint_eq(cache_control_age_s(f), examples[_i].age_s);
    http_fields_give_back(f);
    http_fields_finish_thread();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cache_control");
    TCase *c = tcase_create("cache_control");
    tcase_add_loop_test(c, says_how_long, 0, COUNT(examples));
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
