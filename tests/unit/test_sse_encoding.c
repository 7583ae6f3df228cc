/* Messages as blocks of an event stream, and its control blocks, read back as a receiver would. */
#include "frontends/sse_encoding.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "frontends/sse_text.h"
#include "tests/unit/encoding_fixture.h"

/* Of a topic that is about to join: the same block, without a place. */
START_TEST(joining_has_no_id)
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
        expect_encoded(&sse_encoding_raw, text);
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
        expect_encoded(&sse_encoding_raw, lines);
    }
}
END_TEST

START_TEST(raw_event_and_json)
{
    event(" tick", 5);
    payload(MESSAGE_JSON, "{\n\"a\":1}", 8);
    expect_encoded(&sse_encoding_raw, "id: 7-9\nevent:  tick\ndata: {\ndata: \"a\":1}\n\n");
}
END_TEST

START_TEST(never_writes_a_broken_event_line)
{
    static const char *names[] = {"a\nid: 5", "a\rb", "a\0b"};
    payload(MESSAGE_TEXT, "x", 1);
    for (size_t i = 0; i < 3; i++) {
        event(names[i], i ? 3 : 7);
        expect_encoded(&sse_encoding_raw, "id: 7-9\ndata: x\n\n");
    }
}
END_TEST

START_TEST(nul_in_data_is_kept)
{
    payload(MESSAGE_TEXT, "a\0b", 3);
    sse_encoding_raw.encode(&m, &out);
    expect("id: 7-9\ndata: a\0b\n\n", 19);
}
END_TEST

START_TEST(envelopes)
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

static void expect_text(const char *text)
{
    expect(text, strlen(text));
}

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
    tcase_add_test(tc, control_blocks);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
