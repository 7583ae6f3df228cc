/* The shared encodings and the SSE control blocks, read back as a receiver would. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/envelope_encoding.h"
#include "frontends/resp/resp_encoding.h"
#include "frontends/resp/resp_reply.h"
#include "frontends/sse_encoding.h"
#include "frontends/sse_text.h"
#include "frontends/ws/ws_encoding.h"

static struct topic *topic;
static struct buf out;
static struct message m;

static void setup(void)
{
    topic = calloc(1, sizeof(*topic) + 4);
    memcpy(topic->name, "a/b", 4);
    topic->name_len = 3;
    memset(&m, 0, sizeof(m));
    m.offset = 7;
    m.epoch = 9;
    m.topic = topic;
    m.event = "";
}

static void teardown(void)
{
    free(topic);
    buf_finish(&out);
    ws_deflate_finish_thread();
}

static void payload(enum message_kind kind, const char *data, size_t n)
{
    m.kind = (uint8_t)kind;
    m.payload = data;
    m.payload_len = (uint32_t)n;
}

static void event(const char *name, size_t n)
{
    m.event = name;
    m.event_len = (uint8_t)n;
}

static void expect(const char *text, size_t n)
{
    ck_assert(!out.failed);
    ck_assert_uint_eq(out.len, n);
    ck_assert_mem_eq(out.data, text, n);
    buf_clear(&out);
}

static void expect_text(const char *text)
{
    expect(text, strlen(text));
}

static void expect_encoded(const struct encoding *e, const char *text)
{
    buf_clear(&out);
    e->encode(&m, &out);
    expect(text, strlen(text));
}

#define ENVELOPE_HEAD "{\"id\":\"7-9\",\"topic\":\"a/b\",\"time\":\"1970-01-01T00:00:00.000Z\","

START_TEST(slots_are_unique)
{
    const struct encoding *all[] = {&sse_encoding_raw,       &sse_encoding_envelope,
                                    &ws_encoding_envelope,   &ws_encoding_raw,
                                    &envelope_encoding,      &resp_encoding_message,
                                    &resp_encoding_message3, &ws_encoding_envelope_deflate,
                                    &ws_encoding_raw_deflate};
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        ck_assert_uint_lt(all[i]->slot, MESSAGE_ENCODINGS);
        ck_assert(!(seen & 1u << all[i]->slot));
        seen |= 1u << all[i]->slot;
    }
}
END_TEST

/* Of a topic that is about to join: the same block, without a place. */
START_TEST(sse_joining_has_no_id)
{
    static const char *const events[] = {"", "tick"};
    ck_assert_uint_eq(sse_encoding_joining.slot, MESSAGE_UNSHARED);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        struct buf whole = {0};
        payload(MESSAGE_TEXT, "x", 1);
        m.event = events[i];
        m.event_len = (uint8_t)strlen(events[i]);
        sse_encoding_envelope.encode(&m, &whole);
        buf_putc(&whole, '\0');
        ck_assert_int_eq(strncmp(whole.data, "id: 7-9\n", 8), 0);
        expect_encoded(&sse_encoding_joining, whole.data + 8);
        buf_finish(&whole);
    }
}
END_TEST

