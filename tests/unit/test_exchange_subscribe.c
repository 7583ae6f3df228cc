/* Subscribing by exchanges of no version: polls, event streams, WebSockets, and changes of a
 * session. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_exchange.h"

#define EVENTS "Accept: text/event-stream\n"
#define SOCKET                                                                                     \
    "Sec-WebSocket-Version: 13\n"                                                                  \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"

enum { WAIT_MS = 2000 };

static struct desk desk;
static struct fake fake, other;

static void setup(void)
{
    desk_open(&desk);
    desk.settings->poll_wait_ms = WAIT_MS;
    fake_open(&fake, &desk);
    fake_open(&other, &desk);
}

static void teardown(void)
{
    fake_close(&other);
    fake_close(&fake);
    desk_close(&desk);
}

static bool said(const struct fake *f, const char *text)
{
    return strstr(fake_answer(f)->body.data, text) != NULL;
}

/* --- polls --- */

START_TEST(a_poll_is_answered_with_what_there_is)
{
    desk_publish(&desk, "a", 2, 3);
    fake_ask(&fake, "GET", "/t/a?after=earliest", NULL, NULL);
    while (fake.asked)
        desk_go_on(&desk);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    ck_assert(said(&fake, "\"data\":\"xxx\""));
    ck_assert(fake_has_line(&fake, "Longwire-Cursor: 2-"));
    ck_assert(fake_has_line(&fake, "Content-Type: application/json\r\n"));
}
END_TEST

START_TEST(a_poll_waits_for_what_comes)
{
    fake_ask(&fake, "GET", "/t/a", NULL, NULL);
    ck_assert_uint_eq(fake.count, 0);
    ck_assert(fake.forgot_head);
    ck_assert_uint_eq(fake_conns(&fake, "poll"), 1);
    desk_publish(&desk, "a", 1, 3);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    ck_assert(said(&fake, "\"data\":\"xxx\""));
    ck_assert_uint_eq(fake_answer(&fake)->polls, 0);
    ck_assert_uint_eq(fake_conns(&fake, "poll"), 0);
}
END_TEST

START_TEST(polls_of_a_feed_share_one_answer)
{
    fake_ask(&fake, "GET", "/t/a", NULL, NULL);
    fake_ask(&other, "GET", "/t/a", NULL, NULL);
    desk_publish(&desk, "a", 1, 3);
    ck_assert_int_eq(fake_answer(&fake)->kind, FAKE_SHARED);
    ck_assert_ptr_eq(fake_answer(&fake)->shared, fake_answer(&other)->shared);
    ck_assert_str_eq(fake_answer(&fake)->body.data, fake_answer(&other)->body.data);
    ck_assert(fake_has_line(&other, "Longwire-Cursor: 1-"));
}
END_TEST

START_TEST(a_poll_whose_time_is_up_is_answered_with_nothing)
{
    fake_ask(&fake, "GET", "/t/a", NULL, NULL);
    desk_wait(&desk, WAIT_MS - 100);
    ck_assert_uint_eq(fake.count, 0);
    desk_wait(&desk, 200);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    ck_assert(said(&fake, "\"messages\":[]"));
}
END_TEST

START_TEST(a_poll_that_ends_leaves_nothing)
{
    fake_ask(&fake, "GET", "/t/a", NULL, NULL);
    conn_close(fake.conn, CLOSE_PEER);
    desk_end_turn(&desk);
    ck_assert_uint_eq(fake_conns(&fake, "poll"), 0);
    desk_publish(&desk, "a", 1, 3);
    ck_assert_uint_eq(fake.count, 0);
}
END_TEST

/* Its answer would have no body: nobody else gets it. */
START_TEST(a_head_does_not_wait_and_shares_nothing)
{
    fake_ask(&other, "GET", "/t/a", NULL, NULL);
    fake_ask(&fake, "HEAD", "/t/a", NULL, NULL);
    ck_assert_int_eq(fake_answer(&fake)->kind, FAKE_WHOLE);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
}
END_TEST

START_TEST(a_raw_poll_is_the_payload)
{
    fake_ask(&fake, "GET", "/t/a?format=raw&wait=0", NULL, NULL);
    ck_assert_uint_eq(fake_answer(&fake)->status, 204);
    fake_ask(&fake, "GET", "/t/a?format=raw", NULL, NULL);
    desk_publish(&desk, "a", 1, 3);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    ck_assert_str_eq(fake_answer(&fake)->body.data, "xxx");
    ck_assert(fake_has_line(&fake, "Content-Type: text/plain; charset=utf-8\r\n"));
    ck_assert(fake_has_line(&fake, "Longwire-Topic: a\r\n"));
}
END_TEST

