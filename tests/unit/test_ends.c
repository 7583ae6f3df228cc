/* How connections end: who ends them, what is still said, and what is left of them. */
#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/broker.h"
#include "http/exchange.h"
#include "http/h1/h1_protocol.h"
#include "http/publish.h"
#include "net/readiness.h"
#include "tests/unit/desk.h"

#define HOST          "Host: localhost\r\n"
#define GET(path)     "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(path)    "POST " path " HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"
#define SSE(path)     "GET " path " HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"
#define OLD_SSE(path) "GET " path " HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n"
#define WS(path)                                                                                   \
    "GET " path " HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"               \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Bytes of frames whose mask is zero. */
#define MASKED     "\0\0\0\0"
#define CLOSE_1000 "\x88\x82" MASKED "\x03\xe8"
#define SAID_1000  "\x88\x02\x03\xe8"
#define SAID_1001  "\x03\xe9"

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

static void kick(void)
{
    conn_kick(client.conn);
    desk_end_turn(&desk);
}

static void stop(void)
{
    desk.worker->loop.draining = true;
    client.conn->protocol->shutdown(client.conn);
    desk_end_turn(&desk);
}

static void half_close(void)
{
    client_half_close(&client);
}

static void check_answers(unsigned count, const char *status)
{
    ck_assert_uint_eq(client_times(&client, "HTTP/1.1 "), count);
    ck_assert(client_heard(&client, status));
}

static bool is_heard(const void *bytes, size_t n)
{
    client_hear_all(&client);
    return memmem(client.got.data, client.got.len, bytes, n);
}

/* --- without anything under way --- */

static void (*const ways[])(void) = {kick, stop, half_close};

START_TEST(an_idle_one_ends_without_a_word)
{
    ways[_i]();
    ck_assert(client_ended(&client));
    ck_assert_uint_eq(client.got.len, 0);
}
END_TEST

START_TEST(a_poll_that_waits_is_answered)
{
    client_say(&client, GET("/t/a"));
    ck_assert_uint_eq(client_times(&client, "HTTP"), 0);
    ways[_i]();
    check_answers(1, "HTTP/1.1 200 ");
    ck_assert(client_heard(&client, "\"messages\":[]"));
    ck_assert(client_heard(&client, "Connection: close\r\n"));
    ck_assert(client_ended(&client));
}
END_TEST

/* Those of HTTP/1.0 have no chunks. */
START_TEST(an_event_stream_ends_with_the_last_chunk)
{
    static const struct {
        const char *request, *end;
    } cases[] = {{SSE("/t/a"), "0\r\n\r\n"}, {OLD_SSE("/t/a"), ""}};
    const char *end = cases[_i / 2].end;
    client_say(&client, cases[_i / 2].request);
    ck_assert(client_heard(&client, "event: longwire.live\n"));
    client_forget(&client);
    ways[_i % 2]();
    ck_assert(client_ended(&client));
    ck_assert_uint_eq(client.got.len, strlen(end));
    ck_assert_mem_eq(client.got.data, end, strlen(end));
}
END_TEST

START_TEST(a_websocket_is_told)
{
    static const char *const texts[] = {"Ended by the administrator", "The hub is stopping", ""};
    client_say(&client, WS("/t/a"));
    client_forget(&client);
    ways[_i]();
    ck_assert(client_ended(&client));
    ck_assert(_i == 2 || client_heard(&client, texts[_i]));
    ck_assert_int_eq(client.got.data[0], '\x88');
    ck_assert(_i == 2 || memcmp(client.got.data + 2, SAID_1001, 2) == 0);
    ck_assert_uint_eq(client.got.len, 2 + (_i == 2 ? 0 : 2 + strlen(texts[_i])));
}
END_TEST

/* --- with publishes under way --- */

