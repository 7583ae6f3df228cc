/* Whether the directory of the log, and its map, can be used: found before the hub starts. */
#include "daemon/data_dir.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static char root[32];

/* An empty directory that is the working directory too, and is left to a user without rights. */
static void make_root(void)
{
    strcpy(root, "/tmp/test_data_dir-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chdir(root), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(root, NOBODY, (gid_t)-1), 0);
        ck_assert_int_eq(seteuid(NOBODY), 0);
    }
}

static void remove_root(void)
{
    char command[64];
    if (geteuid() != getuid()) {
        ck_assert_int_eq(seteuid(getuid()), 0);
        ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0); /* or no sanitizer may look at its end */
    }
    ck_assert_int_eq(chmod(root, 0700), 0);
    snprintf(command, sizeof(command), "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
}

static void check_good(const char *path)
{
    struct buf error = {0};
    ck_assert_msg(data_dir_check(path, &error), "%s", path);
    ck_assert_uint_eq(error.len, 0);
}

/* What is said about PATH has to end in EXPECTED. */
static void check_bad(const char *path, const char *expected)
{
    struct buf error = {0};
    ck_assert_msg(!data_dir_check(path, &error), "%s", path);
    buf_putc(&error, '\0');
    size_t n = strlen(expected);
    ck_assert_uint_gt(error.len, n);
    ck_assert_str_eq(error.data + error.len - 1 - n, expected);
    buf_finish(&error);
}

START_TEST(one_that_is_there)
{
    check_good(root);
    check_good(".");
}
END_TEST

START_TEST(one_that_can_be_made)
{
    char path[64];
    check_good("new");
    check_good("new///");
    snprintf(path, sizeof(path), "%s/new", root);
    check_good(path);
    snprintf(path, sizeof(path), "%s//new//", root);
    check_good(path);
    check_bad("new/one", "its parent directory new: No such file or directory");
    check_bad("/nonexistent/a", "its parent directory /nonexistent: No such file or directory");
}
END_TEST

START_TEST(every_right_is_needed)
{
    static const mode_t modes[] = {0300, 0500, 0600};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ck_assert_int_eq(chmod(root, modes[i]), 0);
        check_bad(root, "must be readable and writable for the user that runs the hub");
    }
}
END_TEST

START_TEST(what_is_none)
{
    char path[5000];
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    FILE *f = fopen("file", "we");
    ck_assert_ptr_nonnull(f);
    fclose(f);
    check_bad("file", "is not a directory");
    check_bad("file/a", "Not a directory");
    check_bad("/dev/null", "is not a directory");
    check_bad(path, "File name too long");
}
END_TEST

START_TEST(the_map_has_to_fit_into_the_address_space)
{
    const uint64_t most = 1ull << 50; /* more than sanitizers need */
    struct buf error = {0};
    struct rlimit limit = {most, RLIM_INFINITY};
    ck_assert(data_dir_check_map(UINT64_MAX, &error));
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert(data_dir_check_map(most - 1, &error));
    ck_assert_uint_eq(error.len, 0);
    ck_assert(!data_dir_check_map(most, &error)); /* the program itself has to fit in too */
    ck_assert_uint_gt(error.len, 0);
    buf_finish(&error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("data_dir");
    TCase *tc = tcase_create("data_dir");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, make_root, remove_root);
    tcase_add_test(tc, one_that_is_there);
    tcase_add_test(tc, one_that_can_be_made);
    tcase_add_test(tc, every_right_is_needed);
    tcase_add_test(tc, what_is_none);
    tcase_add_test(tc, the_map_has_to_fit_into_the_address_space);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
