/* Claims: times, who they are for and by, what they grant, and what is no claim. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/claims.h"

enum { NOW = 1700000000 };

static struct claims_rules rules;
static struct principal *p;
static struct token_why why;

static void set_up(void)
{
    rules = (struct claims_rules){0};
    p = NULL;
}

static void tear_down(void)
{
    principal_unref(p);
}

static enum err read_at(const char *json, int64_t now_s)
{
    static const struct claims_bearer bearer = {.kid = "k"};
    principal_unref(p);
    p = NULL;
    return principal_from_claims(json, strlen(json), &rules, &bearer, now_s, &p, &why);
}

static void good(const char *json)
{
    ck_assert_msg(read_at(json, NOW) == ERR_OK, "%s: %s", json, why.text);
}

static void bad(const char *json, enum token_fault fault)
{
    ck_assert_msg(read_at(json, NOW) == ERR_ACCESS, "%s", json);
    ck_assert_msg(why.fault == fault, "%s: %s", json, token_fault_name(why.fault));
    ck_assert_uint_gt(strlen(why.text), 0);
}

START_TEST(times_are_whole_seconds)
{
    static const char *const values[] = {"1700000060.5",
                                         "1700000060.0",
                                         "1.7e9",
                                         "\"1700000060\"",
                                         "-1",
                                         "9007199254740993",
                                         "9223372036854775807",
                                         "true",
                                         "[1700000060]",
                                         "{}",
                                         "null"};
    static const char *const claims[] = {"exp", "nbf", "iat"};
    char text[128];
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (size_t k = 0; k < 3; k++) {
            snprintf(text, sizeof(text), "{\"exp%s\":1700000060,\"%s\":%s}", k ? "" : "x",
                     claims[k], values[i]);
            ck_assert_int_eq(read_at(text, NOW), ERR_ACCESS);
            ck_assert(why.fault == TOKEN_CLAIMS);
        }
    }
    bad("{\"exp\":18446744073709551616}", TOKEN_CLAIMS);
    bad("{\"exp\":1e400}", TOKEN_CLAIMS);
    bad("{\"exp\":0}", TOKEN_EXPIRED);
    good("{\"exp\":9007199254740992}");
}
END_TEST

START_TEST(each_has_an_end)
{
    bad("{}", TOKEN_NO_EXPIRY);
    bad("{\"Exp\":1700000060}", TOKEN_NO_EXPIRY);
    rules.endless = true;
    good("{}");
    ck_assert_int_eq(p->ends_s, 0);
    ck_assert_int_eq(claims_fault_at(p, 0, INT64_MAX), TOKEN_FAULTS);
    bad("{\"exp\":1700000000}", TOKEN_EXPIRED);
}
END_TEST

START_TEST(they_begin_and_end_on_the_second)
{
    static const char text[] = "{\"exp\":1700000060,\"nbf\":1699999990}";
    ck_assert_int_eq(read_at(text, NOW + 59), ERR_OK);
    ck_assert_int_eq(read_at(text, NOW + 60), ERR_ACCESS);
    ck_assert_int_eq(why.fault, TOKEN_EXPIRED);
    ck_assert_int_eq(read_at(text, NOW - 10), ERR_OK);
    ck_assert_int_eq(read_at(text, NOW - 11), ERR_ACCESS);
    ck_assert_int_eq(why.fault, TOKEN_NOT_YET);
    rules.leeway_s = 5;
    ck_assert_int_eq(read_at(text, NOW + 64), ERR_OK);
    ck_assert_int_eq(p->expires_s, NOW + 60);
    ck_assert_int_eq(p->ends_s, NOW + 65);
    ck_assert_int_eq(claims_fault_at(p, 5, NOW + 64), TOKEN_FAULTS);
    ck_assert_int_eq(claims_fault_at(p, 5, NOW + 65), TOKEN_EXPIRED);
    ck_assert_int_eq(claims_fault_at(p, 5, NOW - 16), TOKEN_NOT_YET);
    ck_assert_int_eq(read_at(text, NOW + 65), ERR_ACCESS);
    ck_assert_int_eq(read_at(text, NOW - 15), ERR_OK);
    ck_assert_int_eq(read_at(text, NOW - 16), ERR_ACCESS);
}
END_TEST

START_TEST(a_lifetime_has_a_bound)
{
    rules.max_lifetime_s = 60;
    good("{\"exp\":1700000060}");
    bad("{\"exp\":1700000061}", TOKEN_LIFETIME);
    good("{\"exp\":1700000030,\"iat\":1699999970}");
    bad("{\"exp\":1700000030,\"iat\":1699999969}", TOKEN_LIFETIME);
    bad("{\"exp\":1700000061,\"iat\":1700000010}", TOKEN_LIFETIME); /* from the future */
}
END_TEST

