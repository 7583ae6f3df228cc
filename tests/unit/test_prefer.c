/* Prefer: what counts as a wish to wait (RFC 7240). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/prefer.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *first, *second; /* values of fields; NULL: none */
    int64_t wait;               /* -1: none */
} examples[] = {
    {"wait=10", NULL, 10},
    {"respond-async, wait=10", NULL, 10},
    {"respond-async; wait=7, wait=10", NULL, 10}, /* a parameter is no preference */
    {"respond-async", "wait=10", 10},
    {"WAIT=0", NULL, 0},
    {"wait = 3 ; foo; bar=\"a,b;wait=9\"", NULL, 3},
    {"foo=\"wait=9, wait=8\", wait=7", NULL, 7},
    {"wait=\"12\"", NULL, 12},
    {"wait=00012", NULL, 12},
    {"wait=4294967296", NULL, UINT32_MAX},
    {"wait=99999999999999999999999999", NULL, UINT32_MAX},
    {",, wait=1,,", NULL, 1},
    /* The first one counts, also when it is malformed. */
    {"wait=1, wait=2", NULL, 1},
    {"wait=1", "wait=2", 1},
    {"wait=x, wait=2", NULL, -1},
    {"wait", "wait=2", -1},
    {"wait=", NULL, -1},
    {"wait=\"\"", NULL, -1},
    {"wait=-1", NULL, -1},
    {"wait=+1", NULL, -1},
    {"wait=1.5", NULL, -1},
    {"wait=1s", NULL, -1},
    {"wait 1", NULL, -1},
    {"waiting=1", NULL, -1},
    {"wait=\"1", NULL, -1},
    {"=1", NULL, -1},
    {"\"wait\"=1", NULL, -1},
    {"", NULL, -1},
};

START_TEST(reads_wait)
{
    struct prefer p = {0};
    prefer_add(&p, examples[_i].first, strlen(examples[_i].first));
    if (examples[_i].second)
        prefer_add(&p, examples[_i].second, strlen(examples[_i].second));
    ck_assert_int_eq(p.has_wait && p.valid ? (int64_t)p.wait_s : -1, examples[_i].wait);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prefer");
    TCase *t = tcase_create("prefer");
    tcase_add_loop_test(t, reads_wait, 0, COUNT(examples));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
