/*
 * WebSocket frames. Each input is fed whole, split at every byte, and byte by byte, and must give
 * the same events; what it gave is written down as "text(hello)ping()close(1000 bye)error(1002)".
 * All that again with a new reader whenever one is idle.
 */
#include "frontends/ws/ws_frame.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"

enum { MESSAGE_MAX = 70000 };
enum { FIN = 0x80, RSV1 = 0x40, RSV2 = 0x20, RSV3 = 0x10 };

static struct buf input, expected;
static bool renews;   /* idle readers */
static bool deflates; /* permessage-deflate was negotiated */

static void setup(void)
{
    buf_init(&input);
    buf_init(&expected);
    deflates = false;
}

static void teardown(void)
{
    buf_finish(&input);
    buf_finish(&expected);
    deflate_finish_thread();
}

static void append_length(size_t n, bool masked, int form)
{
    unsigned char bit = masked ? 0x80 : 0;
    int bytes = form == 126 ? 2 : form == 127 ? 8 : 0;
    buf_putc(&input, (char)(bit | (bytes ? (unsigned)form : n)));
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(&input, (char)((uint64_t)n >> 8 * i));
}

/* Appends a masked client frame; the mask differs from frame to frame. */
static void frame_n(unsigned first, const char *payload, size_t n)
{
    static unsigned char mask[4] = {0x37, 0xFA, 0x21, 0x3D};
    buf_putc(&input, (char)first);
    append_length(n, true, n < 126 ? 0 : n < 65536 ? 126 : 127);
    buf_append(&input, mask, 4);
    for (size_t i = 0; i < n; i++)
        buf_putc(&input, (char)(payload[i] ^ mask[i & 3]));
    mask[0]++;
    mask[3] ^= mask[0];
}

static void frame(unsigned first, const char *payload)
{
    frame_n(first, payload, strlen(payload));
}

static void write_data(struct buf *out, const char *data, size_t n)
{
    if (n)
        buf_append(out, data, n);
    buf_putc(out, ')');
}

static void write_event(const struct ws_event *e, struct buf *out)
{
    switch (e->type) {
    case WS_EVENT_MESSAGE:
        buf_puts(out, e->text ? "text(" : "binary(");
        break;
    case WS_EVENT_PIECE:
        return; /* where it comes depends on where the input is cut */
    case WS_EVENT_PING:
        buf_puts(out, "ping(");
        break;
    case WS_EVENT_PONG:
        buf_puts(out, "pong(");
        break;
    case WS_EVENT_CLOSE:
        buf_printf(out, "close(%u ", e->code);
        break;
    default:
        ck_assert_ptr_nonnull(e->reason);
        buf_printf(out, "error(%u)", e->code);
        return;
    }
    write_data(out, e->data, e->len);
}

/* Feeds one piece from memory of exactly its size. */
static void feed(struct ws_reader *r, const char *data, size_t n, struct buf *out)
{
    char *piece = malloc(n ? n : 1), *p = piece;
    struct ws_event e;
    memcpy(piece, data, n);
    while (ws_reader_feed(r, &p, &n, &e) != WS_EVENT_NONE)
        write_event(&e, out);
    ck_assert_uint_eq(n, 0);
    free(piece);
    if (renews && ws_reader_idle(r)) {
        ws_reader_finish(r);
        ws_reader_init(r, MESSAGE_MAX, deflates);
    }
}

static void feed_pieces(size_t first, size_t step)
{
    struct ws_reader r;
    struct buf out = {0};
    ws_reader_init(&r, MESSAGE_MAX, deflates);
    feed(&r, input.data, first, &out);
    for (size_t at = first; at < input.len; at += step)
        feed(&r, input.data + at, step < input.len - at ? step : input.len - at, &out);
    ck_assert_uint_eq(out.len, expected.len);
    if (out.len)
        ck_assert_mem_eq(out.data, expected.data, out.len);
    buf_finish(&out);
    ws_reader_finish(&r);
}

