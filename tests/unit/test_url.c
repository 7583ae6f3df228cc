/* Targets taken apart, percent-decoding, parameters, authorities. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/url.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static void check_text(const char *p, size_t n, const char *want)
{
    ck_assert_msg(n == strlen(want) && memcmp(p, want, n) == 0, "'%.*s', not '%s'", (int)n, p,
                  want);
}

static const struct {
    const char *target, *path, *query;
} targets[] = {
    {"/t/prices/AAPL", "/t/prices/AAPL", ""},
    {"/t?topic=a&topic=b/%23&after=1042-3824910012", "/t",
     "topic=a&topic=b/%23&after=1042-3824910012"},
    {"/?", "/", ""},
    {"/a?b?c", "/a", "b?c"},
    {"/%3F?x", "/%3F", "x"},
    {"*", "*", ""},
    {"", "", ""},
};

START_TEST(splits)
{
    struct url u;
    url_split(targets[_i].target, strlen(targets[_i].target), &u);
    check_text(u.path, u.path_len, targets[_i].path);
    check_text(u.query, u.query_len, targets[_i].query);
}
END_TEST

/* ---- Decoding ---- */

static const struct {
    const char *in, *out; /* NULL: refused */
} escapes[] = {
    {"", ""},
    {"prices/AAPL", "prices/AAPL"},
    {"b/%23", "b/#"},
    {"a%2Fb%2fc", "a/b/c"},
    {"%C3%BC", "\xC3\xBC"},
    {"%FF%01", "\xFF\x01"},
    {"a+b", "a+b"}, /* not form encoding */
    {"a%2Bb%20c", "a+b c"},
    {"%2541", "%41"}, /* once */
    {"%25", "%"},
    {"%", NULL},
    {"%4", NULL},
    {"a%4", NULL},
    {"%4g", NULL},
    {"%g4", NULL},
    {"%%41", NULL},
    {"%-1", NULL},
    {"% 1", NULL},
    {"%u0041", NULL},
    {"%00", NULL},
    {"a%00b", NULL},
};

START_TEST(decodes)
{
    const char *in = escapes[_i].in, *want = escapes[_i].out;
    size_t n = strlen(in), len = 77;
    char *copy = malloc(n + 1); /* one more for the NUL; decoded in place */
    memcpy(copy, in, n);
    copy[n] = '4'; /* would complete an escape that is cut short */
    ck_assert(url_escapes_valid(copy, n) == (want != NULL));
    ck_assert_int_eq(url_decode(copy, n, copy, n + 1, &len), want ? ERR_OK : ERR_INVALID);
    if (want) {
        ck_assert_str_eq(copy, want);
        ck_assert_uint_eq(len, strlen(want));
    } else {
        ck_assert_uint_eq(len, 77);
    }
    free(copy);
}
END_TEST

START_TEST(refuses_nul_bytes)
{
    char out[8];
    size_t len;
    ck_assert(!url_escapes_valid("a\0b", 3));
    ck_assert_int_eq(url_decode("a\0b", 3, out, sizeof(out), &len), ERR_INVALID);
}
END_TEST

START_TEST(decodes_into_what_fits)
{
    char out[4];
    size_t len;
    ck_assert_int_eq(url_decode("a%62c", 5, out, 4, &len), ERR_OK);
    ck_assert_str_eq(out, "abc");
    ck_assert_int_eq(url_decode("a%62cd", 6, out, 4, &len), ERR_TOO_LARGE);
    ck_assert_int_eq(url_decode("a", 1, out, 1, &len), ERR_TOO_LARGE);
    ck_assert_int_eq(url_decode("", 0, out, 1, &len), ERR_OK);
    ck_assert_uint_eq(len, 0);
}
END_TEST

/* ---- Parameters ---- */

static const struct {
    const char *query;
    const char *params; /* "name=value" with a ';' behind each */
} queries[] = {
    {"", ""},
    {"&&&", ""},
    {"a", "a=;"},
    {"a=", "a=;"},
    {"=b", "=b;"},
    {"=", "=;"},
    {"a=b=c", "a=b=c;"},
    {"a=1&b=2&a=3", "a=1;b=2;a=3;"},
    {"&a=1&&b&", "a=1;b=;"},
    {"topic=+/b&after=2026-11-22T09:31:15+02:00", "topic=+/b;after=2026-11-22T09:31:15+02:00;"},
    {"a=%26&b=%3D", "a=%26;b=%3D;"},
};

START_TEST(iterates_parameters)
{
    char got[256] = "", target[256] = "/t?";
    struct url u;
    struct url_param p;
    strcat(target, queries[_i].query);
    url_split(target, strlen(target), &u);
    while (url_next_param(&u, &p)) {
        strncat(got, p.name, p.name_len);
        strcat(got, "=");
        strncat(got, p.value, p.value_len);
        strcat(got, ";");
    }
    ck_assert_str_eq(got, queries[_i].params);
    ck_assert(!url_next_param(&u, &p));
}
END_TEST

