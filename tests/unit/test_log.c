/* The log: what a line looks like, levels, and that a peer's bytes cannot forge one. */
#include "base/log.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_escape(size_t size, const void *text, size_t n, const char *want)
{
    char out[256];
    memset(out, '#', sizeof(out));
    ck_assert_ptr_eq(log_escape(out, size, text, n), out);
    ck_assert_str_eq(out, want);
    for (size_t i = size; i < sizeof(out); i++)
        ck_assert_int_eq(out[i], '#');
}

START_TEST(printable_text_stays)
{
    expect_escape(100, "GET /t/a?b=~ HTTP/1.1", 21, "GET /t/a?b=~ HTTP/1.1");
    expect_escape(100, "", 0, "");
}
END_TEST

START_TEST(everything_else_is_hex)
{
    expect_escape(100, "a\nb\r\t\0z", 7, "a\\x0ab\\x0d\\x09\\x00z");
    expect_escape(100, "\x1f\x7f\x80\xff", 4, "\\x1f\\x7f\\x80\\xff");
    /* A backslash too, or escaped text could not be told from text that looks escaped. */
    expect_escape(100, "\\x0a", 4, "\\x5cx0a");
}
END_TEST

/* For every size: whole escapes only, never a byte beyond SIZE (expect_escape looks), and what is
 * there is how the whole answer begins. */
START_TEST(cut_to_fit)
{
    static const char text[] = "ab\ncd\xfe\xff"
                               "ef";
    static const char whole[] = "ab\\x0acd\\xfe\\xffef";
    for (size_t size = 1; size <= 64; size++) {
        char out[64];
        log_escape(out, size, text, sizeof(text) - 1);
        size_t n = strlen(out);
        ck_assert_uint_lt(n, size);
        ck_assert_int_eq(strncmp(out, whole, n), 0);
        const char *last = strrchr(out, '\\');
        if (last)
            ck_assert_uint_ge(strlen(last), 4);
        expect_escape(size, text, sizeof(text) - 1, out);
    }
    expect_escape(64, text, sizeof(text) - 1, whole);
}
END_TEST

/* Runs LOG with standard error going into a pipe; returns what was written, NUL-terminated. */
static const char *captured(void (*log)(void))
{
    static char text[8192];
    int ends[2];
    int saved = dup(STDERR_FILENO);
    ck_assert_int_ge(saved, 0);
    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    return text;
}

static void log_one_of_each(void)
{
    log_error("disk %s", "full");
    log_warn("w");
    log_info("i");
    log_debug("d");
}

/* "2026-11-22T07:31:15.042Z error disk full" */
START_TEST(a_line_has_time_level_and_text)
{
    log_set_level(LOG_ERROR);
    const char *line = captured(log_one_of_each);
    ck_assert_uint_eq(strlen(line), 24 + strlen(" error disk full\n"));
    ck_assert_str_eq(line + 24, " error disk full\n");
    ck_assert_uint_eq(strspn(line, "0123456789-T:.Z"), 24);
    ck_assert_int_eq(line[4], '-');
    ck_assert_int_eq(line[10], 'T');
    ck_assert_int_eq(line[19], '.');
    ck_assert_int_eq(line[23], 'Z');
}
END_TEST

static int lines_at(enum log_level level)
{
    log_set_level(level);
    int lines = 0;
    for (const char *p = captured(log_one_of_each); *p; p++)
        lines += *p == '\n';
    return lines;
}

START_TEST(levels_are_cumulative)
{
    ck_assert_int_eq(lines_at(LOG_ERROR), 1);
    ck_assert_int_eq(lines_at(LOG_WARN), 2);
    ck_assert_int_eq(lines_at(LOG_INFO), 3);
    ck_assert_int_eq(lines_at(LOG_DEBUG), 4);
}
END_TEST

static size_t long_text_len;

static void log_long_text(void)
{
    char text[5000];
    memset(text, 'x', sizeof(text));
    text[long_text_len] = '\0';
    log_error("%s", text);
}

/* However long the text, it ends as one line; the buffer's edge is somewhere in this range. */
START_TEST(long_lines_are_cut)
{
    log_set_level(LOG_INFO);
    size_t longest = 0;
    for (long_text_len = 1900; long_text_len < 2200; long_text_len++) {
        const char *line = captured(log_long_text);
        size_t n = strlen(line);
        ck_assert_int_eq(line[n - 1], '\n');
        ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
        ck_assert_int_eq(line[n - 2], 'x');
        ck_assert_uint_ge(n, longest);
        longest = n;
    }
    ck_assert_uint_lt(longest, 2100);
    ck_assert_uint_gt(longest, 1950);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("log");
    TCase *t = tcase_create("log");
    tcase_add_test(t, printable_text_stays);
    tcase_add_test(t, everything_else_is_hex);
    tcase_add_test(t, cut_to_fit);
    tcase_add_test(t, a_line_has_time_level_and_text);
    tcase_add_test(t, levels_are_cumulative);
    tcase_add_test(t, long_lines_are_cut);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
