/* Lines of an export. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_line.h"

START_TEST(base64_is_strict)
{
    static const struct {
        const char *text, *bytes;
    } good[] = {{"", ""},        {"AP8Q", "\0\xFF\x10"}, {"/w==", "\xFF"},        {"Zm8=", "fo"},
                {"Zm9v", "foo"}, {"Zm9vYg==", "foob"},   {"+/+/", "\xFB\xFF\xBF"}};
    static const char *const bad[] = {"A",    "AA",   "AAA",  "A===",   "====",     "AA=A",
                                      "/x==", "Zm9=", "Zm 9", "Zm9v\n", "Zm8=Zm8=", "Zm9-"};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        size_t n = strlen(good[i].text), padding = n && good[i].text[n - 1] == '=';
        padding += padding && good[i].text[n - 2] == '=';
        ck_assert_int_eq(ctl_base64(&out, good[i].text, n), ERR_OK);
        ck_assert_uint_eq(out.len, n / 4 * 3 - padding);
        if (out.len)
            ck_assert_mem_eq(out.data, good[i].bytes, out.len);
        buf_clear(&out);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(ctl_base64(&out, bad[i], strlen(bad[i])) == ERR_INVALID, "%s", bad[i]);
    buf_finish(&out);
}
END_TEST

static struct ctl_line line;

static void check_field(const struct buf *field, const char *expected)
{
    ck_assert_uint_eq(field->len, strlen(expected));
    if (field->len)
        ck_assert_mem_eq(field->data, expected, field->len);
}

static void check_line(const char *text, const char *data, const char *kind)
{
    const char *wrong = ctl_line_parse(&line, text, strlen(text));
    ck_assert_msg(!wrong, "%s: %s", text, wrong);
    check_field(&line.data, data);
    ck_assert_str_eq(line.kind, kind);
}

START_TEST(lines_are_messages)
{
    check_line(
        "{\"id\":\"1-9\",\"topic\":\"a/\\u00e4\",\"time\":\"x\",\"event\":\"e\",\"key\":\"k\","
        "\"data\":{\"n\": 1.10}}",
        "{\"n\": 1.10}", "json");
    check_field(&line.topic, "a/\xC3\xA4");
    check_field(&line.event, "e");
    check_field(&line.key, "k");
    ck_assert_str_eq(line.id.data, "1-9");
    check_line("{\"topic\":\"a\",\"data\":\"x\\n\\\"\"}", "x\n\"", "text");
    check_field(&line.event, "");
    check_field(&line.key, "");
    ck_assert_str_eq(line.id.data, "");
    check_line("{\"topic\":\"a\",\"data\":\"\"}", "", "text");
    check_line("{\"topic\":\"a\",\"data\":\"x\",\"kind\":\"json\"}", "\"x\"", "json");
    check_line("{\"topic\":\"a\",\"data\":null}", "null", "json");
    check_line("{\"topic\":\"a\",\"data\":18446744073709551616}", "18446744073709551616", "json");
    check_line("{\"topic\":\"a\",\"data\":\"eHl6\",\"encoding\":\"base64\"}", "xyz", "binary");
    check_line("{\"topic\":\"a\",\"data\":\"\",\"encoding\":\"base64\"}", "", "binary");
    check_line("{\"topic\":\"a\",\"event\":null,\"key\":null,\"id\":null,\"kind\":null,"
               "\"encoding\":null,\"key_base64\":null,\"data\":true, \"else\":{}} ",
               "true", "json");
    check_line("{\"topic\":\"a\",\"data\":1,\"key_base64\":\"/w==\"}", "1", "json");
    check_field(&line.key, "\xFF");
    ctl_line_finish(&line);
}
END_TEST

START_TEST(lines_that_are_no_messages_are_told)
{
    static const char *const bad[] = {
        "",
        "x",
        "1",
        "[]",
        "{}",
        "{\"topic\":\"a\"}",
        "{\"data\":1}",
        "{\"topic\":1,\"data\":1}",
        "{\"topic\":null,\"data\":1}",
        "{\"topic\":\"a\",\"topic\":\"a\",\"data\":1}",
        "{\"topic\":\"a\",\"data\":1,\"data\":1}",
        "{\"topic\":\"a\",\"data\":1} {",
        "{\"topic\":\"a\",\"data\":1",
        "{\"topic\":\"a\",\"data\":1 ",
        "{\"topic\":\"a\",\"data\":1,}",
        "{\"topic\":\"a\",\"data\":}",
        "{\"topic\":\"a\",\"data\":\"\\x\"}",
        "{\"topic\":\"a\",\"data\":\"\xFF\"}",
        "{\"topic\":\"\\ud800\",\"data\":1}",
        "{\"topic\":\"a\",\"data\":1,\"event\":2}",
        "{\"topic\":\"a\",\"data\":1,\"event\":\"\"}",
        "{\"topic\":\"a\",\"data\":1,\"key\":[]}",
        "{\"topic\":\"a\",\"data\":1,\"key\":\"\"}",
        "{\"topic\":\"a\",\"data\":1,\"id\":7}",
        ("{\"topic\":\"a\",\"data\":1,\"id\":"
         "\"1234567890123456789012345678901234567890123456789012345678901234\"}"),
        "{\"topic\":\"a\",\"data\":1,\"encoding\":\"base64\"}",
        "{\"topic\":\"a\",\"data\":\"x\",\"encoding\":\"base64\"}",
        "{\"topic\":\"a\",\"data\":\"eHl6\",\"encoding\":\"base32\"}",
        "{\"topic\":\"a\",\"data\":1,\"key_base64\":\"x\"}",
        "{\"topic\":\"a\",\"data\":\"x\",\"kind\":\"text\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(ctl_line_parse(&line, bad[i], strlen(bad[i])), "%s is taken", bad[i]);
    check_line("{\"topic\":\"a\",\"data\":1}", "1", "json"); /* nothing of them is left */
    check_field(&line.topic, "a");
    ctl_line_finish(&line);
}
END_TEST

/* However much of a line is there, less than all of it is no message. */
START_TEST(lines_cut_at_every_byte)
{
    static const char text[] =
        "{\"id\":\"1-9\",\"topic\":\"a\",\"data\":[1,{\"x\":\"\\\"}\"}],\"key\":\"k\"}";
    for (size_t n = 0; n + 1 < sizeof(text); n++) {
        char *copy = malloc(n + !n);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, n);
        ck_assert_msg(ctl_line_parse(&line, copy, n), "%zu bytes are taken", n);
        free(copy);
    }
    ck_assert(!ctl_line_parse(&line, text, sizeof(text) - 1));
    ctl_line_finish(&line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_line");
    TCase *tc = tcase_create("ctl_line");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, base64_is_strict);
    tcase_add_test(tc, lines_are_messages);
    tcase_add_test(tc, lines_that_are_no_messages_are_told);
    tcase_add_test(tc, lines_cut_at_every_byte);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