START_TEST(issuer_and_audience_are_asked)
{
    good("{\"exp\":1700000060,\"iss\":7}");
    good("{\"exp\":1700000060,\"aud\":[\"a\",\"b\"]}");
    bad("{\"exp\":1700000060,\"aud\":7}", TOKEN_CLAIMS);
    bad("{\"exp\":1700000060,\"aud\":[\"a\",7]}", TOKEN_CLAIMS);
    rules.issuer = "https://id.example.org";
    good("{\"exp\":1700000060,\"iss\":\"https://id.example.org\"}");
    bad("{\"exp\":1700000060}", TOKEN_ISSUER);
    bad("{\"exp\":1700000060,\"iss\":\"https://id.example.org/\"}", TOKEN_ISSUER);
    bad("{\"exp\":1700000060,\"iss\":[\"https://id.example.org\"]}", TOKEN_ISSUER);
    rules.issuer = NULL;
    rules.audience = "hub";
    good("{\"exp\":1700000060,\"aud\":\"hub\"}");
    good("{\"exp\":1700000060,\"aud\":[\"other\",\"hub\"]}");
    bad("{\"exp\":1700000060}", TOKEN_AUDIENCE);
    bad("{\"exp\":1700000060,\"aud\":[]}", TOKEN_AUDIENCE);
    bad("{\"exp\":1700000060,\"aud\":\"hubs\"}", TOKEN_AUDIENCE);
    bad("{\"exp\":1700000060,\"aud\":[\"other\"]}", TOKEN_AUDIENCE);
}
END_TEST

