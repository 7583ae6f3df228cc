/* Messages as blocks of an event stream, and its control blocks, read back as a receiver would. */
#include "frontends/sse/sse_encoding.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/sse/sse_text.h"
#include "http/chunk.h"
#include "tests/unit/encoding_fixture.h"

/* Of an event stream: the block alone is TEXT, and in a chunk it has its length before it. */
static void expect_block_bytes(const struct encoding *chunked, const struct encoding *bare,
                               const char *text, size_t n)
{
    char size[16];
    snprintf(size, sizeof(size), "%08zx\r\n", n);
    buf_clear(&out);
    chunked->encode(&m, &out);
    ck_assert_uint_eq(out.len, CHUNK_HEAD + n + CHUNK_TAIL);
    ck_assert_mem_eq(out.data, size, CHUNK_HEAD);
    ck_assert_mem_eq(out.data + CHUNK_HEAD, text, n);
    ck_assert_mem_eq(out.data + CHUNK_HEAD + n, "\r\n", CHUNK_TAIL);
    buf_clear(&out);
    buf_puts(&out, "before");
    message_encode(&m, bare, &out);
    ck_assert_mem_eq(out.data, "before", 6);
    buf_consume(&out, 6);
    expect(text, n);
}

static void expect_raw(const char *text)
{
    expect_block_bytes(&sse_encoding_raw, &sse_encoding_raw_bare, text, strlen(text));
}

/* Of a topic that is about to join: the same block, without a place. */
START_TEST(joining_has_no_id)
{
    static const char *const events[] = {"", "tick"};
    ck_assert_uint_eq(sse_encoding_joining.slot, MESSAGE_UNSHARED);
    ck_assert_uint_eq(sse_encoding_joining_bare.slot, MESSAGE_UNSHARED);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        struct buf whole = {0};
        payload(MESSAGE_TEXT, "x", 1);
        m.event = events[i];
        m.event_len = (uint8_t)strlen(events[i]);
        message_encode(&m, &sse_encoding_envelope_bare, &whole);
        ck_assert_mem_eq(whole.data, "id: 7-9\n", 8);
        expect_block_bytes(&sse_encoding_joining, &sse_encoding_joining_bare, whole.data + 8,
                           whole.len - 8);
        buf_finish(&whole);
    }
}
END_TEST

START_TEST(raw_lines)
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
        expect_raw(text);
    }
}
END_TEST

/* At each place of a payload that is longer than what is looked at at once. */
START_TEST(raw_line_ends_at_every_place)
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
        expect_raw(lines);
    }
}
END_TEST

START_TEST(raw_event_and_json)
{
    event(" tick", 5);
    payload(MESSAGE_JSON, "{\n\"a\":1}", 8);
    expect_raw("id: 7-9\nevent:  tick\ndata: {\ndata: \"a\":1}\n\n");
}
END_TEST

START_TEST(never_writes_a_broken_event_line)
{
    static const char *names[] = {"a\nid: 5", "a\rb", "a\0b"};
    payload(MESSAGE_TEXT, "x", 1);
    for (size_t i = 0; i < 3; i++) {
        event(names[i], i ? 3 : 7);
        expect_raw("id: 7-9\ndata: x\n\n");
    }
}
END_TEST

START_TEST(nul_in_data_is_kept)
{
    payload(MESSAGE_TEXT, "a\0b", 3);
    expect_block_bytes(&sse_encoding_raw, &sse_encoding_raw_bare, "id: 7-9\ndata: a\0b\n\n", 19);
}
END_TEST

START_TEST(envelopes)
{
    event("tick", 4);
    payload(MESSAGE_JSON, "[1,\n2]", 6);
    static const char json[] =
        "id: 7-9\nevent: tick\ndata: " ENVELOPE_HEAD "\"event\":\"tick\",\"data\":[1, 2]}\n\n";
    expect_block_bytes(&sse_encoding_envelope, &sse_encoding_envelope_bare, json, strlen(json));
    payload(MESSAGE_BINARY, "\n", 1);
    expect_raw("id: 7-9\nevent: tick\ndata: " ENVELOPE_HEAD
               "\"event\":\"tick\",\"data\":\"Cg==\",\"encoding\":\"base64\"}\n\n");
}
END_TEST

static void expect_text(const char *text)
{
    expect(text, strlen(text));
}

/* Whatever its length, which is one of each number of digits. */
START_TEST(chunks_of_any_size)
{
    static const size_t sizes[] = {0, 1, 15, 16, 255, 4095, 65535, 1 << 20, 3 << 20};
    static const char frame[] = "id: 7-9\ndata: \n\n";
    char *text = malloc((3 << 20) + sizeof(frame));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        size_t n = sizes[i];
        memcpy(text, frame, 14);
        memset(text + 14, 'x', n);
        memcpy(text + 14 + n, "\n\n", 2);
        payload(MESSAGE_TEXT, text + 14, n);
        expect_block_bytes(&sse_encoding_raw, &sse_encoding_raw_bare, text, n + 16);
    }
    free(text);
}
END_TEST

START_TEST(without_chunks_it_has_the_same_bytes)
{
    static struct encoding *const pairs[][2] = {
        {&sse_encoding_raw, &sse_encoding_raw_bare},
        {&sse_encoding_envelope, &sse_encoding_envelope_bare},
    };
    const struct message_init init = {
        .topic = "a/b", .topic_len = 3, .payload = "x", .payload_len = 1, .kind = MESSAGE_TEXT};
    for (size_t i = 0; sse_encodings[i]; i++)
        ck_assert_int_eq(encoding_register(sse_encodings[i]), ERR_OK);
    struct message *shared = message_create(&init);
    shared->topic = m.topic;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        size_t n;
        const struct blob *b = message_encoded(shared, pairs[i][0]);
        ck_assert_ptr_eq(message_encoded(shared, pairs[i][1]), b);
        ck_assert_ptr_eq(message_part(b, pairs[i][0], &n), b->data);
        ck_assert_uint_eq(n, b->len);
        ck_assert_ptr_eq(message_part(b, pairs[i][1], &n), b->data + CHUNK_HEAD);
        ck_assert_uint_eq(n, b->len - CHUNK_HEAD - CHUNK_TAIL);
    }
    shared->topic = NULL;
    message_unref(shared);
}
END_TEST

/* It would be the last one. */
START_TEST(an_empty_chunk_is_none)
{
    buf_puts(&out, "x");
    size_t at = chunk_begin(&out);
    chunk_end(&out, at);
    expect_text("x");
    out.failed = true;
    at = chunk_begin(&out);
    chunk_end(&out, at);
    ck_assert(out.failed);
}
END_TEST

START_TEST(control_blocks)
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

int main(void)
{
    Suite *s = suite_create("sse_encoding");
    TCase *tc = tcase_create("sse_encoding");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, encoding_setup, encoding_teardown);
    tcase_add_test(tc, joining_has_no_id);
    tcase_add_test(tc, raw_lines);
    tcase_add_loop_test(tc, raw_line_ends_at_every_place, 0, 3);
    tcase_add_test(tc, raw_event_and_json);
    tcase_add_test(tc, never_writes_a_broken_event_line);
    tcase_add_test(tc, nul_in_data_is_kept);
    tcase_add_test(tc, envelopes);
    tcase_add_test(tc, chunks_of_any_size);
    tcase_add_test(tc, without_chunks_it_has_the_same_bytes);
    tcase_add_test(tc, an_empty_chunk_is_none);
    tcase_add_test(tc, control_blocks);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
