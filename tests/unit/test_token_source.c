/* Where a request has its token, and what is none. */
#include "http/token_source.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct http_fields *fields;
static char target[64 << 10];

static void setup(void)
{
    fields = http_fields_take();
    ck_assert_ptr_nonnull(fields);
    strcpy(target, "/t");
}

static void teardown(void)
{
    http_fields_give_back(fields);
    http_fields_finish_thread();
}

static void add(const char *name, const char *value)
{
    http_fields_add(fields, name, strlen(name), value, strlen(value));
    ck_assert(!fields->text.failed);
}

static struct token_found found;

/* The token, "none", or "wrong". */
static const char *find_in(const char *cookie, bool query, bool websocket)
{
    static char text[TOKEN_SOURCE_MAX + 1];
    const char *fault = NULL;
    struct token_source s = {
        .fields = fields, .cookie = cookie, .query = query, .websocket = websocket};
    url_split(target, strlen(target), &s.url);
    memset(&found, 'x', sizeof(found));
    enum err e = token_source_find(&s, &found, &fault);
    if (e == ERR_NOT_FOUND)
        return "none";
    if (e == ERR_INVALID) {
        ck_assert_ptr_nonnull(fault);
        return "wrong";
    }
    ck_assert_int_eq(e, ERR_OK);
    snprintf(text, sizeof(text), "%.*s", (int)found.n, found.text);
    return text;
}

static const char *find(void)
{
    return find_in("sid", true, true);
}

static const struct {
    const char *value, *token;
} credentials[] = {
    {"Bearer a.b.c", "a.b.c"},
    {"bearer a.b.c", "a.b.c"},
    {"BEARER   a", "a"},
    {"Bearer", "wrong"},
    {"Bearer ", "wrong"},
    {"Basic YTpi", "none"},
    {"Bearera.b.c", "none"},
    {"Bearer a b", "a b"},
    {"", "none"},
    {"Token Bearer a", "none"},
    {"Digest username=\"Bearer\"", "none"},
};

START_TEST(authorization)
{
    add("Authorization", credentials[_i].value);
    ck_assert_str_eq(find(), credentials[_i].token);
}
END_TEST

static const struct {
    const char *target, *token;
} queries[] = {
    {"/t?token=a.b", "a.b"},
    {"/t?x=1&token=a.b&y=2", "a.b"},
    {"/t?%74oken=a%2Eb", "a.b"},
    {"/t?token=a%2Eb&token=a.b", "a.b"},
    {"/t?token=a.b&token=a%2Eb", "a.b"},
    {"/t?token=a%2Eb&token=a%2eb", "wrong"},
    {"/t?token=a&token=b", "wrong"},
    {"/t?token=a%2Eb&token=a%2Ec", "wrong"},
    {"/t?token=", "wrong"},
    {"/t?token", "wrong"},
    {"/t?token=%zz", "wrong"},
    {"/t?token=%00", "wrong"},
    {"/t?tokens=a&xtoken=b", "none"},
    {"/t", "none"},
};

START_TEST(the_query)
{
    strcpy(target, queries[_i].target);
    ck_assert_str_eq(find(), queries[_i].token);
    ck_assert_str_eq(find_in("sid", false, true), "none");
}
END_TEST

static const struct {
    const char *value, *token;
} cookies[] = {
    {"sid=a.b", "a.b"},        {"x=1; sid=a.b; y=2", "a.b"},
    {"sid=\"a.b\"", "a.b"},    {"sid=", "none"},
    {"sid", "none"},           {"xsid=a; sidx=b", "none"},
    {"sid=a; sid=b", "wrong"}, {"sid=a;sid=a", "a"},
    {"SID=a", "none"},         {"sid=a=b", "a=b"},
    {";;;", "none"},           {"", "none"},
};

START_TEST(a_cookie)
{
    add("Cookie", cookies[_i].value);
    ck_assert_str_eq(find(), cookies[_i].token);
    ck_assert_str_eq(find_in(NULL, true, true), "none");
}
END_TEST

/* As HTTP/2 sends it. */
START_TEST(a_cookie_in_pieces)
{
    add("cookie", "x=1");
    add("cookie", "sid=a");
    add("cookie", "y=1");
    ck_assert_str_eq(find(), "a");
}
END_TEST

START_TEST(a_subprotocol)
{
    add("Sec-WebSocket-Protocol", "longwire.v1 , bearer.a.b.c");
    ck_assert_str_eq(find(), "a.b.c");
    ck_assert_str_eq(find_in("sid", true, false), "none");
    add("Sec-WebSocket-Protocol", "bearer.d");
    ck_assert_str_eq(find(), "wrong");
}
END_TEST

START_TEST(several_places)
{
    add("Authorization", "Bearer a");
    add("Cookie", "sid=a");
    strcpy(target, "/t?token=a");
    ck_assert_str_eq(find(), "a");
    strcpy(target, "/t?token=b");
    ck_assert_str_eq(find(), "wrong");
}
END_TEST

START_TEST(long_ones)
{
    char *at = stpcpy(target, "/t?token=");
    memset(at, 'a', TOKEN_SOURCE_MAX);
    at[TOKEN_SOURCE_MAX] = '\0';
    ck_assert_uint_eq(strlen(find()), TOKEN_SOURCE_MAX);
    strcat(target, "a");
    ck_assert_str_eq(find(), "wrong");
    at = stpcpy(target, "/t?token=");
    for (int i = 0; i < TOKEN_SOURCE_MAX; i++)
        at = stpcpy(at, "%61");
    ck_assert_uint_eq(strlen(find()), TOKEN_SOURCE_MAX);
    strcat(target, "%61");
    ck_assert_str_eq(find(), "wrong");
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *s = suite_create("token_source");
    TCase *t = tcase_create("token_source");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, authorization, 0, COUNT(credentials));
    tcase_add_loop_test(t, the_query, 0, COUNT(queries));
    tcase_add_loop_test(t, a_cookie, 0, COUNT(cookies));
    tcase_add_test(t, a_cookie_in_pieces);
    tcase_add_test(t, a_subprotocol);
    tcase_add_test(t, several_places);
    tcase_add_test(t, long_ones);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
