/*
 * Every protocol over a link that does what it likes (roaming_link.h): a conversation has the same
 * bytes as over a link that takes and gives everything at once, and wherever it ends, nothing is
 * left of it.
 *
 * The clock stands still but for what the test lets pass, and every log has the same epoch, so the
 * bytes are equal to the last one.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "broker/hub.h"
#include "broker/interest.h"
#include "frontends/resp/resp_protocol.h"
#include "http/h1/h1_silent.h"
#include "net/readiness.h"
#include "storage/store_ops.h"
#include "tests/unit/desk.h"
#include "tests/unit/random.h"
#include "tests/unit/roaming_link.h"
#include "tests/unit/wire.h"

#define HOST "Host: localhost\r\n"
/* Frames of a client, whose mask is zero, of up to 125 bytes. */
#define MASK "\0\0\0\0"

enum {
    EPOCH = 1234567890,
    ROUNDS = 20,
    LOOKS_MAX = 200000, /* at a link until nothing moves; a few thousand is usual */
    BRIEF_BYTES = 20,   /* of a message of a brief conversation */
    STEP = 16,          /* one in so many places is tried in a run, others in the next */
    WATCHES_MAX = 40,
};

uint64_t __wrap_now_unix_ms(void);
uint64_t __wrap_now_boottime_ms(void);
enum err __wrap_store_draw_epoch(uint32_t before, uint32_t *ret);

uint64_t __wrap_now_unix_ms(void)
{
    return UINT64_C(1700000000000);
}

uint64_t __wrap_now_boottime_ms(void)
{
    return 5000000;
}

enum err __wrap_store_draw_epoch(uint32_t before, uint32_t *ret)
{
    (void)before;
    *ret = EPOCH;
    return ERR_OK;
}

static struct desk desk;
static struct roaming link;
static struct conn *conn;
static bool brief; /* conversations have few messages, and small ones */

/* --- what a conversation is made of --- */

static bool is_over(void)
{
    return conn_state(conn) == CONN_CLOSED;
}

/* What carries it, too. */
static bool is_lost(void)
{
    return conn_state(wire_carrier(conn)) == CONN_CLOSED;
}

static bool is_moving(void)
{
    const struct worker *w = desk.worker;
    return backlog_count(&w->loop.backlog) ||
           (!is_lost() && (roaming_has_news(&link) || w->lagging || link.gathered.len));
}

/* Until nothing moves any more. */
static void settle(void)
{
    for (unsigned looks = 0; is_moving(); looks++) {
        if (looks == LOOKS_MAX)
            ck_abort_msg("%zu bytes of %zu were received, %zu came", link.received, link.in.len,
                         link.out.len);
        unsigned what = roaming_look(&link);
        if (what)
            desk_serve(&desk, wire_carrier(conn), what);
        while (backlog_count(&desk.worker->loop.backlog))
            desk_go_on(&desk);
        desk_catch_up(&desk);
    }
}

static void say_bytes(const void *data, size_t n)
{
    wire_say(&link, data, n);
    settle();
}

static void say(const char *text)
{
    say_bytes(text, strlen(text));
}

/* What it published is committed. */
static void commit(void)
{
    if (desk.worker->publishes)
        desk_commit(&desk);
    settle();
}

/* One turn for each, whatever the link takes meanwhile. */
static void storm(const char *topic, unsigned count, size_t bytes)
{
    if (brief) {
        count = 1;
        bytes = BRIEF_BYTES;
    }
    for (unsigned i = 0; i < count; i++) {
        desk_publish(&desk, topic, 1 + i % 3, bytes + i);
        unsigned what = is_lost() ? READY_NONE : roaming_look(&link);
        if (what && i % 2)
            desk_serve(&desk, wire_carrier(conn), what);
    }
    settle();
}

static void pass(uint64_t ms)
{
    desk_wait(&desk, ms);
    settle();
}

static void half_close(void)
{
    wire_say_end(&link);
    settle();
}

/* --- the conversations --- */

/* Nobody publishes to what it follows: whether the answer or the message comes first depends on
 * what its link takes. */

