/* longwirectl doctor: where a hub is said to be, and answers as they come, in pieces of any size.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "tools/client/ws_wire.h"
#include "tools/doctor/doctor.h"

/* ---- Addresses ---- */

static void check_url(const char *text, const char *host, const char *port, const char *prefix)
{
    struct doctor_url url;
    ck_assert_msg(doctor_url_parse(text, &url) == NULL, "%s", text);
    ck_assert_str_eq(url.host, host);
    ck_assert_str_eq(url.port, port);
    ck_assert_str_eq(url.prefix, prefix);
}

START_TEST(addresses)
{
    struct doctor_url url;
    check_url("http://hub.example", "hub.example", "80", "");
    check_url("HTTP://hub.example:8420/", "hub.example", "8420", "");
    check_url("ws://hub.example:8420/live//", "hub.example", "8420", "/live");
    check_url("127.0.0.1:8420/a/b", "127.0.0.1", "8420", "/a/b");
    check_url("http://[::1]:65535", "::1", "65535", "");
    check_url("[::1]/x", "::1", "80", "/x");
    ck_assert_ptr_null(doctor_url_parse("http://[::1]:81/x", &url));
    ck_assert_str_eq(url.authority, "[::1]:81");
    ck_assert(!url.tls);
    check_url("https://hub.example", "hub.example", "443", "");
    check_url("WSS://hub.example:8443/live", "hub.example", "8443", "/live");
    ck_assert_ptr_null(doctor_url_parse("https://[::1]", &url));
    ck_assert(url.tls);
}
END_TEST

START_TEST(no_addresses)
{
    static const char *const wrong[] = {
        "",
        "http://",
        "http://:80",
        "http://a:",
        "http://a:0",
        "http://a:65536",
        "http://a:8x",
        "http://a?b",
        "http://a/#b",
        "http://u@a",
        "http://a b",
        "http://[::1",
        "http://[]",
        "http://[::1]8",
        "ftp://a",
        "xy://a",
        "w://a",
        "http://a:123456",
        "http://a/\n",
        "http://a\x7f",
        "http://[::1]:",
    };
    char large[1024];
    struct doctor_url url;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(doctor_url_parse(wrong[i], &url) != NULL, "%s", wrong[i]);
    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    ck_assert_ptr_nonnull(doctor_url_parse(large, &url));
    large[1] = '/';
    ck_assert_ptr_nonnull(doctor_url_parse(large, &url));
}
END_TEST

/* ---- Answers ---- */

/* A link whose other end is *RET. */
static void init_link(struct doctor_link *l, int *ret)
{
    int fds[2];
    doctor_link_init(l);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    l->fd = fds[0];
    l->state = LINK_OPEN;
    *ret = fds[1];
}

/* Reads ANSWER in pieces of STEP bytes, and its end if CLOSES. */
static void feed(struct doctor_link *l, const char *answer, size_t n, size_t step, bool closes)
{
    int other;
    init_link(l, &other);
    for (size_t i = 0; i < n && l->state == LINK_OPEN; i += step) {
        size_t piece = n - i < step ? n - i : step;
        ck_assert_int_eq(write(other, answer + i, piece), (ssize_t)piece);
        ck_assert(doctor_links_wait(&l, 1, doctor_now() + 60));
    }
    close(other);
    if (closes && l->state == LINK_OPEN)
        ck_assert(doctor_links_wait(&l, 1, doctor_now() + 60));
}

static const struct {
    const char *answer, *body;
    bool closes, complete;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false, true},
    {"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", "", false, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", "", false, true},
    {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", true, true},
    {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", false, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "hello", true, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
     "hello", false, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0A\r\n0123456789\r\n", "0123456789",
     true, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "hel", true, false},
};

START_TEST(answers_in_pieces)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const char *answer = answers[i].answer, *body = answers[i].body;
        size_t n = strlen(answer);
        for (size_t step = 1; step <= n; step++) {
            struct doctor_link l;
            feed(&l, answer, n, step, answers[i].closes);
            ck_assert_int_eq(l.complete, answers[i].complete);
            ck_assert_uint_eq(l.body.len, strlen(body));
            ck_assert(l.first_at > 0 && l.first_at <= l.received_at);
            ck_assert(l.body.len == 0 || memcmp(l.body.data, body, l.body.len) == 0);
            doctor_link_finish(&l);
        }
    }
}
END_TEST

START_TEST(no_answers)
{
    static const char *const wrong[] = {
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct doctor_link l;
        feed(&l, wrong[i], strlen(wrong[i]), strlen(wrong[i]), false);
        ck_assert_int_eq(l.state, LINK_ENDED);
        ck_assert_int_eq(l.error, EBADMSG);
        ck_assert(!l.complete);
        doctor_link_finish(&l);
    }
}
END_TEST

/* A line of a chunk that never ends, a head that never ends. */
START_TEST(endless_lines)
{
    static const char *const beginnings[] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        "HTTP/1.1 200 OK\r\nX: ",
    };
    char line[4096];
    memset(line, 'x', sizeof(line));
    for (size_t i = 0; i < 2; i++) {
        struct doctor_link l, *links[] = {&l};
        int other;
        init_link(&l, &other);
        ck_assert_int_gt(write(other, beginnings[i], strlen(beginnings[i])), 0);
        for (int n = 0; n < 8 && l.state == LINK_OPEN; n++) {
            ck_assert_int_eq(write(other, line, sizeof(line)), sizeof(line));
            ck_assert(doctor_links_wait(links, 1, doctor_now() + 60));
        }
        ck_assert_int_eq(l.state, LINK_ENDED);
        close(other);
        doctor_link_finish(&l);
    }
}
END_TEST

