/*
 * HTTP/2 without a socket of its own: what a client asks, and what it gets, over streams with and
 * without windows. What breaks the rules is in test_h2_rules.c.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/h1_silent.h"
#include "http/h2/h2.h"
#include "http/h2/h2_protocol.h"
#include "tests/unit/desk.h"
#include "tests/unit/h2_peer.h"

static const char EVENTS[] = "accept: text/event-stream\n";

static unsigned sends; /* by whomever */

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);
ssize_t __real_send(int fd, const void *data, size_t n, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
    sends++;
    return __real_send(fd, data, n, flags);
}

static int heads, most_heads; /* whose fields are there, and how many were */

struct http_fields *__wrap_http_fields_take(void);
struct http_fields *__real_http_fields_take(void);
void __wrap_http_fields_give_back(struct http_fields *f);
void __real_http_fields_give_back(struct http_fields *f);

struct http_fields *__wrap_http_fields_take(void)
{
    heads++;
    most_heads = heads > most_heads ? heads : most_heads;
    return __real_http_fields_take();
}

void __wrap_http_fields_give_back(struct http_fields *f)
{
    heads -= f != NULL;
    __real_http_fields_give_back(f);
}

static struct desk desk;
static struct client client;
static struct h2_peer peer;

static void open_with(const nghttp2_settings_entry *settings, size_t count)
{
    static const struct frontend *const more[] = {&h2_frontend, NULL};
    desk_open(&desk);
    ck_assert_int_eq(frontend_register(more), ERR_OK);
    h1_set_next(h2_adopt);
    client_open(&client, &desk, false);
    h2_peer_init(&peer, settings, count);
}

static void setup(void)
{
    open_with(NULL, 0);
}

static void teardown(void)
{
    client_close(&client);
    desk_end_turn(&desk);
    ck_assert_uint_eq(desk.worker->loop.conns, 0);
    ck_assert_uint_eq(desk.process.conns, 0);
    ck_assert_uint_eq(peer_memory_held(&desk.process.memory), 0);
    h2_peer_finish(&peer);
    desk_close(&desk);
}

/* --- both sides go on until nothing comes any more --- */

static bool hear(void)
{
    client_hear_all(&client);
    size_t n = client.got.len;
    h2_peer_hear(&peer, client.got.data, n);
    buf_clear(&client.got);
    h2_peer_send(&peer);
    return n > 0;
}

static void settle(void)
{
    do {
        struct buf said = peer.said;
        buf_init(&peer.said);
        if (said.len && !client.ended)
            client_say_bytes(&client, said.data, said.len);
        buf_finish(&said);
    } while (hear() || peer.said.len);
}

static struct h2_heard *ask(const char *method, const char *path, const char *fields,
                            const char *body)
{
    int32_t id = h2_peer_ask(&peer, method, path, fields, body, true);
    settle();
    if (desk.worker->publishes)
        desk_commit(&desk);
    settle();
    return h2_peer_stream(&peer, id);
}

static struct h2_heard *get(const char *path, const char *fields)
{
    return ask("GET", path, fields, NULL);
}

static void check_answer(const struct h2_heard *s, unsigned status, const char *body)
{
    ck_assert_uint_eq(s->status, status);
    ck_assert(s->ended && !s->reset);
    if (body)
        ck_assert_str_eq(s->body.data ? s->body.data : "", body);
}

static bool has(const struct buf *text, const char *what)
{
    return text->data && strstr(text->data, what);
}

/* --- what is asked and answered --- */

START_TEST(a_request_is_answered_and_the_next_one)
{
    check_answer(get("/healthz", NULL), 200, "ok\n");
    const struct h2_heard *s = get("/healthz", NULL);
    check_answer(s, 200, "ok\n");
    ck_assert(has(&s->head, "content-length: 3\n"));
    ck_assert(has(&s->head, "x-frame-options: DENY\n"));
    ck_assert(!has(&s->head, "onnection"));
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_sessions), 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_requests), 2);
}
END_TEST