static void speak_http(void)
{
    say("GET /healthz HTTP/1.1\r\n" HOST "\r\nGET /t/a?wait=0 HTTP/1.1\r\n" HOST "\r\n");
    say("POST /t/a HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: 9\r\n\r\n{\"a\":[1]}"
        "POST /t/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        "GET /t/a?after=earliest&wait=0 HTTP/1.1\r\n" HOST "\r\n");
    commit();
    say("POST /t HTTP/1.1\r\n" HOST "Content-Type: application/x-ndjson\r\n"
        "Content-Length: 58\r\n\r\n"
        "{\"topic\":\"a\",\"data\":\"one\"}\n{\"topic\":\"b/c\",\"data\":{\"x\":2}}\n");
    commit();
    say("GET /nowhere HTTP/1.1\r\n" HOST "\r\n");
    half_close();
}

static void speak_poll(void)
{
    say("GET /t/a HTTP/1.1\r\n" HOST "\r\n");
    desk_publish(&desk, "a", 2, 40);
    settle();
    say("GET /t?topic=a&topic=b/%23&after=earliest HTTP/1.1\r\n" HOST "\r\n"
        "GET /t/quiet?wait=2 HTTP/1.1\r\n" HOST "\r\n");
    pass(2500);
    storm("b/much", 20, 300);
    say("GET /t/b/much?after=earliest&limit=15 HTTP/1.1\r\n" HOST "\r\n");
    say("GET /t/b/much?after=-40&wait=0&format=raw HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
}

static void speak_sse(void)
{
    desk_publish(&desk, "a", 3, 30);
    say("GET /t?topic=a&topic=b/%23&after=earliest HTTP/1.1\r\n" HOST
        "Accept: text/event-stream\r\n\r\n");
    storm("a", 9, 100);
    storm("b/much", 12, 700);
    storm("c", 2, 10);
    pass(16000);
    storm("a", 2, 9000);
    pass(16000);
    half_close();
}

#define GZIP "Accept-Encoding: gzip\r\n"

static void speak_packed_sse(void)
{
    desk.settings->compress = COMPRESS_DIRECT;
    desk_publish(&desk, "a", 3, 700);
    say("GET /t?topic=a&topic=b/%23&after=earliest HTTP/1.1\r\n" HOST GZIP
        "Accept: text/event-stream\r\n\r\n");
    storm("a", 9, 100);
    storm("b/much", 12, 700);
    pass(16000);
    storm("a", 2, 70000);
    half_close();
}

static void speak_packed_poll(void)
{
    desk.settings->compress = COMPRESS_DIRECT;
    desk_publish(&desk, "a", 3, 700);
    say("GET /t/a?after=earliest&wait=0 HTTP/1.1\r\n" HOST GZIP "\r\n");
    say("GET /t/a HTTP/1.1\r\n" HOST GZIP "\r\n");
    storm("a", 1, 3000);
    say("GET /t/a?after=-1&wait=0 HTTP/1.0\r\n" GZIP "\r\n");
}

static void speak_old_sse(void)
{
    say("GET /t/a?after=latest HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n");
    storm("a", 12, 200);
    conn_kick(conn);
    desk_end_turn(&desk);
    settle();
}

#define UPGRADE                                                                                    \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void say_object(const char *object)
{
    char head[6] = {(char)0x81, (char)(0x80 | strlen(object)), 0, 0, 0, 0};
    ck_assert_uint_le(strlen(object), 125);
    wire_say(&link, head, sizeof(head));
    say(object);
}

static void speak_websocket(void)
{
    say("GET /t/a HTTP/1.1\r\n" HOST UPGRADE);
    storm("a", 10, 150);
    say_object("{\"op\":\"subscribe\",\"topic\":\"b/#\",\"after\":\"earliest\",\"ref\":1}");
    storm("b/much", 12, 600);
    say_object("{\"op\":\"publish\",\"topic\":\"c\",\"data\":{\"x\":1},\"ref\":\"two\"}");
    commit();
    say_bytes("\x89\x83" MASK "abc", 9); /* a ping */
    say_object("{\"op\":\"unsubscribe\",\"topic\":\"b/#\",\"ref\":3}");
    say_object("{\"op\":\"nonsense\"}");
    storm("a", 3, 4000);
    pass(16000);
    say_bytes("\x88\x82" MASK "\x03\xe8", 8); /* the end: 1000 */
}

static void speak_raw_websocket(void)
{
    desk_publish(&desk, "a", 4, 20);
    say("GET /t/a?format=raw&after=-3 HTTP/1.1\r\n" HOST UPGRADE);
    storm("a", 20, 90);
    storm("a", 2, 70000);
    say_bytes("\x89\x80" MASK, 6);
    half_close();
}

static void speak_packed_websocket(void)
{
    desk.settings->ws_deflate = true;
    desk_publish(&desk, "a", 2, 2000);
    say("GET /t/a?after=earliest HTTP/1.1\r\n" HOST
        "Sec-WebSocket-Extensions: permessage-deflate\r\n" UPGRADE);
    storm("a", 15, 600);
    storm("a", 2, 70000);
    say_bytes("\x88\x82" MASK "\x03\xe8", 8);
}

static void speak_resp(void)
{
    say("*1\r\n$4\r\nPING\r\nPING inline\r\n");
    say("*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$5\r\nhello\r\n"
        "*5\r\n$4\r\nXADD\r\n$3\r\nb/c\r\n$1\r\n*\r\n$4\r\ndata\r\n$3\r\n{} \r\n"
        "*4\r\n$6\r\nXRANGE\r\n$1\r\na\r\n$1\r\n-\r\n$1\r\n+\r\n");
    commit();
    say("*1\r\n$5\r\nMULTI\r\n*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$3\r\ntwo\r\n"
        "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nEXEC\r\n");
    commit();
    say("*6\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$4\r\n5000\r\n$7\r\nSTREAMS\r\n$1\r\na\r\n$1\r\n$"
        "\r\n");
    desk_publish(&desk, "a", 2, 60);
    settle();
    say("*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$6\r\nb/much\r\n");
    storm("a", 9, 100);
    storm("b/much", 12, 600);
    say("*2\r\n$11\r\nUNSUBSCRIBE\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n");
    storm("b/much", 3, 5000);
    say("*1\r\n$4\r\nQUIT\r\n");
}

static void speak_resp3(void)
{
    say("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\nb*\r\n");
    storm("b/much", 15, 200);
    say("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$5\r\nhello\r\n*1\r\n$4\r\nWHAT\r\n");
    commit();
    half_close();
}

static const struct {
    void (*speak)(void);
    const struct protocol *protocol; /* at first */
} talks[] = {
    {speak_http, &h1_silent_protocol},
    {speak_poll, &h1_silent_protocol},
    {speak_sse, &h1_silent_protocol},
    {speak_packed_sse, &h1_silent_protocol},
    {speak_packed_poll, &h1_silent_protocol},
    {speak_old_sse, &h1_silent_protocol},
    {speak_websocket, &h1_silent_protocol},
    {speak_raw_websocket, &h1_silent_protocol},
    {speak_packed_websocket, &h1_silent_protocol},
    {speak_resp, &resp_protocol},
    {speak_resp3, &resp_protocol},
};

enum { TALKS = sizeof(talks) / sizeof(talks[0]) };

/* --- holding one --- */

static void begin(int talk, enum roaming_manner m)
{
    roaming_init(&link, m, &desk.worker->loop);
    bool local = talks[talk].protocol == &resp_protocol;
    conn = desk_connect(&desk, wire_begin(&link), local, talks[talk].protocol);
}

/* Whatever it was about. */
static void check_nothing_is_left(void)
{
    struct worker *w = desk.worker;
    ck_assert(link.closed);
    ck_assert_uint_eq(w->loop.conns, 0);
    ck_assert_uint_eq(desk.process.conns, 0);
    for (int t = 0; t <= TRANSPORTS_MAX; t++)
        ck_assert_uint_eq(w->loop.conns_by_transport[t], 0);
    ck_assert_uint_eq(peer_memory_held(&desk.process.memory), 0);
    ck_assert_uint_eq(interest_filters(broker_interest(desk.rig.broker)), 0);
    ck_assert_uint_eq(interest_bytes(broker_interest(desk.rig.broker)), 0);
    ck_assert(!w->lagging && !w->laggards && !w->publishes && !w->paused_count);
    ck_assert(!w->loop.turn && !w->loop.to_flush && !backlog_count(&w->loop.backlog));
}

/* It ends at once, if it has not. What it has published comes back. */
static void leave(void)
{
    desk_disconnect(&desk, conn);
    if (desk.worker->publishes)
        desk_commit(&desk);
    wire_leave();
    desk_end_turn(&desk);
    check_nothing_is_left();
}

static void forget(void)
{
    wire_end(&link);
    roaming_finish(&link);
    desk_close(&desk);
}

/* As a whole. What the peer gets of it stays on the wire until it is forgotten. */
static void hold(int talk, enum roaming_manner m)
{
    desk_open(&desk);
    begin(talk, m);
    talks[talk].speak();
    ck_assert(is_over() || wire_has_ended(&link));
    ck_assert_uint_eq(link.received, link.in.len);
    leave();
}

/* A whole one, to compare others with. */
static struct buf hold_whole(int talk, size_t *ret_in)
{
    struct buf whole = {0};
    hold(talk, ROAMING_WHOLE);
    const struct buf *heard = wire_heard(&link);
    buf_append(&whole, heard->data, heard->len);
    *ret_in = link.in.len;
    forget();
    return whole;
}

static enum roaming_manner any_manner(void)
{
    return (enum roaming_manner)random_below(ROAMING_MANNERS);
}

/* --- the tests --- */

static void check_same(const struct buf *a, const struct buf *b)
{
    size_t n = a->len < b->len ? a->len : b->len, same = 0;
    while (same < n && a->data[same] == b->data[same])
        same++;
    ck_assert_msg(same == a->len && same == b->len,
                  "%zu and %zu bytes, not the same from %zu on: %.60s | %.60s", a->len, b->len,
                  same, a->data + same, b->data + same);
}

START_TEST(the_peer_gets_the_same_bytes)
{
    size_t in;
    struct buf whole = hold_whole(_i, &in);
    for (int round = 0; round < ROUNDS; round++) {
        hold(_i, round % 2 ? ROAMING_SHORT : ROAMING_GATHERS);
        check_same(&whole, wire_heard(&link));
        forget();
    }
    buf_finish(&whole);
}
END_TEST

/* How long a brief one is. */
static void measure(int talk, size_t *ret_in, size_t *ret_out)
{
    brief = true;
    hold(talk, ROAMING_WHOLE);
    *ret_in = link.in.len;
    *ret_out = link.out.len;
    forget();
}

/* Its input comes in two pieces, or in one of one byte after the other (SPLIT_AT 0). */
static void check_split(int talk, size_t split_at, const struct buf *whole)
{
    desk_open(&desk);
    begin(talk, ROAMING_WHOLE);
    link.split_at = split_at;
    link.by_bytes = split_at == 0;
    talks[talk].speak();
    leave();
    check_same(whole, wire_heard(&link));
    forget();
}

START_TEST(wherever_what_comes_is_split_the_peer_gets_the_same)
{
    brief = true;
    size_t in;
    struct buf whole = hold_whole(_i, &in);
    check_split(_i, 0, &whole);
    for (size_t at = 1 + random_below(STEP); at < in; at += STEP)
        check_split(_i, at, &whole);
    buf_finish(&whole);
}
END_TEST

/* With what it says and hears until the link is lost. */
static void break_off(int talk, size_t lost_in, size_t lost_out, unsigned watches)
{
    desk_open(&desk);
    begin(talk, any_manner());
    roaming_lose_at(&link, lost_in, lost_out);
    link.watches_left = watches;
    talks[talk].speak();
    leave();
    ck_assert(link.received <= lost_in && link.out.len <= lost_out);
    forget();
}

START_TEST(wherever_it_is_lost_in_what_comes_nothing_is_left)
{
    size_t in, out;
    measure(_i, &in, &out);
    for (size_t at = 0; at <= in; at++)
        break_off(_i, at, SIZE_MAX, UINT32_MAX);
}
END_TEST

START_TEST(wherever_it_is_lost_in_what_goes_nothing_is_left)
{
    size_t in, out;
    measure(_i, &in, &out);
    for (size_t at = random_below(STEP); at <= out; at += STEP)
        break_off(_i, SIZE_MAX, at, UINT32_MAX);
}
END_TEST

/* The kernel has no memory left to watch it. */
START_TEST(whenever_it_cannot_be_watched_nothing_is_left)
{
    brief = true;
    for (unsigned n = 0; n < WATCHES_MAX; n++)
        break_off(_i, SIZE_MAX, SIZE_MAX, n);
}
END_TEST

START_TEST(who_cannot_be_watched_from_the_start_is_not_there)
{
    struct conn *c = NULL;
    desk_open(&desk);
    roaming_init(&link, ROAMING_WHOLE, &desk.worker->loop);
    link.watches_left = 0;
    ck_assert_int_eq(
        conn_create(&desk.worker->loop, wire_begin(&link), false, true, &h1_silent_protocol, &c),
        ERR_NOMEM);
    ck_assert_ptr_null(c);
    check_nothing_is_left();
    forget();
}
END_TEST

static Suite *links_suite(void)
{
    Suite *s = suite_create("links");
    TCase *t = tcase_create("bytes"), *e = tcase_create("ends");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, the_peer_gets_the_same_bytes, 0, TALKS);
    tcase_add_loop_test(t, wherever_what_comes_is_split_the_peer_gets_the_same, 0, TALKS);
    suite_add_tcase(s, t);
    tcase_set_timeout(e, 300);
    if (wire_is_watched)
        tcase_add_test(e, who_cannot_be_watched_from_the_start_is_not_there);
    tcase_add_loop_test(e, whenever_it_cannot_be_watched_nothing_is_left, 0, TALKS);
    tcase_add_loop_test(e, wherever_it_is_lost_in_what_comes_nothing_is_left, 0, TALKS);
    tcase_add_loop_test(e, wherever_it_is_lost_in_what_goes_nothing_is_left, 0, TALKS);
    suite_add_tcase(s, e);
    return s;
}

int main(void)
{
    random_seed();
    SRunner *r = srunner_create(links_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