START_TEST(they_are_one_strict_object)
{
    static const char *const texts[] = {
        "",
        "[]",
        "7",
        "{\"exp\":1700000060",
        "{\"exp\":1700000060}{}",
        "{\"exp\":1700000060,}",
        "{\"exp\":1,\"exp\":1700000060}",
        "{\"exp\":1700000060,\"longwire\":{\"deny\":[],\"deny\":[]}}",
        "{\"exp\":1700000060,\"sub\":\"a\\u0000b\"}",
        "{\"exp\":1700000060,\"sub\":\"\\ud800\"}",
        "{\"exp\":1700000060,\"sub\":\"\xff\"}",
        "{\"exp\":1700000060,\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        bad(texts[i], TOKEN_CLAIMS);
    good("{\"exp\":1700000060,\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]],\"y\":\"[[[[[[[[[[[[[[[[[[\\\"["
         "\"}");
}
END_TEST

START_TEST(names_are_short_strings)
{
    char text[400];
    good("{\"exp\":1700000060,\"sub\":\"alice\",\"jti\":\"7\"}");
    ck_assert_str_eq(p->sub, "alice");
    ck_assert_str_eq(p->jti, "7");
    ck_assert_str_eq(p->kid, "k");
    bad("{\"exp\":1700000060,\"sub\":7}", TOKEN_CLAIMS);
    bad("{\"exp\":1700000060,\"jti\":null}", TOKEN_CLAIMS);
    snprintf(text, sizeof(text), "{\"exp\":1700000060,\"sub\":\"%0255d\"}", 0);
    good(text);
    snprintf(text, sizeof(text), "{\"exp\":1700000060,\"sub\":\"%0256d\"}", 0);
    bad(text, TOKEN_CLAIMS);
}
END_TEST

static void own(const char *longwire, bool is_good)
{
    char text[512];
    snprintf(text, sizeof(text), "{\"exp\":1700000060,\"sub\":\"alice\",\"n\":7,\"longwire\":%s}",
             longwire);
    if (is_good)
        good(text);
    else
        bad(text, TOKEN_CLAIMS);
}

START_TEST(what_the_hub_reads_is_strict)
{
    own("{}", true);
    own("[]", false);
    own("null", false);
    own("{\"denny\":[\"a\"]}", false);
    own("{\"subscribe\":\"a\"}", false);
    own("{\"subscribe\":[7]}", false);
    own("{\"subscribe\":[\"a/#/b\"]}", false);
    own("{\"subscribe\":[\"\"]}", false);
    own("{\"subscribe\":[\"/a\"]}", false);
    own("{\"deny\":[\"a+\"]}", false);
    own("{\"limits\":[]}", false);
    own("{\"limits\":{\"connections\":0}}", false);
    own("{\"limits\":{\"connections\":1.5}}", false);
    own("{\"limits\":{\"connections\":-1}}", false);
    own("{\"limits\":{\"conections\":1}}", false);
    own("{\"limits\":{\"connections\":5,\"publish_per_s\":10,\"bytes_per_s\":99999999999}}", true);
    ck_assert_uint_eq(p->limits.connections, 5);
    ck_assert_uint_eq(p->limits.subscriptions, 0);
    ck_assert_uint_eq(p->limits.publish_per_s, 10);
    ck_assert_uint_eq(p->limits.bytes_per_s, 99999999999);
    own("{\"limits\":{\"subscriptions\":99999999999}}", true);
    ck_assert_uint_eq(p->limits.subscriptions, UINT32_MAX);
}
END_TEST

START_TEST(info_is_kept_as_json)
{
    char text[1200];
    own("{\"info\": {\"name\": \"A\\\"B\", \"n\": [1, 2]}}", true);
    static const char info[] = "{\"name\":\"A\\\"B\",\"n\":[1,2]}";
    ck_assert_uint_eq(p->info_len, strlen(info));
    ck_assert_mem_eq(p->info, info, strlen(info));
    own("{\"info\":null}", true);
    ck_assert_uint_eq(p->info_len, 4);
    own("{}", true);
    ck_assert_uint_eq(p->info_len, 0);
    snprintf(text, sizeof(text), "{\"exp\":1700000060,\"longwire\":{\"info\":\"%01022d\"}}", 0);
    good(text);
    snprintf(text, sizeof(text), "{\"exp\":1700000060,\"longwire\":{\"info\":\"%01023d\"}}", 0);
    bad(text, TOKEN_CLAIMS);
}
END_TEST

static void grants_are(const char *expected)
{
    struct grants rest = p->grants;
    struct grant g;
    struct buf text = {0};
    while (grants_next(&rest, &g))
        buf_printf(&text, "%u:%.*s ", g.rights, (int)g.len, g.pattern);
    buf_putc(&text, '\0');
    ck_assert_str_eq(text.data, expected);
    buf_finish(&text);
}

START_TEST(names_in_braces_are_claims)
{
    own("{\"subscribe\":[\"u/{sub}/+\",\"{n}/{sub}\"],\"deny\":[\"u/{sub}/x\"]}", true);
    grants_are("1:u/alice/+ 1:7/alice 0:u/alice/x ");
    own("{\"publish\":[\"a\"],\"presence\":[\"b\"]}", true);
    grants_are("2:a 8:b ");
    own("{\"subscribe\":[\"{nobody}\"]}", false);
    own("{\"subscribe\":[\"{}\"]}", false);
    own("{\"subscribe\":[\"{sub\"]}", false);
    own("{\"subscribe\":[\"{longwire}\"]}", false);
}
END_TEST

START_TEST(values_in_patterns_are_one_level)
{
    static const char *const values[] = {"a/b", "+", "#",         "a+b",
                                         "x#",  "",  "a\\u0001b", "a\\u0085b"};
    char text[200];
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"exp\":1700000060,\"sub\":\"%s\",\"longwire\":{\"deny\":[\"u/{sub}\"]}}",
                 values[i]);
        bad(text, TOKEN_CLAIMS);
        snprintf(text, sizeof(text), "{\"exp\":1700000060,\"sub\":\"%s\"}", values[i]);
        good(text); /* as a name it may be anything */
    }
    bad("{\"exp\":1700000060,\"sub\":\"_p\",\"longwire\":{\"subscribe\":[\"{sub}/#\"]}}",
        TOKEN_CLAIMS);
    good("{\"exp\":1700000060,\"sub\":\"_p\",\"longwire\":{\"subscribe\":[\"u/{sub}/#\"]}}");
    good("{\"exp\":1700000060,\"sub\":\"{x}\",\"longwire\":{\"subscribe\":[\"u/{sub}\"]}}");
    grants_are("1:u/{x} "); /* once, and not again */
}
END_TEST

