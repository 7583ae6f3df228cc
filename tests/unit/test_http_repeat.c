/* Heads that come again are not read again, and mean what they meant; others are read. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/http_repeat.h"

#define POST(path, fields, length)                                                                 \
    "POST " path " HTTP/1.1\r\nHost: h\r\n" fields "Content-Length: " length "\r\n\r\n"
#define CHUNKED "POST /t/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct http_limits limits = {
    .head_bytes = 4000,
    .target_bytes = 1000,
    .headers = 20,
    .body_bytes = 5000,
};

static struct http_request request, other;

static void setup(void)
{
    http_request_init(&request, &limits);
    http_request_init(&other, &limits);
}

static void teardown(void)
{
    http_request_finish(&request);
    http_request_finish(&other);
    http_repeat_finish_thread();
    http_fields_finish_thread();
}

/* Reads HEAD from the beginning of a request. */
static void read_head(struct http_request *r, const char *head)
{
    size_t used = 0, n = strlen(head);
    http_request_finish(r);
    ck_assert_int_eq(http_repeat_feed(r, head, n, &used), HTTP_READ_HEAD);
    ck_assert_uint_eq(used, n);
}

/* Whether BEFORE is kept, and N bytes of HEAD were understood by it. */
static bool repeats(const char *before, const char *head, size_t n)
{
    size_t used = 0;
    http_repeat_finish_thread();
    read_head(&request, before);
    const struct http_fields *fields = request.fields;
    bool kept = fields->shares;
    http_request_finish(&request);
    http_repeat_feed(&request, head, n, &used);
    bool found = kept && request.fields == fields;
    ck_assert(!found || used == n);
    http_request_finish(&request);
    return found;
}

static bool is_kept(const char *head)
{
    return repeats(head, head, strlen(head));
}

static void check_value(const struct http_request *r, enum http_field which, const char *wanted)
{
    size_t n;
    const char *value = http_fields_get(r->fields, which, &n);
    ck_assert_ptr_nonnull(value);
    ck_assert_str_eq(value, wanted);
    ck_assert_uint_eq(n, strlen(wanted));
}

static void check_body(struct http_request *r, uint64_t length)
{
    size_t used = 0;
    ck_assert(r->has_body);
    ck_assert_uint_eq(http_request_length(r), length);
    ck_assert_int_eq(http_repeat_feed(r, "0123456789", 10, &used), HTTP_READ_BODY);
    ck_assert_uint_eq(used, length < 10 ? length : 10);
}

START_TEST(means_what_it_meant)
{
    static const char head[] = POST("/t/a", "Longwire-Event: e\r\n", "5");
    read_head(&request, head);
    const struct http_fields *fields = request.fields;
    for (int i = 0; i < 3; i++) {
        read_head(&request, head);
        ck_assert_ptr_eq(request.fields, fields);
        ck_assert_str_eq(request.method, "POST");
        ck_assert_str_eq(request.target, "/t/a");
        ck_assert_str_eq(request.host, "h");
        ck_assert(request.keep_alive && request.has_host && request.minor == 1);
        check_value(&request, HTTP_FIELD_LONGWIRE_EVENT, "e");
        check_body(&request, 5);
    }
}
END_TEST

START_TEST(may_have_another_length)
{
    read_head(&request, POST("/t/a", "", "12"));
    read_head(&request, POST("/t/a", "", "12"));
    const struct http_fields *fields = request.fields;
    read_head(&request, POST("/t/a", "", "34"));
    ck_assert_ptr_eq(request.fields, fields);
    check_value(&request, HTTP_FIELD_CONTENT_LENGTH, "34");
    check_body(&request, 34);
    read_head(&request, POST("/t/a", "", "7")); /* fewer digits: read */
    check_value(&request, HTTP_FIELD_CONTENT_LENGTH, "7");
    check_body(&request, 7);
}
END_TEST

/* What another request of this thread has of it stays as it is. */
START_TEST(changes_nothing_that_is_in_use)
{
    read_head(&request, POST("/t/a", "", "12"));
    read_head(&other, POST("/t/a", "", "12"));
    ck_assert_ptr_eq(other.fields, request.fields);
    read_head(&other, POST("/t/a", "", "34"));
    ck_assert_ptr_ne(other.fields, request.fields);
    check_value(&request, HTTP_FIELD_CONTENT_LENGTH, "12");
    check_value(&other, HTTP_FIELD_CONTENT_LENGTH, "34");
    check_body(&other, 34);
}
END_TEST

START_TEST(may_be_chunked)
{
    ck_assert(is_kept(CHUNKED));
    read_head(&request, CHUNKED);
    read_head(&request, CHUNKED);
    size_t used = 0;
    ck_assert(request.has_body);
    ck_assert_int_eq(http_repeat_feed(&request, "3\r\nabc", 6, &used), HTTP_READ_BODY);
    ck_assert_uint_eq(request.body_len, 3);
}
END_TEST