START_TEST(sse_raw_lines)
{
    static const struct {
        const char *payload, *lines;
    } cases[] = {
        {"", "data: \n"},
        {"one", "data: one\n"},
        {" lead", "data:  lead\n"},
        {"a\nb", "data: a\ndata: b\n"},
        {"a\rb", "data: a\ndata: b\n"},
        {"a\r\nb", "data: a\ndata: b\n"},
        {"a\n\rb", "data: a\ndata: \ndata: b\n"},
        {"a\n", "data: a\ndata: \n"},
        {"\r", "data: \ndata: \n"},
        {"\r\n\r\n", "data: \ndata: \ndata: \n"},
        {"data: x\n\nid: 1", "data: data: x\ndata: \ndata: id: 1\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256];
        snprintf(text, sizeof(text), "id: 7-9\n%s\n", cases[i].lines);
        payload(MESSAGE_TEXT, cases[i].payload, strlen(cases[i].payload));
        expect_encoded(&sse_encoding_raw, text);
    }
}
END_TEST

/* At each place of a payload that is longer than what is looked at at once. */
START_TEST(sse_raw_line_ends_at_every_place)
{
    enum { SIZE = 40 };
    static const char *const ends[] = {"\n", "\r", "\r\n"};
    size_t end_len = strlen(ends[_i]);
    for (size_t place = 0; place + end_len <= SIZE; place++) {
        char text[SIZE + 1] = {0}, lines[SIZE + 64];
        memset(text, 'x', SIZE);
        memcpy(text + place, ends[_i], end_len);
        payload(MESSAGE_TEXT, text, SIZE);
        snprintf(lines, sizeof(lines), "id: 7-9\ndata: %.*s\ndata: %s\n\n", (int)place, text,
                 text + place + end_len);
        expect_encoded(&sse_encoding_raw, lines);
    }
}
END_TEST

START_TEST(sse_raw_event_and_json)
{
    event(" tick", 5);
    payload(MESSAGE_JSON, "{\n\"a\":1}", 8);
    expect_encoded(&sse_encoding_raw, "id: 7-9\nevent:  tick\ndata: {\ndata: \"a\":1}\n\n");
}
END_TEST

START_TEST(sse_never_writes_a_broken_event_line)
{
    static const char *names[] = {"a\nid: 5", "a\rb", "a\0b"};
    payload(MESSAGE_TEXT, "x", 1);
    for (size_t i = 0; i < 3; i++) {
        event(names[i], i ? 3 : 7);
        expect_encoded(&sse_encoding_raw, "id: 7-9\ndata: x\n\n");
    }
}
END_TEST

START_TEST(sse_nul_in_data_is_kept)
{
    payload(MESSAGE_TEXT, "a\0b", 3);
    sse_encoding_raw.encode(&m, &out);
    expect("id: 7-9\ndata: a\0b\n\n", 19);
}
END_TEST

START_TEST(sse_envelopes)
{
    event("tick", 4);
    payload(MESSAGE_JSON, "[1,\n2]", 6);
    expect_encoded(&sse_encoding_envelope, "id: 7-9\nevent: tick\ndata: " ENVELOPE_HEAD
                                           "\"event\":\"tick\",\"data\":[1, 2]}\n\n");
    payload(MESSAGE_BINARY, "\n", 1);
    expect_encoded(&sse_encoding_raw,
                   "id: 7-9\nevent: tick\ndata: " ENVELOPE_HEAD
                   "\"event\":\"tick\",\"data\":\"Cg==\",\"encoding\":\"base64\"}\n\n");
}
END_TEST

START_TEST(poll_is_the_envelope)
{
    payload(MESSAGE_TEXT, "x", 1);
    expect_encoded(&envelope_encoding, ENVELOPE_HEAD "\"data\":\"x\"}");
}
END_TEST

START_TEST(ws_raw_frames)
{
    char big[126];
    memset(big, 'b', sizeof(big));
    payload(MESSAGE_TEXT, "hi", 2);
    expect_encoded(&ws_encoding_raw, "\x81\x02hi");
    payload(MESSAGE_JSON, "{}", 2);
    expect_encoded(&ws_encoding_raw, "\x81\x02{}");
    payload(MESSAGE_BINARY, "hi", 2);
    expect_encoded(&ws_encoding_raw, "\x82\x02hi");
    payload(MESSAGE_TEXT, NULL, 0);
    ws_encoding_raw.encode(&m, &out);
    expect("\x81\x00", 2);
    payload(MESSAGE_BINARY, NULL, 0);
    ws_encoding_raw.encode(&m, &out);
    expect("\x82\x00", 2);
    payload(MESSAGE_BINARY, big, sizeof(big));
    ws_encoding_raw.encode(&m, &out);
    ck_assert_uint_eq(out.len, 4 + 126);
    ck_assert_mem_eq(out.data,
                     "\x82\x7E\x00\x7E"
                     "bbb",
                     7);
}
END_TEST

/* The header's size depends on what follows it: all three, behind bytes already there. */
START_TEST(ws_envelope_frames)
{
    static const size_t sizes[] = {0, 30, 31, 1000, 65000, 65470, 70000};
    char *data = malloc(70000);
    memset(data, 'd', 70000);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct buf bare = {0};
        payload(MESSAGE_TEXT, data, sizes[i]);
        envelope_encoding.encode(&m, &bare);
        buf_puts(&out, "before");
        ws_encoding_envelope.encode(&m, &out);
        size_t header = bare.len < 126 ? 2 : bare.len < 65536 ? 4 : 10;
        ck_assert_uint_eq(out.len, 6 + header + bare.len);
        ck_assert_mem_eq(out.data, "before\x81", 7);
        ck_assert_mem_eq(out.data + 6 + header, bare.data, bare.len);
        const unsigned char *length = (unsigned char *)out.data + 7;
        size_t told = header == 2 ? length[0] : 0;
        for (size_t j = 1; j < header - 1; j++)
            told = told << 8 | length[j];
        ck_assert_uint_eq(told, bare.len);
        buf_clear(&out);
        buf_finish(&bare);
    }
    free(data);
}
END_TEST

