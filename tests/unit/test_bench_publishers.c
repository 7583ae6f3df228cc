/*
 * What publishers send and how they read answers: each protocol's bytes whole, cut at each place,
 * and byte by byte; refusals; hubs that break their protocol.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_subscriber.h"

enum { PIPELINE = 8, TOPIC = 0x2a, SIZE_SMALL = 128 };

static const struct publish_protocol *const protocols[] = {&publish_resp, &publish_http,
                                                           &publish_ws};
enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

static const struct http_place place = {.host = "127.0.0.1", .port = "8420"};
static const struct bench_mark mark = {7, 8, 9};
static struct bench_loop loop;
static struct bench_publishers set;
static struct bench_publisher publisher;

static void begin(const struct publish_protocol *protocol, size_t size)
{
    ck_assert_int_eq(loop_init(&loop, false), ERR_OK);
    set = (struct bench_publishers){.loop = &loop, .protocol = protocol, .place = &place};
    set.pipeline = PIPELINE;
    set.tag = mark_tag();
    set.count = 1;
    set.items = &publisher;
    set.now = 1000;
    publisher = (struct bench_publisher){.set = &set, .wire.fd = -1};
    publisher.times = calloc(PIPELINE, sizeof(*publisher.times));
    protocol->form(&set, size);
}

static void end(void)
{
    buf_finish(&publisher.out);
    buf_finish(&set.command);
    free(publisher.times);
    loop_finish(&loop);
}

/* Gives the reader N bytes, STEP more at a time, with what it left over before them. */
static void feed(const char *data, size_t n, size_t step)
{
    size_t used = 0, have = 0;
    while (have < n && !loop.failed) {
        have = n - have < step ? n : have + step;
        used += set.protocol->read(&publisher, data + used, have - used);
        ck_assert_uint_le(used, have);
    }
}

static void feed_text(const char *text)
{
    feed(text, strlen(text), SIZE_MAX);
}

