/*
 * What the hub asks of a server: a loop, a server of this file's own, and a clock that only the
 * test moves.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client/http_client.h"
#include "net/turn.h"
#include "tests/unit/far_server.h"

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define OK(n, text) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" text

enum { TIMEOUT_MS = 1000, STEP_MS = 20, SLACK_MS = 100, CALLS = 8, NOBODY = -1 };

static uint64_t now_ms;

uint64_t __wrap_now_monotonic_ms(void);

uint64_t __wrap_now_monotonic_ms(void)
{
    return now_ms;
}

static struct process process;
static struct loop loop;
static const struct net_settings settings = {.write_timeout_ms = 60000};
static const struct http_reply_limits limits = {.head_bytes = 300, .body_bytes = 50};
static struct http_client_rules rules;
static struct remote *remote;
static struct http_client *client;
static int listener, other_listener;

/* --- the server --- */

static void turn(void)
{
    far_turn(&loop);
}

static void wait_ms(uint64_t ms)
{
    for (uint64_t end = now_ms + ms; now_ms < end; now_ms += STEP_MS)
        turn();
}

/* --- calls --- */

static struct asked {
    struct http_call call; /* first */
    bool done;
    unsigned status;
    enum err why;
    char body[64];
} asked[CALLS];

static void done(struct http_call *call, const struct http_reply *r, enum err why)
{
    struct asked *a = (struct asked *)call;
    ck_assert(!a->done);
    a->done = true;
    a->why = why;
    a->status = r ? r->status : 0;
    if (r && r->body.len)
        memcpy(a->body, r->body.data, r->body.len);
}

static enum err ask(unsigned i)
{
    struct buf request = {0};
    memset(&asked[i], 0, sizeof(asked[i]));
    asked[i].call.done = done;
    http_client_begin(client, &request, "GET");
    buf_printf(&request, "X: %u\r\n\r\n", i);
    return http_client_send(client, &asked[i].call, &request);
}

static void asks(unsigned i)
{
    ck_assert_int_eq(ask(i), ERR_OK);
}

static const char *request_of(unsigned i)
{
    static char text[64];
    snprintf(text, sizeof(text), "GET /who HTTP/1.1\r\nHost: auth:1\r\nX: %u\r\n\r\n", i);
    return text;
}

static void is_done(unsigned i)
{
    for (int n = 0; n < FAR_TURNS && !asked[i].done; n++)
        turn();
    ck_assert_msg(asked[i].done, "%u is not done", i);
}

static void is_answered(unsigned i, const char *body)
{
    is_done(i);
    ck_assert_int_eq(asked[i].why, ERR_OK);
    ck_assert_uint_eq(asked[i].status, 200);
    ck_assert_str_eq(asked[i].body, body);
}

static void has_failed(unsigned i, enum err why)
{
    is_done(i);
    ck_assert_str_eq(err_text(asked[i].why), err_text(why));
    ck_assert_uint_eq(asked[i].status, 0);
}

static void set_up(void)
{
    now_ms = 1000000;
    memset(&process, 0, sizeof(process));
    memset(&loop, 0, sizeof(loop));
    memset(asked, 0, sizeof(asked));
    process.memory.limit = 1 << 20;
    ck_assert_int_eq(loop_init(&loop, 0, &process, &settings), ERR_OK);
    rules = (struct http_client_rules){TIMEOUT_MS, 2, 2, &limits};
    remote = remote_create("auth:1", 6, "/who");
    listener = far_listen(remote);
    other_listener = NOBODY;
    client = http_client_create(&loop, remote, &rules);
    ck_assert_ptr_nonnull(client);
}

static void tear_down(void)
{
    loop.draining = true;
    turn_close_all(&loop, CLOSE_SHUTDOWN);
    turn_end(&loop);
    ck_assert_uint_eq(loop.conns, 0);
    ck_assert_uint_eq(process.conns, 0);
    http_client_destroy(client);
    ck_assert_uint_eq(remote->refs, 1);
    remote_unref(remote);
    http_fields_finish_thread();
    loop_finish(&loop);
    close(listener);
    if (other_listener != NOBODY)
        close(other_listener);
}

/* --- tests --- */

START_TEST(one_connection_serves_one_call_after_the_other)
{
    asks(0);
    int conn = far_comes(&loop, listener);
    for (unsigned i = 0; i < 3; i++) {
        if (i)
            asks(i);
        far_gets(&loop, conn, request_of(i));
        far_says(conn, OK(2, "he"));
        is_answered(i, "he");
    }
    ck_assert(!far_has_come(&loop, listener));
    close(conn);
}
END_TEST