START_TEST(it_publishes_and_reads)
{
    check_answer(ask("POST", "/t/a", "content-type: application/json\n", "{\"a\":1}"), 201, NULL);
    check_answer(ask("POST", "/t/a", NULL, "two"), 201, NULL);
    check_answer(get("/t/a?format=raw&after=-1&wait=0", NULL), 200, "two");
    check_answer(ask("HEAD", "/healthz", NULL, NULL), 200, "");
    check_answer(ask("OPTIONS", "/t/a", NULL, NULL), 204, "");
    check_answer(ask("OPTIONS", "*", NULL, NULL), 204, "");
    check_answer(ask("PUT", "/t/a", NULL, "x"), 405, NULL);
}
END_TEST

/* All come with one read, and each would take a kilobyte until it is looked at. */
START_TEST(many_heads_are_not_there_at_once)
{
    enum { STREAMS = 60 };
    heads = most_heads = 0;
    for (int i = 0; i < STREAMS; i++)
        h2_peer_ask(&peer, "GET", i % 2 ? "/t/a" : "/healthz", i % 2 ? EVENTS : NULL, NULL, true);
    settle();
    for (int i = 0; i < STREAMS; i++)
        ck_assert_uint_eq(h2_peer_stream(&peer, 2 * i + 1)->status, 200);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_requests), STREAMS);
    ck_assert_int_eq(heads, 0);
    ck_assert_int_le(most_heads, 10);
}
END_TEST

START_TEST(publishes_of_many_streams_are_under_way_together)
{
    int32_t ids[20];
    for (int i = 0; i < 20; i++)
        ids[i] = h2_peer_ask(&peer, "POST", "/t/many", NULL, "x", true);
    settle();
    ck_assert_uint_eq(h2_peer_stream(&peer, ids[0])->status, 0);
    desk_commit(&desk);
    settle();
    for (int i = 0; i < 20; i++)
        check_answer(h2_peer_stream(&peer, ids[i]), 201, NULL);
}
END_TEST

START_TEST(a_body_longer_than_its_window_comes_whole)
{
    enum { BYTES = 300000 };
    char *body = malloc(BYTES + 1);
    ck_assert_ptr_nonnull(body);
    memset(body, 'b', BYTES);
    body[BYTES] = '\0';
    check_answer(ask("POST", "/t/a", NULL, body), 201, NULL);
    check_answer(get("/t/a?format=raw&after=-1&wait=0", NULL), 200, body);
    free(body);
}
END_TEST

START_TEST(a_body_is_asked_for_and_one_that_is_too_long_is_refused_before)
{
    int32_t id = h2_peer_ask(&peer, "POST", "/t/a", "expect: 100-continue\n", NULL, false);
    settle();
    ck_assert_uint_eq(h2_peer_stream(&peer, id)->status, 100);
    h2_peer_say(&peer, id, "body", 4, true);
    settle();
    desk_commit(&desk);
    settle();
    check_answer(h2_peer_stream(&peer, id), 201, NULL);
    id = h2_peer_ask(&peer, "POST", "/t/a", "content-length: 99999999\n", NULL, false);
    settle();
    const struct h2_heard *s = h2_peer_stream(&peer, id);
    ck_assert_uint_eq(s->status, 413);
    ck_assert(s->ended && s->reset);
    ck_assert_uint_eq(s->code, NGHTTP2_NO_ERROR);
}
END_TEST

