/*
 * What an HTTP/2 client must not send, frame by frame, and what becomes of it: the errors of RFC
 * 9113, and the limits of the hub. Nothing here understands HTTP/2 but the hub: the frames are made
 * and looked at by hand.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/h1_silent.h"
#include "http/h2/h2_cut.h"
#include "http/h2/h2_protocol.h"
#include "tests/unit/desk.h"
#include "tests/unit/h2_peer.h"

enum { END_BOTH = H2_END_STREAM | H2_END_HEADERS };

static struct desk desk;
static struct client client;
static struct buf frames;

static void setup(void)
{
    static const struct frontend *const more[] = {&h2_frontend, NULL};
    desk_open(&desk);
    ck_assert_int_eq(frontend_register(more), ERR_OK);
    h1_set_next(h2_adopt);
    client_open(&client, &desk, false);
    buf_puts(&frames, h2_preface);
    h2_frame(&frames, H2_SETTINGS, 0, 0, NULL, 0);
}

static void teardown(void)
{
    buf_finish(&frames);
    client_close(&client);
    desk_end_turn(&desk);
    ck_assert_uint_eq(desk.worker->loop.conns, 0);
    ck_assert_uint_eq(peer_memory_held(&desk.process.memory), 0);
    desk_close(&desk);
}

static void say(void)
{
    client_say_bytes(&client, frames.data, frames.len);
    buf_clear(&frames);
    client_hear_all(&client);
}

/* --- what came --- */

struct frame {
    unsigned type, flags;
    uint32_t id, len;
    const uint8_t *payload;
};