START_TEST(a_connection_that_nobody_needs_ends)
{
    asks(0);
    int conn = far_comes(&loop, listener);
    far_says(conn, OK(0, ""));
    is_answered(0, "");
    wait_ms(3000);
    ck_assert_uint_eq(loop.conns, 1);
    wait_ms(2000);
    far_is_ended(&loop, conn);
}
END_TEST

START_TEST(another_is_made_when_the_server_says_so)
{
    asks(0);
    int conn = far_comes(&loop, listener);
    far_says(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
    is_answered(0, "x");
    far_is_ended(&loop, conn);
    asks(1);
    conn = far_comes(&loop, listener);
    far_says(conn, "HTTP/1.1 200 OK\r\n\r\nto the end");
    close(conn);
    is_answered(1, "to the end");
}
END_TEST

START_TEST(some_wait_and_others_are_refused)
{
    for (unsigned i = 0; i < 4; i++)
        asks(i);
    ck_assert_int_eq(ask(4), ERR_LIMIT);
    int a = far_comes(&loop, listener), b = far_comes(&loop, listener);
    ck_assert(!far_has_come(&loop, listener));
    far_gets(&loop, a, request_of(0));
    far_says(a, OK(1, "a"));
    is_answered(0, "a");
    far_gets(&loop, a, request_of(2));
    asks(5);
    far_says(b, OK(1, "b"));
    is_answered(1, "b");
    far_gets(&loop, b, request_of(1));
    far_gets(&loop, b, request_of(3));
    ck_assert(!asked[5].done);
    close(a);
    close(b);
}
END_TEST

START_TEST(nobody_waits_longer_than_is_said)
{
    for (unsigned i = 0; i < 4; i++)
        asks(i);
    int a = far_comes(&loop, listener), b = far_comes(&loop, listener);
    far_says(a, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    wait_ms(TIMEOUT_MS - SLACK_MS);
    for (unsigned i = 0; i < 4; i++)
        ck_assert(!asked[i].done);
    wait_ms(2 * SLACK_MS);
    for (unsigned i = 0; i < 4; i++)
        has_failed(i, ERR_TIMEOUT);
    ck_assert(!far_has_come(&loop, listener));
    close(a);
    close(b);
}
END_TEST

/* The server may end a connection that it kept, just when another request is on its way. */
START_TEST(a_call_goes_out_again_by_a_new_connection)
{
    asks(0);
    int conn = far_comes(&loop, listener);
    far_gets(&loop, conn, request_of(0));
    far_says(conn, OK(1, "a"));
    is_answered(0, "a");
    asks(1);
    turn();
    close(conn);
    conn = far_comes(&loop, listener);
    far_gets(&loop, conn, request_of(1));
    far_says(conn, OK(1, "b"));
    is_answered(1, "b");
    close(conn);
}
END_TEST

START_TEST(a_call_goes_out_once_by_a_new_connection)
{
    asks(0);
    close(far_comes(&loop, listener));
    has_failed(0, ERR_CLOSED);
    ck_assert(!far_has_come(&loop, listener));
}
END_TEST

START_TEST(the_next_address_is_tried)
{
    other_listener = far_listen(remote);
    close(listener);
    asks(0);
    int conn = far_comes(&loop, other_listener);
    far_gets(&loop, conn, request_of(0));
    far_says(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na");
    is_answered(0, "a");
    far_is_ended(&loop, conn);
    asks(1); /* at that address at once */
    conn = far_comes(&loop, other_listener);
    close(other_listener);
    close(conn);
    has_failed(1, ERR_CLOSED);
    other_listener = NOBODY;
    listener = socket(AF_INET, SOCK_STREAM, 0);
}
END_TEST

START_TEST(nobody_there_is_told)
{
    close(listener);
    enum err e = ask(0);
    if (e == ERR_OK)
        has_failed(0, ERR_CLOSED);
    else
        ck_assert_int_eq(e, ERR_CLOSED);
    remote->count = 0; /* its name has no address */
    ck_assert_int_eq(ask(1), ERR_CLOSED);
    listener = socket(AF_INET, SOCK_STREAM, 0);
}
END_TEST

static const struct {
    const char *says;
    enum err why;
} faults[] = {
    {"SSH-2.0-OpenSSH\r\n", ERR_INVALID},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ERR_INVALID},
    {"HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n", ERR_TOO_LARGE},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n33\r\n", ERR_TOO_LARGE},
};

START_TEST(what_is_no_answer_is_told)
{
    asks(0);
    int conn = far_comes(&loop, listener);
    far_gets(&loop, conn, request_of(0));
    far_says(conn, faults[_i].says);
    has_failed(0, faults[_i].why);
    far_is_ended(&loop, conn);
}
END_TEST

START_TEST(half_an_answer_is_none)
{
    asks(0);
    int conn = far_comes(&loop, listener);
    far_gets(&loop, conn, request_of(0));
    far_says(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    close(conn);
    has_failed(0, ERR_CLOSED);
    ck_assert(!far_has_come(&loop, listener));
}
END_TEST

/* Whatever it was, the server has begun to do it. */
START_TEST(what_was_answered_in_part_does_not_go_out_again)
{
    static const struct linger reset = {1, 0};
    asks(0);
    int conn = far_comes(&loop, listener);
    far_gets(&loop, conn, request_of(0));
    far_says(conn, OK(1, "a"));
    is_answered(0, "a");
    asks(1);
    far_gets(&loop, conn, request_of(1));
    far_says(conn, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 10; i++)
        turn();
    setsockopt(conn, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(conn);
    has_failed(1, ERR_CLOSED);
    ck_assert(!far_has_come(&loop, listener));
}
END_TEST

START_TEST(what_was_not_asked_for_ends_a_connection)
{
    asks(0);
    int conn = far_comes(&loop, listener);
    far_gets(&loop, conn, request_of(0));
    far_says(conn, OK(1, "a") "HTTP/1.1 200 OK\r\n");
    is_answered(0, "a");
    far_is_ended(&loop, conn);
    asks(1);
    conn = far_comes(&loop, listener);
    far_gets(&loop, conn, request_of(1));
    far_says(conn, OK(1, "b"));
    is_answered(1, "b");
    far_says(conn, "more");
    far_is_ended(&loop, conn);
}
END_TEST

START_TEST(another_server_gets_what_comes_then)
{
    struct remote *second = remote_create("auth:1", 6, "/who");
    other_listener = far_listen(second);
    asks(0);
    asks(1);
    int a = far_comes(&loop, listener), b = far_comes(&loop, listener);
    far_gets(&loop, a, request_of(0));
    far_says(a, OK(1, "a"));
    is_answered(0, "a");
    http_client_set(client, second, &rules);
    remote_unref(second);
    far_is_ended(&loop, a);
    asks(2);
    int conn = far_comes(&loop, other_listener);
    far_gets(&loop, conn, request_of(2));
    far_says(b, OK(1, "b"));
    is_answered(1, "b");
    far_gets(&loop, b, request_of(1));
    far_is_ended(&loop, b);
    close(conn);
}
END_TEST

START_TEST(a_hub_that_stops_begins_nothing)
{
    asks(0);
    asks(1);
    asks(2);
    int a = far_comes(&loop, listener), b = far_comes(&loop, listener);
    far_gets(&loop, a, request_of(0));
    loop.draining = true;
    far_says(a, OK(1, "a"));
    is_answered(0, "a");
    far_is_ended(&loop, a);
    has_failed(2, ERR_CLOSED);
    ck_assert_int_eq(ask(3), ERR_CLOSED);
    close(b);
    has_failed(1, ERR_CLOSED);
    ck_assert(!far_has_come(&loop, listener));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_client");
    TCase *c = tcase_create("http_client");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, one_connection_serves_one_call_after_the_other);
    tcase_add_test(c, a_connection_that_nobody_needs_ends);
    tcase_add_test(c, another_is_made_when_the_server_says_so);
    tcase_add_test(c, some_wait_and_others_are_refused);
    tcase_add_test(c, nobody_waits_longer_than_is_said);
    tcase_add_test(c, a_call_goes_out_again_by_a_new_connection);
    tcase_add_test(c, a_call_goes_out_once_by_a_new_connection);
    tcase_add_test(c, the_next_address_is_tried);
    tcase_add_test(c, nobody_there_is_told);
    tcase_add_loop_test(c, what_is_no_answer_is_told, 0, COUNT(faults));
    tcase_add_test(c, half_an_answer_is_none);
    tcase_add_test(c, what_was_answered_in_part_does_not_go_out_again);
    tcase_add_test(c, what_was_not_asked_for_ends_a_connection);
    tcase_add_test(c, another_server_gets_what_comes_then);
    tcase_add_test(c, a_hub_that_stops_begins_nothing);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
