/* Payloads of compressed messages: the examples of RFC 7692 section 7.2.3, round trips with every
 * window and level, limits, and what is not deflated data. */
#include "frontends/ws/ws_deflate.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"

static struct buf packed, plain;

static void setup(void)
{
    buf_init(&packed);
    buf_init(&plain);
}

static void teardown(void)
{
    buf_finish(&packed);
    buf_finish(&plain);
    deflate_finish_thread();
}

/* Inflates N bytes in pieces, each in memory of exactly its size. */
static enum err inflate_pieces(const char *data, size_t n, size_t first, size_t step, size_t max)
{
    struct ws_inflater *z = ws_inflater_create();
    enum err e = ERR_OK;
    buf_finish(&plain);
    for (size_t at = 0, len = first; at < n && e == ERR_OK; at += len, len = step) {
        if (at + len > n)
            len = n - at;
        char *copy = malloc(len ? len : 1);
        memcpy(copy, data + at, len);
        e = ws_inflate(z, copy, len, max, &plain);
        free(copy);
        ck_assert_uint_le(plain.len, max);
    }
    if (e == ERR_OK)
        e = ws_inflate_end(z, max, &plain);
    ws_inflater_destroy(z);
    return e;
}

/* Split everywhere and byte by byte. */
static void inflates_to(const char *data, size_t n, const char *text, size_t len)
{
    for (size_t first = 0; first <= n; first++) {
        ck_assert_int_eq(inflate_pieces(data, n, first, first == n ? 1 : n, len), ERR_OK);
        ck_assert_uint_eq(plain.len, len);
        if (len)
            ck_assert_mem_eq(plain.data, text, len);
    }
    ck_assert_int_eq(inflate_pieces(data, n, 1, 1, len), ERR_OK);
    ck_assert_uint_eq(plain.len, len);
}

static void fails_with(enum err e, const char *data, size_t n, size_t max)
{
    for (size_t first = 0; first <= n; first++)
        ck_assert_int_eq(inflate_pieces(data, n, first, n, max), e);
    ck_assert_int_eq(inflate_pieces(data, n, 1, 1, max), e);
}

#define BYTES(text) text, sizeof(text) - 1

START_TEST(the_rfcs_examples)
{
    inflates_to(BYTES("\xF2\x48\xCD\xC9\xC9\x07\x00"), BYTES("Hello"));
    inflates_to(BYTES("\x00\x05\x00\xFA\xFF\x48\x65\x6C\x6C\x6F\x00"), BYTES("Hello"));
    inflates_to(BYTES("\xF3\x48\xCD\xC9\xC9\x07\x00\x00"), BYTES("Hello"));
    inflates_to(BYTES("\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00"), BYTES("Hello"));
    inflates_to(BYTES("\x00"), BYTES(""));
    inflates_to(BYTES("\x02\x00"), BYTES(""));
}
END_TEST

START_TEST(what_is_no_deflated_message)
{
    fails_with(ERR_INVALID, BYTES(""), 100);
    fails_with(ERR_INVALID, BYTES("\xFF\xFF"), 100);                      /* block type */
    fails_with(ERR_INVALID, BYTES("\xF2\x48\xCD\xC9"), 100);              /* cut */
    fails_with(ERR_INVALID, BYTES("\xF3\x48\xCD\xC9\xC9\x07\x00"), 100);  /* no block behind */
    fails_with(ERR_INVALID, BYTES("\xF2\x00\x11\x00\x00"), 100);          /* looks too far back */
    fails_with(ERR_INVALID, BYTES("\x00\x05\x00\x00\x00Hello\x00"), 100); /* stored length */
    fails_with(ERR_INVALID, BYTES("\xF2\x48\xCD\xC9\xC9\x07\x00\x00\x00\xFF\xFF"), 100); /* tail */
}
END_TEST

/* Text that repeats itself at many distances. */
static char *make_text(size_t n)
{
    char *text = malloc(n ? n : 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i * i % 23 + i / 701 % 3);
    return text;
}

