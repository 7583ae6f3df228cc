/*
 * The compact TLS link under a connection: what a client gets that does not keep to the rules, what
 * is kept while a record is not whole, and how each side ends. That data comes through however
 * links cut it is test_links.c's.
 */
#include <check.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/h1_silent.h"
#include "net/peer_memory.h"
#include "net/readiness.h"
#include "net/tls/tls_link.h"
#include "tests/unit/desk.h"
#include "tests/unit/random.h"
#include "tests/unit/roaming_link.h"
#include "tests/unit/tls_peer.h"

#define HOST    "Host: localhost\r\n"
#define REQUEST "GET /healthz HTTP/1.1\r\n" HOST "\r\n"

/* Each loop test runs with both versions and all suites. */
enum { KINDS = 2 * TLS_SUITES, LOOKS_MAX = 10000 };

static struct desk desk;
static struct roaming wire;
static struct tls_peer peer;
static struct conn *conn;
static size_t heard; /* of what came to the client */

/* --- memory --- */

/* Of this thread: so many succeed; the next one fails, and those behind it do not. */
static _Thread_local unsigned allocations_left = UINT_MAX;
static bool ran_out;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool fails(void)
{
    if (allocations_left == UINT_MAX || allocations_left-- > 0)
        return false;
    ran_out = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

/* --- a connection --- */

static bool is_13(void)
{
    return peer.keys.version == TLS_1_3;
}

static struct tls_keys keys_of(int kind)
{
    return tls_peer_keys(kind < TLS_SUITES ? TLS_1_2 : TLS_1_3,
                         (enum tls_suite)(kind % TLS_SUITES));
}

static void begin_with(const struct tls_keys *keys, enum roaming_manner m, const void *fed,
                       size_t n)
{
    struct link l;
    desk_open(&desk);
    roaming_init(&wire, m, &desk.worker->loop);
    heard = 0;
    ck_assert_int_eq(tls_link_create(roaming_link(&wire), keys, &l), ERR_OK);
    ck_assert_int_eq(tls_link_feed(&l, fed, n), ERR_OK);
    conn = desk_connect(&desk, l, false, &h1_silent_protocol);
}

static void begin(int kind)
{
    struct tls_keys keys = keys_of(kind);
    tls_peer_init(&peer, &keys);
    begin_with(&keys, ROAMING_WHOLE, NULL, 0);
}

static bool is_over(void)
{
    return conn_state(conn) == CONN_CLOSED;
}

static void hear(void)
{
    tls_peer_hear(&peer, wire.out.data + heard, wire.out.len - heard);
    heard = wire.out.len;
}

/* Until nothing moves any more. */
static void settle(void)
{
    for (int looks = 0; !is_over() && roaming_has_news(&wire); looks++) {
        ck_assert_int_lt(looks, LOOKS_MAX);
        unsigned what = roaming_look(&wire);
        if (what)
            desk_serve(&desk, conn, what);
    }
    hear();
}

static void say_bytes(const void *data, size_t n)
{
    roaming_say(&wire, data, n);
    settle();
}

/* What the peer has said goes to the hub. */
static void go(void)
{
    struct buf said = peer.said;
    buf_init(&peer.said);
    say_bytes(said.data, said.len);
    buf_finish(&said);
}

static void say(const char *text)
{
    tls_peer_say_data(&peer, text, strlen(text));
    go();
}

static void end(void)
{
    desk_disconnect(&desk, conn);
    ck_assert(wire.closed);
    ck_assert_uint_eq(desk.worker->loop.conns, 0);
    ck_assert_ptr_null(desk.worker->loop.awaited);
    ck_assert_ptr_null(desk.worker->loop.to_flush);
    ck_assert_uint_eq(peer_memory_held(&desk.process.memory), 0);
    roaming_finish(&wire);
    tls_peer_finish(&peer);
    desk_close(&desk);
}

static void expect_heard(const char *text)
{
    buf_append(&peer.heard, "", 1);
    ck_assert_msg(strstr(peer.heard.data, text), "%s is not in: %s", text, peer.heard.data);
    buf_clear(&peer.heard);
}

/* It goes on as if nothing had been. */
static void check_alive(void)
{
    say(REQUEST);
    expect_heard("HTTP/1.1 200 OK");
    ck_assert_uint_eq(conn_held(conn), 0);
    ck_assert(conn_is_open(conn));
}

/* The client was told A as the last thing, and what it says now is dropped. */
static void check_refused(enum tls_alert a)
{
    hear();
    ck_assert_str_eq(tls_alert_name(peer.alert), tls_alert_name(a));
    ck_assert_uint_eq(peer.level, TLS_LEVEL_FATAL);
    ck_assert_uint_eq(peer.alerts, 1);
    ck_assert(!conn_is_open(conn));
    ck_assert(wire.shut);
    ck_assert_uint_eq(conn_held(conn), 0);
    say_bytes("whatever", 8);
    ck_assert_uint_eq(wire.received, wire.in.len);
    wire.input_over = true;
    settle();
    ck_assert(is_over());
    ck_assert_uint_eq(peer.alerts, 1);
}

/* --- ends --- */

START_TEST(a_client_ends)
{
    begin(_i);
    check_alive();
    tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_close_notify);
    go();
    ck_assert(is_over());
    ck_assert_int_eq(peer.alert, TLS_ALERT_close_notify);
    ck_assert_uint_eq(peer.alerts, 1);
    end();
}
END_TEST