/* Long inputs are split at fewer places. */
static void feed_all_pieces(void)
{
    size_t step = input.len > 4096 ? 997 : 1;
    for (size_t at = 0; at <= input.len; at += step)
        feed_pieces(at, input.len);
    feed_pieces(0, step);
    feed_pieces(0, 7);
}

/* Checks what `input` gives, and starts a new one. */
static void gives_n(const char *text, size_t n)
{
    buf_clear(&expected);
    buf_append(&expected, text, n);
    renews = false;
    feed_all_pieces();
    renews = true;
    feed_all_pieces();
    buf_clear(&input);
}

/* Of long inputs whose places to split are of no interest. */
static void gives_at_once(const char *text, size_t n)
{
    buf_clear(&expected);
    buf_append(&expected, text, n);
    feed_pieces(0, input.len);
    feed_pieces(0, 4096);
    buf_clear(&input);
}

static void gives(const char *text)
{
    gives_n(text, strlen(text));
}

START_TEST(whole_messages)
{
    frame(FIN | WS_TEXT, "Hello");
    frame(FIN | WS_BINARY, "\xFF\xFE");
    frame(FIN | WS_TEXT, "");
    frame(FIN | WS_BINARY, "");
    gives("text(Hello)binary(\xFF\xFE)text()binary()");
}
END_TEST

START_TEST(all_length_forms)
{
    static const size_t sizes[] = {1, 7, 8, 9, 124, 125, 126, 127, 128, 65535, 65536, MESSAGE_MAX};
    char *payload = malloc(MESSAGE_MAX), *text = malloc(MESSAGE_MAX + 8);
    for (size_t i = 0; i < MESSAGE_MAX; i++)
        payload[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        size_t n = sizes[i];
        frame_n(FIN | WS_TEXT, payload, n);
        memcpy(text, "text(", 5);
        memcpy(text + 5, payload, n);
        text[5 + n] = ')';
        gives_n(text, n + 6);
    }
    free(text);
    free(payload);
}
END_TEST

START_TEST(fragments)
{
    frame(WS_TEXT, "Hel");
    frame(WS_CONTINUATION, "");
    frame(FIN | WS_CONTINUATION, "lo");
    frame(WS_BINARY, "");
    frame(FIN | WS_CONTINUATION, "x");
    frame(WS_TEXT, "");
    frame(FIN | WS_CONTINUATION, "");
    frame(FIN | WS_TEXT, "end");
    gives("text(Hello)binary(x)text()text(end)");
}
END_TEST

START_TEST(control_frames_between_fragments)
{
    char longest[WS_CONTROL_MAX + 1], text[512];
    memset(longest, 'p', WS_CONTROL_MAX);
    longest[WS_CONTROL_MAX] = '\0';
    frame(FIN | WS_PONG, "early");
    frame(WS_TEXT, "one ");
    frame(FIN | WS_PING, longest);
    frame(FIN | WS_PING, "");
    frame(WS_CONTINUATION, "two ");
    frame(FIN | WS_PONG, "late");
    frame(FIN | WS_CONTINUATION, "three");
    frame(FIN | WS_PING, "after");
    snprintf(text, sizeof(text),
             "pong(early)ping(%s)ping()pong(late)text(one two three)ping(after)", longest);
    gives(text);
    frame(WS_TEXT, "never ended");
    frame(FIN | WS_CLOSE, "\x03\xE8");
    gives("close(1000 )");
}
END_TEST

START_TEST(continuation_order)
{
    frame(FIN | WS_CONTINUATION, "x");
    gives("error(1002)");
    frame(WS_CONTINUATION, "x");
    gives("error(1002)");
    frame(FIN | WS_TEXT, "a");
    frame(FIN | WS_CONTINUATION, "x");
    gives("text(a)error(1002)");
    frame(WS_TEXT, "a");
    frame(FIN | WS_TEXT, "b");
    gives("error(1002)");
    frame(WS_TEXT, "a");
    frame(WS_BINARY, "b");
    gives("error(1002)");
    frame(WS_TEXT, "");
    frame(FIN | WS_BINARY, "b");
    gives("error(1002)");
}
END_TEST