START_TEST(compares_names_decoded)
{
    static const struct {
        const char *name;
        bool is_topic;
    } names[] = {
        {"topic", true},  {"%74op%69c", true}, {"topi", false},   {"topics", false},    {"", false},
        {"Topic", false}, {"topic%", false},   {"topi%6", false}, {"%2574opic", false},
    };
    for (int i = 0; i < COUNT(names); i++) {
        struct url_param p = {.name = names[i].name, .name_len = strlen(names[i].name)};
        ck_assert_msg(url_param_is(&p, "topic") == names[i].is_topic, "'%s'", names[i].name);
    }
    struct url_param none = {.name = "", .name_len = 0};
    ck_assert(url_param_is(&none, ""));
}
END_TEST

/* The names that hubs are asked with, from the target to the decoded values. */
START_TEST(reads_a_subscription)
{
    const char *target = "/t?topic=a&topic=b/%23&topic=+/c&after=1042-3824910012";
    const char *const want[] = {"a", "b/#", "+/c"};
    struct url u;
    struct url_param p;
    int topics = 0;
    url_split(target, strlen(target), &u);
    while (url_next_param(&u, &p)) {
        char value[64];
        size_t n;
        ck_assert_int_eq(url_decode(p.value, p.value_len, value, sizeof(value), &n), ERR_OK);
        if (url_param_is(&p, "topic"))
            ck_assert_str_eq(value, want[topics++]);
        else
            ck_assert_str_eq(value, "1042-3824910012");
    }
    ck_assert_int_eq(topics, 3);
}
END_TEST

/* ---- Absolute URLs ---- */

static const struct {
    const char *url, *authority, *rest; /* NULL: refused */
} absolutes[] = {
    {"http://h", "h", ""},
    {"http://h/", "h", "/"},
    {"http://h:8420/t/a?x=http://y", "h:8420", "/t/a?x=http://y"},
    {"HttpS://h?x", "h", "?x"},
    {"http://[::1]:1/", "[::1]:1", "/"},
    {"http://", NULL, NULL},
    {"http:///", NULL, NULL},
    {"http://:1/", NULL, NULL},
    {"http://?x", NULL, NULL},
    {"http://a b/", NULL, NULL},
    {"http://u@h/", NULL, NULL},
    {"http://u:p@h/", NULL, NULL},
    {"http:/h/", NULL, NULL},
    {"http", NULL, NULL},
    {"", NULL, NULL},
    {"ws://h/", NULL, NULL},
    {"/h", NULL, NULL},
};

START_TEST(splits_absolute)
{
    struct url_absolute a = {NULL, 0, NULL, 0};
    enum err e = url_split_absolute(absolutes[_i].url, strlen(absolutes[_i].url), &a);
    ck_assert_int_eq(e, absolutes[_i].authority ? ERR_OK : ERR_INVALID);
    if (e)
        return;
    check_text(a.authority, a.authority_len, absolutes[_i].authority);
    check_text(a.rest, a.rest_len, absolutes[_i].rest);
}
END_TEST

static const struct {
    const char *text;
    bool valid;
} authorities[] = {
    {"", true},
    {"h", true},
    {"h:", true},
    {"h:0", true},
    {"h:9", true},
    {"h:65535", true},
    {"127.0.0.1:8420", true},
    {"A-b.c_d~!$&'()*+,;=", true},
    {"a%2Db%ff:1", true},
    {"[::]", true},
    {"[2001:DB8::a0]:443", true},
    {"[::ffff:1.2.3.4]", true},
    {"h:65536", false},
    {"h:100000000000", false},
    {"h:8:1", false},
    {"h:+1", false},
    {"h:1 ", false},
    {"a b", false},
    {"a@b", false},
    {"a/b", false},
    {"a?b", false},
    {"a#b", false},
    {"a[::1]", false},
    {"a%", false},
    {"a%2", false},
    {"a%2x", false},
    {"a%00", false},
    {"a|b", false},
    {"a^b", false},
    {"a`b", false},
    {"a\\b", false},
    {"a\"b", false},
    {"\xC3\xBC", false},
    {"[", false},
    {"[]", false},
    {"[:]", false},
    {"[::", false},
    {"[::x]", false},
    {"[::]x", false},
    {"[::]:x", false},
    {"[::1%25eth0]", false},
};

START_TEST(checks_authorities)
{
    size_t n = strlen(authorities[_i].text);
    char *copy = malloc(n ? n : 1); /* without its NUL, so that a read beyond it is seen */
    memcpy(copy, authorities[_i].text, n);
    ck_assert_msg(url_authority_valid(copy, n) == authorities[_i].valid, "'%s'",
                  authorities[_i].text);
    free(copy);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("url");
    TCase *t = tcase_create("url");
    tcase_add_loop_test(t, splits, 0, COUNT(targets));
    tcase_add_loop_test(t, decodes, 0, COUNT(escapes));
    tcase_add_test(t, refuses_nul_bytes);
    tcase_add_test(t, decodes_into_what_fits);
    tcase_add_loop_test(t, iterates_parameters, 0, COUNT(queries));
    tcase_add_test(t, compares_names_decoded);
    tcase_add_test(t, reads_a_subscription);
    tcase_add_loop_test(t, splits_absolute, 0, COUNT(absolutes));
    tcase_add_loop_test(t, checks_authorities, 0, COUNT(authorities));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