/* Its last request lies before that in the same read. */
START_TEST(what_came_before_the_end_is_answered)
{
    begin(_i);
    tls_peer_say_data(&peer, REQUEST, strlen(REQUEST));
    tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_close_notify);
    go();
    expect_heard("HTTP/1.1 200 OK");
    ck_assert(is_over());
    ck_assert_int_eq(peer.alert, TLS_ALERT_close_notify);
    end();
}
END_TEST

START_TEST(the_hub_ends)
{
    begin(_i);
    say("GET /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    expect_heard("HTTP/1.1 200 OK");
    ck_assert_int_eq(peer.alert, TLS_ALERT_close_notify);
    ck_assert_uint_eq(peer.level, TLS_LEVEL_WARNING);
    ck_assert(wire.shut);
    tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_close_notify);
    go();
    ck_assert(is_over());
    ck_assert_uint_eq(peer.alerts, 1);
    end();
}
END_TEST

/* Whoever cuts the connection cannot make it look like an end. */
START_TEST(an_end_without_close_notify_is_none)
{
    begin(_i);
    say("GET /t/a HTTP/1.1\r\n" HOST "\r\n");
    wire.input_over = true;
    settle();
    ck_assert(is_over());
    ck_assert_uint_eq(peer.records, 0);
    end();
}
END_TEST

START_TEST(a_client_that_fails_is_told_nothing)
{
    begin(_i);
    tls_peer_say_alert(&peer, TLS_LEVEL_FATAL, TLS_ALERT_internal_error);
    go();
    ck_assert(is_over());
    end();
    ck_assert_uint_eq(peer.records, 0);
}
END_TEST

/* TLS 1.2 has no other key: who was told close_notify comes again. */
START_TEST(a_key_that_is_worn_out_is_the_end)
{
    struct tls_keys keys = keys_of(_i);
    keys.out.seq = TLS_GCM_RECORDS_MAX;
    tls_peer_init(&peer, &keys);
    begin_with(&keys, ROAMING_WHOLE, NULL, 0);
    say(REQUEST);
    hear();
    if (is_13() || keys.suite == TLS_CHACHA20_POLY1305) {
        expect_heard("HTTP/1.1 200 OK");
    } else {
        ck_assert(is_over());
        ck_assert_int_eq(peer.alert, TLS_ALERT_close_notify);
    }
    ck_assert_uint_eq(peer.updates, is_13() && keys.suite != TLS_CHACHA20_POLY1305);
    end();
}
END_TEST

/* --- what breaks the rules --- */

START_TEST(what_was_changed_is_refused)
{
    begin(_i);
    check_alive();
    tls_peer_say_data(&peer, REQUEST, strlen(REQUEST));
    peer.said.data[peer.said.len - 1] ^= 1;
    go();
    check_refused(TLS_ALERT_bad_record_mac);
    end();
}
END_TEST