/* Counting back is for a turn of its own. */
START_TEST(a_place_that_has_to_be_counted_is_found_later)
{
    desk_publish(&desk, "a", 5, 3);
    fake_ask(&fake, "GET", "/t/a?after=-2&wait=0", NULL, NULL);
    ck_assert_uint_eq(fake.count, 0);
    while (fake.asked)
        desk_go_on(&desk);
    ck_assert(said(&fake, "\"id\":\"4-"));
    ck_assert(!said(&fake, "\"id\":\"3-"));
}
END_TEST

START_TEST(a_preference_is_taken_and_told)
{
    fake_ask(&fake, "GET", "/t/a", "Prefer: wait=1\n", NULL);
    desk_wait(&desk, 1100);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    ck_assert(fake_has_line(&fake, "Preference-Applied: wait=1\r\n"));
}
END_TEST

static const struct {
    const char *target, *fields;
    unsigned status;
} refused[] = {
    {"/t", NULL, 400},
    {"/t/a%2B", NULL, 400},
    {"/t?topic=a/%23/b", NULL, 400},
    {"/t/a?after=x", NULL, 400},
    {"/t/a?format=x", NULL, 400},
    {"/t?topic=a/%23&format=raw", NULL, 400},
    {"/t/a?wait=x", NULL, 400},
    {"/t/a?limit=0", NULL, 400},
    {"/t/a?limit=1&limit=1", NULL, 400},
};

START_TEST(what_is_wrong_is_told)
{
    fake_ask(&fake, "GET", refused[_i].target, refused[_i].fields, NULL);
    while (fake.asked)
        desk_go_on(&desk);
    ck_assert_uint_eq(fake_answer(&fake)->status, refused[_i].status);
}
END_TEST

/* --- event streams --- */

START_TEST(an_event_stream_goes_bare_or_in_chunks)
{
    fake_ask(&fake, "GET", "/t/a", EVENTS, NULL);
    other.chunked = true;
    fake_ask(&other, "GET", "/t/a", EVENTS, NULL);
    ck_assert_int_eq(fake_answer(&fake)->kind, FAKE_STREAM);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    ck_assert(fake_has_line(&fake, "Content-Type: text/event-stream; charset=utf-8\r\n"));
    ck_assert(fake_has_line(&fake, "Cache-Control: no-store, no-transform\r\n"));
    desk_catch_up(&desk);
    ck_assert_uint_eq(fake_conns(&fake, "sse"), 2);
    desk_publish(&desk, "a", 1, 3);
    ck_assert_ptr_eq(strstr(fake_sent(&fake), "retry: "), fake_sent(&fake));
    ck_assert_ptr_nonnull(strstr(fake_sent(&fake), "\ndata: xxx\n\n"));
    ck_assert_ptr_null(strchr(fake_sent(&fake), '\r'));
    ck_assert_ptr_nonnull(strstr(fake_sent(&other), "\r\nretry: "));
    ck_assert_ptr_nonnull(strstr(fake_sent(&other), "\ndata: xxx\n\n\r\n"));
}
END_TEST

START_TEST(the_head_of_an_event_stream_has_nothing_behind_it)
{
    fake_ask(&fake, "HEAD", "/t/a", EVENTS, NULL);
    ck_assert_int_eq(fake_answer(&fake)->kind, FAKE_STREAM);
    ck_assert_str_eq(fake_sent(&fake), "");
    ck_assert(!conn_is_open(fake.conn));
}
END_TEST

/* EventSource comes back to what ends, and never to an error. */
START_TEST(an_event_stream_that_cannot_be_is_to_come_later)
{
    desk.worker->loop.draining = true;
    fake_ask(&fake, "GET", "/t/a", EVENTS, NULL);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    ck_assert_ptr_eq(strstr(fake_sent(&fake), "retry: "), fake_sent(&fake));
    ck_assert(!conn_is_open(fake.conn));
}
END_TEST

/* --- sessions --- */

static void ask_session(const char *body)
{
    char target[128] = "/session/";
    const char *id = strstr(fake_sent(&fake), "{\"session\":\"");
    ck_assert_ptr_nonnull(id);
    id += strlen("{\"session\":\"");
    strncat(target, id, strcspn(id, "\""));
    fake_ask(&other, "POST", target, "Content-Type: application/json\n", body);
    while (other.asked)
        desk_take_mail(&desk);
}