static void round_trip(size_t n, int level, int bits)
{
    struct ws_deflate_rule rule = {.level = level, .window_bits = bits};
    char *text = make_text(n);
    buf_clear(&packed);
    buf_puts(&packed, "kept");
    ck_assert_int_eq(ws_deflate(&rule, text, n, n + n / 64 + 64, &packed), ERR_OK);
    ck_assert_mem_eq(packed.data, "kept", 4);
    size_t step = packed.len > 1000 ? 997 : 1;
    ck_assert_int_eq(inflate_pieces(packed.data + 4, packed.len - 4, step, step, n), ERR_OK);
    ck_assert_uint_eq(plain.len, n);
    if (n)
        ck_assert_mem_eq(plain.data, text, n);
    free(text);
}

START_TEST(round_trips)
{
    static const size_t sizes[] = {0, 1, 2, 100, 250, 251, 512, 777, 4096, 33000, 100000, 1000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        round_trip(sizes[i], 6, _i);
    for (int level = 1; level <= 9; level++)
        round_trip(70000, level, _i);
}
END_TEST

START_TEST(repetition_shrinks)
{
    struct ws_deflate_rule rule = {.level = 6, .window_bits = WS_WINDOW_MAX};
    char *text = calloc(1, 100000);
    ck_assert_int_eq(ws_deflate(&rule, text, 100000, 99999, &packed), ERR_OK);
    ck_assert_uint_lt(packed.len, 200);
    free(text);
}
END_TEST

/* At most so many bytes; exactly so many are fine. */
START_TEST(deflating_is_bounded)
{
    struct ws_deflate_rule rule = {.level = 6, .window_bits = WS_WINDOW_MAX};
    char *text = make_text(5000);
    ck_assert_int_eq(ws_deflate(&rule, text, 5000, 5000, &packed), ERR_OK);
    size_t n = packed.len;
    buf_clear(&packed);
    ck_assert_int_eq(ws_deflate(&rule, text, 5000, n - 1, &packed), ERR_LIMIT);
    ck_assert_uint_eq(packed.len, 0);
    ck_assert_int_eq(ws_deflate(&rule, text, 5000, n, &packed), ERR_OK);
    ck_assert_uint_eq(packed.len, n);
    free(text);
}
END_TEST

/* A megabyte of nothing in a kilobyte; told at the byte above the limit, with no memory for more.
 */
START_TEST(inflating_is_bounded)
{
    struct ws_deflate_rule rule = {.level = 9, .window_bits = WS_WINDOW_MAX};
    char *text = calloc(1, 1 << 20);
    ck_assert_int_eq(ws_deflate(&rule, text, 1 << 20, 1 << 20, &packed), ERR_OK);
    ck_assert_uint_lt(packed.len, 2000);
    size_t n = packed.len;
    for (size_t max = 0; max < 20000; max = max * 2 + 1) {
        ck_assert_int_eq(inflate_pieces(packed.data, n, n, n, max), ERR_LIMIT);
        ck_assert_uint_eq(plain.len, max);
        ck_assert_uint_le(plain.cap, 2 * max + 64);
        ck_assert_int_eq(inflate_pieces(packed.data, n, 1, 1, max), ERR_LIMIT);
    }
    ck_assert_int_eq(inflate_pieces(packed.data, n, n, n, (1 << 20) - 1), ERR_LIMIT);
    ck_assert_int_eq(inflate_pieces(packed.data, n, n, n, 1 << 20), ERR_OK);
    free(text);
}
END_TEST

START_TEST(enders_accept_nothing)
{
    ws_inflater_destroy(NULL);
    ws_inflater_destroy(ws_inflater_create());
    deflate_finish_thread();
    deflate_finish_thread();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ws_deflate");
    TCase *tc = tcase_create("ws_deflate");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_rfcs_examples);
    tcase_add_test(tc, what_is_no_deflated_message);
    tcase_add_loop_test(tc, round_trips, WS_WINDOW_MIN, WS_WINDOW_MAX + 1);
    tcase_add_test(tc, repetition_shrinks);
    tcase_add_test(tc, deflating_is_bounded);
    tcase_add_test(tc, inflating_is_bounded);
    tcase_add_test(tc, enders_accept_nothing);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
