/* What longwirectl shows: text that does nothing to a terminal, JSON that comes out as it went in,
 * and figures that are short. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tools/ctl/ctl_args.h"
#include "tools/ctl/ctl_text.h"

static void check_bytes(struct buf *b, const char *expected)
{
    buf_putc(b, '\0');
    ck_assert(!b->failed);
    ck_assert_str_eq(b->data, expected);
    buf_finish(b);
}

static void check_text(const char *text, size_t n, const char *expected)
{
    struct buf out = {0};
    ctl_text_put(&out, text, n);
    check_bytes(&out, expected);
}

#define CHECK_TEXT(text, expected) check_text(text, sizeof(text) - 1, expected)

START_TEST(text_is_harmless)
{
    CHECK_TEXT("", "");
    CHECK_TEXT("prices/\xC3\x84 \xE2\x82\xAC \xF0\x9F\x98\x80", "prices/Ä € 😀");
    CHECK_TEXT("a\nb\rc\td", "a\\nb\\rc\\td");
    CHECK_TEXT("\033[31m\0\x7F", "\\x1b[31m\\x00\\x7f");
    CHECK_TEXT("C:\\new", "C:\\\\new");
    CHECK_TEXT("\xC2\x9B"
               "31m",
               "\\u009b31m");                  /* C1: a control sequence in one character */
    CHECK_TEXT("a\xE2\x80\xAEz", "a\\u202ez"); /* right-to-left override */
    CHECK_TEXT("\xE2\x80\xA8\xEF\xBB\xBF", "\\u2028\\ufeff");
    CHECK_TEXT("\xFF\xC3", "\\xff\\xc3");                            /* no UTF-8; cut off */
    CHECK_TEXT("\xC0\x9B\xED\xA0\x80", "\\xc0\\x9b\\xed\\xa0\\x80"); /* overlong; surrogate */
}
END_TEST

static bool is_harmless(const struct buf *b)
{
    for (size_t i = 0; i < b->len; i++) {
        uint8_t c = (uint8_t)b->data[i], before = i ? (uint8_t)b->data[i - 1] : 0;
        if (c < 0x20 || c == 0x7F || (before == 0xC2 && c < 0xA0))
            return false;
    }
    return utf8_valid(b->data, b->len);
}

/* Whatever the bytes, no control character comes out, and what comes out is UTF-8. */
START_TEST(no_byte_pair_escapes)
{
    unsigned escaped = 0;
    for (unsigned i = 0; i < 0x10000; i++) {
        const char text[] = {(char)(i >> 8), (char)i};
        struct buf out = {0};
        ctl_text_put(&out, text, 2);
        escaped += !is_harmless(&out);
        buf_finish(&out);
    }
    ck_assert_uint_eq(escaped, 0);
}
END_TEST

START_TEST(json_stays_the_same_value)
{
    struct buf out = {0};
    const char json[] = "{\n\t\"a\": \"\xC2\x85\x7F\\n\\u001b\",\r\n\"b\": 1.10}";
    ctl_text_put_json(&out, json, sizeof(json) - 1);
    check_bytes(&out, "{\"a\": \"\\u0085\\u007f\\n\\u001b\",\"b\": 1.10}");
    ctl_text_put_json(&out, "\"\xFF\"", 3);
    check_bytes(&out, "\"\\ufffd\"");
}
END_TEST

START_TEST(strings_become_json)
{
    struct buf out = {0};
    ctl_text_put_json_string(&out, "a\"\\\n\0\xFF\xC3\x84", 8);
    check_bytes(&out, "\"a\\\"\\\\\\u000a\\u0000\\ufffdÄ\"");
}
END_TEST

START_TEST(width_counts_characters)
{
    ck_assert_uint_eq(ctl_text_width("", 0), 0);
    ck_assert_uint_eq(ctl_text_width("aÄ€😀", strlen("aÄ€😀")), 4);
    ck_assert_uint_eq(ctl_text_clip("aÄ€", strlen("aÄ€"), 2), 3);
    ck_assert_uint_eq(ctl_text_clip("aÄ€", strlen("aÄ€"), 9), strlen("aÄ€"));
    ck_assert_uint_eq(ctl_text_clip("Ä", 2, 0), 0);
}
END_TEST

static void check_size(uint64_t bytes, const char *expected)
{
    struct buf out = {0};
    ctl_text_put_size(&out, bytes);
    check_bytes(&out, expected);
}

static void check_age(uint64_t seconds, const char *expected)
{
    struct buf out = {0};
    ctl_text_put_age(&out, seconds);
    check_bytes(&out, expected);
}

START_TEST(figures_are_short)
{
    check_size(0, "0");
    check_size(1023, "1023");
    check_size(1024, "1.0K");
    check_size(1536, "1.5K");
    check_size(10 * 1024, "10K");
    check_size(1000 * 1024, "1.0M");
    check_size(UINT64_MAX, "16E");
    check_age(0, "0s");
    check_age(59, "59s");
    check_age(60, "1m00s");
    check_age(3599, "59m59s");
    check_age(3600 + 5 * 60 + 59, "1h05m");
    check_age(86400 * 400 + 3600, "400d01h");
}
END_TEST

START_TEST(numbers_are_strict)
{
    uint64_t n = 7;
    ck_assert(ctl_args_u64("0", &n) == ERR_OK && n == 0);
    ck_assert(ctl_args_u64("18446744073709551615", &n) == ERR_OK && n == UINT64_MAX);
    const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(ctl_args_u64(bad[i], &n) == ERR_INVALID, "\"%s\" is taken", bad[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_text");
    TCase *tc = tcase_create("ctl_text");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, text_is_harmless);
    tcase_add_test(tc, no_byte_pair_escapes);
    tcase_add_test(tc, json_stays_the_same_value);
    tcase_add_test(tc, strings_become_json);
    tcase_add_test(tc, width_counts_characters);
    tcase_add_test(tc, figures_are_short);
    tcase_add_test(tc, numbers_are_strict);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