START_TEST(reserved_bits_and_opcodes)
{
    static const unsigned bits[] = {RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3};
    static const unsigned opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    static const unsigned known[] = {WS_TEXT, WS_BINARY, WS_CLOSE, WS_PING, WS_PONG};
    for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
        for (size_t j = 0; j < sizeof(known) / sizeof(*known); j++) {
            frame(FIN | WS_TEXT, "a");
            frame(FIN | bits[i] | known[j], "");
            gives("text(a)error(1002)");
        }
    }
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(*opcodes); i++) {
        frame(FIN | opcodes[i], "x");
        gives("error(1002)");
        frame(WS_TEXT, "a");
        frame(opcodes[i], "");
        gives("error(1002)");
    }
}
END_TEST

START_TEST(unmasked_frames)
{
    buf_append(&input, "\x81\x01x", 3);
    gives("error(1002)");
    buf_append(&input, "\x89\x00", 2);
    gives("error(1002)");
}
END_TEST

START_TEST(control_frame_rules)
{
    static const unsigned opcodes[] = {WS_CLOSE, WS_PING, WS_PONG};
    char payload[WS_CONTROL_MAX + 1];
    memset(payload, 'p', sizeof(payload));
    for (size_t i = 0; i < 3; i++) {
        frame(opcodes[i], "");
        gives("error(1002)");
        frame_n(FIN | opcodes[i], payload, sizeof(payload));
        gives("error(1002)");
    }
}
END_TEST

/* The first two bytes are enough for these; nothing is waited for. */
START_TEST(errors_come_early)
{
    static const char *starts[] = {"\xC1\x80", "\x83\x80", "\x81\x05",
                                   "\x80\x85", "\x09\x80", "\x89\xFE"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        buf_append(&input, starts[i], 2);
        gives("error(1002)");
    }
}
END_TEST

static void length_gives(size_t n, int form, const char *text)
{
    buf_putc(&input, (char)(FIN | WS_BINARY));
    append_length(n, true, form);
    gives(text);
}

START_TEST(length_rules)
{
    length_gives(0, 126, "error(1002)");
    length_gives(125, 126, "error(1002)");
    length_gives(0, 127, "error(1002)");
    length_gives(126, 127, "error(1002)");
    length_gives(65535, 127, "error(1002)");
    length_gives((size_t)1 << 63, 127, "error(1002)");
    length_gives(SIZE_MAX, 127, "error(1002)");
    length_gives(((size_t)1 << 63) - 1, 127, "error(1009)");
    length_gives(MESSAGE_MAX + 1, 127, "error(1009)");
    length_gives(MESSAGE_MAX, 127, "");
    length_gives(126, 126, "");
}
END_TEST

START_TEST(the_limit_counts_fragments_together)
{
    char *payload = calloc(1, MESSAGE_MAX);
    frame_n(WS_BINARY, payload, MESSAGE_MAX - 1);
    frame(FIN | WS_PING, "free");
    buf_append(&input, "\x80\x82", 2);
    gives("ping(free)error(1009)");
    frame_n(WS_BINARY, payload, MESSAGE_MAX);
    frame(WS_CONTINUATION, "");
    frame(FIN | WS_CONTINUATION, "x");
    gives("error(1009)");
    free(payload);
}
END_TEST

START_TEST(utf8_across_fragments)
{
    frame(FIN | WS_TEXT, "\xCE\xBA\xE1\xBD\xB9\xF0\x9F\x98\x80");
    gives("text(\xCE\xBA\xE1\xBD\xB9\xF0\x9F\x98\x80)");
    frame(WS_TEXT, "\xF0");
    frame(WS_CONTINUATION, "\x9F\x98");
    frame(FIN | WS_PING, "\xFF");
    frame(FIN | WS_CONTINUATION, "\x80");
    gives("ping(\xFF)text(\xF0\x9F\x98\x80)");
    frame(FIN | WS_BINARY, "\xFF\xC0");
    gives("binary(\xFF\xC0)");
}
END_TEST