START_TEST(what_came_before_what_is_refused_is_done)
{
    begin(_i);
    tls_peer_say_data(&peer, REQUEST, strlen(REQUEST));
    tls_peer_say_data(&peer, REQUEST, strlen(REQUEST));
    peer.said.data[peer.said.len - 1] ^= 1;
    go();
    ck_assert_uint_eq(desk_count(&desk, COUNTER_http_requests), 1);
    check_refused(TLS_ALERT_bad_record_mac);
    end();
}
END_TEST

START_TEST(records_that_are_too_large_are_refused_by_their_header)
{
    static const uint8_t header[] = {TLS_TYPE_DATA, 3, 3, 0x48, 0x01}; /* 2^14 + 2^11 + 1 */
    begin(_i);
    say_bytes(header, sizeof(header));
    check_refused(TLS_ALERT_record_overflow);
    end();
}
END_TEST

START_TEST(plain_text_is_refused)
{
    begin(_i);
    say_bytes(REQUEST, strlen(REQUEST));
    check_refused(TLS_ALERT_unexpected_message);
    end();
}
END_TEST

START_TEST(empty_records_for_ever_are_refused)
{
    begin(_i);
    for (int i = 0; i <= TLS_IDLE_MAX; i++)
        tls_peer_say_data(&peer, NULL, 0);
    go();
    check_refused(TLS_ALERT_unexpected_message);
    end();
}
END_TEST

/* The alert does not fit into the link, and comes in pieces. */
START_TEST(the_alert_leaves_when_there_is_room)
{
    struct tls_keys keys = keys_of(_i);
    tls_peer_init(&peer, &keys);
    begin_with(&keys, ROAMING_SHORT, NULL, 0);
    wire.full = 5;
    say_bytes("G", 1);
    say_bytes("ET / HTTP/1.1\r\n\r\n", 17);
    for (int i = 0; i < 100 && !wire.shut; i++)
        desk_serve(&desk, conn, roaming_look(&wire));
    hear();
    ck_assert_int_eq(peer.alert, TLS_ALERT_unexpected_message);
    ck_assert_uint_eq(peer.rest.len, 0);
    end();
}
END_TEST

/* --- what is no data --- */

START_TEST(a_key_update_is_answered_with_the_next_data)
{
    begin(TLS_SUITES + _i);
    tls_peer_say_update(&peer, true);
    go();
    ck_assert_uint_eq(peer.records, 0);
    check_alive();
    ck_assert_uint_eq(peer.updates, 1);
    check_alive();
    ck_assert_uint_eq(peer.updates, 1);
    end();
}
END_TEST

START_TEST(renegotiation_is_refused_and_the_connection_goes_on)
{
    begin(_i);
    tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, "\1\0\0\4abcd", 8, 0);
    go();
    ck_assert_int_eq(peer.alert, TLS_ALERT_no_renegotiation);
    ck_assert_uint_eq(peer.level, TLS_LEVEL_WARNING);
    check_alive();
    end();
}
END_TEST

/* Who asks and asks, and does not read: some of the warnings are enough. */
START_TEST(refusals_that_nobody_reads_do_not_pile_up)
{
    begin(_i);
    say("GET /t/a HTTP/1.1\r\n" HOST "\r\n");
    wire.manner = ROAMING_SHORT;
    wire.full = 100000;
    for (int i = 0; i < 1000; i++) {
        tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, "\1\0\0\4abcd", 8, 0);
        tls_peer_say_data(&peer, "\r\n", 2); /* a new row */
    }
    roaming_say(&wire, peer.said.data, peer.said.len);
    buf_clear(&peer.said);
    for (int i = 0; i < 1000 && wire.received < wire.in.len && !is_over(); i++)
        desk_serve(&desk, conn, READY_READ);
    ck_assert_uint_le(link_held(&conn->link), TLS_LINK_UNSENT + TLS_SEALED_ALERT_MAX);
    end();
}
END_TEST

/* --- what is not whole --- */

