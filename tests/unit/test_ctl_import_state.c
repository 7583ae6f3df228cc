/* The state of an import, in a file beside it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl_exit.h"
#include "tools/ctl/ctl_import_state.h"

static char state_path[] = "/tmp/longwire-ctl-XXXXXX", *state_file;

static void make_state_file(void)
{
    ck_assert_ptr_nonnull(mkdtemp(state_path));
    ck_assert_int_gt(asprintf(&state_file, "%s/state", state_path), 0);
}

static void drop_state_file(void)
{
    unlink(state_file);
    rmdir(state_path);
    free(state_file);
}

START_TEST(a_state_comes_back)
{
    make_state_file();
    struct import_state s = {.path = state_file}, back = {.path = state_file};
    ck_assert_int_eq(import_state_load(&s), CTL_OK);
    ck_assert(s.settled);
    ck_assert_uint_eq(s.lines, 0);
    ck_assert_uint_eq(strlen(s.run), IMPORT_RUN_SIZE - 1);
    s.lines = 12345678901;
    s.named = 12345678900;
    strcpy(s.id, "7-\"x\"");
    strcpy(s.cursor, "9-3");
    s.settled = false;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(import_state_save(&s), CTL_OK);
        ck_assert_int_eq(import_state_load(&back), CTL_OK);
        ck_assert_uint_eq(back.lines, s.lines);
        ck_assert_uint_eq(back.named, s.named);
        ck_assert_str_eq(back.id, s.id);
        ck_assert_str_eq(back.cursor, s.cursor);
        ck_assert_str_eq(back.run, s.run);
        ck_assert_uint_eq(back.time_ms, s.time_ms);
        ck_assert_int_eq(back.settled, s.settled);
        s.settled = true;
    }
    drop_state_file();
}
END_TEST

START_TEST(what_is_no_state_is_refused)
{
    static const char *const texts[] = {
        "", "x", "{}", "[]", "{\"version\":2}", "{\"version\":1,\"id\":\"\",\"cursor\":\"\"}"};
    make_state_file();
    struct import_state s = {.path = state_file};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILE *f = fopen(state_file, "w");
        ck_assert_ptr_nonnull(f);
        fputs(texts[i], f);
        fclose(f);
        ck_assert_int_eq(import_state_load(&s), CTL_FAILED);
    }
    s.path = state_path; /* a directory */
    ck_assert_int_eq(import_state_load(&s), CTL_FAILED);
    ck_assert_int_eq(import_state_save(&s), CTL_FAILED);
    drop_state_file();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_import_state");
    TCase *tc = tcase_create("ctl_import_state");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, a_state_comes_back);
    tcase_add_test(tc, what_is_no_state_is_refused);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