static uint32_t number(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next frame that came, from *AT on; false: there is none. */
static bool next_frame(size_t *at, struct frame *ret)
{
    const uint8_t *p = (const uint8_t *)client.got.data + *at;
    if (client.got.len - *at < H2_FRAME_HEAD)
        return false;
    *ret = (struct frame){.type = p[3],
                          .flags = p[4],
                          .id = number(p + 5),
                          .len = number(p) >> 8,
                          .payload = p + H2_FRAME_HEAD};
    *at += H2_FRAME_HEAD + ret->len;
    return true;
}

/* The code of the last RST_STREAM of stream ID, or GOAWAY (ID 0); UINT32_MAX: there was none. */
static uint32_t code_for(uint32_t id)
{
    struct frame f;
    uint32_t code = UINT32_MAX;
    for (size_t at = 0; next_frame(&at, &f);)
        if (f.type == H2_RST_STREAM && f.id == id)
            code = number(f.payload);
        else if (f.type == H2_GOAWAY && !id)
            code = number(f.payload + 4);
    return code;
}

static unsigned frames_of(unsigned type)
{
    struct frame f;
    unsigned n = 0;
    for (size_t at = 0; next_frame(&at, &f);)
        n += f.type == type;
    return n;
}

/* A GET of /healthz is answered on stream ID. */
static void check_answers(uint32_t id)
{
    struct buf head = {0};
    struct frame f;
    bool answered = false;
    h2_get_fields(&head, "/healthz");
    h2_frame(&frames, H2_HEADERS, END_BOTH, id, head.data, head.len);
    buf_finish(&head);
    say();
    for (size_t at = 0; next_frame(&at, &f);)
        answered |= f.type == H2_DATA && f.id == id && f.flags & H2_END_STREAM;
    ck_assert(answered);
}

/* --- malformed requests: a stream error (section 8.1.1) --- */

static void put_fields(struct buf *out, const char *lines)
{
    while (*lines) {
        const char *colon = strchr(lines + 1, ':'), *end = strchr(lines, '\n');
        char name[64], value[256];
        snprintf(name, sizeof(name), "%.*s", (int)(colon - lines), lines);
        snprintf(value, sizeof(value), "%.*s", (int)(end - colon - 2), colon + 2);
        h2_field(out, name, value);
        lines = end + 1;
    }
}

static void put_head(unsigned flags, uint32_t id, const char *lines)
{
    struct buf head = {0};
    put_fields(&head, lines);
    h2_frame(&frames, H2_HEADERS, flags, id, head.data, head.len);
    buf_finish(&head);
}

#define REQUEST ":method: GET\n:scheme: http\n:path: /healthz\n:authority: localhost\n"
#define POST    ":method: POST\n:scheme: http\n:path: /t/a\n:authority: localhost\n"

static const char *const malformed[] = {
    "",
    ":scheme: http\n:path: /healthz\n:authority: localhost\n",
    ":method: GET\n:path: /healthz\n:authority: localhost\n",
    ":method: GET\n:scheme: http\n:authority: localhost\n",
    ":method: GET\n:scheme: http\n:path: \n:authority: localhost\n",
    ":method: GET\n:scheme: http\n:path: healthz\n:authority: localhost\n",
    ":method: GET\n:scheme: http\n:path: *\n:authority: localhost\n",
    ":method: GET\n" REQUEST,
    REQUEST ":path: /readyz\n",
    REQUEST ":status: 200\n",
    REQUEST ":unknown: x\n",
    "accept: */*\n" REQUEST,
    REQUEST "Accept: */*\n",
    REQUEST "acc ept: x\n",
    REQUEST "connection: close\n",
    REQUEST "keep-alive: 3\n",
    REQUEST "proxy-connection: close\n",
    REQUEST "transfer-encoding: chunked\n",
    REQUEST "upgrade: websocket\n",
    REQUEST "te: gzip\n",
    REQUEST "x: a\rb\n",
    REQUEST "x:  a\n",
    REQUEST "content-length: x\n",
    REQUEST "content-length: 3\n",
    REQUEST "content-length: 0\ncontent-length: 0\n",
    ":method: CONNECT\n:path: /t/a\n:authority: localhost\n",
    ":method: CONNECT\n:path: /t/a\n:scheme: http\n:protocol: websocket\n",
    REQUEST ":protocol: websocket\n",
};

START_TEST(what_is_malformed_ends_its_stream_alone)
{
    put_head(END_BOTH, 1, malformed[_i]);
    say();
    ck_assert_msg(code_for(1) == NGHTTP2_PROTOCOL_ERROR, "%u: %s", code_for(1), malformed[_i]);
    ck_assert_uint_eq(code_for(0), UINT32_MAX);
    check_answers(3);
}
END_TEST

START_TEST(a_length_that_is_not_that_of_the_body_ends_the_stream)
{
    put_head(H2_END_HEADERS, 1, POST "content-length: 3\n");
    h2_frame(&frames, H2_DATA, H2_END_STREAM, 1, "ab", 2);
    put_head(H2_END_HEADERS, 3, POST "content-length: 3\n");
    h2_frame(&frames, H2_DATA, 0, 3, "abcd", 4);
    say();
    ck_assert_uint_eq(code_for(1), NGHTTP2_PROTOCOL_ERROR);
    ck_assert_uint_eq(code_for(3), NGHTTP2_PROTOCOL_ERROR);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_publishes), 0);
    check_answers(5);
}
END_TEST

/* --- what ends the connection --- */

static void half_settings(void)
{
    h2_frame(&frames, H2_SETTINGS, 0, 0, "\0\4\0\0\1", 5);
}

static void settings_on_a_stream(void)
{
    h2_frame(&frames, H2_SETTINGS, 0, 1, NULL, 0);
}

static void ack_with_payload(void)
{
    h2_frame(&frames, H2_SETTINGS, H2_ACK, 0, "\0\4\0\0\1\0", 6);
}

static void too_large_a_window(void)
{
    h2_frame(&frames, H2_SETTINGS, 0, 0, "\0\4\x80\0\0\0", 6);
}

static void too_small_frames(void)
{
    h2_frame(&frames, H2_SETTINGS, 0, 0, "\0\5\0\0\0\1", 6);
}

