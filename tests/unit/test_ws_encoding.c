/* Messages as WebSocket frames, plain and compressed. */
#include "frontends/ws/ws_encoding.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/envelope_encoding.h"
#include "tests/unit/encoding_fixture.h"

START_TEST(raw_frames)
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
START_TEST(envelope_frames)
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

START_TEST(deflated_frames)
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

START_TEST(frames_that_compressing_does_not_help)
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

int main(void)
{
    Suite *s = suite_create("ws_encoding");
    TCase *tc = tcase_create("ws_encoding");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, encoding_setup, encoding_teardown);
    tcase_add_test(tc, raw_frames);
    tcase_add_test(tc, envelope_frames);
    tcase_add_test(tc, deflated_frames);
    tcase_add_test(tc, the_tally_is_a_sum_that_is_taken_once);
    tcase_add_test(tc, frames_that_compressing_does_not_help);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