/* All that differs is another head, and so is what is not there wholly. */
START_TEST(compares_each_byte)
{
    static const char head[] = POST("/t/a", "X: y\r\n", "1234");
    ck_assert(is_kept(head));
    for (size_t i = 0; i < sizeof(head) - 1; i++) {
        char text[sizeof(head)];
        memcpy(text, head, sizeof(head));
        ck_assert(!repeats(head, text, i));
        text[i] = text[i] == 'Z' ? 'z' : 'Z';
        ck_assert_msg(!repeats(head, text, sizeof(head) - 1), "byte %zu", i);
    }
}
END_TEST

START_TEST(reads_the_length)
{
    static const char head[] = POST("/t/a", "", "1234");
    static const struct {
        const char *head;
        bool found;
    } cases[] = {
        {POST("/t/a", "", "4321"), true},   {POST("/t/a", "", "0001"), true},
        {POST("/t/a", "", "0000"), false}, /* no body */
        {POST("/t/a", "", "9999"), false}, /* too long a one */
        {POST("/t/a", "", "12x4"), false},  {POST("/t/a", "", "123"), false},
        {POST("/t/a", "", "12345"), false},
    };
    ck_assert_int_eq(repeats(head, cases[_i].head, strlen(cases[_i].head)), cases[_i].found);
}
END_TEST

START_TEST(others_are_not_kept)
{
    static const char *const heads[] = {
        "GET /t/a HTTP/1.1\r\nHost: h\r\n\r\n",
        POST("/t/a", "", "0"),
        POST("/t/a", "Expect: 100-continue\r\n", "5"),
        POST("/t/a", "", "0000000000000012"),
    };
    ck_assert(!is_kept(heads[_i]));
}
END_TEST

START_TEST(long_ones_are_not_kept)
{
    char head[HTTP_REPEAT_BYTES + 2], fields[HTTP_REPEAT_BYTES] = "";
    size_t least = strlen(POST("/t/a", "X: \r\n", "5"));
    for (size_t n = HTTP_REPEAT_BYTES; n <= HTTP_REPEAT_BYTES + 1; n++) {
        memset(fields, 'x', n - least);
        fields[n - least] = '\0';
        snprintf(head, sizeof(head), POST("/t/a", "X: %s\r\n", "5"), fields);
        ck_assert_uint_eq(strlen(head), n);
        ck_assert_int_eq(is_kept(head), n == HTTP_REPEAT_BYTES);
    }
}
END_TEST

/* Empty lines before it belong to no head. */
START_TEST(begins_where_it_begins)
{
    static const char head[] = "\r\n" POST("/t/a", "", "5");
    read_head(&request, head);
    ck_assert_uint_eq(request.fields->shares, 0);
    ck_assert(repeats(head + 2, head + 2, strlen(head + 2)));
    ck_assert(!repeats(head + 2, head, strlen(head)));
}
END_TEST

/* By other limits it may mean something else. */
START_TEST(holds_for_its_limits)
{
    static const char head[] = POST("/t/a", "", "50");
    struct http_limits less = limits;
    size_t used = 0;
    less.body_bytes = 49;
    read_head(&request, head);
    http_request_init(&other, &less);
    ck_assert_int_eq(http_repeat_feed(&other, head, strlen(head), &used), HTTP_READ_ERROR);
    ck_assert_uint_eq(other.status, 413);
}
END_TEST

/* The one that came last stays. */
START_TEST(keeps_few)
{
    char head[80];
    for (int i = 0; i < 3 * HTTP_REPEAT_HEADS; i++) {
        snprintf(head, sizeof(head), POST("/t/%d", "", "5"), i);
        read_head(&request, head);
        const struct http_fields *fields = request.fields;
        ck_assert_uint_eq(fields->shares, 1);
        read_head(&request, head);
        ck_assert_ptr_eq(request.fields, fields);
    }
}
END_TEST

/* A request outlives what its thread keeps. */
START_TEST(ends_with_its_thread)
{
    static const char head[] = POST("/t/a", "", "5");
    read_head(&request, head);
    ck_assert_uint_eq(request.fields->shares, 1);
    http_repeat_finish_thread();
    ck_assert_uint_eq(request.fields->shares, 0);
    ck_assert_str_eq(request.target, "/t/a");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_repeat");
    TCase *t = tcase_create("http_repeat");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, means_what_it_meant);
    tcase_add_test(t, may_have_another_length);
    tcase_add_test(t, changes_nothing_that_is_in_use);
    tcase_add_test(t, may_be_chunked);
    tcase_add_test(t, compares_each_byte);
    tcase_add_loop_test(t, reads_the_length, 0, 7);
    tcase_add_loop_test(t, others_are_not_kept, 0, 4);
    tcase_add_test(t, long_ones_are_not_kept);
    tcase_add_test(t, begins_where_it_begins);
    tcase_add_test(t, holds_for_its_limits);
    tcase_add_test(t, keeps_few);
    tcase_add_test(t, ends_with_its_thread);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