START_TEST(a_long_poll_waits_is_answered_and_may_be_given_up)
{
    int32_t one = h2_peer_ask(&peer, "GET", "/t/a?wait=20", NULL, NULL, true);
    int32_t two = h2_peer_ask(&peer, "GET", "/t/a?wait=20", NULL, NULL, true);
    int32_t three = h2_peer_ask(&peer, "GET", "/t/b?wait=2", NULL, NULL, true);
    int32_t four = h2_peer_ask(&peer, "GET", "/t/a?wait=20", NULL, NULL, true);
    settle();
    nghttp2_submit_rst_stream(peer.session, 0, four, NGHTTP2_CANCEL);
    settle();
    desk_publish(&desk, "a", 1, 5);
    settle();
    ck_assert(has(&h2_peer_stream(&peer, one)->body, "xxxxx"));
    check_answer(h2_peer_stream(&peer, one), 200, h2_peer_stream(&peer, two)->body.data);
    ck_assert(has(&h2_peer_stream(&peer, one)->head, "longwire-cursor: 1-"));
    ck_assert(!h2_peer_stream(&peer, three)->ended);
    desk_wait(&desk, 2500);
    settle();
    check_answer(h2_peer_stream(&peer, three), 200, NULL);
}
END_TEST

START_TEST(event_streams_get_the_inside_of_the_same_bytes)
{
    int32_t one = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    int32_t two = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    settle();
    struct h2_heard *a = h2_peer_stream(&peer, one), *b = h2_peer_stream(&peer, two);
    ck_assert_uint_eq(a->status, 200);
    ck_assert(has(&a->body, "event: longwire.live\n"));
    buf_clear(&a->body);
    buf_clear(&b->body);
    desk_publish(&desk, "a", 2, 4);
    settle();
    ck_assert_msg(strncmp(a->body.data, "id: 1-", 6) == 0, "%s", a->body.data);
    ck_assert(has(&a->body, "\ndata: xxxx\n\nid: 2-"));
    ck_assert_str_eq(a->body.data, b->body.data);
    ck_assert(!a->ended && !b->ended);
}
END_TEST

START_TEST(what_a_turn_brings_leaves_in_one_write)
{
    int32_t last = 0;
    nghttp2_session_set_local_window_size(peer.session, 0, 0, 1 << 30);
    for (int i = 0; i < 80; i++)
        last = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    settle();
    unsigned before = sends;
    desk_publish(&desk, "a", 3, 200);
    ck_assert_uint_eq(sends, before + 1);
    settle();
    ck_assert(has(&h2_peer_stream(&peer, last)->body, "id: 3-"));
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lags), 0);
}
END_TEST

/* --- windows --- */

static void setup_without_windows(void)
{
    static const nghttp2_settings_entry none[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}};
    open_with(none, 1);
    peer.holds_windows = true;
}

static void open_window(int32_t id, int32_t n)
{
    nghttp2_submit_window_update(peer.session, 0, id, n);
    h2_peer_send(&peer);
    settle();
}

START_TEST(a_stream_gets_what_its_window_allows_and_holds_up_no_other)
{
    int32_t closed = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    int32_t open = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    settle();
    open_window(open, 100000);
    desk_publish(&desk, "a", 3, 100);
    settle();
    struct h2_heard *a = h2_peer_stream(&peer, closed), *b = h2_peer_stream(&peer, open);
    ck_assert_uint_eq(a->status, 200);
    ck_assert_uint_eq(a->body.len, 0);
    ck_assert_msg(has(&b->body, "id: 3-"), "%s", b->body.data);
    open_window(closed, 10);
    ck_assert_uint_eq(a->body.len, 10);
    for (int i = 0; i < 40; i++)
        open_window(closed, 100);
    ck_assert(has(&a->body, "id: 1-") && has(&a->body, "id: 3-"));
    desk_publish(&desk, "a", 1, 10);
    settle();
    ck_assert(has(&a->body, "id: 4-") && has(&b->body, "id: 4-"));
}
END_TEST

