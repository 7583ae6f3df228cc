/* Connections by a clock that only the test moves: what ends them, when, and what they are told. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "http/h1/h1_silent.h"
#include "net/peer.h"
#include "tests/unit/desk.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define SSE(path) "GET " path " HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"
#define WS(path)                                                                                   \
    "GET " path " HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"               \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Deadlines are kept to the slot of the wheel, and one follows the other. */
enum { SLACK_MS = 400 };

static struct desk desk;
static struct client client;

static void setup(void)
{
    desk_open(&desk);
    client_open(&client, &desk, false);
}

static void setup_roaming(void)
{
    desk_open(&desk);
    desk.roams = true;
    client_open(&client, &desk, false);
}

static void teardown(void)
{
    client_close(&client);
    desk_close(&desk);
}

/* So long nothing comes, and then TEXT ("" = the end without a word). */
static void check_comes_after(uint64_t ms, const char *text)
{
    client_forget(&client);
    desk_wait(&desk, ms - SLACK_MS);
    client_hear_all(&client);
    ck_assert_msg(client.got.len == 0 && !client.ended, "too early: %s", client.got.data);
    desk_wait(&desk, 2 * SLACK_MS);
    client_hear_all(&client);
    if (*text)
        ck_assert_msg(client_heard(&client, text), "not %s but: %s", text, client.got.data);
    else
        ck_assert(client.ended && client.got.len == 0);
}

START_TEST(idle_connections_end_without_a_word)
{
    check_comes_after(desk.settings->idle_timeout_ms, "");
}
END_TEST

START_TEST(an_empty_line_is_no_request_and_wins_no_time)
{
    desk_wait(&desk, 50000);
    client_say(&client, "\r\n");
    check_comes_after(desk.settings->idle_timeout_ms - 50000, "");
}
END_TEST

