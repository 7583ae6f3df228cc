/* Accept: when an event stream is meant. Content-Type: what a body is to be taken as. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/accept.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static bool wants_events(const char *first, const char *second)
{
    struct accept a = {0};
    accept_add(&a, first, strlen(first));
    if (second)
        accept_add(&a, second, strlen(second));
    return accept_events(&a);
}

static const struct {
    const char *value;
    bool events;
} accepts[] = {
    {"text/event-stream", true},
    {"Text/Event-Stream", true},
    {"text/event-stream;charset=utf-8", true},
    {"text/event-stream ; charset=\"a,b;q=0\" ; q=0.001", true},
    {"text/event-stream;q=1.000", true},
    {"text/event-stream;q=0.9", true},
    {"text/event-stream;q=1.;x=\"\"", true},
    {", text/html,,text/event-stream ,", true},
    {"text/event-stream, */*;q=0.1", true},
    {"application/json, text/event-stream", true}, /* of equals it is the stream */
    {"application/json;q=0.5, text/event-stream;q=0.5", true},
    {"application/json;q=0.2, text/event-stream;q=0.3, */*", true},
    {"text/html, text/event-stream;q=0.1", true}, /* there is no HTML to prefer */
    {"text/event-stream;q=0, text/event-stream", true},
    {"application/json;q=0, */*, text/event-stream;q=0.5", true},
    /* Wildcards never choose it. */
    {"", false},
    {"*/*", false},
    {"*/*;q=1", false},
    {"*/*, text/event-stream", true}, /* as good as any */
    {"*/*, text/event-stream;q=0.9", false},
    {"text/*", false},
    {"*", false},
    {"text/html, */*", false},
    /* Refused, or JSON is liked better. */
    {"text/event-stream;q=0", false},
    {"text/event-stream;q=0.000, */*", false},
    {"text/event-stream;Q=0", false},
    {"application/json, text/event-stream;q=0.9", false},
    {"application/*;q=0.6, text/event-stream;q=0.5", false},
    {"*/*, text/event-stream;q=0.999", false},
    {"application/json;q=0.4, application/json;q=0.6, text/event-stream;q=0.5", false},
    /* Malformed members count for nothing. */
    {"text/event-stream;q=2", false},
    {"text/event-stream;q=1.001", false},
    {"text/event-stream;q=0.1234", false},
    {"text/event-stream;q=-1", false},
    {"text/event-stream;q=.5", false},
    {"text/event-stream;q=0.x", false},
    {"text/event-stream;q=0./", false},
    {"text/event-stream;q=1x0", false},
    {"text/event-stream;q=10", false},
    {"text/event-stream;q=", false},
    {"text/event-stream;q", false},
    {"text/event-stream;q=\"1\"", false},
    {"text/event-stream;q = 1", false},
    {"text/event-stream;x=\"", false},
    {"text/event-stream x", false},
    {"text/event-stream/x", false},
    {"text/event-strea", false},
    {"\"text/event-stream\"", false},
    {"\"a,text/event-stream", false},
};

START_TEST(chooses_events)
{
    const char *value = accepts[_i].value;
    ck_assert_msg(wants_events(value, NULL) == accepts[_i].events, "Accept: %s", value);
    ck_assert_msg(wants_events("application/xml", value) == accepts[_i].events, "Accept: %s",
                  value);
    ck_assert_msg(wants_events(value, "application/xml") == accepts[_i].events, "Accept: %s",
                  value);
}
END_TEST

START_TEST(chooses_no_events_without_accept)
{
    struct accept a = {0};
    ck_assert(!accept_events(&a));
}
END_TEST

/* In two fields or in one list: the same. */
START_TEST(joins_fields)
{
    ck_assert(wants_events("application/json;q=0.5", "text/event-stream"));
    ck_assert(!wants_events("text/event-stream;q=0.5", "application/json"));
    ck_assert(!wants_events("*/*", "text/event-stream;q=0.5"));
    ck_assert(wants_events("text/event-stream;q=0.5, application/json;q=0.1", "*/*"));
}
END_TEST