static void data_on_no_stream(void)
{
    h2_frame(&frames, H2_DATA, 0, 0, "x", 1);
}

static void data_on_an_idle_stream(void)
{
    h2_frame(&frames, H2_DATA, 0, 5, "x", 1);
}

static void an_even_stream(void)
{
    put_head(END_BOTH, 2, REQUEST);
}

static void half_ping(void)
{
    h2_frame(&frames, H2_PING, 0, 0, "1234567", 7);
}

static void window_by_nothing(void)
{
    h2_frame(&frames, H2_WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4);
}

static void window_over_all(void)
{
    h2_frame(&frames, H2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4);
}

static void too_long_a_frame(void)
{
    static char zeros[16385];
    h2_frame(&frames, H2_DATA, 0, 1, zeros, sizeof(zeros));
}

static void too_much_padding(void)
{
    put_head(H2_END_HEADERS, 3, POST);
    h2_frame(&frames, H2_DATA, 8, 3, "\x09xx", 3);
}

static void reset_of_an_idle_stream(void)
{
    h2_frame(&frames, H2_RST_STREAM, 0, 7, "\0\0\0\0", 4);
}

static void push(void)
{
    h2_frame(&frames, H2_PUSH_PROMISE, H2_END_HEADERS, 1, "\0\0\0\2", 4);
}

static void continuation_of_nothing(void)
{
    h2_frame(&frames, H2_CONTINUATION, H2_END_HEADERS, 1, NULL, 0);
}

static void ping_within_a_head(void)
{
    put_head(0, 1, REQUEST);
    h2_frame(&frames, H2_PING, 0, 0, "12345678", 8);
}

static void bad_hpack(void)
{
    h2_frame(&frames, H2_HEADERS, END_BOTH, 1, "\xff\xff\xff\xff\xff\xff\xff", 7);
}

static void hpack_of_the_table(void)
{
    h2_frame(&frames, H2_HEADERS, END_BOTH, 1, "\xbe", 1); /* 62: the first dynamic one */
}

static const struct {
    void (*put)(void);
    uint32_t code;
} errors[] = {
    {half_settings, NGHTTP2_FRAME_SIZE_ERROR},
    {settings_on_a_stream, NGHTTP2_PROTOCOL_ERROR},
    {ack_with_payload, NGHTTP2_FRAME_SIZE_ERROR},
    {too_large_a_window, NGHTTP2_FLOW_CONTROL_ERROR},
    {too_small_frames, NGHTTP2_PROTOCOL_ERROR},
    {data_on_no_stream, NGHTTP2_PROTOCOL_ERROR},
    {data_on_an_idle_stream, NGHTTP2_PROTOCOL_ERROR},
    {an_even_stream, NGHTTP2_PROTOCOL_ERROR},
    {half_ping, NGHTTP2_FRAME_SIZE_ERROR},
    {window_by_nothing, NGHTTP2_PROTOCOL_ERROR},
    {window_over_all, NGHTTP2_FLOW_CONTROL_ERROR},
    {too_long_a_frame, NGHTTP2_FRAME_SIZE_ERROR},
    {too_much_padding, NGHTTP2_PROTOCOL_ERROR},
    {reset_of_an_idle_stream, NGHTTP2_PROTOCOL_ERROR},
    {push, NGHTTP2_PROTOCOL_ERROR},
    {continuation_of_nothing, NGHTTP2_PROTOCOL_ERROR},
    {ping_within_a_head, NGHTTP2_PROTOCOL_ERROR},
    {bad_hpack, NGHTTP2_COMPRESSION_ERROR},
    {hpack_of_the_table, NGHTTP2_COMPRESSION_ERROR},
};

