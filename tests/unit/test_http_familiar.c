/* Fields that come again behind another request line mean what reading them anew would say; and
 * where they would mean something else, they are read. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/http_familiar.h"
#include "http/h1/http_repeat.h"

#define LINE       "GET /t/a?after=17-4 HTTP/1.1\r\n"
#define OTHER_LINE "GET /t/bc?wait=25&after=123456-4 HTTP/1.1\r\n"
#define FIELDS                                                                                     \
    "Host: h\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"         \
    "Accept: */*\r\nVia: 1.0 a\r\nCookie: a=b\r\nvia: 1.1 b\r\n\r\n"

static const struct http_limits limits = {
    .head_bytes = 2000,
    .target_bytes = 100,
    .headers = 20,
    .body_bytes = 5000,
};

static struct buf want, got;

static void teardown(void)
{
    buf_finish(&want);
    buf_finish(&got);
    http_repeat_finish_thread();
    http_fields_finish_thread();
}

/* --- what a reader makes of a head, as text --- */

typedef enum http_read reader(struct http_request *r, const char *data, size_t n, size_t *used);

static void tell_known(struct buf *out, const struct http_fields *f)
{
    for (int which = 0; which < HTTP_FIELD_UNKNOWN; which++) {
        size_t n;
        const char *value = http_fields_get(f, which, &n);
        for (; value; value = http_fields_next(f, which, value, &n))
            buf_printf(out, "[%d] %zu %s\n", which, n, value);
    }
}

static void tell_head(struct buf *out, const struct http_request *r)
{
    const struct buf *text = &r->fields->text;
    buf_printf(out, "%s %s %s %s 1.%u %d%d%d%d %u %lu\n", r->method, r->target, r->host,
               r->fields->text.failed ? "failed" : "", r->minor, r->keep_alive, r->expect_continue,
               r->has_body, r->has_host, r->headers, (unsigned long)http_request_length(r));
    buf_append(out, text->data + r->fields->begin, text->len - r->fields->begin);
    tell_known(out, r->fields);
}

static void tell(struct buf *out, reader *read, const struct http_limits *l, const char *head,
                 size_t n)
{
    struct http_request r;
    size_t used = 0;
    http_request_init(&r, l);
    enum http_read event = read(&r, head, n, &used);
    buf_clear(out);
    buf_printf(out, "%d %zu\n", event, used);
    if (event == HTTP_READ_HEAD)
        tell_head(out, &r);
    if (event == HTTP_READ_ERROR)
        buf_printf(out, "%u %s\n", r.status, r.reason);
    http_request_finish(&r);
}

/* HEAD means the same with what is kept as without. */
static void check_same(const struct http_limits *l, const char *head, size_t n)
{
    tell(&want, http_request_feed, l, head, n);
    tell(&got, http_repeat_feed, l, head, n);
    ck_assert_msg(want.len == got.len && memcmp(want.data, got.data, want.len) == 0,
                  "%.*s\n--- wanted\n%.*s\n--- got\n%.*s", (int)n, head, (int)want.len, want.data,
                  (int)got.len, got.data);
}

static bool is_known(const char *fields)
{
    return http_familiar_find(fields, strlen(fields)) != NULL;
}

/* Reads a head that is LINE and FIELDS; from then on these may be kept. */
static void learn_behind(const char *line, const char *fields)
{
    char head[4 * HTTP_FAMILIAR_BYTES];
    int n = snprintf(head, sizeof(head), "%s%s", line, fields);
    check_same(&limits, head, (size_t)n);
}

static void learn(const char *fields)
{
    learn_behind(LINE, fields);
}

/* Reads OTHER_LINE and the fields that are known; returns whether the request took them. */
static bool is_taken(const char *line, const struct http_limits *l)
{
    struct http_request r;
    size_t used = 0;
    const struct http_familiar *f = http_familiar_find(FIELDS, sizeof(FIELDS) - 1);
    ck_assert_ptr_nonnull(f);
    http_request_init(&r, l);
    bool goes_on = http_request_feed(&r, line, strlen(line), &used) == HTTP_READ_MORE;
    bool taken = goes_on && http_familiar_take(f, &r);
    http_request_finish(&r);
    return taken;
}