/* Half of a record that is so large that it counts. */
static void say_half(void)
{
    static char text[TLS_TEXT_MAX];
    memset(text, 'x', sizeof(text));
    memcpy(text, REQUEST, strlen(REQUEST) - 2);
    memcpy(text + strlen(REQUEST) - 2, "X: ", 3);
    memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
    tls_peer_say_data(&peer, text, sizeof(text));
    size_t n = peer.said.len - 100;
    roaming_say(&wire, peer.said.data, n);
    settle();
    buf_consume(&peer.said, n);
}

START_TEST(half_a_record_is_counted_while_it_lasts)
{
    begin(_i);
    check_alive();
    ck_assert_uint_eq(peer_memory_held(&desk.process.memory), 0);
    say_half();
    ck_assert_uint_ge(conn_held(conn), TLS_TEXT_MAX - 100);
    ck_assert_uint_ge(peer_memory_held(&desk.process.memory),
                      TLS_TEXT_MAX - 100 - PEER_MEMORY_FLOOR);
    go();
    ck_assert_uint_eq(link_keeps(&conn->link), 0);
    ck_assert_ptr_null(desk.worker->loop.awaited);
    end();
}
END_TEST

START_TEST(half_a_record_has_a_deadline)
{
    begin(_i);
    uint64_t most = desk.settings->net.head_timeout_ms;
    say("GET /t/a?wait=50 HTTP/1.1\r\n" HOST "\r\n"); /* so that no other one ends it */
    tls_peer_say_data(&peer, "x", 1);
    say_bytes(peer.said.data, 3);
    desk_wait(&desk, most - 1000);
    ck_assert(!is_over());
    say_bytes(peer.said.data + 3, 5); /* more of it is no new one */
    desk_wait(&desk, 2000);
    ck_assert(is_over());
    end();
}
END_TEST

START_TEST(each_record_has_its_time)
{
    begin(_i);
    uint64_t most = desk.settings->net.head_timeout_ms;
    say("GET /t/a?wait=50 HTTP/1.1\r\n" HOST "\r\n");
    for (int i = 0; i < 4; i++) {
        buf_clear(&peer.said);
        tls_peer_say_data(&peer, NULL, 0);
        size_t n = peer.said.len / 2;
        say_bytes(peer.said.data, n);
        desk_wait(&desk, most / 2 + 1000);
        ck_assert(!is_over());
        buf_consume(&peer.said, n);
        go();
    }
    end();
}
END_TEST

/* It was there in time, but nobody had looked. */
START_TEST(what_lies_in_the_socket_has_come_in_time)
{
    begin(_i);
    say("GET /t/a?wait=50 HTTP/1.1\r\n" HOST "\r\n");
    tls_peer_say_data(&peer, NULL, 0);
    say_bytes(peer.said.data, 4);
    roaming_say(&wire, peer.said.data + 4, peer.said.len - 4);
    desk_wait(&desk, desk.settings->net.head_timeout_ms + 1000);
    ck_assert(!is_over());
    ck_assert_ptr_null(desk.worker->loop.awaited);
    end();
}
END_TEST

/* The hub itself does not read on. */
START_TEST(who_is_not_read_from_is_not_late)
{
    begin(_i);
    say("GET /t/a?wait=50 HTTP/1.1\r\n" HOST "\r\n");
    tls_peer_say_data(&peer, NULL, 0);
    say_bytes(peer.said.data, 4);
    desk_begin_turn(&desk);
    conn_pause(conn);
    desk_end_turn(&desk);
    desk_wait(&desk, desk.settings->net.head_timeout_ms + 1000);
    ck_assert(!is_over());
    end();
}
END_TEST

/* The handshake has read more than was its own. */
START_TEST(what_came_with_the_handshake_is_the_first)
{
    struct tls_keys keys = keys_of(_i);
    tls_peer_init(&peer, &keys);
    for (int i = 0; i < 3; i++)
        tls_peer_say_data(&peer, REQUEST, strlen(REQUEST));
    size_t n = peer.said.len - 7;
    begin_with(&keys, ROAMING_WHOLE, peer.said.data, n);
    buf_consume(&peer.said, n);
    desk_begin_turn(&desk);
    conn_set_link(conn, conn->link); /* as when it has just got it */
    desk_end_turn(&desk);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_http_requests), 2);
    ck_assert_ptr_nonnull(desk.worker->loop.awaited);
    go();
    ck_assert_uint_eq(desk_count(&desk, COUNTER_http_requests), 3);
    check_alive();
    end();
}
END_TEST