START_TEST(an_error_of_the_connection_ends_it_with_its_code)
{
    put_head(END_BOTH, 1, ":method: GET\n:scheme: http\n:path: /t/a?wait=20\n:authority: h\n");
    say();
    client_forget(&client);
    errors[_i].put();
    say();
    ck_assert_uint_eq(code_for(0), errors[_i].code);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_errors), 1);
    desk_wait(&desk, 2000);
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(what_is_not_the_preface_is_no_http2)
{
    buf_clear(&frames);
    buf_puts(&frames, "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX");
    say();
    ck_assert(client_heard(&client, "HTTP/1.1 505 "));
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_sessions), 0);
}
END_TEST

START_TEST(another_frame_than_settings_at_the_beginning_is_an_error)
{
    buf_clear(&frames);
    buf_puts(&frames, h2_preface);
    h2_frame(&frames, H2_PING, 0, 0, "12345678", 8);
    say();
    ck_assert_uint_eq(code_for(0), NGHTTP2_PROTOCOL_ERROR);
}
END_TEST

/* --- floods: ENHANCE_YOUR_CALM (section 10.5) --- */

enum { FLOOD = 3000 };

static void flood_resets(uint32_t n)
{
    put_head(END_BOTH, 2 * n + 1, ":method: GET\n:scheme: http\n:path: /t/a\n:authority: h\n");
    h2_frame(&frames, H2_RST_STREAM, 0, 2 * n + 1, "\0\0\0\x08", 4);
}

/* The hub is made to reset them. */
static void flood_errors(uint32_t n)
{
    put_head(H2_END_HEADERS, 2 * n + 1, POST);
    h2_frame(&frames, H2_WINDOW_UPDATE, 0, 2 * n + 1, "\x7f\xff\xff\xff", 4);
}

static void flood_malformed(uint32_t n)
{
    put_head(END_BOTH, 2 * n + 1, "");
}

static void flood_pings(uint32_t n)
{
    (void)n;
    h2_frame(&frames, H2_PING, 0, 0, "12345678", 8);
}

static void flood_settings(uint32_t n)
{
    (void)n;
    h2_frame(&frames, H2_SETTINGS, 0, 0, NULL, 0);
}

static void flood_empty_data(uint32_t n)
{
    if (n == 0)
        put_head(H2_END_HEADERS, 1, POST);
    h2_frame(&frames, H2_DATA, 0, 1, NULL, 0);
}

static void flood_priorities(uint32_t n)
{
    h2_frame(&frames, H2_PRIORITY, 0, 2 * n + 1, "\0\0\0\0\1", 5);
}

static void flood_unknown(uint32_t n)
{
    (void)n;
    h2_frame(&frames, 0xbe, 0, 0, "x", 1);
}

static void flood_continuations(uint32_t n)
{
    if (n == 0)
        put_head(0, 1, REQUEST);
    h2_frame(&frames, H2_CONTINUATION, 0, 1, NULL, 0);
}

static void flood_long_continuations(uint32_t n)
{
    struct buf head = {0};
    char name[8];
    if (n == 0)
        put_head(0, 1, REQUEST);
    snprintf(name, sizeof(name), "x-%u", n % 1000);
    h2_field(&head, name, "some value");
    h2_frame(&frames, H2_CONTINUATION, 0, 1, head.data, head.len);
    buf_finish(&head);
}

static void (*const floods[])(uint32_t n) = {
    flood_resets,        flood_errors,
    flood_malformed,     flood_pings,
    flood_settings,      flood_empty_data,
    flood_priorities,    flood_unknown,
    flood_continuations, flood_long_continuations,
};