START_TEST(a_publish_is_answered_first)
{
    client_say(&client, POST("/t/a"));
    ways[_i]();
    ck_assert(!client_ended(&client));
    desk_commit(&desk);
    check_answers(1, "HTTP/1.1 201 ");
    ck_assert(client_heard(&client, "Connection: close\r\n"));
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(but_who_is_kicked_waits_only_so_long)
{
    client_say(&client, POST("/t/a"));
    kick();
    desk_wait(&desk, CONN_FAREWELL_MS - 200);
    ck_assert(!client_ended(&client));
    desk_wait(&desk, 400);
    check_answers(1, "HTTP/1.1 503 ");
    ck_assert(client_ended(&client));
    desk_commit(&desk); /* its answer is nobody's any more */
    check_answers(1, "HTTP/1.1 503 ");
}
END_TEST

/* What is due is waited for whoever ends it, but not for ever: each answer wins as long again. */
static const struct {
    const char *text;
    void (*end)(void); /* NULL: the text says it */
    uint64_t ms;
    unsigned answers; /* of those that come when the time is up */
} last_requests[] = {
    {POST("/t/a") POST("/t/a"), half_close, CONN_FAREWELL_MS, 1},
    {POST("/t/a") GET("/healthz"), half_close, CONN_FAREWELL_MS, 1},
    {POST("/t/a") "nonsense\r\n\r\n", NULL, CONN_FAREWELL_MS, 1},
    {POST("/t/a") "POST /t/a HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 0\r\n\r\n",
     NULL, 30000, 1},
    {"POST /t/a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", NULL, 30000, 1},
};

START_TEST(who_ends_behind_publishes_waits_only_so_long)
{
    client_say(&client, last_requests[_i].text);
    if (last_requests[_i].end)
        last_requests[_i].end();
    desk_wait(&desk, last_requests[_i].ms - 200);
    ck_assert(!client_ended(&client));
    desk_wait(&desk, 400);
    check_answers(last_requests[_i].answers, " 503 ");
    ck_assert(client_heard(&client, "The log did not answer in time"));
    ck_assert(client_ended(&client));
    desk_commit(&desk); /* its answers are nobody's any more */
}
END_TEST

START_TEST(but_is_answered_in_time)
{
    client_say(&client, last_requests[_i].text);
    if (last_requests[_i].end)
        last_requests[_i].end();
    desk_wait(&desk, last_requests[_i].ms - 200);
    desk_commit(&desk);
    ck_assert(client_heard(&client, " 201 "));
    ck_assert(!client_heard(&client, " 503 "));
    ck_assert(client_ended(&client));
}
END_TEST

static const struct {
    const char *text;
    bool half_close;
    const char *answers;
} last_commands[] = {
    {"PUBLISH a x\r\nQUIT\r\n", false, ":0\r\n+OK\r\n"},
    {"PUBLISH a x\r\nPUBLISH a y\r\n", true, ":0\r\n:0\r\n"},
    {"PUBLISH a x\r\n*x\r\n", false, ":0\r\n-ERR Protocol error"},
};

START_TEST(so_is_whoever_quits)
{
    for (int late = 0; late < 2; late++) {
        struct client c;
        client_open_resp(&c, &desk);
        client_say(&c, last_commands[_i].text);
        if (last_commands[_i].half_close)
            client_half_close(&c);
        desk_wait(&desk, CONN_FAREWELL_MS - 200);
        ck_assert(!client_ended(&c));
        if (late)
            desk_wait(&desk, 400);
        else
            desk_commit(&desk);
        ck_assert(client_ended(&c));
        if (late)
            ck_assert_uint_eq(c.got.len, 0);
        else
            ck_assert(client_heard(&c, last_commands[_i].answers));
        client_close(&c);
        if (late)
            desk_commit(&desk);
    }
}
END_TEST

/* As from a log that takes seconds for each. */
START_TEST(each_answer_wins_time)
{
    struct client c;
    client_open_resp(&c, &desk);
    client_say(&c, "PUBLISH a 1\r\n");
    hub_publish(desk.hub, desk.worker->publishes, desk.worker->publishes_last);
    desk.worker->publishes = desk.worker->publishes_last = NULL;
    client_say(&c, "PUBLISH a 2\r\nQUIT\r\n");
    desk_wait(&desk, CONN_FAREWELL_MS - 500);
    desk_take_mail(&desk);
    ck_assert(client_heard(&c, ":0\r\n"));
    desk_wait(&desk, CONN_FAREWELL_MS - 500);
    ck_assert(!client_ended(&c));
    desk_commit(&desk);
    ck_assert(client_heard(&c, "+OK\r\n"));
    ck_assert(client_ended(&c));
    client_close(&c);
}
END_TEST

static void say_object(const char *object)
{
    char frame[200] = {(char)0x81, (char)(0x80 | strlen(object))};
    ck_assert_uint_lt(strlen(object), 126);
    memcpy(frame + 6, object, strlen(object));
    client_say_bytes(&client, frame, 6 + strlen(object));
}

static void close_frame(void)
{
    client_say_bytes(&client, CLOSE_1000, sizeof(CLOSE_1000) - 1);
}

static void (*const ws_ways[])(void) = {kick, stop, half_close, close_frame};

START_TEST(a_websocket_gets_its_answers_first)
{
    client_say(&client, WS("/ws"));
    client_forget(&client);
    say_object("{\"op\":\"publish\",\"topic\":\"a\",\"data\":1,\"ref\":1}");
    say_object("{\"op\":\"publish\",\"topic\":\"a\",\"data\":1,\"ref\":2}");
    ws_ways[_i]();
    ck_assert_uint_eq((client_hear_all(&client), client.got.len), 0);
    desk_commit(&desk);
    ck_assert_uint_eq(client_times(&client, "\"op\":\"published\""), 2);
    ck_assert(client_ended(&client));
    ck_assert_uint_eq(is_heard(SAID_1000, 4), _i == 3);
}
END_TEST

START_TEST(but_not_for_ever)
{
    client_say(&client, WS("/ws"));
    client_forget(&client);
    say_object("{\"op\":\"publish\",\"topic\":\"a\",\"data\":1,\"ref\":1}");
    ws_ways[_i]();
    desk_wait(&desk, CONN_FAREWELL_MS - 200);
    ck_assert_uint_eq((client_hear_all(&client), client.got.len), 0);
    desk_wait(&desk, 400);
    ck_assert(client_ended(&client));
    ck_assert_int_eq(client.got.data[0], '\x88');
    desk_commit(&desk);
}
END_TEST

START_TEST(nothing_is_taken_behind_a_close_frame)
{
    client_say(&client, WS("/ws"));
    close_frame();
    say_object("{\"op\":\"publish\",\"topic\":\"a\",\"data\":1}");
    ck_assert_ptr_null(desk.worker->publishes);
    ck_assert(is_heard(SAID_1000, 4));
}
END_TEST

/* --- what is left --- */

static const char *const bodies[] = {
    POST("/nowhere"),
    "POST /t/a HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
    "POST /t HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
};

/* What stands in a refused request's body is never read as a request. */
START_TEST(a_refused_body_ends_the_connection)
{
    client_say(&client, GET("/healthz"));
    client_forget(&client);
    client_say(&client, bodies[_i]);
    client_say(&client, GET("/healthz"));
    ck_assert_uint_eq(client_times(&client, "HTTP/1.1 "), 1);
    ck_assert(client_heard(&client, "HTTP/1.1 4"));
    ck_assert(client_heard(&client, "Connection: close\r\n"));
    ck_assert(client_ended(&client));
}
END_TEST

static void send_unread(size_t n)
{
    char some[10000] = {0};
    for (size_t sent = 0; sent < n; sent += sizeof(some))
        ck_assert_int_eq(send(client.fd, some, sizeof(some), 0), sizeof(some));
}

static void let_read(void)
{
    conn_ready(client.conn, READY_READ);
    desk_end_turn(&desk);
}

/* Who has its last answer and sends on is read from behind the others, a piece at a time, and that
 * is work as anything else. */
START_TEST(what_comes_behind_the_last_answer_waits)
{
    const struct worker *w = desk.worker;
    client_say(&client, bodies[0]);
    ck_assert(client_ended(&client));
    send_unread(150000);
    uint64_t work = w->loop.work.done;
    let_read();
    ck_assert_uint_eq(w->loop.backlog.rings[BACKLOG_ENDING].count, 1);
    ck_assert_uint_eq(client.conn->watched, READY_NONE);
    ck_assert_uint_ge(w->loop.work.done - work, LOOP_READ_BYTES);
    ck_assert_uint_lt(w->loop.work.done - work, 150000);
    unsigned slices = 0;
    for (; backlog_count(&w->loop.backlog); slices++)
        desk_go_on(&desk);
    ck_assert_uint_eq(slices, 3); /* the last one finds that there is no more */
    ck_assert_uint_ge(w->loop.work.done - work, 150000);
    ck_assert_uint_eq(client.conn->watched, READY_READ);
}
END_TEST

START_TEST(but_not_for_longer_than_others)
{
    client_say(&client, bodies[0]);
    send_unread(150000);
    let_read();
    desk_wait(&desk, 2000);
    ck_assert_int_eq(conn_state(client.conn), CONN_CLOSED);
    desk_go_on(&desk);
    ck_assert_uint_eq(backlog_count(&desk.worker->loop.backlog), 0);
}
END_TEST

START_TEST(an_answered_one_goes_on)
{
    client_say(&client, GET("/nowhere"));
    ck_assert(!client_ended(&client));
    client_forget(&client);
    client_say(&client, POST("/t/a"));
    desk_commit(&desk);
    client_say(&client, GET("/healthz"));
    client_say(&client, GET("/nowhere"));
    client_say(&client, GET("/t/a?wait=0"));
    ck_assert_uint_eq(client_times(&client, "HTTP/1.1 "), 4);
    ck_assert(!client_heard(&client, "Connection: close\r\n"));
    ck_assert(!client_ended(&client));
}
END_TEST

/* Lines of a batch that were read count while the others wait for their turn. */
START_TEST(what_is_read_of_a_batch_is_held)
{
    enum { LINES = 1500 };
    static const char line[] = "{\"topic\":\"a\",\"data\":\"x\"}\n";
    struct buf text = {0};
    buf_printf(&text, "POST /t HTTP/1.1\r\n" HOST "Content-Type: application/x-ndjson\r\n");
    buf_printf(&text, "Content-Length: %zu\r\n\r\n", LINES * (sizeof(line) - 1));
    for (int i = 0; i < LINES; i++)
        buf_puts(&text, line);
    ck_assert_int_eq(send(client.fd, text.data, text.len, 0), (int)text.len);
    conn_ready(client.conn, READY_READ);
    ck_assert_uint_eq(backlog_count(&desk.worker->loop.backlog), 1);
    const struct exchange *x = exchange_of(client.conn);
    size_t items = LINES * sizeof(struct publish_item);
    ck_assert_uint_gt(x->waiter->held(x), items);
    ck_assert_uint_ge(conn_held(client.conn), x->body.cap + x->waiter->held(x));
    buf_finish(&text);
    while (backlog_count(&desk.worker->loop.backlog))
        desk_go_on(&desk);
    ck_assert_ptr_null(x->waiter);
    desk_end_turn(&desk);
    desk_commit(&desk);
    check_answers(1, "HTTP/1.1 201 ");
}
END_TEST

static void speak(const char *text)
{
    struct client c;
    client_open(&c, &desk, true);
    client_say(&c, text);
    client_hear_all(&c);
    client_close(&c);
}

static void speak_frames(void)
{
    struct client c;
    client_open(&c, &desk, true);
    client_say(&c, WS("/t?topic=a&topic=b"));
    client_say_bytes(&c, "\x81\xff" MASKED, 6);
    client_close(&c);
    client_open(&c, &desk, true);
    client_say(&c, WS("/t?topic=a&topic=c"));
    client_say_bytes(&c, "\x01\x81" MASKED "{", 7);
    client_say_bytes(&c, "\x80\x81" MASKED "}", 7);
    client_hear_all(&c);
    client_close(&c);
}

static void speak_much(void)
{
    speak(GET("/healthz"));
    speak(GET("/t/a?wait=0"));
    speak(GET("/t/a?wait=9"));
    speak(GET("/t?topic=a&topic=b/%23&topic=c"));
    speak(GET("/t?topic=a&wait=x"));
    speak(GET("/t/%00"));
    speak(SSE("/t/a"));
    speak(SSE("/t?topic=a&topic=b&topic=c"));
    speak("HEAD /t/a HTTP/1.1\r\n" HOST "\r\n");
    speak("POST /t/a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
    speak("POST /t/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nabc");
    speak("POST /t HTTP/1.1\r\n" HOST "Content-Type: application/x-ndjson\r\n"
          "Content-Length: "
          "52\r\n\r\n{\"topic\":\"a\",\"data\":\"x\"}\n{\"topic\":\"a\",\"data\":\"x\",1}\n");
    speak("POST /session/00000000000000000000000000000000 HTTP/1.1\r\n" HOST
          "Content-Length: 2\r\n\r\n{}");
    speak("OPTIONS /t/a HTTP/1.1\r\n" HOST "Origin: http://localhost\r\n\r\n");
    speak("POST /t/a HTTP/1.1\r\n" HOST "Origin: http://b.example\r\nContent-Length: 1\r\n\r\nx");
    speak_frames();
}

START_TEST(nothing_is_left_of_them)
{
    for (int i = 0; i < 20; i++)
        speak_much();
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 100; i++)
        speak_much();
    struct mallinfo2 after = mallinfo2();
    size_t more = after.uordblks - before.uordblks;
    ck_assert_msg(after.uordblks < before.uordblks || more < 100 * sizeof(void *), "%zu bytes",
                  more);
    ck_assert_uint_eq(desk.worker->loop.conns, 1);
    for (unsigned i = 0; i <= TRANSPORTS_MAX; i++)
        ck_assert_uint_eq(desk.worker->loop.conns_by_transport[i],
                          i == h1_protocol.transport->number);
    ck_assert_uint_eq(interest_filters(hub_interest(desk.hub)), 0);
    ck_assert_uint_eq(interest_bytes(hub_interest(desk.hub)), 0);
    ck_assert_uint_eq(peer_memory_held(&desk.process.memory), 0);
}
END_TEST

/* Whatever carries the bytes. */
static TCase *with(const char *name, void (*set_up)(void))
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, set_up, teardown);
    tcase_add_loop_test(t, an_idle_one_ends_without_a_word, 0, 3);
    tcase_add_loop_test(t, a_poll_that_waits_is_answered, 0, 3);
    tcase_add_loop_test(t, an_event_stream_ends_with_the_last_chunk, 0, 4);
    tcase_add_loop_test(t, a_websocket_is_told, 0, 3);
    tcase_add_loop_test(t, a_publish_is_answered_first, 0, 3);
    tcase_add_test(t, but_who_is_kicked_waits_only_so_long);
    tcase_add_loop_test(t, who_ends_behind_publishes_waits_only_so_long, 0, 5);
    tcase_add_loop_test(t, but_is_answered_in_time, 0, 5);
    tcase_add_loop_test(t, so_is_whoever_quits, 0, 3);
    tcase_add_test(t, each_answer_wins_time);
    tcase_add_loop_test(t, a_websocket_gets_its_answers_first, 0, 4);
    tcase_add_loop_test(t, but_not_for_ever, 0, 4);
    tcase_add_test(t, nothing_is_taken_behind_a_close_frame);
    tcase_add_loop_test(t, a_refused_body_ends_the_connection, 0, 3);
    tcase_add_test(t, an_answered_one_goes_on);
    return t;
}

static Suite *ends_suite(void)
{
    Suite *s = suite_create("ends");
    TCase *t = with("sockets", setup);
    tcase_add_test(t, what_comes_behind_the_last_answer_waits);
    tcase_add_test(t, but_not_for_longer_than_others);
    tcase_add_test(t, what_is_read_of_a_batch_is_held);
    tcase_add_test(t, nothing_is_left_of_them);
    suite_add_tcase(s, t);
    suite_add_tcase(s, with("a link that does what it likes", setup_roaming));
    return s;
}

int main(void)
{
    random_seed();
    SRunner *r = srunner_create(ends_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
