/*
 * What subscribers read: each transport's bytes over a real socket, whole, cut at each place, and
 * byte by byte; large payloads; messages that are missing, repeated or of another topic; servers
 * that refuse or break their protocol.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_subscriber.h"

enum { TOPICS = 3, TOPIC = 0, LARGE = 100000 };

static struct bench_loop loop;
static struct bench_plan plan;
static const struct http_place place = {.host = "127.0.0.1", .port = "1"};
static struct bench_subscribers set;
static struct bench_subscriber *subscriber;
static int server; /* the other end of the subscriber's socket */

static void begin(const struct bench_protocol *protocol)
{
    int pair[2];
    ck_assert_int_eq(loop_init(&loop, false), ERR_OK);
    ck_assert_int_eq(plan_init(&plan, TOPICS, 1), ERR_OK);
    memset(&set, 0, sizeof(set));
    set.loop = &loop;
    set.plan = &plan;
    set.protocol = protocol;
    set.place = &place;
    ck_assert_int_eq(subscribers_init(&set, 1), ERR_OK);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    subscriber = &set.items[0];
    subscriber->wire.fd = pair[0];
    subscriber->state = SUBSCRIBER_ASKING;
    set.connecting = 1;
    server = pair[1];
}

static void end(void)
{
    subscribers_finish(&set);
    plan_finish(&plan);
    loop_finish(&loop);
    close(server);
}

/* Sends N bytes, STEP at a time, each of which is read before the next is sent. */
static void feed(const char *data, size_t n, size_t step)
{
    while (n > 0 && subscriber->state != SUBSCRIBER_LOST) {
        size_t now = n < step ? n : step;
        ck_assert_int_eq(send(server, data, now, 0), (ssize_t)now);
        subscriber->source.ready(&subscriber->source, EPOLLIN);
        data += now;
        n -= now;
    }
}

/* --- the servers --- */

static struct buf bytes;

static void put_payload(uint32_t stream, uint32_t number, size_t size)
{
    char mark[MARK_SIZE];
    struct bench_mark m = {stream, number, bench_now()};
    mark_write(mark, plan.tag, &m);
    buf_append(&bytes, mark, sizeof(mark));
    for (size_t i = MARK_SIZE; i < size; i++)
        buf_putc(&bytes, 'a');
}