START_TEST(a_flood_ends_the_connection)
{
    for (uint32_t n = 0; n < FLOOD && !client_ended(&client); n += 50) {
        for (uint32_t k = 0; k < 50; k++)
            floods[_i](n + k);
        say();
    }
    ck_assert_uint_eq(code_for(0), NGHTTP2_ENHANCE_YOUR_CALM);
    desk_wait(&desk, 2000);
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(a_little_of_each_for_long_is_no_flood)
{
    uint32_t id = 1;
    for (int second = 0; second < 100; second++) {
        for (int i = 0; i < 20; i++, id += 2) {
            put_head(END_BOTH, id, ":method: GET\n:scheme: http\n:path: /t/a\n:authority: h\n");
            h2_frame(&frames, H2_RST_STREAM, 0, id, "\0\0\0\x08", 4);
            h2_frame(&frames, H2_PING, 0, 0, "12345678", 8);
            h2_frame(&frames, 0xbe, 0, 0, "x", 1);
        }
        h2_frame(&frames, H2_SETTINGS, 0, 0, NULL, 0);
        say();
        desk_wait(&desk, 1000);
        client_forget(&client);
    }
    check_answers(id);
}
END_TEST

/* --- limits --- */

START_TEST(more_streams_than_are_allowed_are_refused)
{
    uint32_t id = 1, most = desk.settings->h2_max_streams;
    for (; id < 2 * most + 1; id += 2)
        put_head(END_BOTH, id, ":method: GET\n:scheme: http\n:path: /t/a\n:authority: localhost\n");
    put_head(END_BOTH, id, REQUEST);
    desk.process.conns_max = 1000;
    say();
    ck_assert_uint_eq(code_for(id), NGHTTP2_REFUSED_STREAM);
    ck_assert_uint_eq(code_for(0), UINT32_MAX);
    ck_assert_uint_eq(desk.worker->loop.conns, most + 1);
}
END_TEST

/* HPACK can say much in few bytes; what it says is what counts. */
START_TEST(a_head_that_becomes_large_is_refused)
{
    struct buf head = {0};
    struct frame f;
    h2_get_fields(&head, "/healthz");
    for (int i = 0; i < 1000; i++)
        buf_putc(&head, (char)(0x80 | 16)); /* accept-encoding: gzip, deflate */
    h2_frame(&frames, H2_HEADERS, END_BOTH, 1, head.data, head.len);
    buf_finish(&head);
    say();
    unsigned answers = 0;
    for (size_t at = 0; next_frame(&at, &f);)
        answers += f.type == H2_HEADERS && f.id == 1;
    ck_assert_uint_eq(answers, 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_http_errors), 1);
    check_answers(3);
}
END_TEST

/* It is not read to its end: of 16,000 fields that is 3 ms. */
START_TEST(a_head_that_becomes_very_large_ends_the_connection)
{
    struct buf head = {0};
    h2_get_fields(&head, "/healthz");
    for (int i = 0; i < 16000; i++)
        buf_putc(&head, (char)(0x80 | 16)); /* accept-encoding: gzip, deflate */
    h2_frame(&frames, H2_HEADERS, END_BOTH, 1, head.data, head.len);
    buf_finish(&head);
    uint64_t before = desk.worker->loop.work.done;
    say();
    ck_assert_uint_lt(desk.worker->loop.work.done - before, 300000);
    ck_assert_uint_eq(code_for(0), NGHTTP2_ENHANCE_YOUR_CALM);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_calmed), 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_h2_requests), 0);
}
END_TEST

