/* The body of POST /session/{id}. */
#include "frontends/sse/session_request.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 3 };

static struct session_request r;
static char *text; /* the parsed one, in memory of exactly its size */

static void teardown(void)
{
    session_request_finish(&r);
    free(text);
    text = NULL;
}

/* The fault's code, "" for none. */
static const char *parse_bytes(const char *json, size_t n)
{
    teardown();
    text = malloc(n ? n : 1);
    memcpy(text, json, n);
    const struct fault *fault = session_request_parse(text, n, ENTRIES_MAX, &r);
    ck_assert(!fault || fault->message[0]);
    return fault ? fault->code : "";
}

static const char *parse(const char *json)
{
    return parse_bytes(json, strlen(json));
}

static void expect_topic(const struct places *list, size_t i, const char *expected)
{
    ck_assert_uint_lt(i, list->count);
    ck_assert_uint_eq(list->entries[i].len, strlen(expected));
    ck_assert_mem_eq(list->entries[i].filter, expected, strlen(expected));
}

static void expect_sizes(size_t subscribe, size_t unsubscribe)
{
    ck_assert_uint_eq(r.subscribe.count, subscribe);
    ck_assert_uint_eq(r.unsubscribe.count, unsubscribe);
}

START_TEST(a_token)
{
    ck_assert_str_eq(parse("{\"token\":\"a.\\u0062\"}"), "");
    expect_sizes(0, 0);
    ck_assert_uint_eq(r.token.len, 3);
    ck_assert_mem_eq(r.token.data, "a.b", 3);
    ck_assert_str_eq(parse("{\"token\":null,\"subscribe\":[\"a\"]}"), "");
    ck_assert_ptr_null(r.token.data);
    ck_assert_str_eq(parse("{\"token\":1}"), "bad_request");
    ck_assert_str_eq(parse("{\"token\":\"a\",\"token\":\"a\"}"), "bad_json");
}
END_TEST

START_TEST(nothing_to_do)
{
    static const char *const texts[] = {"{}", "{\"subscribe\":[]}",
                                        "{\"subscribe\":null,\"unsubscribe\":null}",
                                        " { \"unsubscribe\" : [ ] , \"other\" : [1,{}] } "};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        ck_assert_str_eq(parse(texts[i]), "");
        expect_sizes(0, 0);
    }
}
END_TEST

START_TEST(topics_in_their_order)
{
    ck_assert_str_eq(
        parse("{\"unsubscribe\":[\"x\",\"y/#\"],\"subscribe\":[ \"b\" ,\n\"a\\/+\", \"\\u00fc\"]}"),
        "");
    expect_sizes(3, 2);
    expect_topic(&r.subscribe, 0, "b");
    expect_topic(&r.subscribe, 1, "a/+");
    expect_topic(&r.subscribe, 2, "\xC3\xBC");
    expect_topic(&r.unsubscribe, 0, "x");
    expect_topic(&r.unsubscribe, 1, "y/#");
    ck_assert_int_eq(r.subscribe.entries[0].after.kind, AFTER_LATEST);
}
END_TEST

START_TEST(places)
{
    ck_assert_str_eq(parse("{\"subscribe\":[{\"after\":\"1042-9\",\"topic\":\"a\",\"more\":{}},"
                           "{\"topic\":\"b\",\"after\":null},{\"topic\":\"c\",\"after\":\"-5\"}]}"),
                     "");
    expect_sizes(3, 0);
    ck_assert_int_eq(r.subscribe.entries[0].after.kind, AFTER_CURSOR);
    ck_assert_uint_eq(r.subscribe.entries[0].after.cursor.offset, 1042);
    ck_assert_uint_eq(r.subscribe.entries[0].after.cursor.epoch, 9);
    expect_topic(&r.subscribe, 0, "a");
    ck_assert_int_eq(r.subscribe.entries[1].after.kind, AFTER_LATEST);
    ck_assert_int_eq(r.subscribe.entries[2].after.kind, AFTER_LAST);
    ck_assert_uint_eq(r.subscribe.entries[2].after.last, 5);
}
END_TEST

