/* Accept-Encoding: which coding is chosen; If-None-Match: which tags are known. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/accept_encoding.h"
#include "http/etag.h"
#include "http/http_fields.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { STREAM = CODING_GZIP, FILES = CODING_GZIP | CODING_BR };
#define NONE CODING_IDENTITY

static const struct {
    const char *value;
    enum coding stream, file; /* chosen where there is gzip alone, and brotli too */
} cases[] = {
    {"gzip", CODING_GZIP, CODING_GZIP},
    {"GZip", CODING_GZIP, CODING_GZIP},
    {"x-gzip", CODING_GZIP, CODING_GZIP},
    {"br", NONE, CODING_BR},
    {"gzip, deflate, br, zstd", CODING_GZIP, CODING_BR},
    {"gzip, deflate", CODING_GZIP, CODING_GZIP},
    {"deflate, zstd", NONE, NONE},
    {",, gzip ,", CODING_GZIP, CODING_GZIP},
    /* Weights. */
    {"gzip;q=1.0, br;q=0.9", CODING_GZIP, CODING_GZIP},
    {"gzip;q=0.5, br;q=0.5", CODING_GZIP, CODING_BR},
    {"gzip;q=0.001", CODING_GZIP, CODING_GZIP},
    {"gzip ; Q=0.5 , identity;q=0.4", CODING_GZIP, CODING_GZIP},
    {"gzip;q=0.5, identity;q=0.5", CODING_GZIP, CODING_GZIP},
    {"gzip;q=0.4, identity;q=0.5", NONE, NONE},
    {"gzip;q=0.4, br;q=0.6, identity;q=0.5", NONE, CODING_BR},
    {"identity, gzip;q=0.999", NONE, NONE},
    /* Refused. */
    {"gzip;q=0", NONE, NONE},
    {"gzip;q=0.000, br", NONE, CODING_BR},
    {"x-gzip;q=0, *", NONE, CODING_BR},
    {"gzip;q=0, *;q=0", NONE, NONE},
    {"gzip, gzip;q=0", NONE, NONE},
    /* The wildcard stands for what is not named. */
    {"*", CODING_GZIP, CODING_BR},
    {"*;q=0.5", CODING_GZIP, CODING_BR},
    {"*;q=0", NONE, NONE},
    {"gzip, *;q=0", CODING_GZIP, CODING_GZIP},
    {"identity;q=0.1, *;q=0", NONE, NONE},
    {"br;q=0.1, *;q=0.5", CODING_GZIP, CODING_GZIP},
    {"identity, *;q=0.5", NONE, NONE},
    /* Nothing that there is: none is better than no answer. */
    {"", NONE, NONE},
    {"identity", NONE, NONE},
    {"identity;q=0", NONE, NONE},
    {"identity;q=0, gzip", CODING_GZIP, CODING_GZIP},
    {"identity;q=0, *", CODING_GZIP, CODING_BR},
    {"identity;q=0, deflate", NONE, NONE},
    /* Malformed members count for nothing. */
    {"gzip;q=2", NONE, NONE},
    {"gzip;q=1.001", NONE, NONE},
    {"gzip;q=", NONE, NONE},
    {"gzip;q", NONE, NONE},
    {"gzip;", NONE, NONE},
    {"gzip;level=9", NONE, NONE},
    {"gzip;q=1;q=1", NONE, NONE},
    {"gzip q=1", NONE, NONE},
    {"gzip; q = 1", NONE, NONE},
    {"\"gzip\"", NONE, NONE},
    {"gzipx, xgzip, gzi", NONE, NONE},
    {"gzip;q=2, br", NONE, CODING_BR},
};

static enum coding choose(const char *value, unsigned offered)
{
    struct accept_encoding a = {0};
    accept_encoding_add(&a, value, strlen(value));
    return accept_encoding_choose(&a, offered);
}

START_TEST(chooses)
{
    const char *value = cases[_i].value;
    ck_assert_msg(choose(value, STREAM) == cases[_i].stream, "stream: %s", value);
    ck_assert_msg(choose(value, FILES) == cases[_i].file, "file: %s", value);
    ck_assert_msg(choose(value, 0) == CODING_IDENTITY, "nothing else: %s", value);
}
END_TEST

static void add(struct http_fields *f, const char *name, const char *value)
{
    http_fields_add(f, name, strlen(name), value, strlen(value));
}

START_TEST(joins_fields)
{
    struct http_fields *f = http_fields_take();
    ck_assert_int_eq(accept_encoding_of(NULL, FILES), CODING_IDENTITY);
    ck_assert_int_eq(accept_encoding_of(f, FILES), CODING_IDENTITY);
    add(f, "accept-encoding", "gzip;q=0.5");
    ck_assert_int_eq(accept_encoding_of(f, FILES), CODING_GZIP);
    add(f, "Accept-Encoding", "deflate, br");
    ck_assert_int_eq(accept_encoding_of(f, FILES), CODING_BR);
    add(f, "Accept-Encoding", "gzip;q=0");
    ck_assert_int_eq(accept_encoding_of(f, STREAM), CODING_IDENTITY);
    http_fields_give_back(f);
    http_fields_finish_thread();
}
END_TEST

#define TAG "\"a-gz\""

static const struct {
    const char *value;
    bool known;
} tags[] = {
    {TAG, true},
    {"W/" TAG, true},
    {"*", true},
    {"\"b\", " TAG, true},
    {"\"b\" ,\t," TAG ",\"c\"", true},
    {"\"x,y\"," TAG, true},
    {"\"\", " TAG, true},
    {"", false},
    {"a-gz", false},
    {"\"a\"", false},
    {"\"a-gz", false},
    {"\"A-GZ\"", false},
    {"\"b\", *", false},
    {"w/" TAG, false},
    {"W/", false},
    {"b, " TAG, false}, /* what is no tag hides what is behind */
    {"\"x" TAG, false},
};

START_TEST(knows_tags)
{
    const char *value = tags[_i].value;
    struct http_fields *f = http_fields_take();
    ck_assert_msg(etag_is_among(TAG, value, strlen(value)) == tags[_i].known, "%s", value);
    ck_assert(!etag_is_known(TAG, f) && !etag_is_known(TAG, NULL));
    add(f, "If-None-Match", "\"other\"");
    add(f, "if-none-match", value);
    ck_assert_msg(etag_is_known(TAG, f) == tags[_i].known, "%s", value);
    http_fields_give_back(f);
    http_fields_finish_thread();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("accept_encoding");
    TCase *t = tcase_create("accept_encoding");
    tcase_add_loop_test(t, chooses, 0, COUNT(cases));
    tcase_add_test(t, joins_fields);
    tcase_add_loop_test(t, knows_tags, 0, COUNT(tags));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