START_TEST(bad_utf8)
{
    static const char *bad[] = {
        "\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5",
        "\xFE",
        "\xFF",
        "ok \xCE\xBA\xE1\xBD\xB9\xCF\x83\xED\xA0\x80 edited",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        frame(FIN | WS_TEXT, bad[i]);
        gives("error(1007)");
        frame(WS_TEXT, "fine");
        frame(WS_CONTINUATION, bad[i]);
        gives("error(1007)");
    }
    /* Cut short: fine in a fragment, not at the end of the message. */
    frame(FIN | WS_TEXT, "x\xE1\xBD");
    gives("error(1007)");
    frame(WS_TEXT, "\xE1\xBD");
    gives("");
    frame(WS_TEXT, "\xE1\xBD");
    frame(FIN | WS_CONTINUATION, "");
    gives("error(1007)");
    /* The check starts anew with each message. */
    frame(FIN | WS_TEXT, "a");
    frame(FIN | WS_TEXT, "\xBD");
    gives("text(a)error(1007)");
}
END_TEST

/* Bad text is told as soon as it comes, though the frame is far from complete. */
START_TEST(bad_utf8_fails_fast)
{
    frame(FIN | WS_TEXT, "abc\xFFxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    input.len = 6 + 4;
    gives("error(1007)");
}
END_TEST

static void close_gives(unsigned code, const char *reason, const char *text)
{
    char payload[WS_CONTROL_MAX + 1];
    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    memcpy(payload + 2, reason, strlen(reason));
    frame_n(FIN | WS_CLOSE, payload, 2 + strlen(reason));
    gives(text);
}

START_TEST(close_codes)
{
    static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const unsigned bad[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                   1016, 1100, 2000, 2999, 5000, 65535};
    char text[64];
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        snprintf(text, sizeof(text), "close(%u bye)", good[i]);
        close_gives(good[i], "bye", text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        close_gives(bad[i], "", "error(1002)");
}
END_TEST

START_TEST(close_payloads)
{
    char reason[WS_CONTROL_MAX - 1], text[256];
    frame(FIN | WS_CLOSE, "");
    gives("close(1005 )");
    frame(FIN | WS_CLOSE, "\x03");
    gives("error(1002)");
    memset(reason, 'r', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    snprintf(text, sizeof(text), "close(1000 %s)", reason);
    close_gives(1000, reason, text);
    close_gives(1000, "\xE2\x82\xAC", "close(1000 \xE2\x82\xAC)");
    close_gives(1000, "\xE2\x82", "error(1007)");
    close_gives(1000, "\xED\xA0\x80", "error(1007)");
}
END_TEST

START_TEST(nothing_counts_after_the_end)
{
    frame(FIN | WS_CLOSE, "\x03\xE8");
    frame(FIN | WS_TEXT, "late");
    buf_append(&input, "\xFF\xFF\xFF\xFF", 4);
    gives("close(1000 )");
    frame(FIN | RSV1 | WS_TEXT, "x");
    frame(FIN | WS_PING, "late");
    gives("error(1002)");
}
END_TEST

/* "Hello", and the same in two blocks (RFC 7692 section 7.2.3). */
#define HELLO     "\xF2\x48\xCD\xC9\xC9\x07\x00"
#define HELLO_LEN 7

static void frame_hello(unsigned first)
{
    frame_n(first, HELLO, HELLO_LEN);
}

START_TEST(compressed_messages)
{
    deflates = true;
    frame_hello(FIN | RSV1 | WS_TEXT);
    frame_hello(FIN | RSV1 | WS_BINARY);
    frame(FIN | WS_TEXT, "plain");
    frame_n(RSV1 | WS_TEXT, HELLO, 3);
    frame(FIN | WS_PING, "ping");
    frame(WS_CONTINUATION, "");
    frame_n(FIN | WS_CONTINUATION, &HELLO[3], HELLO_LEN - 3);
    frame(RSV1 | WS_TEXT, "");
    frame_n(FIN | WS_CONTINUATION, "\0", 1);
    frame(FIN | WS_TEXT, "plain again");
    gives("text(Hello)binary(Hello)text(plain)ping(ping)text(Hello)text()text(plain again)");
}
END_TEST

START_TEST(reserved_bits_with_compression)
{
    static const unsigned wrong[] = {
        FIN | RSV1 | WS_PING,          FIN | RSV1 | WS_PONG,         FIN | RSV1 | WS_CLOSE,
        FIN | RSV2 | WS_TEXT,          FIN | RSV3 | WS_TEXT,         FIN | RSV1 | RSV2 | WS_TEXT,
        FIN | RSV1 | RSV3 | WS_BINARY, FIN | RSV1 | WS_CONTINUATION,
    };
    deflates = true;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        frame(wrong[i], "");
        gives("error(1002)");
    }
    frame_n(RSV1 | WS_TEXT, HELLO, 3);
    frame_n(FIN | RSV1 | WS_CONTINUATION, &HELLO[3], HELLO_LEN - 3);
    gives("error(1002)");
    deflates = false;
    frame_hello(FIN | RSV1 | WS_TEXT);
    gives("error(1002)");
}
END_TEST

START_TEST(bad_compressed_messages)
{
    deflates = true;
    frame(FIN | RSV1 | WS_TEXT, "\xFF\xFF\xFF");
    gives("error(1007)");
    frame(FIN | RSV1 | WS_TEXT, "");
    gives("error(1007)");
    frame_n(FIN | RSV1 | WS_TEXT, HELLO, HELLO_LEN - 3);
    gives("error(1007)");
    /* Stored: "\xFF", and half a character. */
    frame_n(FIN | RSV1 | WS_TEXT, "\0\x01\0\xFE\xFF\xFF\0", 7);
    gives("error(1007)");
    frame_n(FIN | RSV1 | WS_TEXT, "\0\x01\0\xFE\xFF\xE2\0", 7);
    gives("error(1007)");
    frame_n(FIN | RSV1 | WS_BINARY, "\0\x01\0\xFE\xFF\xFF\0", 7);
    gives("binary(\xFF)");
    /* The wrong byte is told while the rest of the frame is still to come. */
    frame_n(FIN | RSV1 | WS_TEXT, "\0\x09\0\xF6\xFF\xFF........\0", 15);
    input.len = 6 + 7;
    gives("error(1007)");
}
END_TEST

/* Zeros, N of them, as one compressed message. */
static void frame_zeros(unsigned first, size_t n)
{
    struct ws_deflate_rule rule = {.level = 6, .window_bits = 15};
    struct buf packed = {0};
    char *zeros = calloc(1, n);
    ck_assert_int_eq(ws_deflate(&rule, zeros, n, n, &packed), ERR_OK);
    frame_n(first, packed.data, packed.len);
    buf_finish(&packed);
    free(zeros);
}

START_TEST(what_inflates_to_too_much)
{
    char *text = calloc(1, MESSAGE_MAX + 8);
    deflates = true;
    memcpy(text, "binary(", 7);
    text[7 + MESSAGE_MAX] = ')';
    frame_zeros(FIN | RSV1 | WS_BINARY, MESSAGE_MAX);
    gives_n(text, MESSAGE_MAX + 8);
    frame_zeros(FIN | RSV1 | WS_BINARY, MESSAGE_MAX + 1);
    gives("error(1009)");
    frame_zeros(RSV1 | WS_BINARY, 100 * MESSAGE_MAX);
    gives("error(1009)");
    free(text);
}
END_TEST

/* Stored blocks of SIZE bytes each, as a compressor in a hurry makes them, and what they hold. */
static void frame_stored(size_t size, size_t total)
{
    struct buf packed = {0};
    for (size_t at = 0; at < total; at += size) {
        size_t n = total - at < size ? total - at : size;
        char head[5] = {0, (char)n, (char)(n >> 8), (char)~n, (char)(~n >> 8)};
        buf_append(&packed, head, sizeof(head));
        for (size_t i = 0; i < n; i++)
            buf_putc(&packed, 'x');
    }
    buf_putc(&packed, '\0');
    frame_n(FIN | RSV1 | WS_BINARY, packed.data, packed.len);
    buf_finish(&packed);
}

START_TEST(messages_of_the_limit_that_grew_when_they_were_compressed)
{
    static const size_t sizes[] = {1, 2, 5, 127, 1000};
    char *text = malloc(MESSAGE_MAX + 8);
    memcpy(text, "binary(", 7);
    memset(text + 7, 'x', MESSAGE_MAX);
    text[7 + MESSAGE_MAX] = ')';
    deflates = true;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        frame_stored(sizes[i], MESSAGE_MAX);
        gives_at_once(text, MESSAGE_MAX + 8);
        frame_stored(sizes[i], MESSAGE_MAX + 1);
        gives_at_once("error(1009)", strlen("error(1009)"));
    }
    free(text);
}
END_TEST

/* A few bytes of input are no reason to work for long: there are places to stop between. */
START_TEST(what_inflates_to_much_comes_in_pieces)
{
    enum { LONG = 2 << 20, STEP_MAX = WS_PACKED_STEP * 1032 };
    struct ws_reader r;
    struct ws_event e;
    size_t inflated = 0, pieces = 0;
    frame_zeros(FIN | RSV1 | WS_BINARY, LONG);
    char *p = input.data;
    size_t n = input.len;
    ws_reader_init(&r, LONG, true);
    while (ws_reader_feed(&r, &p, &n, &e) == WS_EVENT_PIECE) {
        ck_assert_uint_le(e.len, WS_PIECE + STEP_MAX);
        ck_assert_uint_gt(n, 0);
        inflated += e.len;
        pieces++;
    }
    ck_assert_int_eq(e.type, WS_EVENT_MESSAGE);
    ck_assert_uint_eq(e.len, LONG);
    ck_assert_uint_le(LONG - inflated, WS_PIECE + STEP_MAX);
    ck_assert_uint_gt(pieces, 3);
    ws_reader_finish(&r);
}
END_TEST

START_TEST(a_piece_is_no_larger_than_it_has_to_be)
{
    enum { LONG = 8 * WS_PIECE };
    struct ws_reader r;
    struct ws_event e;
    size_t pieces = 0;
    frame_stored(1000, LONG); /* each step gives what it takes, at most */
    char *p = input.data;
    size_t n = input.len;
    ws_reader_init(&r, LONG, true);
    for (; ws_reader_feed(&r, &p, &n, &e) == WS_EVENT_PIECE; pieces++) {
        ck_assert_uint_ge(e.len, WS_PIECE);
        ck_assert_uint_le(e.len, WS_PIECE + WS_PACKED_STEP);
    }
    ck_assert_int_eq(e.type, WS_EVENT_MESSAGE);
    ck_assert_uint_eq(pieces, 7);
    ws_reader_finish(&r);
}
END_TEST

/* By the head, before anything is read; compressed bytes may be more than what they give. */
START_TEST(compressed_frames_that_are_too_long)
{
    struct ws_reader r;
    struct ws_event e;
    unsigned char head[14] = {FIN | RSV1 | WS_TEXT, 0xFF};
    for (uint64_t over = 0; over < 2; over++) {
        uint64_t len = MESSAGE_MAX * WS_PACKED_GROWTH + WS_PACKED_SPARE + over;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)(len >> 8 * (7 - i));
        char *p = (char *)head;
        size_t n = sizeof(head);
        ws_reader_init(&r, MESSAGE_MAX, true);
        enum ws_event_type type = ws_reader_feed(&r, &p, &n, &e);
        ck_assert_int_eq(type, over ? WS_EVENT_ERROR : WS_EVENT_NONE);
        ck_assert(!over || e.code == WS_CLOSE_TOO_BIG);
        ck_assert_ptr_null(r.parts.data);
        ck_assert_ptr_null(r.inflater);
        ws_reader_finish(&r);
    }
}
END_TEST