START_TEST(whose_window_stays_closed_is_cut_after_the_time_of_a_receiver)
{
    int32_t stream = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    int32_t answer = h2_peer_ask(&peer, "GET", "/healthz", NULL, NULL, true);
    settle();
    desk_wait(&desk, desk.settings->net.write_timeout_ms + 16000);
    settle();
    ck_assert(h2_peer_stream(&peer, stream)->reset && h2_peer_stream(&peer, answer)->reset);
    ck_assert_uint_eq(h2_peer_stream(&peer, stream)->code, NGHTTP2_CANCEL);
    ck_assert(!peer.gone);
}
END_TEST

START_TEST(the_window_of_all_is_shared_and_none_is_forgotten)
{
    int32_t ids[10];
    peer.holds_windows = true;
    for (int i = 0; i < 10; i++)
        ids[i] = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    settle();
    desk_publish(&desk, "a", 2, 40000); /* more than 64 KiB in all */
    settle();
    peer.holds_windows = false;
    for (int i = 0; i < 30; i++) {
        open_window(0, 100000);
        for (int k = 0; k < 10; k++)
            open_window(ids[k], 100000);
    }
    for (int i = 0; i < 10; i++)
        ck_assert(has(&h2_peer_stream(&peer, ids[i])->body, "id: 2-"));
}
END_TEST

/* The window of one is opened while another has just filled what may wait for the socket. */
START_TEST(who_finds_no_room_behind_others_is_told_again)
{
    int32_t one = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    int32_t two = h2_peer_ask(&peer, "GET", "/t/b", EVENTS, NULL, true);
    nghttp2_session_set_local_window_size(peer.session, 0, 0, 1 << 30);
    open_window(one, 1 << 30);
    while (conn_unsent(client.conn) + H2_ROOM_LEAST < H2_OUT_BYTES)
        desk_publish(&desk, "a", 1, 100);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lags), 0);
    open_window(two, 1000);
    ck_assert(has(&h2_peer_stream(&peer, two)->body, "longwire.live"));
}
END_TEST

/* Each of them finds room in its turn. */
START_TEST(more_than_the_connection_has_room_for_comes_to_all)
{
    enum { STREAMS = 90 };
    int32_t ids[STREAMS];
    desk.process.conns_max = 1000;
    for (int i = 0; i < STREAMS; i++)
        ids[i] = h2_peer_ask(&peer, "GET", i % 2 ? "/t/a" : "/t/b", EVENTS, NULL, true);
    nghttp2_session_set_local_window_size(peer.session, 0, 0, 1 << 30);
    settle();
    for (int round = 0; round < 3; round++) {
        desk_publish(&desk, "a", 2, 3000);
        desk_publish(&desk, "b", 1, 9000);
    }
    settle();
    for (int i = 0; i < STREAMS; i++)
        ck_assert_msg(has(&h2_peer_stream(&peer, ids[i])->body, i % 2 ? "id: 8-" : "id: 9-"),
                      "stream %d", i);
    ck_assert_uint_gt(desk_count(&desk, COUNTER_lags), 0);
}
END_TEST

/* --- WebSockets --- */

#define CONNECT ":authority: localhost\n:protocol: websocket\nsec-websocket-version: 13\n"

START_TEST(a_websocket_comes_by_extended_connect)
{
    settle(); /* not before SETTINGS allow it */
    int32_t id = h2_peer_ask(&peer, "CONNECT", "/t/a", CONNECT, NULL, false);
    settle();
    struct h2_heard *s = h2_peer_stream(&peer, id);
    ck_assert_uint_eq(s->status, 200);
    ck_assert(!has(&s->head, "sec-websocket-accept") && !has(&s->head, "upgrade"));
    ck_assert(has(&s->body, "\"op\":\"live\""));
    h2_peer_say(&peer, id, "\x01\x8b\0\0\0\0{\"op\":\"ping", 17, false);
    h2_peer_say(&peer, id, "\x80\x82\0\0\0\0\"}", 8, false);
    settle();
    desk_publish(&desk, "a", 1, 7);
    settle();
    ck_assert_msg(memmem(s->body.data, s->body.len, "xxxxxxx", 7), "%s", s->body.data);
    h2_peer_say(&peer, id, "\x88\x82\0\0\0\0\x03\xe8", 8, false);
    settle();
    ck_assert(memcmp(s->body.data + s->body.len - 4, "\x88\x02\x03\xe8", 4) == 0);
    ck_assert(s->ended && !s->reset);
    h2_peer_say(&peer, id, "", 0, true);
    settle();
    ck_assert(!s->reset);
}
END_TEST