/* Records cost more than their bytes, so who says each byte in one of its own has them opened a few
 * at a time, each of them charged. */
START_TEST(many_small_records_are_much_work)
{
    const char *text = "GET /healthz HTTP/1.1\r\n" HOST "X: ";
    unsigned count = 0;
    begin(_i);
    const struct budget *work = &desk.worker->loop.work;
    uint64_t before = work->done;
    for (int i = 0; i < 20; i++)
        for (const char *at = text; *at; at++, count++)
            tls_peer_say_data(&peer, i ? "x" : at, 1);
    tls_peer_say_data(&peer, "\r\n\r\n", 4);
    go();
    expect_heard("HTTP/1.1 200 OK");
    ck_assert_uint_ge(work->done - before, (uint64_t)count * TLS_LINK_WORK);
    ck_assert_uint_eq(conn_held(conn), 0);
    check_alive();
    end();
}
END_TEST

/* --- without memory --- */

/* N bytes come while so many allocations succeed. Check allocates, too: not here. */
static void come(const void *data, size_t n)
{
    roaming_say(&wire, data, n);
    wire.full = 3;
    while (!is_over() && roaming_has_news(&wire))
        desk_serve(&desk, conn, roaming_look(&wire));
}

/* Its half record cannot be kept, nor the rest of one, nor an alert that does not fit: whatever it
 * is, the connection ends at most, and no record is sent behind one that is missing. */
static void do_without(unsigned n, int kind)
{
    struct tls_keys keys = keys_of(kind);
    tls_peer_init(&peer, &keys);
    begin_with(&keys, ROAMING_SHORT, NULL, 0);
    tls_peer_say_data(&peer, REQUEST, strlen(REQUEST));
    tls_peer_say_data(&peer, NULL, 0);
    size_t half = peer.said.len - 3;
    allocations_left = n;
    come(peer.said.data, half);
    come(peer.said.data + half, 3);
    come("nonsense", 8);
    allocations_left = UINT_MAX;
    for (int i = 0; i < 100 && !is_over(); i++)
        desk_serve(&desk, conn, roaming_look(&wire));
    hear();
    end();
}

START_TEST(nothing_is_left_where_memory_ends)
{
    unsigned n = 0;
    do {
        ran_out = false;
        do_without(n++, _i);
    } while (ran_out);
    ck_assert_uint_gt(n, 1);
}
END_TEST

START_TEST(there_may_be_no_memory_for_a_link)
{
    struct tls_keys keys = keys_of(_i);
    struct link l = link_none();
    allocations_left = 0;
    enum err e = tls_link_create(link_none(), &keys, &l);
    allocations_left = UINT_MAX;
    ck_assert_int_eq(e, ERR_NOMEM);
    ck_assert(link_is_none(&l));
}
END_TEST

/* --- what goes --- */

START_TEST(a_parcel_is_a_record)
{
    begin(_i);
    say("GET /t/a?after=latest HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n");
    unsigned before = peer.records;
    desk_publish(&desk, "a", 10, 100);
    settle();
    ck_assert_uint_eq(peer.records, before + 1);
    expect_heard("xxxx");
    end();
}
END_TEST

/* It takes a part of a record, and then nothing: the rest is the link's, and counted. */
START_TEST(the_rest_of_a_record_is_counted)
{
    begin(_i);
    say("GET /t/a?after=latest HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n");
    size_t before = conn_held(conn);
    wire.manner = ROAMING_SHORT;
    wire.full = 1;
    desk_publish(&desk, "a", 1, 15000);
    ck_assert_uint_gt(link_held(&conn->link), 15000);
    ck_assert_uint_ge(conn_held(conn), before + 15000);
    ck_assert(conn_is_busy(conn));
    settle();
    for (int i = 0; i < 10; i++)
        desk_catch_up(&desk);
    ck_assert_uint_eq(link_held(&conn->link), 0);
    ck_assert_uint_eq(conn_held(conn), before);
    expect_heard("xxxx");
    end();
}
END_TEST