START_TEST(an_idle_reader_holds_no_inflater)
{
    struct ws_reader r;
    struct ws_event e;
    frame_hello(FIN | RSV1 | WS_TEXT);
    char *p = input.data;
    size_t n = 8;
    ws_reader_init(&r, MESSAGE_MAX, true);
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_NONE);
    ck_assert_ptr_nonnull(r.inflater);
    ck_assert(!ws_reader_idle(&r));
    n = input.len - 8;
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_MESSAGE);
    ck_assert_uint_eq(e.packed, HELLO_LEN);
    ck_assert_ptr_null(r.inflater);
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_NONE);
    ck_assert_ptr_null(r.parts.data);
    ck_assert(ws_reader_idle(&r));
    ws_reader_finish(&r);
}
END_TEST

START_TEST(whole_frames_are_not_copied)
{
    struct ws_reader r;
    struct ws_event e;
    frame(FIN | WS_TEXT, "Hello");
    char *p = input.data;
    size_t n = input.len;
    ws_reader_init(&r, MESSAGE_MAX, deflates);
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_MESSAGE);
    ck_assert_ptr_eq(e.data, input.data + 6);
    ck_assert_ptr_null(r.parts.data);
    ws_reader_finish(&r);
}
END_TEST

START_TEST(an_idle_reader_holds_no_memory)
{
    struct ws_reader r;
    struct ws_event e;
    frame(FIN | WS_TEXT, "Hello");
    char *p = input.data;
    size_t n = 8;
    ck_assert_uint_le(sizeof(r), 64 + sizeof(struct buf));
    ws_reader_init(&r, MESSAGE_MAX, deflates);
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_NONE);
    ck_assert_ptr_nonnull(r.parts.data);
    n = input.len - 8;
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_MESSAGE);
    ck_assert_mem_eq(e.data, "Hello", 5);
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_NONE);
    ck_assert_ptr_null(r.parts.data);
    ws_reader_finish(&r);
}
END_TEST

