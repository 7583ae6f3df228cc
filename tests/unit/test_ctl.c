/* longwirectl's text: what reaches a terminal, JSON that must come out as it went in, lines of an
 * export, and the state of an import. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/utf8.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/ctl_import_state.h"

/* ---- Escaping ---- */

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

/* ---- Spans ---- */

static struct ctl_span span(const char *text)
{
    return (struct ctl_span){text, strlen(text)};
}

static const char ANSWER[] = "{ \"cursor\" : \"3-9\",\"messages\":[ {\"id\":\"1-9\",\"data\":"
                             "{\"a]}\":[\"\\\\\\\"]\",1.10]}} ,{\"id\":\"2-9\",\"data\":1e400},"
                             "{\"id\":\"3-9\",\"data\":\"\"}], \"live\":true }";

static void check_member(struct ctl_span object, const char *name, const char *expected)
{
    struct ctl_span value;
    ck_assert_msg(ctl_span_member(object, name, &value), "no %s", name);
    ck_assert_msg(ctl_span_is(value, expected), "%s is %.*s", name, (int)value.n, value.text);
}

START_TEST(spans_find_values)
{
    struct ctl_span answer = span(ANSWER), list, item;
    check_member(answer, "cursor", "\"3-9\"");
    check_member(answer, "live", "true");
    ck_assert(!ctl_span_member(answer, "gap", &item));
    ck_assert(ctl_span_member(answer, "messages", &list));
    static const char *const data[] = {"{\"a]}\":[\"\\\\\\\"]\",1.10]}", "1e400", "\"\""};
    for (size_t i = 0; i < 3; i++) {
        ck_assert(ctl_span_item(&list, &item));
        check_member(item, "data", data[i]);
    }
    ck_assert(!ctl_span_item(&list, &item));
}
END_TEST

START_TEST(spans_of_nothing)
{
    struct ctl_span value, rest = span("[]");
    ck_assert(!ctl_span_item(&rest, &value));
    ck_assert(!ctl_span_member(span("{}"), "a", &value));
    ck_assert(!ctl_span_member(span("[1]"), "a", &value));
    ck_assert(!ctl_span_member(span(""), "a", &value));
    ck_assert(!ctl_span_member(span("{\"a\" 1}"), "a", &value));
    ck_assert(!ctl_span_member(span("{1:1,\"a\":2}"), "b", &value));
    rest = span("{\"a\":1}");
    ck_assert(!ctl_span_item(&rest, &value));
}
END_TEST

/* An answer that is cut off anywhere: nothing is read behind its end (a copy of its very size lets
 * the sanitizer see), and no value is found that is not whole. */
START_TEST(spans_cut_at_every_byte)
{
    struct ctl_span list, item, live;
    for (size_t n = 0; n + 3 < sizeof(ANSWER); n++) {
        char *copy = malloc(n + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy + 1, ANSWER, n);
        struct ctl_span cut = {copy + 1, n};
        if (ctl_span_member(cut, "messages", &list))
            while (ctl_span_item(&list, &item))
                ck_assert(item.text + item.n <= copy + 1 + n);
        ck_assert(!ctl_span_member(cut, "live", &live) || !ctl_span_is(live, "true") ||
                  n >= (size_t)(strstr(ANSWER, "true") - ANSWER) + 4);
        free(copy);
    }
}
END_TEST