START_TEST(header_values)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nCache-Control: no-store, No-Transform\r\n"
                                 "Content-Length: 0\r\n\r\n";
    struct doctor_link l;
    feed(&l, answer, sizeof(answer) - 1, 7, false);
    ck_assert(doctor_link_says(&l, "cache-control:", "no-transform"));
    ck_assert(doctor_link_says(&l, "Cache-Control:", "no-store"));
    ck_assert(!doctor_link_says(&l, "Cache-Control:", "no-store, no-transform, max-age"));
    ck_assert(!doctor_link_says(&l, "Cache:", "no-store"));
    doctor_link_finish(&l);
}
END_TEST

/* ---- Several links, and those that end ---- */

/* Each is read from, whatever became of those before it. */
START_TEST(links_that_have_ended_hide_no_other)
{
    struct doctor_link links[3], *all[] = {&links[0], &links[1], &links[2]};
    int others[3];
    for (int i = 0; i < 3; i++)
        init_link(&links[i], &others[i]);
    close(others[0]);
    ck_assert(doctor_links_wait(all, 3, doctor_now() + 60));
    ck_assert_int_ne(links[0].state, LINK_OPEN);
    for (int i = 1; i < 3; i++)
        ck_assert_int_eq(write(others[i], "H", 1), 1);
    ck_assert(doctor_links_wait(all, 3, doctor_now() + 60));
    for (int i = 1; i < 3; i++)
        ck_assert_uint_eq(links[i].in.len, 1);
    ck_assert(!doctor_links_wait(all, 1, doctor_now() + 60)); /* nothing can come of it */
    ck_assert(!doctor_links_wait(all, 3, doctor_now()));
    for (int i = 0; i < 3; i++)
        doctor_link_finish(&links[i]);
    close(others[1]);
    close(others[2]);
}
END_TEST

START_TEST(what_nobody_takes_is_no_endless_wait)
{
    static const char much[4 << 20];
    struct doctor_link l;
    int other;
    init_link(&l, &other);
    ck_assert_int_eq(doctor_link_send(&l, "GET", 3, doctor_now() + 60), ERR_OK);
    ck_assert_int_eq(doctor_link_send(&l, much, sizeof(much), doctor_now()), ERR_CLOSED);
    ck_assert_int_eq(l.error, ETIMEDOUT);
    ck_assert_int_ne(l.state, LINK_OPEN);
    doctor_link_finish(&l);
    close(other);
    init_link(&l, &other);
    close(other);
    ck_assert_int_eq(doctor_link_send(&l, "GET", 3, doctor_now() + 60), ERR_CLOSED);
    ck_assert_int_eq(l.error, EPIPE);
    ck_assert_int_ne(l.state, LINK_OPEN);
    doctor_link_finish(&l);
}
END_TEST

/* ---- Frames ---- */

START_TEST(frames_one_after_the_other)
{
    static const char frames[] = "\x81\x02hi\x89\x00\x81\x7e\x00\x03one\x81\x05half";
    static const char *const payloads[] = {"hi", "", "one"};
    struct doctor_link l;
    struct ws_header h;
    const char *payload;
    size_t used = 0;
    doctor_link_init(&l);
    buf_append(&l.in, frames, sizeof(frames) - 1);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(doctor_next_frame(&l, &used, &h, &payload));
        ck_assert_uint_eq(h.len, strlen(payloads[i]));
        ck_assert(memcmp(payload, payloads[i], h.len) == 0);
    }
    ck_assert(!doctor_next_frame(&l, &used, &h, &payload));
    ck_assert_uint_eq(l.in.len, 6);
    buf_putc(&l.in, '!');
    ck_assert(doctor_next_frame(&l, &used, &h, &payload));
    ck_assert(memcmp(payload, "half!", 5) == 0);
    ck_assert(!doctor_next_frame(&l, &used, &h, &payload));
    ck_assert_uint_eq(l.in.len, 0);
    doctor_link_finish(&l);
}
END_TEST

/* RFC 6455, 7.1.5: a close frame without a status is 1005. */
START_TEST(closes_have_a_code)
{
    ck_assert_uint_eq(ws_close_code("\x03\xe8gone", 6), 1000);
    ck_assert_uint_eq(ws_close_code("\x0f\xff", 2), 4095);
    ck_assert_uint_eq(ws_close_code("\x03", 1), 1005);
    ck_assert_uint_eq(ws_close_code("", 0), 1005);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doctor");
    TCase *tcase = tcase_create("all");
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, addresses);
    tcase_add_test(tcase, no_addresses);
    tcase_add_test(tcase, answers_in_pieces);
    tcase_add_test(tcase, no_answers);
    tcase_add_test(tcase, endless_lines);
    tcase_add_test(tcase, header_values);
    tcase_add_test(tcase, links_that_have_ended_hide_no_other);
    tcase_add_test(tcase, what_nobody_takes_is_no_endless_wait);
    tcase_add_test(tcase, frames_one_after_the_other);
    tcase_add_test(tcase, closes_have_a_code);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