/* Idle is only who has nothing left to remember. */
START_TEST(what_is_begun_is_not_idle)
{
    struct ws_reader r;
    struct ws_event e;
    frame(WS_TEXT, "Hel");
    frame(FIN | WS_CONTINUATION, "lo");
    ws_reader_init(&r, MESSAGE_MAX, deflates);
    ck_assert(ws_reader_idle(&r));
    for (size_t i = 0; i < input.len; i++) {
        char *p = input.data + i;
        size_t n = 1;
        enum ws_event_type type = ws_reader_feed(&r, &p, &n, &e);
        ck_assert_int_eq(type, i + 1 < input.len ? WS_EVENT_NONE : WS_EVENT_MESSAGE);
        ck_assert_msg(!ws_reader_idle(&r), "idle after byte %zu", i);
    }
    char *p = NULL;
    size_t n = 0;
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_NONE);
    ck_assert(ws_reader_idle(&r));
    ws_reader_finish(&r);
    ck_assert(!ws_reader_idle(&r));
}
END_TEST

/* What is announced is not allocated, only what came. */
START_TEST(memory_follows_the_input)
{
    struct ws_reader r;
    struct ws_event e;
    char start[] = "\x82\xFF\x00\x00\x00\x00\x40\x00\x00\x00mask1234";
    char *p = start;
    size_t n = sizeof(start) - 1;
    ws_reader_init(&r, SIZE_MAX, false);
    ck_assert_int_eq(ws_reader_feed(&r, &p, &n, &e), WS_EVENT_NONE);
    ck_assert_uint_eq(r.parts.len, 4);
    ck_assert_uint_le(r.parts.cap, 64);
    ws_reader_finish(&r);
}
END_TEST