/* --- the same --- */

START_TEST(another_line)
{
    static const char head[] = OTHER_LINE FIELDS;
    ck_assert(!is_known(FIELDS));
    learn(FIELDS);
    ck_assert(is_known(FIELDS));
    ck_assert(is_taken(OTHER_LINE, &limits));
    check_same(&limits, head, sizeof(head) - 1);
    for (size_t n = 0; n < sizeof(head) - 1; n++)
        check_same(&limits, head, n);
    check_same(&limits, OTHER_LINE FIELDS "GET", sizeof(head) + 2); /* more behind it */
}
END_TEST

static const struct {
    const char *line;
    bool taken;
} lines[] = {
    {"GET http://other:81/t/a HTTP/1.1\r\n", true}, /* its own authority */
    {"OPTIONS * HTTP/1.1\r\n", true},
    {"POST /t/a HTTP/1.9\r\n", true},
    {"GET /t/a HTTP/1.0\r\n", false}, /* does not stay open, without being asked */
    {"GET /t/a HTTP/2.0\r\n", false},
    {"GET /t/a\r\n", false},
    {"GET  /t/a HTTP/1.1\r\n", false},
    {"GET /t/\x01 HTTP/1.1\r\n", false},
    {"CONNECT h:1 HTTP/1.1\r\n", false},
    {"GET /t/a HTTP/1.1\n", false},
};

START_TEST(other_lines)
{
    char head[1000];
    learn(FIELDS);
    int n = snprintf(head, sizeof(head), "%s%s", lines[_i].line, FIELDS);
    check_same(&limits, head, (size_t)n);
    ck_assert_int_eq(is_taken(lines[_i].line, &limits), lines[_i].taken);
}
END_TEST

/* Every byte of the head, and every other one in its place. */
START_TEST(each_byte)
{
    static const char head[] = OTHER_LINE FIELDS;
    char text[sizeof(head)];
    memcpy(text, head, sizeof(head));
    learn(FIELDS);
    for (size_t i = 0; i < sizeof(head) - 1; i++) {
        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            check_same(&limits, text, sizeof(head) - 1);
        }
        text[i] = head[i];
    }
}
END_TEST

START_TEST(edges_of_limits)
{
    static const char head[] = OTHER_LINE FIELDS;
    static const size_t target = sizeof(OTHER_LINE) - sizeof("GET  HTTP/1.1\r\n");
    learn(FIELDS);
    for (int less = -1; less <= 1; less++) {
        struct http_limits bytes = limits, number = limits, line = limits;
        bytes.head_bytes = (uint32_t)((int)sizeof(head) - 1 - less);
        number.headers = (uint16_t)(7 - less);
        line.target_bytes = (uint32_t)((int)target - less);
        check_same(&bytes, head, sizeof(head) - 1);
        check_same(&number, head, sizeof(head) - 1);
        check_same(&line, head, sizeof(head) - 1);
        ck_assert_int_eq(is_taken(OTHER_LINE, &bytes), less <= 0);
        ck_assert_int_eq(is_taken(OTHER_LINE, &number), less <= 0);
        ck_assert_int_eq(is_taken(OTHER_LINE, &line), less <= 0);
    }
}
END_TEST

/* Whatever they say of the connection holds for each of them. */
START_TEST(the_connection_ends)
{
    static const char fields[] = "Host: h\r\nConnection: close\r\nX-Long: aaaaaaaaaa\r\n\r\n";
    static const char head[] =
        OTHER_LINE "Host: h\r\nConnection: close\r\nX-Long: aaaaaaaaaa\r\n\r\n";
    learn(fields);
    ck_assert(is_known(fields));
    check_same(&limits, head, sizeof(head) - 1);
}
END_TEST