static const char ws_opened[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

/* Two are acknowledged, one is refused, one is acknowledged. */
static const char *answers(const struct publish_protocol *protocol)
{
    if (protocol == &publish_resp)
        return ":3\r\n:0\r\n-ERR no\r\n:1\r\n";
    if (protocol == &publish_http)
        return "HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"id\":\"1-2\"}"
               "HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"id\":\"2-2\"}"
               "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"
               "HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"id\":\"3-2\"}";
    return "\x81\x20{\"op\":\"published\",\"id\":\"1-2345\"}"
           "\x81\x20{\"op\":\"published\",\"id\":\"2-2345\"}"
           "\x81\x2c{\"op\":\"error\",\"code\":\"limit\",\"message\":\"no\"}"
           "\x81\x19{\"op\":\"live\",\"cursor\":\"\"}"
           "\x81\x20{\"op\":\"published\",\"id\":\"3-2345\"}";
}

START_TEST(answers_count_wherever_they_are_cut)
{
    struct buf bytes = {0};
    if (protocols[_i] == &publish_ws)
        buf_puts(&bytes, ws_opened);
    buf_puts(&bytes, answers(protocols[_i]));
    for (size_t step = 1; step <= bytes.len; step++) {
        begin(protocols[_i], SIZE_SMALL);
        for (int i = 0; i < 4; i++)
            publisher_publish(&publisher, TOPIC, &mark);
        feed(bytes.data, bytes.len, step);
        ck_assert(!loop.failed);
        ck_assert_uint_eq(set.answered, 3);
        ck_assert_uint_eq(set.refused, 1);
        ck_assert_uint_eq(publishers_unanswered(&set), 0);
        ck_assert_uint_eq(set.latency.count, 3);
        ck_assert_uint_ge(histogram_percentile(&set.latency, 50), 1000 - mark.time);
        end();
    }
    buf_finish(&bytes);
}
END_TEST

START_TEST(the_pipeline_goes_round)
{
    static const char one[] = ":1\r\n";
    begin(&publish_resp, SIZE_SMALL);
    for (int i = 0; i < 3 * PIPELINE; i++) {
        while (!publisher_full(&publisher))
            publisher_publish(&publisher, TOPIC, &mark);
        feed_text(one);
        ck_assert_uint_eq(publishers_unanswered(&set), PIPELINE - 1);
    }
    ck_assert_uint_eq(set.answered, 3 * PIPELINE);
    end();
}
END_TEST

static const size_t sizes[] = {MARK_SIZE, SIZE_SMALL, 70000};

/* The mark and the padding of SIZE bytes; returns what is behind them. */
static const char *expect_payload(const char *p, size_t size)
{
    struct bench_mark m;
    ck_assert(mark_read(p, set.tag, &m));
    ck_assert_uint_eq(m.stream, mark.stream);
    ck_assert_uint_eq(m.number, mark.number);
    ck_assert_uint_eq(m.time, mark.time);
    for (size_t i = MARK_SIZE; i < size; i++)
        ck_assert_int_eq(p[i], (int)('a' + i % 26));
    return p + size;
}

static const char *expect_text(const char *p, const char *text)
{
    ck_assert_int_eq(strncmp(p, text, strlen(text)), 0);
    return p + strlen(text);
}

START_TEST(what_is_sent_by_http)
{
    char length[64];
    begin(&publish_http, sizes[_i]);
    publisher_publish(&publisher, TOPIC, &mark);
    snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", sizes[_i]);
    const char *p = expect_text(publisher.out.data, "POST /t/bench/0000002a HTTP/1.1\r\n"
                                                    "Host: 127.0.0.1:8420\r\n");
    p = expect_payload(expect_text(p, length), sizes[_i]);
    ck_assert_ptr_eq(p, publisher.out.data + publisher.out.len);
    end();
}
END_TEST

START_TEST(what_is_sent_by_websocket)
{
    begin(&publish_ws, sizes[_i]);
    publisher_publish(&publisher, TOPIC, &mark);
    char *p = publisher.out.data, *stop = p + publisher.out.len;
    p[1] &= 0x7f; /* the mask's bit, which a server's frame must not have */
    struct ws_header h;
    ck_assert(ws_read_header(p, publisher.out.len, &h));
    ck_assert(!h.broken);
    ck_assert_uint_eq(h.opcode, 1);
    char *key = p + h.size, *payload = key + WS_MASK_SIZE;
    ck_assert_ptr_eq(payload + h.len, stop);
    for (size_t i = 0; i < h.len; i++)
        payload[i] ^= key[i % WS_MASK_SIZE];
    const char *q =
        expect_text(payload, "{\"op\":\"publish\",\"topic\":\"bench/0000002a\",\"data\":\"");
    q = expect_text(expect_payload(q, sizes[_i]), "\"}");
    ck_assert_ptr_eq(q, stop);
    end();
}
END_TEST

START_TEST(frames_have_different_keys)
{
    struct bench_mark next = {7, 9, 9};
    begin(&publish_ws, SIZE_SMALL);
    publisher_publish(&publisher, TOPIC, &mark);
    publisher_publish(&publisher, TOPIC, &next);
    size_t at = set.sealed_at - WS_MASK_SIZE;
    const char *one = publisher.out.data + at;
    ck_assert_int_ne(memcmp(one, one + set.command.len, WS_MASK_SIZE), 0);
    end();
}
END_TEST

START_TEST(a_ping_is_answered)
{
    static const char ping[] = "\x89\x05hello";
    begin(&publish_ws, SIZE_SMALL);
    feed_text(ws_opened);
    ck_assert(publisher.ready);
    feed_text(ping);
    ck_assert_uint_eq(publisher.out.len, 2 + WS_MASK_SIZE + 5);
    const char *pong = publisher.out.data;
    ck_assert_int_eq((unsigned char)pong[0], 0x8a);
    ck_assert_int_eq(pong[6] ^ pong[2], 'h');
    end();
}
END_TEST

/* Each ends the run, with one publish under way. */
static const struct wrong {
    const struct publish_protocol *protocol;
    const char *answer;
} wrong[] = {
    {&publish_resp, ":1\r\n:1\r\n"},
    {&publish_http, "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
    {&publish_http, "HTTP/1.1 201 Created\r\n\r\nHTTP/1.1 201 Created\r\n\r\n"},
    {&publish_ws, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"},
    {&publish_ws, "\x81\x80mask"},
    {&publish_ws, "\x88\x02\x03\xe9"},
    {&publish_ws, "\x81\x7e\x7f\xff{\"op\":\"published\""},
};

START_TEST(a_hub_that_breaks_its_protocol_ends_the_run)
{
    begin(wrong[_i].protocol, SIZE_SMALL);
    publisher_publish(&publisher, TOPIC, &mark);
    if (wrong[_i].protocol == &publish_ws && wrong[_i].answer[0] != 'H')
        feed_text(ws_opened);
    ck_assert(!loop.failed);
    feed_text(wrong[_i].answer);
    ck_assert(loop.failed);
    end();
}
END_TEST

START_TEST(an_endless_line_is_given_up)
{
    static char text[64 << 10];
    memset(text, 'x', sizeof(text));
    begin(protocols[_i], SIZE_SMALL);
    feed(text, sizeof(text), SIZE_MAX);
    ck_assert(loop.failed);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench_publishers");
    TCase *t = tcase_create("bench_publishers");
    tcase_add_loop_test(t, answers_count_wherever_they_are_cut, 0, PROTOCOLS);
    tcase_add_test(t, the_pipeline_goes_round);
    tcase_add_loop_test(t, what_is_sent_by_http, 0, 3);
    tcase_add_loop_test(t, what_is_sent_by_websocket, 0, 3);
    tcase_add_test(t, frames_have_different_keys);
    tcase_add_test(t, a_ping_is_answered);
    tcase_add_loop_test(t, a_hub_that_breaks_its_protocol_ends_the_run, 0,
                        sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_loop_test(t, an_endless_line_is_given_up, 0, PROTOCOLS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