START_TEST(headers)
{
    static const struct {
        uint64_t len;
        const char *bytes;
        size_t size;
    } cases[] = {
        {0, "\x81\x00", 2},
        {125, "\x81\x7D", 2},
        {126, "\x81\x7E\x00\x7E", 4},
        {65535, "\x81\x7E\xFF\xFF", 4},
        {65536, "\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10},
        {0x123456789Au, "\x81\x7F\x00\x00\x00\x12\x34\x56\x78\x9A", 10},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char header[WS_HEADER_MAX];
        ck_assert_uint_eq(ws_frame_header(header, WS_TEXT, cases[i].len), cases[i].size);
        ck_assert_mem_eq(header, cases[i].bytes, cases[i].size);
    }
}
END_TEST

START_TEST(control_and_close_frames)
{
    char out[WS_CONTROL_FRAME_MAX], reason[200];
    ck_assert_uint_eq(ws_frame_control(out, WS_PONG, "abc", 3), 5);
    ck_assert_mem_eq(out,
                     "\x8A\x03"
                     "abc",
                     5);
    ck_assert_uint_eq(ws_frame_close(out, 1001, "bye"), 7);
    ck_assert_mem_eq(out,
                     "\x88\x05\x03\xE9"
                     "bye",
                     7);
    ck_assert_uint_eq(ws_frame_close(out, 1000, NULL), 4);
    ck_assert_uint_eq(ws_frame_close(out, WS_CLOSE_NO_STATUS, "unused"), 2);
    ck_assert_mem_eq(out, "\x88\x00", 2);
    memset(reason, 'r', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    ck_assert_uint_eq(ws_frame_close(out, 1000, reason), WS_CONTROL_FRAME_MAX);
    /* A character of three bytes that ends one byte too late goes as a whole. */
    memcpy(reason + 121, "\xE2\x82\xAC", 3);
    ck_assert_uint_eq(ws_frame_close(out, 1000, reason), 2 + 2 + 121);
    memcpy(reason + 120, "\xE2\x82\xACr", 4);
    ck_assert_uint_eq(ws_frame_close(out, 1000, reason), WS_CONTROL_FRAME_MAX);
}
END_TEST

static TCase *rules(void)
{
    TCase *tc = tcase_create("reader");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, whole_messages);
    tcase_add_test(tc, all_length_forms);
    tcase_add_test(tc, fragments);
    tcase_add_test(tc, control_frames_between_fragments);
    tcase_add_test(tc, continuation_order);
    tcase_add_test(tc, reserved_bits_and_opcodes);
    tcase_add_test(tc, unmasked_frames);
    tcase_add_test(tc, control_frame_rules);
    tcase_add_test(tc, errors_come_early);
    tcase_add_test(tc, length_rules);
    tcase_add_test(tc, the_limit_counts_fragments_together);
    tcase_add_test(tc, utf8_across_fragments);
    tcase_add_test(tc, bad_utf8);
    tcase_add_test(tc, bad_utf8_fails_fast);
    tcase_add_test(tc, compressed_messages);
    tcase_add_test(tc, reserved_bits_with_compression);
    tcase_add_test(tc, bad_compressed_messages);
    tcase_add_test(tc, what_inflates_to_too_much);
    tcase_add_test(tc, what_inflates_to_much_comes_in_pieces);
    tcase_add_test(tc, a_piece_is_no_larger_than_it_has_to_be);
    tcase_add_test(tc, close_codes);
    tcase_add_test(tc, close_payloads);
    tcase_add_test(tc, nothing_counts_after_the_end);
    return tc;
}

static TCase *memory(void)
{
    TCase *tc = tcase_create("memory");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, whole_frames_are_not_copied);
    tcase_add_test(tc, an_idle_reader_holds_no_memory);
    tcase_add_test(tc, what_is_begun_is_not_idle);
    tcase_add_test(tc, memory_follows_the_input);
    tcase_add_test(tc, messages_of_the_limit_that_grew_when_they_were_compressed);
    tcase_add_test(tc, compressed_frames_that_are_too_long);
    tcase_add_test(tc, an_idle_reader_holds_no_inflater);
    return tc;
}

static TCase *writer(void)
{
    TCase *tc = tcase_create("writer");
    tcase_add_test(tc, headers);
    tcase_add_test(tc, control_and_close_frames);
    return tc;
}

int main(void)
{
    Suite *s = suite_create("ws_frame");
    suite_add_tcase(s, rules());
    suite_add_tcase(s, memory());
    suite_add_tcase(s, writer());
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
