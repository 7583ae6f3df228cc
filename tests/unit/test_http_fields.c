/* The header fields of a request: names, look-ups, and what is there twice. */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_fields.h"

static const struct {
    const char *name;
    bool once;
} names[] = {
#define MANY(number, name) {name, false},
#define ONCE(number, name) {name, true},
    HTTP_FIELD_TABLE(MANY, ONCE)
#undef MANY
#undef ONCE
};

enum { NAMES = sizeof(names) / sizeof(names[0]), NAME_ROOM = 64 };

static void change_case(char *to, const char *name, int (*change)(int c))
{
    size_t i = 0;
    for (; name[i]; i++)
        to[i] = (char)change((unsigned char)name[i]);
    to[i] = '\0';
}

static enum http_field find(const char *name)
{
    return http_field_find(name, strlen(name));
}

START_TEST(finds_each_name)
{
    char text[NAME_ROOM];
    const char *name = names[_i].name;
    ck_assert_int_eq(find(name), _i);
    change_case(text, name, tolower);
    ck_assert_int_eq(find(text), _i);
    change_case(text, name, toupper);
    ck_assert_int_eq(find(text), _i);
}
END_TEST

static bool is_tchar(int c)
{
    return c && (isalnum(c) || strchr("!#$%&'*+-.^_`|~", c));
}

/* Another token byte anywhere makes another name; so does one more, or one less. */
START_TEST(finds_nothing_else)
{
    char text[NAME_ROOM];
    const char *name = names[_i].name;
    size_t n = strlen(name);
    for (size_t at = 0; at < n; at++)
        for (int c = 1; c < 128; c++) {
            if (!is_tchar(c) || tolower(c) == tolower((unsigned char)name[at]))
                continue;
            strcpy(text, name);
            text[at] = (char)c;
            ck_assert_int_ne(find(text), _i);
        }
    strcpy(text, name);
    text[n] = 's';
    text[n + 1] = '\0';
    ck_assert_int_ne(find(text), _i);
    ck_assert_int_ne(http_field_find(name, n - 1), _i);
    ck_assert_int_ne(http_field_find(name + 1, n - 1), _i);
}
END_TEST

START_TEST(knows_what_proxies_add)
{
    ck_assert_int_eq(find("X-Forwarded-For"), HTTP_FIELD_X_FORWARDED_FOR);
    ck_assert_int_eq(find("x-forwarded-FOO"), HTTP_FIELD_X_FORWARDED);
    ck_assert_int_eq(find("X-Forwarded-Proto"), HTTP_FIELD_X_FORWARDED);
    ck_assert_int_eq(find("X-Forwarded-"), HTTP_FIELD_X_FORWARDED);
    ck_assert_int_eq(find("X-Forwarded"), HTTP_FIELD_UNKNOWN);
    ck_assert_int_eq(find("X-Forwardee-For"), HTTP_FIELD_UNKNOWN);
    ck_assert_int_eq(find("X"), HTTP_FIELD_UNKNOWN);
    ck_assert_int_eq(http_field_find("", 0), HTTP_FIELD_UNKNOWN);
    char large[1000];
    memset(large, 'x', sizeof(large));
    ck_assert_int_eq(http_field_find(large, sizeof(large)), HTTP_FIELD_UNKNOWN);
}
END_TEST

static void add(struct http_fields *f, const char *name, const char *value)
{
    http_fields_add(f, name, strlen(name), value, strlen(value));
    ck_assert(!f->text.failed);
}

START_TEST(finds_values)
{
    struct http_fields *f = http_fields_take();
    size_t n;
    add(f, "X", "0");
    add(f, "ACCEPT", "one");
    add(f, "Accepts", "no");
    add(f, "Prefer", "");
    add(f, "accept", "two");
    ck_assert_str_eq(http_fields_get(f, HTTP_FIELD_PREFER, &n), "");
    ck_assert_uint_eq(n, 0);
    const char *value = http_fields_get(f, HTTP_FIELD_ACCEPT, &n);
    ck_assert_str_eq(value, "one");
    ck_assert_uint_eq(n, 3);
    value = http_fields_next(f, HTTP_FIELD_ACCEPT, value, &n);
    ck_assert_str_eq(value, "two");
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_null(http_fields_next(f, HTTP_FIELD_ACCEPT, value, &n));
    ck_assert_ptr_null(
        http_fields_next(f, HTTP_FIELD_PREFER, http_fields_get(f, HTTP_FIELD_PREFER, NULL), NULL));
    ck_assert_ptr_null(http_fields_get(f, HTTP_FIELD_HOST, NULL));
    ck_assert(!http_fields_has(f, HTTP_FIELD_HOST));
    ck_assert(http_fields_has(f, HTTP_FIELD_ACCEPT));
    ck_assert(!http_fields_has(NULL, HTTP_FIELD_ACCEPT));
    ck_assert_ptr_null(http_fields_get(NULL, HTTP_FIELD_ACCEPT, NULL));
    http_fields_give_back(f);
}
END_TEST

/* What its owner puts there first is none of the fields. */
START_TEST(begins_behind_other_text)
{
    struct http_fields *f = http_fields_take();
    buf_append(&f->text, "Host\0a", 7);
    f->begin = (uint32_t)f->text.len;
    add(f, "Host", "b");
    ck_assert_str_eq(http_fields_get(f, HTTP_FIELD_HOST, NULL), "b");
    http_fields_give_back(f);
}
END_TEST