START_TEST(resp_push)
{
    payload(MESSAGE_BINARY, "p\r\n", 3);
    expect_encoded(&resp_encoding_message, "*3\r\n$7\r\nmessage\r\n$3\r\na/b\r\n$3\r\np\r\n\r\n");
    payload(MESSAGE_TEXT, NULL, 0);
    expect_encoded(&resp_encoding_message, "*3\r\n$7\r\nmessage\r\n$3\r\na/b\r\n$0\r\n\r\n");
    expect_encoded(&resp_encoding_message3, ">3\r\n$7\r\nmessage\r\n$3\r\na/b\r\n$0\r\n\r\n");
}
END_TEST

START_TEST(sse_control_blocks)
{
    sse_hello(&out, 2500, "5-9");
    expect_text("retry: 2500\nid: 5-9\n\n");
    sse_heartbeat(&out, "6-9");
    expect_text("id: 6-9\n\n");
    sse_event(&out, "longwire.live", "{\"cursor\":\"6-9\"}", 16, "6-9");
    expect_text("id: 6-9\nevent: longwire.live\ndata: {\"cursor\":\"6-9\"}\n\n");
    sse_event(&out, "longwire.gap", "a\nb", 3, NULL);
    expect_text("event: longwire.gap\ndata: a\ndata: b\n\n");
}
END_TEST

static void inflated(const char *data, size_t n, struct buf *ret)
{
    struct ws_inflater *z = ws_inflater_create();
    ck_assert_int_eq(ws_inflate(z, data, n, 10000, ret), ERR_OK);
    ck_assert_int_eq(ws_inflate_end(z, 10000, ret), ERR_OK);
    ws_inflater_destroy(z);
}

/* What E gives must be what PLAIN_FORM gives, in a compressed frame; FIRST is its first byte. */
static void expect_deflated(const struct encoding *e, const struct encoding *plain_form,
                            unsigned first)
{
    struct buf whole = {0}, text = {0};
    buf_clear(&out);
    e->encode(&m, &out);
    plain_form->encode(&m, &whole);
    ck_assert_uint_lt(out.len, 126);
    ck_assert_uint_eq((unsigned char)out.data[0], first);
    ck_assert_uint_eq((unsigned char)out.data[1], out.len - 2);
    inflated(out.data + 2, out.len - 2, &text);
    ck_assert_uint_eq(text.len, whole.len - 4); /* a header with a length of two bytes */
    ck_assert_mem_eq(text.data, whole.data + 4, text.len);
    struct ws_encoding_tally tally = ws_encoding_take_tally();
    ck_assert_uint_eq(tally.messages, 1);
    ck_assert_uint_eq(tally.plain_bytes, text.len);
    ck_assert_uint_eq(tally.packed_bytes, out.len - 2);
    buf_finish(&whole);
    buf_finish(&text);
}

START_TEST(ws_deflated_frames)
{
    char text[2000];
    memset(text, 'x', sizeof(text));
    payload(MESSAGE_TEXT, text, sizeof(text));
    expect_deflated(&ws_encoding_raw_deflate, &ws_encoding_raw, 0xC1);
    expect_deflated(&ws_encoding_envelope_deflate, &ws_encoding_envelope, 0xC1);
    payload(MESSAGE_BINARY, text, sizeof(text));
    expect_deflated(&ws_encoding_raw_deflate, &ws_encoding_raw, 0xC2);
}
END_TEST

START_TEST(the_tally_is_a_sum_that_is_taken_once)
{
    char text[2000];
    memset(text, 'x', sizeof(text));
    uint64_t packed = 0;
    for (size_t n = 1000; n <= sizeof(text); n += 1000) {
        payload(MESSAGE_TEXT, text, n);
        buf_clear(&out);
        ws_encoding_raw_deflate.encode(&m, &out);
        packed += out.len - 2;
    }
    struct ws_encoding_tally tally = ws_encoding_take_tally();
    ck_assert_uint_eq(tally.messages, 2);
    ck_assert_uint_eq(tally.plain_bytes, 3000);
    ck_assert_uint_eq(tally.packed_bytes, packed);
    tally = ws_encoding_take_tally();
    ck_assert_uint_eq(tally.messages + tally.plain_bytes + tally.packed_bytes, 0);
}
END_TEST