START_TEST(grants_have_a_number)
{
    struct buf text = {0};
    for (int n = GRANTS_MAX; n <= GRANTS_MAX + 1; n++) {
        buf_clear(&text);
        buf_puts(&text, "{\"exp\":1700000060,\"longwire\":{\"subscribe\":[");
        for (int i = 0; i < n; i++)
            buf_printf(&text, "%s\"t/%d\"", i ? "," : "", i);
        buf_puts(&text, "]}}");
        buf_putc(&text, '\0');
        if (n == GRANTS_MAX)
            good(text.data);
        else
            bad(text.data, TOKEN_CLAIMS);
    }
    buf_finish(&text);
}
END_TEST

START_TEST(claims_of_mercure_are_read)
{
    good("{\"exp\":1700000060,\"mercure\":{\"subscribe\":[\"*\"],\"publish\":[\"a/{id}\"],"
         "\"payload\":{}}}");
    grants_are("1:# 2:a/+ ");
    bad("{\"exp\":1700000060,\"mercure\":[]}", TOKEN_CLAIMS);
    bad("{\"exp\":1700000060,\"mercure\":{\"subscribe\":\"*\"}}", TOKEN_CLAIMS);
    bad("{\"exp\":1700000060,\"mercure\":{\"publish\":[\"a/#\"]}}", TOKEN_CLAIMS);
}
END_TEST

/* What one costs who has a token of its own. */
START_TEST(a_principal_is_small)
{
    static const char text[] =
        "{\"iss\":\"https://id.example.org\",\"sub\":\"3f0e2c1c-6f6c-4f4e-8d0e-0d7c8a5b1a11\","
        "\"aud\":\"longwire\",\"exp\":1700000060,\"iat\":1699999000,\"jti\":\"d1a7f1c0b7a54e0e\","
        "\"longwire\":{\"subscribe\":[\"users/{sub}/#\",\"prices/#\",\"chat/+/messages\"],"
        "\"publish\":[\"chat/room1\"],\"presence\":[\"chat/#\"],\"info\":{\"name\":\"Alice "
        "B.\"},\"deny\":[]}}";
    ck_assert_uint_ge(strlen(text), 300);
    good(text);
    ck_assert_uint_le(p->bytes, 600);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("claims");
    TCase *t = tcase_create("claims");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, times_are_whole_seconds);
    tcase_add_test(t, each_has_an_end);
    tcase_add_test(t, they_begin_and_end_on_the_second);
    tcase_add_test(t, a_lifetime_has_a_bound);
    tcase_add_test(t, issuer_and_audience_are_asked);
    tcase_add_test(t, they_are_one_strict_object);
    tcase_add_test(t, names_are_short_strings);
    tcase_add_test(t, what_the_hub_reads_is_strict);
    tcase_add_test(t, info_is_kept_as_json);
    tcase_add_test(t, names_in_braces_are_claims);
    tcase_add_test(t, values_in_patterns_are_one_level);
    tcase_add_test(t, grants_have_a_number);
    tcase_add_test(t, claims_of_mercure_are_read);
    tcase_add_test(t, a_principal_is_small);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