START_TEST(adds_where_the_text_stands)
{
    static const char line[] = "Host:   here  ";
    struct http_fields *f = http_fields_take();
    add(f, "Origin", "o");
    char *text = buf_reserve(&f->text, sizeof(line));
    memcpy(text, line, sizeof(line));
    http_fields_add(f, text, 4, text + 8, 4);
    ck_assert_str_eq(http_fields_get(f, HTTP_FIELD_HOST, NULL), "here");
    ck_assert_str_eq(http_fields_get(f, HTTP_FIELD_ORIGIN, NULL), "o");
    http_fields_give_back(f);
}
END_TEST

START_TEST(finds_tokens)
{
    struct http_fields *f = http_fields_take();
    add(f, "Connection", "one , TWO,\"three, four\"");
    add(f, "Via", "five");
    add(f, "connection", "six;seven");
    ck_assert(http_fields_has_token(f, HTTP_FIELD_CONNECTION, "one"));
    ck_assert(http_fields_has_token(f, HTTP_FIELD_CONNECTION, "two"));
    ck_assert(http_fields_has_token(f, HTTP_FIELD_CONNECTION, "six;seven"));
    ck_assert(!http_fields_has_token(f, HTTP_FIELD_CONNECTION, "six"));
    ck_assert(!http_fields_has_token(f, HTTP_FIELD_CONNECTION, "three"));
    ck_assert(!http_fields_has_token(f, HTTP_FIELD_CONNECTION, "four\""));
    ck_assert(!http_fields_has_token(f, HTTP_FIELD_CONNECTION, "five"));
    ck_assert(!http_fields_has_token(f, HTTP_FIELD_CONNECTION, "on"));
    ck_assert(!http_fields_has_token(f, HTTP_FIELD_ACCEPT, "one"));
    ck_assert(!http_fields_has_token(NULL, HTTP_FIELD_CONNECTION, "one"));
    http_fields_give_back(f);
}
END_TEST

START_TEST(tells_what_is_there_twice)
{
    struct http_fields *f = http_fields_take();
    char expected[128];
    strcat(strcat(strcpy(expected, "There is more than one "), names[_i].name), " header field");
    add(f, names[_i].name, "a");
    add(f, "X", "y");
    ck_assert_ptr_null(http_fields_fault(f));
    add(f, names[_i].name, "a");
    add(f, "X", "y");
    if (names[_i].once)
        ck_assert_str_eq(http_fields_fault(f), expected);
    else
        ck_assert_ptr_null(http_fields_fault(f));
    http_fields_give_back(f);
}
END_TEST

START_TEST(starts_empty_again)
{
    struct http_fields *f = http_fields_take();
    add(f, "Origin", "a");
    add(f, "Origin", "b");
    f->begin = 3;
    http_fields_give_back(f);
    struct http_fields *again = http_fields_take(), *other = http_fields_take();
    ck_assert_ptr_eq(again, f); /* the memory is used again */
    ck_assert_ptr_ne(other, f);
    ck_assert_uint_eq(again->begin, 0);
    ck_assert_uint_eq(again->text.len, 0);
    ck_assert(!http_fields_has(again, HTTP_FIELD_ORIGIN));
    ck_assert_ptr_null(http_fields_fault(again));
    http_fields_give_back(again);
    http_fields_give_back(other);
    http_fields_give_back(NULL);
    http_fields_finish_thread();
}
END_TEST

START_TEST(finds_others_by_name)
{
    size_t n;
    struct http_fields *f = http_fields_take();
    ck_assert_ptr_null(http_fields_named(NULL, "X-A", NULL, &n));
    ck_assert_ptr_null(http_fields_named(f, "X-A", NULL, &n));
    buf_append(&f->text, "X-A\0before", 11);
    f->begin = (uint32_t)f->text.len;
    add(f, "x-a", "1");
    add(f, "Accept", "*/*");
    add(f, "X-A", "two");
    const char *value = http_fields_named(f, "X-A", NULL, &n);
    ck_assert_str_eq(value, "1");
    ck_assert_uint_eq(n, 1);
    value = http_fields_named(f, "X-A", value, &n);
    ck_assert_str_eq(value, "two");
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_null(http_fields_named(f, "X-A", value, NULL));
    ck_assert_str_eq(http_fields_named(f, "accept", NULL, NULL), "*/*");
    ck_assert_ptr_null(http_fields_named(f, "X", NULL, NULL));
    http_fields_give_back(f);
    http_fields_finish_thread();
}
END_TEST

/* One large head does not stay. */
START_TEST(keeps_little)
{
    static char value[10000];
    struct http_fields *f = http_fields_take();
    memset(value, 'x', sizeof(value) - 1);
    add(f, "X", value);
    ck_assert_uint_ge(http_fields_held(f), sizeof(value));
    http_fields_give_back(f);
    f = http_fields_take();
    ck_assert_uint_eq(f->text.cap, 0);
    http_fields_give_back(f);
    ck_assert_uint_eq(http_fields_held(NULL), 0);
    http_fields_finish_thread();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_fields");
    TCase *t = tcase_create("http_fields");
    tcase_add_loop_test(t, finds_each_name, 0, NAMES);
    tcase_add_loop_test(t, finds_nothing_else, 0, NAMES);
    tcase_add_test(t, knows_what_proxies_add);
    tcase_add_test(t, finds_values);
    tcase_add_test(t, begins_behind_other_text);
    tcase_add_test(t, adds_where_the_text_stands);
    tcase_add_test(t, finds_tokens);
    tcase_add_loop_test(t, tells_what_is_there_twice, 0, NAMES);
    tcase_add_test(t, starts_empty_again);
    tcase_add_test(t, finds_others_by_name);
    tcase_add_test(t, keeps_little);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