static void ws_head(void)
{
    buf_puts(&bytes, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
}

static void ws_frame(unsigned opcode, size_t len)
{
    buf_putc(&bytes, (char)(0x80 | opcode));
    if (len < 126) {
        buf_putc(&bytes, (char)len);
    } else if (len < 65536) {
        buf_append(&bytes, (char[]){126, (char)(len >> 8), (char)len}, 3);
    } else {
        buf_append(&bytes, (char[]){127, 0, 0, 0, 0, 0, (char)(len >> 16), (char)(len >> 8)}, 8);
        buf_putc(&bytes, (char)len);
    }
}

static void ws_message(uint32_t stream, uint32_t number, size_t size)
{
    ws_frame(1, size + 20);
    buf_puts(&bytes, "{\"id\":\"7-8\",\"data\":");
    put_payload(stream, number, size);
    buf_putc(&bytes, '}');
}

static void sse_head(void)
{
    buf_puts(&bytes, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
                     "retry: 2000\nid: 1-2\n\nid: 1-2\nevent: longwire.live\ndata: {}\n\n");
}

static void sse_message(uint32_t stream, uint32_t number, size_t size)
{
    buf_puts(&bytes, "id: 7-8\ndata: ");
    put_payload(stream, number, size);
    buf_puts(&bytes, "\n\n");
}

static void resp_head(void)
{
    buf_puts(&bytes, "*3\r\n$9\r\nsubscribe\r\n$14\r\nbench/00000000\r\n:1\r\n");
}

static void resp_message(uint32_t stream, uint32_t number, size_t size)
{
    buf_printf(&bytes, "*3\r\n$7\r\nmessage\r\n$14\r\nbench/00000000\r\n$%zu\r\n", size);
    put_payload(stream, number, size);
    buf_puts(&bytes, "\r\n");
}

static void poll_answer(const char *body, size_t n)
{
    buf_printf(&bytes, "HTTP/1.1 200 OK\r\nLongwire-Cursor: 7-8\r\nContent-Length: %zu\r\n\r\n%.*s",
               n, (int)n, body);
}

static void poll_head(void)
{
    poll_answer("{\"cursor\":\"7-8\",\"messages\":[]}", 30);
}

/* Each message as an answer of its own, with another one's text before it. */
static void poll_message(uint32_t stream, uint32_t number, size_t size)
{
    struct buf answers = bytes, body;
    bytes = (struct buf){0};
    buf_puts(&bytes, "[\"~\",\"~lwother\",\"");
    put_payload(stream, number, size);
    buf_puts(&bytes, "\"]");
    body = bytes;
    bytes = answers;
    poll_answer(body.data, body.len);
    buf_finish(&body);
}

static const struct server {
    const struct bench_protocol *protocol;
    void (*head)(void);
    void (*message)(uint32_t stream, uint32_t number, size_t size);
} servers[] = {
    {&bench_ws, ws_head, ws_message},
    {&bench_sse, sse_head, sse_message},
    {&bench_resp, resp_head, resp_message},
    {&bench_poll, poll_head, poll_message},
};

enum { SERVERS = sizeof(servers) / sizeof(servers[0]) };

static void start(const struct server *s)
{
    begin(s->protocol);
    buf_clear(&bytes);
    s->head();
}

/* --- tests --- */

START_TEST(messages_arrive_wherever_the_stream_is_cut)
{
    const struct server *s = &servers[_i];
    size_t whole = SIZE_MAX;
    for (size_t step = 1; step <= whole; step++) {
        start(s);
        s->message(TOPIC, 1, 60);
        s->message(TOPIC, 2, 300);
        feed(bytes.data, bytes.len, step);
        ck_assert_uint_eq(set.delivered, 2);
        ck_assert_uint_eq(set.live, 1);
        ck_assert_uint_eq(plan.audience[TOPIC], 1);
        ck_assert_uint_eq(set.missing + set.repeated + set.foreign + set.lost, 0);
        ck_assert_uint_eq(set.latency.count, 2);
        ck_assert_ptr_null(subscriber->rest);
        whole = bytes.len;
        end();
    }
}
END_TEST

START_TEST(a_large_payload_counts_when_it_is_complete_and_is_not_kept)
{
    const struct server *s = &servers[_i];
    start(s);
    s->message(TOPIC, 1, LARGE);
    size_t first = bytes.len;
    s->message(TOPIC, 2, 60);
    feed(bytes.data, first - 3, 5000);
    /* A long-poll has no message to wait for: its answer is counted as it comes. */
    ck_assert_uint_eq(set.delivered, s->protocol == &bench_poll ? 1 : 0);
    ck_assert_uint_eq(subscriber->rest_len, 0);
    feed(bytes.data + first - 3, bytes.len - first + 3, 5000);
    ck_assert_uint_eq(set.delivered, 2);
    ck_assert_uint_eq(set.lost, 0);
    end();
}
END_TEST

START_TEST(what_is_wrong_with_the_numbers_is_told)
{
    const struct server *s = &servers[_i];
    start(s);
    s->message(TOPIC, 1, 60);
    s->message(TOPIC, 5, 60); /* 2 to 4 are missing, */
    s->message(TOPIC, 5, 60); /* repeated, */
    s->message(TOPIC, 3, 60); /* late, */
    s->message(TOPIC, 3, 60); /* repeated, */
    s->message(TOPIC, 2, 60); /* late, */
    s->message(TOPIC + 1, 6, 60);
    s->message(TOPIC, 6, 60);
    feed(bytes.data, bytes.len, SIZE_MAX);
    ck_assert_uint_eq(set.delivered, 5);
    ck_assert_uint_eq(set.missing, 1);
    ck_assert_uint_eq(set.repeated, 2);
    ck_assert_uint_eq(set.late, 2);
    ck_assert_uint_eq(set.foreign, 1);
    ck_assert(!subscribers_well(&set));
    plan.sent[TOPIC] = 8; /* and 7 and 8 never came */
    subscribers_settle(&set);
    ck_assert_uint_eq(set.missing, 3);
    end();
}
END_TEST

START_TEST(a_hole_that_was_forgotten_counts_as_repeated)
{
    const struct server *s = &servers[_i];
    start(s);
    for (uint32_t i = 0; i <= BENCH_HOLES; i++)
        s->message(TOPIC, 2 + 2 * i, 60);
    s->message(TOPIC, 1, 60); /* the oldest of one too many */
    s->message(TOPIC, 3, 60);
    feed(bytes.data, bytes.len, SIZE_MAX);
    ck_assert_uint_eq(set.missing, BENCH_HOLES);
    ck_assert_uint_eq(set.repeated, 1);
    ck_assert_uint_eq(set.late, 1);
    end();
}
END_TEST

START_TEST(a_lost_subscriber_gets_nothing_more)
{
    const struct server *s = &servers[_i];
    start(s);
    s->message(TOPIC, 1, 60);
    feed(bytes.data, bytes.len, SIZE_MAX);
    plan.sent[TOPIC] = 3;
    shutdown(server, SHUT_WR);
    subscriber->source.ready(&subscriber->source, EPOLLIN);
    ck_assert_int_eq(subscriber->state, SUBSCRIBER_LOST);
    ck_assert_uint_eq(set.lost, 1);
    ck_assert_uint_eq(set.live, 0);
    ck_assert_uint_eq(set.missing, 2);
    ck_assert_uint_eq(plan.audience[TOPIC], 0);
    ck_assert(!loop.failed);
    end();
}
END_TEST

START_TEST(a_stuck_subscriber_reads_nothing_and_is_owed_nothing)
{
    const struct server *s = &servers[_i];
    struct epoll_event e;
    start(s);
    set.stuck = 1;
    ck_assert_int_eq(loop_add(&loop, subscriber->wire.fd, EPOLLIN, &subscriber->source), ERR_OK);
    feed(bytes.data, bytes.len, SIZE_MAX);
    ck_assert_int_eq(subscriber->state, SUBSCRIBER_LIVE);
    ck_assert_uint_eq(plan.audience[TOPIC], 0);
    ck_assert_int_eq(send(server, "more", 4, 0), 4);
    ck_assert_int_eq(epoll_wait(loop.epoll, &e, 1, 0), 0);
    plan.sent[TOPIC] = 3;
    shutdown(server, SHUT_WR);
    loop_turn(&loop, BENCH_SECOND);
    ck_assert_int_eq(subscriber->state, SUBSCRIBER_LOST);
    ck_assert_uint_eq(set.lost, 1);
    ck_assert_uint_eq(plan.audience[TOPIC], 0);
    subscribers_settle(&set);
    ck_assert_uint_eq(set.missing, 0);
    end();
}
END_TEST

static const struct refusal {
    const struct bench_protocol *protocol;
    const char *answer;
} refusals[] = {
    {&bench_ws, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
    {&bench_ws, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {&bench_sse, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"},
    {&bench_sse, "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
    {&bench_poll, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"},
    {&bench_poll, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {&bench_resp, "-ERR no\r\n"},
    {&bench_resp, "HTTP/1.1 400 Bad Request\r\n"},
};

START_TEST(a_server_that_refuses_ends_the_run)
{
    const struct refusal *r = &refusals[_i];
    begin(r->protocol);
    feed(r->answer, strlen(r->answer), 1);
    ck_assert_int_eq(subscriber->state, SUBSCRIBER_LOST);
    ck_assert(loop.failed);
    end();
}
END_TEST

START_TEST(an_endless_head_is_given_up)
{
    static char text[4 * HTTP_HEAD_MAX];
    const struct bench_protocol *protocols[] = {&bench_ws, &bench_sse, &bench_poll, &bench_resp};
    memset(text, 'x', sizeof(text));
    begin(protocols[_i]);
    feed(text, sizeof(text), 1000);
    ck_assert_int_eq(subscriber->state, SUBSCRIBER_LOST);
    end();
}
END_TEST

/* Masked, control frame too long, reserved bit, close. */
START_TEST(frames_that_end_a_websocket)
{
    static const char *const frames[] = {"\x81\x80", "\x89\x7e\x01\x00", "\xc1\x01", "\x88\x00"};
    start(&servers[0]);
    feed(bytes.data, bytes.len, SIZE_MAX);
    feed(frames[_i], _i == 1 ? 4 : 2, SIZE_MAX);
    ck_assert_int_eq(subscriber->state, SUBSCRIBER_LOST);
    end();
}
END_TEST

START_TEST(pings_are_answered_with_masked_pongs)
{
    char pong[16];
    start(&servers[0]);
    ws_frame(9, 5);
    buf_puts(&bytes, "hello");
    ws_message(TOPIC, 1, 60);
    feed(bytes.data, bytes.len, SIZE_MAX);
    ck_assert_uint_eq(set.delivered, 1);
    ck_assert_int_eq(recv(server, pong, sizeof(pong), MSG_DONTWAIT), 11);
    ck_assert_int_eq((unsigned char)pong[0], 0x8a);
    ck_assert_int_eq((unsigned char)pong[1], 0x85);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pong[6 + i] ^ pong[2 + i % 4], "hello"[i]);
    end();
}
END_TEST

START_TEST(a_long_poll_goes_on_from_the_cursor)
{
    char request[512];
    start(&servers[3]);
    feed(bytes.data, bytes.len, SIZE_MAX);
    ssize_t n = recv(server, request, sizeof(request) - 1, MSG_DONTWAIT);
    ck_assert_int_gt(n, 0);
    request[n] = '\0';
    ck_assert_ptr_nonnull(strstr(request, "GET /t/bench/00000000?"));
    ck_assert_ptr_nonnull(strstr(request, "&after=7-8 "));
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench_protocols");
    TCase *t = tcase_create("bench_protocols");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, messages_arrive_wherever_the_stream_is_cut, 0, SERVERS);
    tcase_add_loop_test(t, a_large_payload_counts_when_it_is_complete_and_is_not_kept, 0, SERVERS);
    tcase_add_loop_test(t, what_is_wrong_with_the_numbers_is_told, 0, SERVERS);
    tcase_add_loop_test(t, a_hole_that_was_forgotten_counts_as_repeated, 0, SERVERS);
    tcase_add_loop_test(t, a_lost_subscriber_gets_nothing_more, 0, SERVERS);
    tcase_add_loop_test(t, a_stuck_subscriber_reads_nothing_and_is_owed_nothing, 0, SERVERS);
    tcase_add_loop_test(t, a_server_that_refuses_ends_the_run, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_loop_test(t, an_endless_head_is_given_up, 0, SERVERS);
    tcase_add_loop_test(t, frames_that_end_a_websocket, 0, 4);
    tcase_add_test(t, pings_are_answered_with_masked_pongs);
    tcase_add_test(t, a_long_poll_goes_on_from_the_cursor);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
