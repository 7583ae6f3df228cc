/* Response heads, dates and problem documents, byte for byte. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/guard.h"
#include "http/h1/http_response.h"
#include "http/http_date.h"
#include "http/http_lines.h"
#include "http/http_problem.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

/* Compares and empties. */
static void check_text(struct buf *b, const char *want)
{
    ck_assert(!b->failed);
    buf_putc(b, '\0');
    ck_assert_str_eq(b->data, want);
    buf_finish(b);
}

static bool agrees_with_libc(struct http_date *d, uint64_t time_ms)
{
    char want[64];
    time_t second = (time_t)(time_ms / 1000);
    struct tm tm;
    strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&second, &tm));
    return strcmp(http_date(d, time_ms), want) == 0;
}

START_TEST(writes_dates)
{
    struct http_date d = {0};
    ck_assert_str_eq(http_date(&d, 784111777000), DATE);
    ck_assert_str_eq(http_date(&d, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
    ck_assert_str_eq(http_date(&d, UINT64_MAX / 1000 * 1000),
                     http_date(&(struct http_date){0}, UINT64_MAX / 1000 * 1000));
    /* Every day until 2200, at another time each. */
    for (uint64_t ms = 0; ms < 7258118400000; ms += 86400000 + 61001)
        if (!agrees_with_libc(&d, ms))
            ck_abort_msg("time %llu", (unsigned long long)ms);
}
END_TEST

START_TEST(writes_a_date_once_a_second)
{
    struct http_date d = {0};
    http_date(&d, 784111777000);
    d.text[0] = 'X'; /* shows whether it is written again */
    ck_assert_int_eq(http_date(&d, 784111777999)[0], 'X');
    ck_assert_str_eq(http_date(&d, 784111778000), "Sun, 06 Nov 1994 08:49:38 GMT");
    ck_assert_str_eq(http_date(&d, 784111777000), DATE); /* a clock that was set back */
}
END_TEST

START_TEST(writes_heads)
{
    struct buf b = {0};
    http_response_start(&b, 200, DATE);
    http_lines_put(&b, "Cache-Control", "no-store");
    http_lines_put_u64(&b, "Retry-After", UINT64_MAX);
    http_response_content(&b, "application/json", 12);
    http_response_end(&b);
    check_text(&b, "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nCache-Control: no-store\r\n"
                   "Retry-After: 18446744073709551615\r\nContent-Type: application/json\r\n"
                   "Content-Length: 12\r\n\r\n");
}
END_TEST

START_TEST(knows_reasons)
{
    ck_assert_str_eq(http_reason(101), "Switching Protocols");
    ck_assert_str_eq(http_reason(413), "Content Too Large");
    ck_assert_str_eq(http_reason(505), "HTTP Version Not Supported");
    /* All that the request reader answers. */
    static const unsigned from_reader[] = {400, 413, 414, 417, 431, 501, 503, 505};
    for (size_t i = 0; i < sizeof(from_reader) / sizeof(from_reader[0]); i++)
        ck_assert_str_ne(http_reason(from_reader[i]), "");
    /* A phrase may be empty, the blank before it may not (RFC 9112 section 4). */
    struct buf b = {0};
    http_response_start(&b, 299, DATE);
    check_text(&b, "HTTP/1.1 299 \r\nDate: " DATE "\r\n");
}
END_TEST

START_TEST(splits_no_response)
{
    struct buf b = {0};
    http_lines_put(&b, "X", "a\r\nSet-Cookie: b\r\n\r\nc\x7F\x01\td\xC3\xBC");
    check_text(&b, "X: aSet-Cookie: bc\td\xC3\xBC\r\n");
}
END_TEST

START_TEST(tells_what_becomes_of_the_connection)
{
    struct buf b = {0};
    http_response_connection(&b, 1, true);
    ck_assert_uint_eq(b.len, 0);
    http_response_connection(&b, 1, false);
    http_response_connection(&b, 0, false);
    http_response_connection(&b, 0, true);
    check_text(&b, "Connection: close\r\nConnection: close\r\nConnection: keep-alive\r\n");
}
END_TEST

static const struct {
    const char *detail;
    size_t n;
    const char *json; /* behind the status */
} details[] = {
    {NULL, 0, ""},
    {"no such topic", 13, ",\"detail\":\"no such topic\""},
    {"\"\\\n\0\x1F", 5, ",\"detail\":\"\\\"\\\\\\n\\u0000\\u001f\""},
    {"\xC3\xBC", 2, ",\"detail\":\"\xC3\xBC\""},
    {"a\xC3\xBC\xFF\"", 5, ",\"detail\":\"a???\\\"\""},
    {"\xC3", 1, ",\"detail\":\"?\""},
};

START_TEST(writes_problem_documents)
{
    struct buf b = {0};
    char want[256];
    snprintf(want, sizeof(want),
             "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404%s}\n",
             details[_i].json);
    http_problem_body(&b, 404, details[_i].detail, details[_i].n);
    check_text(&b, want);
}
END_TEST

#define BODY                                                                                       \
    "{\"type\":\"about:blank\",\"title\":\"Method Not "                                            \
    "Allowed\",\"status\":405,\"detail\":\"no\"}\n"
#define HEAD(connection)                                                                           \
    "HTTP/1.1 405 Method Not Allowed\r\nDate: " DATE                                               \
    "\r\nAllow: GET\r\n" HTTP_DATA_GUARD connection "Content-Type: application/problem+json\r\n"   \
    "Content-Length: 79\r\n\r\n"

START_TEST(problem_documents_take_members_of_ones_own)
{
    struct buf b = {0};
    http_problem_begin(&b, 409, "no", 2);
    buf_puts(&b, ",\"current\":\"5-9\"");
    http_problem_end(&b);
    check_text(&b, "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,"
                   "\"detail\":\"no\",\"current\":\"5-9\"}\n");
}
END_TEST

START_TEST(answers_with_problems)
{
    ck_assert_uint_eq(strlen(BODY), 79);
    struct buf b = {0}, lines = {0}, body = {0};
    http_problem_body(&body, 405, "no", 2);
    http_lines_gather(&lines, "Allow", "GET");
    struct http_answer a = {.status = 405,
                            .minor = 1,
                            .keep_alive = true,
                            .fields = &lines,
                            .guard = HTTP_DATA_GUARD,
                            .type = HTTP_PROBLEM_TYPE,
                            .body = body.data,
                            .body_len = body.len};
    http_response_answer(&b, &a, DATE);
    check_text(&b, HEAD("") BODY);
    a.keep_alive = false;
    a.head = true;
    http_response_answer(&b, &a, DATE);
    check_text(&b, HEAD("Connection: close\r\n"));
    buf_finish(&lines);
    buf_finish(&body);
}
END_TEST

/* The same bytes as the long way, also when the date changes. */
START_TEST(created_answers_are_like_others)
{
    static const char guard[] = HTTP_DATA_GUARD;
    static const char body[] = "{\"id\":\"18446744073709551615-4294967295\"}";
    struct http_created k = {0};
    struct http_date d = {0};
    struct buf none = {0};
    for (uint64_t time_ms = 1000; time_ms < 5000; time_ms += 400) {
        struct buf got = {0}, want = {0};
        const char *date = http_date(&d, time_ms);
        http_response_created(&got, &k, guard, date, body, strlen(body));
        http_response_answer(&want,
                             &(struct http_answer){
                                 .status = 201,
                                 .minor = 1,
                                 .keep_alive = true,
                                 .fields = &none,
                                 .guard = guard,
                                 .type = "application/json",
                                 .body = body,
                                 .body_len = strlen(body),
                             },
                             date);
        ck_assert_uint_eq(got.len, want.len);
        ck_assert_mem_eq(got.data, want.data, got.len);
        buf_finish(&got);
        buf_finish(&want);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_response");
    TCase *t = tcase_create("http_response");
    tcase_add_test(t, writes_dates);
    tcase_add_test(t, created_answers_are_like_others);
    tcase_add_test(t, writes_a_date_once_a_second);
    tcase_add_test(t, writes_heads);
    tcase_add_test(t, knows_reasons);
    tcase_add_test(t, splits_no_response);
    tcase_add_test(t, tells_what_becomes_of_the_connection);
    tcase_add_loop_test(t, writes_problem_documents, 0, sizeof(details) / sizeof(details[0]));
    tcase_add_test(t, problem_documents_take_members_of_ones_own);
    tcase_add_test(t, answers_with_problems);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