/* --- what is kept --- */

static const struct {
    const char *line, *fields;
} others[] = {
    {"GET /t/a HTTP/1.0\r\n", "Connection: keep-alive\r\nX-Long: aaaaaaaaaaaaaaaaaa\r\n\r\n"},
    {LINE, "Host: h\r\n\r\n"}, /* short */
    {"POST /t/a HTTP/1.1\r\n", "Host: h\r\nContent-Length: 12\r\nX-Long: aaaaaaaa\r\n\r\n"},
    {"POST /t/a HTTP/1.1\r\n", "Host: h\r\nTransfer-Encoding: chunked\r\nX: a\r\n\r\n"},
    {LINE, "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n"}, /* no host: refused */
};

START_TEST(others_are_not_kept)
{
    learn_behind(others[_i].line, others[_i].fields);
    ck_assert(!is_known(others[_i].fields));
}
END_TEST

START_TEST(long_ones_are_not_kept)
{
    char fields[2 * HTTP_FAMILIAR_BYTES], value[HTTP_FAMILIAR_BYTES];
    size_t around = strlen("Host: h\r\nX: \r\n\r\n");
    for (size_t n = HTTP_FAMILIAR_BYTES; n <= HTTP_FAMILIAR_BYTES + 1; n++) {
        memset(value, 'x', n - around);
        value[n - around] = '\0';
        snprintf(fields, sizeof(fields), "Host: h\r\nX: %s\r\n\r\n", value);
        ck_assert_uint_eq(strlen(fields), n);
        learn(fields);
        ck_assert_int_eq(is_known(fields), n == HTTP_FAMILIAR_BYTES);
    }
}
END_TEST

static void one_of_many(char fields[100], int i)
{
    snprintf(fields, 100, "Host: h\r\nUser-Agent: Mozilla/5.0\r\nCookie: session=%d\r\n\r\n", i);
}

static int count_known(int clients)
{
    char fields[100];
    int known = 0;
    for (int i = 0; i < clients; i++) {
        one_of_many(fields, i);
        known += is_known(fields);
    }
    return known;
}

/* Many clients, each with words of its own: most of what may be kept is, and no more. */
START_TEST(keeps_many)
{
    char fields[100];
    for (int i = 0; i < 4 * HTTP_FAMILIAR_MAX; i++) {
        one_of_many(fields, i);
        learn(fields);
    }
    int known = count_known(4 * HTTP_FAMILIAR_MAX);
    ck_assert_int_le(known, HTTP_FAMILIAR_MAX);
    ck_assert_int_ge(known, HTTP_FAMILIAR_MAX / 2);
}
END_TEST

/* Those that came first do not stay for ever, and leave one at a time. */
START_TEST(makes_room)
{
    char fields[100];
    for (int i = 0; i < 4 * HTTP_FAMILIAR_MAX; i++) {
        one_of_many(fields, i);
        learn(fields);
    }
    for (int turn = 0; turn < HTTP_FAMILIAR_PATIENCE; turn++) {
        one_of_many(fields, -1);
        learn(fields);
    }
    ck_assert(is_known(fields));
}
END_TEST

START_TEST(ends_with_its_thread)
{
    learn(FIELDS);
    http_repeat_finish_thread();
    ck_assert(!is_known(FIELDS));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_familiar");
    TCase *t = tcase_create("http_familiar");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, another_line);
    tcase_add_loop_test(t, other_lines, 0, (int)(sizeof(lines) / sizeof(lines[0])));
    tcase_add_test(t, each_byte);
    tcase_add_test(t, edges_of_limits);
    tcase_add_test(t, the_connection_ends);
    tcase_add_loop_test(t, others_are_not_kept, 0, (int)(sizeof(others) / sizeof(others[0])));
    tcase_add_test(t, long_ones_are_not_kept);
    tcase_add_test(t, keeps_many);
    tcase_add_test(t, makes_room);
    tcase_add_test(t, ends_with_its_thread);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