START_TEST(addresses_are_those_of_the_inner_link)
{
    char address[64];
    begin(_i);
    conn_address(conn, address, sizeof(address));
    ck_assert_str_eq(address, "192.0.2.7:4711");
    conn_local_address(conn, address, sizeof(address));
    ck_assert_str_eq(address, "192.0.2.7:4711");
    end();
}
END_TEST

/* What an idle connection has more than a plain one (doc/performance.md). */
START_TEST(an_idle_one_has_its_secrets_and_little_else)
{
    static const size_t most[KINDS] = {120, 152, 152, 184, 248, 216};
    begin(_i);
    check_alive();
    ck_assert_uint_le(malloc_usable_size(conn->link.at.state), most[_i]);
    end();
}
END_TEST

static Suite *link_suite(void)
{
    Suite *s = suite_create("tls_link");
    TCase *e = tcase_create("ends"), *b = tcase_create("bad"), *t = tcase_create("rest");
    tcase_set_timeout(e, 300);
    tcase_add_loop_test(e, a_client_ends, 0, KINDS);
    tcase_add_loop_test(e, what_came_before_the_end_is_answered, 0, KINDS);
    tcase_add_loop_test(e, the_hub_ends, 0, KINDS);
    tcase_add_loop_test(e, an_end_without_close_notify_is_none, 0, KINDS);
    tcase_add_loop_test(e, a_client_that_fails_is_told_nothing, 0, KINDS);
    tcase_add_loop_test(e, a_key_that_is_worn_out_is_the_end, 0, KINDS);
    suite_add_tcase(s, e);
    tcase_set_timeout(b, 300);
    tcase_add_loop_test(b, what_was_changed_is_refused, 0, KINDS);
    tcase_add_loop_test(b, what_came_before_what_is_refused_is_done, 0, KINDS);
    tcase_add_loop_test(b, records_that_are_too_large_are_refused_by_their_header, 0, KINDS);
    tcase_add_loop_test(b, plain_text_is_refused, 0, KINDS);
    tcase_add_loop_test(b, empty_records_for_ever_are_refused, 0, KINDS);
    tcase_add_loop_test(b, the_alert_leaves_when_there_is_room, 0, KINDS);
    tcase_add_loop_test(b, a_key_update_is_answered_with_the_next_data, 0, TLS_SUITES);
    tcase_add_loop_test(b, renegotiation_is_refused_and_the_connection_goes_on, 0, TLS_SUITES);
    tcase_add_loop_test(b, refusals_that_nobody_reads_do_not_pile_up, 0, TLS_SUITES);
    suite_add_tcase(s, b);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, half_a_record_is_counted_while_it_lasts, 0, KINDS);
    tcase_add_loop_test(t, half_a_record_has_a_deadline, 0, KINDS);
    tcase_add_loop_test(t, each_record_has_its_time, 0, KINDS);
    tcase_add_loop_test(t, what_lies_in_the_socket_has_come_in_time, 0, KINDS);
    tcase_add_loop_test(t, who_is_not_read_from_is_not_late, 0, KINDS);
    tcase_add_loop_test(t, what_came_with_the_handshake_is_the_first, 0, KINDS);
    tcase_add_loop_test(t, many_small_records_are_much_work, 0, KINDS);
    tcase_add_loop_test(t, nothing_is_left_where_memory_ends, 0, KINDS);
    tcase_add_loop_test(t, there_may_be_no_memory_for_a_link, 0, KINDS);
    tcase_add_loop_test(t, a_parcel_is_a_record, 0, KINDS);
    tcase_add_loop_test(t, the_rest_of_a_record_is_counted, 0, KINDS);
    tcase_add_loop_test(t, addresses_are_those_of_the_inner_link, 0, KINDS);
    tcase_add_loop_test(t, an_idle_one_has_its_secrets_and_little_else, 0, KINDS);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    random_seed();
    SRunner *r = srunner_create(link_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