static void expect_same(const struct encoding *e, const struct encoding *plain_form)
{
    struct buf whole = {0};
    plain_form->encode(&m, &whole);
    buf_clear(&out);
    e->encode(&m, &out);
    ck_assert_uint_eq(out.len, whole.len);
    ck_assert_mem_eq(out.data, whole.data, out.len);
    ck_assert_uint_eq(ws_encoding_take_tally().messages, 0);
    buf_finish(&whole);
}

START_TEST(ws_frames_that_compressing_does_not_help)
{
    static const struct ws_deflate_rule rule = {.min_bytes = 100, .level = 1, .window_bits = 15};
    char text[5000];
    ws_encoding_set_deflate(&rule);
    payload(MESSAGE_TEXT, "", 0);
    expect_same(&ws_encoding_raw_deflate, &ws_encoding_raw);
    memset(text, 'x', sizeof(text));
    payload(MESSAGE_TEXT, text, 99);
    expect_same(&ws_encoding_raw_deflate, &ws_encoding_raw);
    payload(MESSAGE_TEXT, text, 100);
    buf_clear(&out);
    ws_encoding_raw_deflate.encode(&m, &out);
    ck_assert_uint_eq(ws_encoding_take_tally().messages, 1);
    uint32_t noise = 1;
    for (size_t i = 0; i < sizeof(text); i++) {
        noise = noise * 1664525 + 1013904223;
        text[i] = (char)(noise >> 24);
    }
    payload(MESSAGE_BINARY, text, sizeof(text));
    expect_same(&ws_encoding_raw_deflate, &ws_encoding_raw);
}
END_TEST

static void put_all_replies(enum resp_version v)
{
    resp_reply_simple(&out, "OK");
    resp_reply_error(&out, "ERR a\r\nb");
    resp_reply_integer(&out, -7);
    resp_reply_integer(&out, INT64_MIN);
    resp_reply_bulk(&out, "x\0y", 3);
    resp_reply_text(&out, v, "some\r\n", 6);
    resp_reply_null_bulk(&out, v);
    resp_reply_null_array(&out, v);
    resp_reply_array(&out, 12);
    resp_reply_map(&out, v, 2);
    resp_reply_set(&out, v, 3);
    resp_reply_push(&out, v, 0);
}

START_TEST(resp_replies)
{
    put_all_replies(RESP2);
    static const char text[] = "+OK\r\n-ERR a  b\r\n:-7\r\n:-9223372036854775808\r\n$3\r\nx\0y\r\n"
                               "$6\r\nsome\r\n\r\n$-1\r\n*-1\r\n*12\r\n*4\r\n*3\r\n*0\r\n";
    expect(text, sizeof(text) - 1);
}
END_TEST

START_TEST(resp3_replies)
{
    put_all_replies(RESP3);
    static const char text[] = "+OK\r\n-ERR a  b\r\n:-7\r\n:-9223372036854775808\r\n$3\r\nx\0y\r\n"
                               "=10\r\ntxt:some\r\n\r\n_\r\n_\r\n*12\r\n%2\r\n~3\r\n>0\r\n";
    expect(text, sizeof(text) - 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("encodings");
    TCase *tc = tcase_create("encodings");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, slots_are_unique);
    tcase_add_test(tc, sse_joining_has_no_id);
    tcase_add_test(tc, sse_raw_lines);
    tcase_add_loop_test(tc, sse_raw_line_ends_at_every_place, 0, 3);
    tcase_add_test(tc, sse_raw_event_and_json);
    tcase_add_test(tc, sse_never_writes_a_broken_event_line);
    tcase_add_test(tc, sse_nul_in_data_is_kept);
    tcase_add_test(tc, sse_envelopes);
    tcase_add_test(tc, poll_is_the_envelope);
    tcase_add_test(tc, ws_raw_frames);
    tcase_add_test(tc, ws_envelope_frames);
    tcase_add_test(tc, ws_deflated_frames);
    tcase_add_test(tc, the_tally_is_a_sum_that_is_taken_once);
    tcase_add_test(tc, ws_frames_that_compressing_does_not_help);
    tcase_add_test(tc, resp_push);
    tcase_add_test(tc, sse_control_blocks);
    tcase_add_test(tc, resp_replies);
    tcase_add_test(tc, resp3_replies);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