START_TEST(half_a_head_has_its_time)
{
    put_head(END_BOTH, 1, REQUEST);
    frames.len -= 3;
    say();
    desk_wait(&desk, desk.settings->net.head_timeout_ms + 100);
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(a_head_without_its_end_has_its_time)
{
    put_head(0, 1, REQUEST);
    say();
    desk_wait(&desk, desk.settings->net.head_timeout_ms - 1000);
    ck_assert(!client_ended(&client));
    desk_wait(&desk, 1100);
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(half_a_body_has_its_time)
{
    struct frame f;
    unsigned status = 0;
    put_head(H2_END_HEADERS, 1, POST);
    h2_frame(&frames, H2_DATA, 0, 1, "abcdef", 6);
    frames.len -= 3;
    say();
    desk_wait(&desk, desk.settings->body_timeout_ms + 100);
    client_hear_all(&client);
    for (size_t at = 0; next_frame(&at, &f);)
        status += f.type == H2_HEADERS && f.id == 1;
    ck_assert_uint_eq(status, 1);
    ck_assert_uint_eq(code_for(1), NGHTTP2_NO_ERROR);
    ck_assert(!client_ended(&client));
}
END_TEST

START_TEST(who_asks_for_nothing_is_let_go)
{
    check_answers(1);
    desk_wait(&desk, desk.settings->idle_timeout_ms + 1100);
    client_hear_all(&client);
    ck_assert_uint_eq(code_for(0), NGHTTP2_NO_ERROR);
    ck_assert(client_ended(&client));
}
END_TEST

/* --- the end of the hub, and of the client --- */

START_TEST(a_hub_that_stops_says_so_twice)
{
    put_head(END_BOTH, 1, ":method: GET\n:scheme: http\n:path: /t/a\n:authority: localhost\n");
    say();
    client_forget(&client);
    desk_begin_turn(&desk);
    desk.worker->loop.draining = true;
    client.conn->protocol->shutdown(client.conn);
    desk_end_turn(&desk);
    client_hear_all(&client);
    ck_assert_uint_eq(frames_of(H2_GOAWAY), 1);
    ck_assert_uint_eq(frames_of(H2_PING), 1);
    check_answers(3); /* it was on its way */
    h2_frame(&frames, H2_PING, H2_ACK, 0, "\0\0\0\0\0\0\0\0", 8);
    say();
    ck_assert_uint_eq(frames_of(H2_GOAWAY), 2);
    ck_assert(!client_ended(&client));
    h2_frame(&frames, H2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    say();
    desk_wait(&desk, 1100);
    client_hear_all(&client);
    ck_assert_uint_eq(code_for(0), NGHTTP2_NO_ERROR);
    ck_assert(client_ended(&client));
}
END_TEST

START_TEST(a_client_that_ends_its_side_gets_what_it_has_asked_for)
{
    put_head(H2_END_HEADERS, 1, POST);
    h2_frame(&frames, H2_DATA, H2_END_STREAM, 1, "x", 1);
    put_head(END_BOTH, 3, ":method: GET\n:scheme: http\n:path: /t/a\n:authority: localhost\n");
    put_head(H2_END_HEADERS, 5, POST);
    say();
    client_half_close(&client);
    desk_commit(&desk);
    client_hear_all(&client);
    struct frame f;
    unsigned ended = 0;
    for (size_t at = 0; next_frame(&at, &f);)
        ended += f.type == H2_DATA && f.flags & H2_END_STREAM ? f.id : 0;
    ck_assert_uint_eq(ended, 1 + 3);
    ck_assert(client_ended(&client));
}
END_TEST

/* --- however it comes --- */

static void put_conversation(struct buf *out)
{
    struct buf head = {0};
    buf_puts(out, h2_preface);
    h2_frame(out, H2_SETTINGS, 0, 0, "\0\4\0\0\1\0", 6);
    h2_get_fields(&head, "/t/a?after=earliest");
    h2_field(&head, "accept", "text/event-stream");
    h2_frame(out, H2_HEADERS, H2_END_STREAM, 1, head.data, 20);
    h2_frame(out, H2_CONTINUATION, H2_END_HEADERS, 1, head.data + 20, head.len - 20);
    buf_clear(&head);
    put_fields(&head, POST);
    h2_frame(out, H2_HEADERS, H2_END_HEADERS, 3, head.data, head.len);
    h2_frame(out, H2_DATA, 8, 3, "\2hel\0\0", 6);
    h2_frame(out, H2_DATA, H2_END_STREAM, 3, "lo", 2);
    h2_frame(out, H2_WINDOW_UPDATE, 0, 1, "\0\0\x10\0", 4);
    h2_frame(out, H2_PING, 0, 0, "12345678", 8);
    h2_frame(out, H2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    buf_finish(&head);
}

/* All heads and bodies of a stream, one behind the other. */
static void gather(struct buf *out, uint32_t id)
{
    struct frame f;
    for (size_t at = 0; next_frame(&at, &f);)
        if (f.id == id && f.type == H2_DATA)
            buf_append(out, f.payload, f.len);
}

START_TEST(wherever_it_is_split_it_means_the_same)
{
    struct buf talk = {0}, answer = {0};
    put_conversation(&talk);
    for (size_t at = 0; at <= talk.len; at++) {
        uint64_t before = desk_count(&desk, COUNTER_publishes);
        client_close(&client);
        client_open(&client, &desk, false);
        if (at)
            client_say_bytes(&client, talk.data, at);
        if (at < talk.len)
            client_say_bytes(&client, talk.data + at, talk.len - at);
        ck_assert_uint_eq(desk_count(&desk, COUNTER_publishes), before + 1);
        desk_commit(&desk);
        client_hear_all(&client);
        buf_clear(&answer);
        gather(&answer, 3);
        ck_assert(answer.len > 8 && memcmp(answer.data, "{\"id\":\"", 7) == 0);
        ck_assert_uint_eq(frames_of(H2_PING), 1);
        ck_assert_uint_eq(code_for(0), UINT32_MAX);
    }
    buf_finish(&talk);
    buf_finish(&answer);
}
END_TEST

START_TEST(wherever_it_breaks_off_nothing_is_left)
{
    struct buf talk = {0};
    put_conversation(&talk);
    for (size_t at = 0; at <= talk.len; at++) {
        client_close(&client);
        if (desk.worker->publishes)
            desk_commit(&desk);
        desk_end_turn(&desk);
        ck_assert_uint_eq(desk.worker->loop.conns, 0);
        ck_assert_uint_eq(desk.process.conns, 0);
        ck_assert_uint_eq(peer_memory_held(&desk.process.memory), 0);
        client_open(&client, &desk, false);
        if (at)
            client_say_bytes(&client, talk.data, at);
    }
    if (desk.worker->publishes)
        desk_commit(&desk);
    buf_finish(&talk);
}
END_TEST

static Suite *rules_suite(void)
{
    Suite *s = suite_create("h2_rules");
    TCase *t = tcase_create("rules");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, what_is_malformed_ends_its_stream_alone, 0,
                        sizeof(malformed) / sizeof(malformed[0]));
    tcase_add_test(t, a_length_that_is_not_that_of_the_body_ends_the_stream);
    tcase_add_loop_test(t, an_error_of_the_connection_ends_it_with_its_code, 0,
                        sizeof(errors) / sizeof(errors[0]));
    tcase_add_test(t, what_is_not_the_preface_is_no_http2);
    tcase_add_test(t, another_frame_than_settings_at_the_beginning_is_an_error);
    tcase_add_loop_test(t, a_flood_ends_the_connection, 0, sizeof(floods) / sizeof(floods[0]));
    tcase_add_test(t, a_little_of_each_for_long_is_no_flood);
    tcase_add_test(t, more_streams_than_are_allowed_are_refused);
    tcase_add_test(t, a_head_that_becomes_large_is_refused);
    tcase_add_test(t, a_head_that_becomes_very_large_ends_the_connection);
    tcase_add_test(t, half_a_head_has_its_time);
    tcase_add_test(t, a_head_without_its_end_has_its_time);
    tcase_add_test(t, half_a_body_has_its_time);
    tcase_add_test(t, who_asks_for_nothing_is_let_go);
    tcase_add_test(t, a_hub_that_stops_says_so_twice);
    tcase_add_test(t, a_client_that_ends_its_side_gets_what_it_has_asked_for);
    tcase_add_test(t, wherever_it_is_split_it_means_the_same);
    tcase_add_test(t, wherever_it_breaks_off_nothing_is_left);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(rules_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