START_TEST(span_strings_are_decoded)
{
    struct buf out = {0};
    ck_assert(ctl_span_string(span("\"a\\u0000\\n\\u00c4\""), &out));
    ck_assert_uint_eq(out.len, 5);
    ck_assert_mem_eq(out.data, "a\0\n\xC3\x84", 5);
    buf_finish(&out);
    ck_assert(!ctl_span_string(span("12"), &out));
    ck_assert(!ctl_span_string(span("\"\\x\""), &out));
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* Names and values, each followed by a blank; then a bar and what is left, if it does not end well.
 */
static void check_members(const char *object, const char *expected)
{
    struct ctl_span rest = span(object), name, value;
    struct buf out = {0};
    while (ctl_span_next(&rest, &name, &value)) {
        buf_append(&out, name.text, name.n);
        buf_putc(&out, ' ');
        buf_append(&out, value.text, value.n);
        buf_putc(&out, ' ');
    }
    if (rest.text)
        buf_putc(&out, '|');
    buf_append(&out, rest.text, rest.n);
    check_bytes(&out, expected);
}

START_TEST(spans_step_through_objects)
{
    check_members("{}", "");
    check_members(" { } ", "");
    check_members("{\"a\":1,\"b\" : [\"}\"] , \"c\":{}}", "\"a\" 1 \"b\" [\"}\"] \"c\" {} ");
    check_members("{\"a\":1} x", "\"a\" 1 |x");
    check_members("{\"a\":1", "\"a\" 1 |");
    check_members("{\"a\":1,}", "\"a\" 1 |,}");
    check_members("{\"a\" 1}", "|{\"a\" 1}");
    check_members("{1:1}", "|{1:1}");
    check_members("[1]", "|[1]");
    check_members("{\"a\":1 \"b\":2}", "\"a\" 1 | \"b\":2}");
}
END_TEST

/* ---- Lines ---- */

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

/* ---- The state of an import ---- */

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

/* ---- Tables ---- */

START_TEST(tables_are_aligned)
{
    static const struct ctl_column columns[] = {{"NAME", false, CTL_STYLE_NAME},
                                                {"N", true, CTL_STYLE_PLAIN},
                                                {"LAST", false, CTL_STYLE_PLAIN}};
    struct ctl_table t;
    struct buf out = {0};
    ctl_table_init(&t, columns, 3);
    ctl_table_text(&t, "Ä€");
    ctl_table_number(&t, 1);
    ctl_table_text(&t, NULL);
    ctl_table_text(&t, "long\n");
    ctl_table_number(&t, 1000);
    ctl_table_text(&t, "x");
    ctl_table_put(&t, &out, false, 0, 0, "\n");
    check_bytes(&out, "NAME       N  LAST\nÄ€         1  -\nlong\\n  1000  x\n");
    ctl_table_put(&t, &out, false, 7, 1, "|");
    check_bytes(&out, "NAME   |Ä€     |");
    ctl_table_put(&t, &out, true, 1, 1, "|");
    check_bytes(&out, "\033[1mN\033[0m\033[1m\033[0m\033[1m\033[0m|\033[32mÄ\033[0m|");
    ctl_table_finish(&t);
}
END_TEST

/* ---- Samples ---- */

/* STATS is what a hub says of itself, AT when, in seconds. */
static struct ctl_sample sample_of(const char *stats, double at)
{
    struct ctl_sample s = {.stats = json_loads(stats, 0, NULL), .at = at};
    ck_assert_ptr_nonnull(s.stats);
    return s;
}

START_TEST(rates_are_per_second)
{
    struct ctl_sample first = sample_of("{\"counters\": {\"publishes\": 100, \"gaps\": 7}}", 10);
    struct ctl_sample second = sample_of("{\"counters\": {\"publishes\": 160, \"gaps\": 7}}", 14);
    struct ctl_sample none = {.at = 9};
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "publishes"), 15);
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "gaps"), 0);
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "unknown"), 0);
    ck_assert_double_eq(ctl_sample_rate(&none, &second, "publishes"), 0);
    first.at = 14; /* at the same moment: no rate */
    ck_assert_double_eq(ctl_sample_rate(&first, &second, "publishes"), 0);
    second.at = 16; /* the hub has been restarted: it counts from 0 */
    ck_assert_double_eq(ctl_sample_rate(&second, &first, "publishes"), 0);
    first.at = 18;
    ck_assert_double_eq(ctl_sample_rate(&second, &first, "publishes"), 0);
    ctl_sample_finish(&first);
    ctl_sample_finish(&second);
    ck_assert_ptr_null(second.stats);
}
END_TEST

START_TEST(connections_are_added_up)
{
    struct ctl_sample s =
        sample_of("{\"connections\": {\"sse\": 1, \"ws\": 20, \"poll\": 300, \"new\": 4000}}", 0);
    struct ctl_sample none = {0};
    ck_assert_uint_eq(ctl_sample_connections(&s), 4321);
    ck_assert_uint_eq(ctl_sample_connections(&none), 0);
    ctl_sample_finish(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl");
    TCase *tc = tcase_create("ctl");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, text_is_harmless);
    tcase_add_test(tc, no_byte_pair_escapes);
    tcase_add_test(tc, json_stays_the_same_value);
    tcase_add_test(tc, strings_become_json);
    tcase_add_test(tc, width_counts_characters);
    tcase_add_test(tc, figures_are_short);
    tcase_add_test(tc, numbers_are_strict);
    tcase_add_test(tc, spans_find_values);
    tcase_add_test(tc, spans_of_nothing);
    tcase_add_test(tc, spans_cut_at_every_byte);
    tcase_add_test(tc, span_strings_are_decoded);
    tcase_add_test(tc, spans_step_through_objects);
    tcase_add_test(tc, base64_is_strict);
    tcase_add_test(tc, lines_are_messages);
    tcase_add_test(tc, lines_that_are_no_messages_are_told);
    tcase_add_test(tc, lines_cut_at_every_byte);
    tcase_add_test(tc, a_state_comes_back);
    tcase_add_test(tc, what_is_no_state_is_refused);
    tcase_add_test(tc, tables_are_aligned);
    tcase_add_test(tc, rates_are_per_second);
    tcase_add_test(tc, connections_are_added_up);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