START_TEST(connect_to_anything_else_is_refused)
{
    static const struct {
        const char *path, *fields;
        unsigned status;
    } cases[] = {
        {"/healthz", CONNECT, 404},
        {"/nothing", CONNECT, 404},
        {"/t/a", ":authority: localhost\n:protocol: websocket\n", 400},
        {"/t/a", ":authority: localhost\n:protocol: connect-udp\n", 501},
    };
    settle();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int32_t id = h2_peer_ask(&peer, "CONNECT", cases[i].path, cases[i].fields, NULL, false);
        settle();
        ck_assert_uint_eq(h2_peer_stream(&peer, id)->status, cases[i].status);
        ck_assert(h2_peer_stream(&peer, id)->ended);
    }
}
END_TEST

/* --- limits --- */

START_TEST(a_stream_counts_as_a_connection)
{
    desk.process.conns_max = 3;
    int32_t one = h2_peer_ask(&peer, "GET", "/t/a?wait=20", NULL, NULL, true);
    int32_t two = h2_peer_ask(&peer, "GET", "/t/a", EVENTS, NULL, true);
    settle();
    ck_assert_uint_eq(desk.process.conns, 3);
    int32_t three = h2_peer_ask(&peer, "GET", "/healthz", NULL, NULL, true);
    settle();
    ck_assert(!h2_peer_stream(&peer, one)->reset && !h2_peer_stream(&peer, two)->reset);
    ck_assert(h2_peer_stream(&peer, three)->reset);
    ck_assert_uint_eq(h2_peer_stream(&peer, three)->code, NGHTTP2_REFUSED_STREAM);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_refused), 1);
}
END_TEST

static Suite *h2_suite(void)
{
    Suite *s = suite_create("h2");
    TCase *t = tcase_create("requests");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_request_is_answered_and_the_next_one);
    tcase_add_test(t, it_publishes_and_reads);
    tcase_add_test(t, many_heads_are_not_there_at_once);
    tcase_add_test(t, publishes_of_many_streams_are_under_way_together);
    tcase_add_test(t, a_body_longer_than_its_window_comes_whole);
    tcase_add_test(t, a_body_is_asked_for_and_one_that_is_too_long_is_refused_before);
    tcase_add_test(t, a_long_poll_waits_is_answered_and_may_be_given_up);
    tcase_add_test(t, event_streams_get_the_inside_of_the_same_bytes);
    tcase_add_test(t, what_a_turn_brings_leaves_in_one_write);
    tcase_add_test(t, the_window_of_all_is_shared_and_none_is_forgotten);
    tcase_add_test(t, more_than_the_connection_has_room_for_comes_to_all);
    tcase_add_test(t, a_websocket_comes_by_extended_connect);
    tcase_add_test(t, connect_to_anything_else_is_refused);
    tcase_add_test(t, a_stream_counts_as_a_connection);
    suite_add_tcase(s, t);
    TCase *w = tcase_create("windows");
    tcase_add_checked_fixture(w, setup_without_windows, teardown);
    tcase_add_test(w, a_stream_gets_what_its_window_allows_and_holds_up_no_other);
    tcase_add_test(w, who_finds_no_room_behind_others_is_told_again);
    tcase_add_test(w, whose_window_stays_closed_is_cut_after_the_time_of_a_receiver);
    suite_add_tcase(s, w);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(h2_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
