/* Cursors and the `after` of every transport. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cursor.h"

static const struct {
    const char *text;
    uint64_t offset;
    uint32_t epoch;
} cursors[] = {
    {"0", 0, 0},         {"0-0", 0, 0},
    {"0-7", 0, 7},       {"1", 1, 0},
    {"1042", 1042, 0},   {"1042-3824910012", 1042, 3824910012},
    {"1042-1", 1042, 1}, {"18446744073709551615-4294967295", UINT64_MAX, UINT32_MAX},
};

START_TEST(parses_and_formats)
{
    const char *text = cursors[_i].text;
    struct cursor c;
    ck_assert_int_eq(cursor_parse(text, strlen(text), &c), ERR_OK);
    ck_assert_uint_eq(c.offset, cursors[_i].offset);
    ck_assert_uint_eq(c.epoch, cursors[_i].epoch);
    char out[CURSOR_TEXT_SIZE];
    ck_assert_uint_eq(cursor_format(out, c.offset, c.epoch), strlen(out));
    if (strchr(text, '-'))
        ck_assert_str_eq(out, text);
}
END_TEST

static const char *const not_cursors[] = {
    "",
    "-",
    "-1",
    "1-",
    "1042-",
    "-1042",
    "1042--3",
    "1042-3-",
    "1042-3-4",
    "01",
    "00",
    "01042-3",
    "1042-03",
    "0-00",
    "00-0",
    "1042-0", /* no log has epoch 0 */
    "18446744073709551616",
    "18446744073709551615-4294967296",
    "99999999999999999999999",
    "1-99999999999999999999999",
    "+1",
    " 1",
    "1 ",
    "1 -3",
    "1\n",
    "0x10",
    "1a",
    "1-a",
    "1_3",
    "1e3",
    "earliest",
    "\xD9\xA1", /* ARABIC-INDIC DIGIT ONE */
};

START_TEST(refuses)
{
    struct cursor c = {77, 78};
    const char *text = not_cursors[_i];
    ck_assert_msg(cursor_parse(text, strlen(text), &c) == ERR_INVALID, "'%s'", text);
    ck_assert_uint_eq(c.offset, 77);
    ck_assert_uint_eq(c.epoch, 78);
}
END_TEST

START_TEST(reads_no_further_than_its_length)
{
    struct cursor c;
    ck_assert_int_eq(cursor_parse("1042-3824910012", 4, &c), ERR_OK);
    ck_assert_uint_eq(c.offset, 1042);
    ck_assert_uint_eq(c.epoch, 0);
    ck_assert_int_eq(cursor_parse("1042-38", 6, &c), ERR_OK);
    ck_assert_uint_eq(c.epoch, 3);
    ck_assert_int_eq(cursor_parse("1\0", 2, &c), ERR_INVALID);
}
END_TEST

static const struct {
    const char *text;
    struct after after;
} afters[] = {
    {"latest", {.kind = AFTER_LATEST}},
    {"earliest", {.kind = AFTER_EARLIEST}},
    {"0", {.kind = AFTER_CURSOR}},
    {"1042", {.kind = AFTER_CURSOR, .cursor = {1042, 0}}},
    {"1042-3824910012", {.kind = AFTER_CURSOR, .cursor = {1042, 3824910012}}},
    {"2026-11", {.kind = AFTER_CURSOR, .cursor = {2026, 11}}},
    {"-1", {.kind = AFTER_LAST, .last = 1}},
    {"-100", {.kind = AFTER_LAST, .last = 100}},
    {"-18446744073709551615", {.kind = AFTER_LAST, .last = UINT64_MAX}},
    {"2026-11-22T07:31:15.042Z", {.kind = AFTER_TIME, .time_ms = 1795332675042}},
    {"2026-11-22T09:31:15+02:00", {.kind = AFTER_TIME, .time_ms = 1795332675000}},
};

START_TEST(after_parses)
{
    const struct after *want = &afters[_i].after;
    struct after a;
    ck_assert_int_eq(after_parse(afters[_i].text, strlen(afters[_i].text), &a), ERR_OK);
    ck_assert_int_eq(a.kind, want->kind);
    ck_assert_uint_eq(a.cursor.offset, want->cursor.offset);
    ck_assert_uint_eq(a.cursor.epoch, want->cursor.epoch);
    ck_assert_uint_eq(a.last, want->last);
    ck_assert_uint_eq(a.time_ms, want->time_ms);
}
END_TEST

static const char *const not_afters[] = {
    "",
    "-",
    "-0",
    "-01",
    "--1",
    "-1-2",
    "-1 ",
    "+1",
    "-18446744073709551616",
    "Latest",
    "latest ",
    "late",
    "earliest-",
    "EARLIEST",
    "now",
    "$",
    "2026-11-22",
    "2026-11-22T07:31:15",
    "1042-0",
    "1969-12-31T23:59:59Z",
};

START_TEST(after_refuses)
{
    struct after a = {.kind = AFTER_TIME, .time_ms = 5};
    const char *text = not_afters[_i];
    ck_assert_msg(after_parse(text, strlen(text), &a) == ERR_INVALID, "'%s'", text);
    ck_assert_int_eq(a.kind, AFTER_TIME);
    ck_assert_uint_eq(a.time_ms, 5);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
    Suite *s = suite_create("cursor");
    TCase *t = tcase_create("cursor");
    tcase_add_loop_test(t, parses_and_formats, 0, COUNT(cursors));
    tcase_add_loop_test(t, refuses, 0, COUNT(not_cursors));
    tcase_add_test(t, reads_no_further_than_its_length);
    tcase_add_loop_test(t, after_parses, 0, COUNT(afters));
    tcase_add_loop_test(t, after_refuses, 0, COUNT(not_afters));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