static const struct {
    const char *value, *name; /* NULL: malformed */
    enum content_kind kind;
} types[] = {
    {"application/json", "application/json", CONTENT_JSON},
    {" Application/JSON;charset=UTF-8", "application/json", CONTENT_JSON},
    {"application/cloudevents+json", "application/cloudevents+json", CONTENT_JSON},
    {"text/json", "text/json", CONTENT_JSON},
    {"text/x+json", "text/x+json", CONTENT_JSON},
    {"text/plain", "text/plain", CONTENT_TEXT},
    {"text/plain;charset=\"utf-8\" ;x=\"a;b\\\"\"\t", "text/plain", CONTENT_TEXT},
    {"Text/X_YZ;x=\"\"", "text/x_yz", CONTENT_TEXT},
    {"text/csv ; header=present", "text/csv", CONTENT_TEXT},
    {"text/plain;", "text/plain", CONTENT_TEXT},
    {"application/x-www-form-urlencoded", "application/x-www-form-urlencoded", CONTENT_SNIFF},
    {"application/octet-stream", "application/octet-stream", CONTENT_BINARY},
    {"image/png", "image/png", CONTENT_BINARY},
    {"application/jsonx", "application/jsonx", CONTENT_BINARY},
    {"application/x-ndjson", "application/x-ndjson", CONTENT_BINARY},
    {"multipart/form-data; boundary=x", "multipart/form-data", CONTENT_BINARY},
    {"", NULL, CONTENT_SNIFF},
    {";", NULL, CONTENT_SNIFF},
    {"json", NULL, CONTENT_SNIFF},
    {"/json", NULL, CONTENT_SNIFF},
    {"application/", NULL, CONTENT_SNIFF},
    {"application/json/x", NULL, CONTENT_SNIFF},
    {"application /json", NULL, CONTENT_SNIFF},
    {"application/json, text/plain", NULL, CONTENT_SNIFF},
    {"application/json charset=utf-8", NULL, CONTENT_SNIFF},
    {"text/plain;charset", NULL, CONTENT_SNIFF},
    {"text/plain;charset=", NULL, CONTENT_SNIFF},
    {"text/plain;=utf-8", NULL, CONTENT_SNIFF},
    {"text/plain;charset=\"utf-8", NULL, CONTENT_SNIFF},
    {"text/plain;charset=\"a\"b\"", NULL, CONTENT_SNIFF},
    {"text/plain;charset=\"a\\\"", NULL, CONTENT_SNIFF},
};

START_TEST(parses_content_types)
{
    struct content_type t;
    enum err e = content_type_parse(types[_i].value, strlen(types[_i].value), &t);
    ck_assert_msg(e == (types[_i].name ? ERR_OK : ERR_INVALID), "'%s'", types[_i].value);
    if (e)
        return;
    ck_assert_str_eq(t.name, types[_i].name);
    ck_assert_msg(t.kind == types[_i].kind, "'%s'", types[_i].value);
}
END_TEST

START_TEST(limits_the_name)
{
    char value[CONTENT_TYPE_MAX + 2] = "text/";
    struct content_type t;
    memset(value + 5, 'x', sizeof(value) - 5);
    ck_assert_int_eq(content_type_parse(value, CONTENT_TYPE_MAX, &t), ERR_OK);
    ck_assert_uint_eq(strlen(t.name), CONTENT_TYPE_MAX);
    ck_assert_int_eq(content_type_parse(value, CONTENT_TYPE_MAX + 1, &t), ERR_INVALID);
}
END_TEST

START_TEST(pages_are_asked_for_by_name)
{
    static const char *const pages[] = {"text/html", "a/b, TEXT/HTML;q=0.1", "text/html;level=1"};
    static const char *const others[] = {"*/*",        "text/*",           "text/html;q=0",
                                         "text/htmlx", "application/html", "text/html;q=x"};
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct accept a = {0};
        accept_add(&a, pages[i], strlen(pages[i]));
        ck_assert_msg(a.page, "%s", pages[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct accept a = {0};
        accept_add(&a, others[i], strlen(others[i]));
        ck_assert_msg(!a.page, "%s", others[i]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("accept");
    TCase *t = tcase_create("accept");
    tcase_add_test(t, pages_are_asked_for_by_name);
    tcase_add_loop_test(t, chooses_events, 0, COUNT(accepts));
    tcase_add_test(t, chooses_no_events_without_accept);
    tcase_add_test(t, joins_fields);
    tcase_add_loop_test(t, parses_content_types, 0, COUNT(types));
    tcase_add_test(t, limits_the_name);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