START_TEST(a_session_is_changed)
{
    fake_ask(&fake, "GET", "/t?topic=a&topic=c", EVENTS, NULL);
    desk_catch_up(&desk);
    ask_session("{\"subscribe\":[\"b\"],\"unsubscribe\":[\"c\"]}");
    ck_assert_uint_eq(fake_answer(&other)->status, 200);
    ck_assert(said(&other, "{\"subscribed\":[{\"topic\":\"b\",\"cursor\":\""));
    ck_assert(said(&other, "\"unsubscribed\":[\"c\"]"));
    desk_catch_up(&desk);
    desk_publish(&desk, "b", 1, 3);
    ck_assert_ptr_nonnull(strstr(fake_sent(&fake), "\"topic\":\"b\",\"time\""));
}
END_TEST

START_TEST(a_session_that_has_ended_is_not_found)
{
    fake_ask(&fake, "GET", "/t?topic=a&topic=c", EVENTS, NULL);
    conn_close(fake.conn, CLOSE_PEER);
    ask_session("{\"subscribe\":[\"b\"]}");
    ck_assert_uint_eq(fake_answer(&other)->status, 404);
}
END_TEST

/* Whoever asked is gone when the answer comes. */
START_TEST(a_change_whose_asker_has_ended_is_answered_to_nobody)
{
    char target[128] = "/session/";
    fake_ask(&fake, "GET", "/t?topic=a&topic=c", EVENTS, NULL);
    const char *id = strstr(fake_sent(&fake), "{\"session\":\"") + strlen("{\"session\":\"");
    strncat(target, id, strcspn(id, "\""));
    fake_ask(&other, "POST", target, "Content-Type: application/json\n", "{}");
    conn_close(other.conn, CLOSE_PEER);
    desk_end_turn(&desk);
    while (other.conn->holds > 1)
        desk_take_mail(&desk);
    ck_assert_uint_eq(other.count, 0);
}
END_TEST

/* --- WebSockets --- */

START_TEST(a_websocket_begins)
{
    fake.websocket = true;
    fake_ask(&fake, "GET", "/t/a", SOCKET "Sec-WebSocket-Protocol: longwire.v1\n", NULL);
    ck_assert_int_eq(fake_answer(&fake)->kind, FAKE_UPGRADE);
    ck_assert(fake_has_line(&fake, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    ck_assert(fake_has_line(&fake, "Sec-WebSocket-Protocol: longwire.v1\r\n"));
    ck_assert_uint_eq(fake_conns(&fake, "ws"), 1);
}
END_TEST

START_TEST(what_is_no_handshake_is_told_what_one_is)
{
    fake_ask(&fake, "GET", "/ws", NULL, NULL);
    ck_assert_uint_eq(fake_answer(&fake)->status, 426);
    ck_assert(fake_has_line(&fake, "Upgrade: websocket\r\n"));
    fake.websocket = true;
    fake_ask(&fake, "GET", "/ws", "Sec-WebSocket-Version: 12\n", NULL);
    ck_assert_uint_eq(fake_answer(&fake)->status, 426);
    fake_ask(&fake, "GET", "/ws", "Sec-WebSocket-Version: 13\n", NULL);
    ck_assert_uint_eq(fake_answer(&fake)->status, 400);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("exchange_subscribe");
    TCase *t = tcase_create("subscribe");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_poll_is_answered_with_what_there_is);
    tcase_add_test(t, a_poll_waits_for_what_comes);
    tcase_add_test(t, polls_of_a_feed_share_one_answer);
    tcase_add_test(t, a_poll_whose_time_is_up_is_answered_with_nothing);
    tcase_add_test(t, a_poll_that_ends_leaves_nothing);
    tcase_add_test(t, a_head_does_not_wait_and_shares_nothing);
    tcase_add_test(t, a_raw_poll_is_the_payload);
    tcase_add_test(t, a_place_that_has_to_be_counted_is_found_later);
    tcase_add_test(t, a_preference_is_taken_and_told);
    tcase_add_loop_test(t, what_is_wrong_is_told, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(t, an_event_stream_goes_bare_or_in_chunks);
    tcase_add_test(t, the_head_of_an_event_stream_has_nothing_behind_it);
    tcase_add_test(t, an_event_stream_that_cannot_be_is_to_come_later);
    tcase_add_test(t, a_session_is_changed);
    tcase_add_test(t, a_session_that_has_ended_is_not_found);
    tcase_add_test(t, a_change_whose_asker_has_ended_is_answered_to_nobody);
    tcase_add_test(t, a_websocket_begins);
    tcase_add_test(t, what_is_no_handshake_is_told_what_one_is);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