/* Of very many that only connect each costs a connection, and no more. */
START_TEST(who_has_said_nothing_has_no_state)
{
    ck_assert_ptr_null(client.conn->state);
    client_say(&client, "G");
    ck_assert_ptr_nonnull(client.conn->state);
    client_say(&client, "ET /healthz HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(client_heard(&client, "HTTP/1.1 200 "));
}
END_TEST

static void never(struct conn *c, bool status_only)
{
    (void)status_only;
    ck_abort_msg("connection %u is no HTTP/2", c->id);
}

/* It begins as HTTP/2 does; what it is has the time of a head to be told. */
START_TEST(half_a_preface_is_half_a_head)
{
    h1_set_next(never);
    desk.settings->h2 = true;
    client_say(&client, "P");
    desk_wait(&desk, 3000);
    client_say(&client, "RI * HTTP/2.0\r\n");
    check_comes_after(desk.settings->net.head_timeout_ms - 3000, "HTTP/1.1 408 ");
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(what_begins_as_a_preface_may_be_a_request)
{
    h1_set_next(never);
    desk.settings->h2 = true;
    client_say(&client, "P");
    client_say(&client, "UT /t/a HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(client_heard(&client, "HTTP/1.1 405 "));
}
END_TEST

static void kick(void)
{
    conn_kick(client.conn);
}

static void refuse(void)
{
    conn_refuse(client.conn);
}

static void shut_down(void)
{
    client.conn->protocol->shutdown(client.conn);
}

static void half_close(void)
{
    client_half_close(&client);
}

static void (*const ends[])(void) = {kick, refuse, shut_down, half_close};

START_TEST(who_has_said_nothing_ends_without_a_word)
{
    desk_begin_turn(&desk);
    ends[_i]();
    desk_end_turn(&desk);
    ck_assert(client_ended(&client));
    ck_assert_uint_eq(client.got.len, 0);
}
END_TEST

START_TEST(the_time_of_an_idle_one_begins_with_the_answer)
{
    desk_wait(&desk, 50000);
    client_say(&client, GET("/healthz"));
    ck_assert(client_heard(&client, "HTTP/1.1 200 "));
    check_comes_after(desk.settings->idle_timeout_ms, "");
}
END_TEST

START_TEST(a_head_has_its_time_however_it_comes)
{
    client_say(&client, "G");
    desk_wait(&desk, 3000);
    client_say(&client, "ET /healthz HTTP/1.1\r\n");
    check_comes_after(desk.settings->net.head_timeout_ms - 3000, "HTTP/1.1 408 ");
    ck_assert(client_heard(&client, "Connection: close\r\n"));
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(a_body_may_be_silent_for_so_long)
{
    client_say(&client, "POST /t/a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
    check_comes_after(desk.settings->body_timeout_ms, "HTTP/1.1 408 ");
}
END_TEST

/* What it wins is what its bytes may take, 4 of them a millisecond, and never more than all. */
START_TEST(a_body_wins_time_with_its_bytes)
{
    static char some[4 * 8000];
    client_say(&client, "POST /t/a HTTP/1.1\r\n" HOST "Content-Length: 900000\r\n\r\n");
    desk_wait(&desk, 20000);
    memset(some, 'x', sizeof(some));
    client_say_bytes(&client, some, sizeof(some));
    desk_wait(&desk, 5000); /* of the 10 s that were left and the 8 s that were won */
    for (int i = 0; i < 10; i++)
        client_say_bytes(&client, some, sizeof(some));
    check_comes_after(desk.settings->body_timeout_ms, "HTTP/1.1 408 ");
}
END_TEST

START_TEST(a_poll_waits_for_as_long_as_it_says)
{
    client_say(&client, GET("/t/a?wait=7.5"));
    check_comes_after(7500, "\"messages\":[]");
    check_comes_after(desk.settings->idle_timeout_ms, "");
}
END_TEST

START_TEST(a_poll_waits_no_longer_than_it_may)
{
    client_say(&client, GET("/t/a?wait=1000"));
    check_comes_after(desk.settings->poll_wait_max_ms, "\"messages\":[]");
}
END_TEST

START_TEST(an_event_stream_has_heartbeats)
{
    client_say(&client, SSE("/t/a"));
    ck_assert(client_heard(&client, "event: longwire.live\n"));
    for (int i = 0; i < 3; i++)
        check_comes_after(desk.settings->heartbeat_ms - (i ? SLACK_MS : 0), "\n\n");
}
END_TEST

START_TEST(a_websocket_is_pinged_and_given_up_when_it_is_silent)
{
    static const char pong[] = "\x8a\x80mask";
    client_say(&client, WS("/t/a"));
    ck_assert(client_heard(&client, "HTTP/1.1 101 "));
    check_comes_after(desk.settings->heartbeat_ms, "\x89");
    for (int i = 0; i < 4; i++) {
        client_say_bytes(&client, pong, sizeof(pong) - 1);
        check_comes_after(desk.settings->heartbeat_ms - SLACK_MS, "\x89");
    }
    /* Heard one heartbeat ago: the one that comes behind three of them and a second is the end. */
    check_comes_after(desk.settings->heartbeat_ms - SLACK_MS, "\x89");
    check_comes_after(desk.settings->heartbeat_ms - SLACK_MS, "\x89");
    ck_assert_uint_eq(desk_count(&desk, COUNTER_ws_silent), 0);
    check_comes_after(desk.settings->heartbeat_ms - SLACK_MS, "");
    ck_assert_uint_eq(desk_count(&desk, COUNTER_ws_silent), 1);
}
END_TEST

/* Streams that take nothing, and a connection that ends behind an answer that is not taken. */
static const char *const stuck[] = {
    SSE("/t/much?after=earliest"),
    WS("/t/much?after=earliest"),
    GET("/t/much?after=earliest&wait=0"),
    "GET /t/much?after=earliest&wait=0 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
};

static bool is_gone(void)
{
    return conn_state(client.conn) == CONN_CLOSED;
}

START_TEST(who_takes_nothing_is_given_up)
{
    desk.settings->idle_timeout_ms = 5000;
    desk_publish(&desk, "much", 20, 50000);
    client_say(&client, stuck[_i]);
    desk_catch_up(&desk);
    desk_wait(&desk, desk.settings->net.write_timeout_ms - 2000);
    ck_assert(!is_gone());
    desk_wait(&desk, 2000 + desk.settings->heartbeat_ms + desk.settings->idle_timeout_ms);
    if (_i == 3)
        desk_wait(&desk, desk.settings->net.write_timeout_ms);
    ck_assert(is_gone());
    ck_assert_uint_eq(desk_count(&desk, COUNTER_ws_silent), 0);
}
END_TEST

START_TEST(who_takes_something_is_not)
{
    static const char pong[] = "\x8a\x80mask";
    desk_publish(&desk, "much", 40, 50000);
    client_say(&client, stuck[_i]);
    for (int i = 0; i < 6; i++) {
        desk_wait(&desk, desk.settings->net.write_timeout_ms - 20000);
        if (_i == 1)
            client_say_bytes(&client, pong, sizeof(pong) - 1);
        ck_assert(!is_gone());
        for (int n = 0; n < 5; n++) {
            client_hear(&client);
            desk_catch_up(&desk);
        }
    }
}
END_TEST

/* Whatever the socket takes: of a large answer a piece at a time, so that others have their turn
 * between. */
START_TEST(a_large_answer_leaves_in_pieces)
{
    enum { PIECE = 256 << 10, SIZE = 1000000 };
    int room = 1 << 20;
    desk_publish(&desk, "large", 1, SIZE);
    setsockopt(conn_fan_fd(client.conn), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    client_say(&client, GET("/t/large?after=earliest&wait=0"));
    uint64_t work = desk.worker->loop.work.done;
    size_t left = conn_unsent(client.conn);
    client_hear_all(&client);
    ck_assert_uint_gt(client.got.len, SIZE);
    ck_assert_uint_le(client.got.len - left, PIECE);
    ck_assert_uint_ge(desk.worker->loop.work.done - work, left);
    ck_assert_uint_lt(desk.worker->loop.work.done - work, 2 * left);
}
END_TEST

struct tied {
    struct bond bond; /* first */
    unsigned ended;
};

static void end_tied(struct conn *c, struct bond *b)
{
    ck_assert_ptr_eq(c, client.conn);
    ((struct tied *)b)->ended++;
}

/* Before its peer is known, or after that, or without one. */
START_TEST(what_is_tied_to_one_ends_with_it)
{
    const struct ip_port from = {.port = 9};
    struct tied one = {.bond.end = end_tied}, gone = one;
    ck_assert_ptr_null(conn_bond(client.conn));
    conn_set_bond(client.conn, &gone.bond);
    if (_i == 1)
        conn_set_peer(client.conn, peer_create(&from, false));
    ck_assert_ptr_eq(conn_bond(client.conn), &gone.bond);
    conn_set_bond(client.conn, NULL);
    ck_assert_ptr_null(conn_bond(client.conn));
    conn_set_bond(client.conn, &one.bond);
    if (_i == 2)
        conn_set_peer(client.conn, peer_create(&from, false));
    ck_assert(conn_is_proxied(client.conn) == (_i > 0));
    ck_assert_ptr_eq(conn_bond(client.conn), &one.bond);
    desk_begin_turn(&desk);
    conn_close(client.conn, CLOSE_KICKED);
    ck_assert_uint_eq(one.ended, 0);
    desk_end_turn(&desk);
    ck_assert_uint_eq(one.ended, 1);
    ck_assert_uint_eq(gone.ended, 0);
}
END_TEST

/* Whatever carries the bytes. */
static TCase *with(const char *name, void (*set_up)(void))
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, set_up, teardown);
    tcase_add_test(t, idle_connections_end_without_a_word);
    tcase_add_test(t, an_empty_line_is_no_request_and_wins_no_time);
    tcase_add_test(t, who_has_said_nothing_has_no_state);
    tcase_add_loop_test(t, what_is_tied_to_one_ends_with_it, 0, 3);
    tcase_add_test(t, half_a_preface_is_half_a_head);
    tcase_add_test(t, what_begins_as_a_preface_may_be_a_request);
    tcase_add_loop_test(t, who_has_said_nothing_ends_without_a_word, 0,
                        sizeof(ends) / sizeof(ends[0]));
    tcase_add_test(t, the_time_of_an_idle_one_begins_with_the_answer);
    tcase_add_test(t, a_head_has_its_time_however_it_comes);
    tcase_add_test(t, a_body_may_be_silent_for_so_long);
    tcase_add_test(t, a_body_wins_time_with_its_bytes);
    tcase_add_test(t, a_poll_waits_for_as_long_as_it_says);
    tcase_add_test(t, a_poll_waits_no_longer_than_it_may);
    tcase_add_test(t, an_event_stream_has_heartbeats);
    tcase_add_test(t, a_websocket_is_pinged_and_given_up_when_it_is_silent);
    return t;
}

static Suite *conns_suite(void)
{
    Suite *s = suite_create("conns");
    TCase *t = with("sockets", setup);
    tcase_add_loop_test(t, who_takes_nothing_is_given_up, 0, 4);
    tcase_add_test(t, a_large_answer_leaves_in_pieces);
    tcase_add_loop_test(t, who_takes_something_is_not, 0, 2);
    suite_add_tcase(s, t);
    suite_add_tcase(s, with("a link that does what it likes", setup_roaming));
    return s;
}

int main(void)
{
    random_seed();
    SRunner *r = srunner_create(conns_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