START_TEST(what_is_wrong_with_the_whole)
{
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"", "bad_json"},
        {"{", "bad_json"},
        {"{} x", "bad_json"},
        {"{\"subscribe\":[\"a\",]}", "bad_json"},
        {"{\"subscribe\":[],\"subscribe\":[]}", "bad_json"},
        {"[]", "bad_request"},
        {"\"a\"", "bad_request"},
        {"{\"subscribe\":\"a\"}", "bad_request"},
        {"{\"unsubscribe\":{}}", "bad_request"},
        {"{\"subscribe\":[\"a\",\"b\",\"c\",\"d\"]}", "limit"},
        {"{\"unsubscribe\":[\"a\",\"b\",\"c\",\"d\"]}", "limit"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ck_assert_str_eq(parse(cases[i].text), cases[i].code);
        ck_assert_ptr_null(r.wrong_list);
    }
}
END_TEST

static const struct {
    const char *entry, *code;
} wrong_entries[] = {
    {"7", "bad_request"},
    {"null", "bad_request"},
    {"[]", "bad_request"},
    {"{}", "bad_request"},
    {"{\"topic\":7}", "bad_request"},
    {"{\"topic\":\"a\",\"after\":7}", "bad_request"},
    {"{\"topic\":\"a\",\"topic\":\"a\"}", "bad_json"},
    {"{\"topic\":\"a\",\"after\":\"soon\"}", "bad_cursor"},
    {"{\"topic\":\"a\",\"after\":\"\"}", "bad_cursor"},
    {"{\"topic\":\"a/#/b\"}", "bad_topic"},
    {"{\"topic\":\"+/+/+/+/+/+/+/+/+/+/+\"}", "bad_topic"},
    {"\"\"", "bad_topic"},
    {"\"/a\"", "bad_topic"},
    {"\"$a\"", "bad_topic"},
    {"\"a\\u0000\"", "bad_topic"},
};

START_TEST(wrong_entries_are_named)
{
    char json[128];
    snprintf(json, sizeof(json), "{\"subscribe\":[\"a\",%s,\"b\"]}", wrong_entries[_i].entry);
    ck_assert_str_eq(parse(json), wrong_entries[_i].code);
    ck_assert_str_eq(r.wrong_list, "subscribe");
    ck_assert_uint_eq(r.wrong_index, 1);
}
END_TEST

START_TEST(unsubscribe_takes_names_only)
{
    ck_assert_str_eq(parse("{\"unsubscribe\":[{\"topic\":\"a\"}]}"), "bad_request");
    ck_assert_str_eq(r.wrong_list, "unsubscribe");
    ck_assert_uint_eq(r.wrong_index, 0);
    ck_assert_str_eq(parse("{\"unsubscribe\":[\"a\",\"+b\"]}"), "bad_topic");
    ck_assert_uint_eq(r.wrong_index, 1);
}
END_TEST

START_TEST(every_prefix_is_refused)
{
    static const char json[] =
        "{\"subscribe\":[\"a\",{\"topic\":\"b\",\"after\":\"1-2\"}],\"unsubscribe\":[\"c\"]}";
    for (size_t n = 0; n < sizeof(json) - 1; n++)
        ck_assert_str_eq(parse_bytes(json, n), "bad_json");
    ck_assert_str_eq(parse(json), "");
    expect_sizes(2, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("session_request");
    TCase *tc = tcase_create("session_request");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, nothing_to_do);
    tcase_add_test(tc, a_token);
    tcase_add_test(tc, topics_in_their_order);
    tcase_add_test(tc, places);
    tcase_add_test(tc, what_is_wrong_with_the_whole);
    tcase_add_loop_test(tc, wrong_entries_are_named, 0,
                        sizeof(wrong_entries) / sizeof(*wrong_entries));
    tcase_add_test(tc, unsubscribe_takes_names_only);
    tcase_add_test(tc, every_prefix_is_refused);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
