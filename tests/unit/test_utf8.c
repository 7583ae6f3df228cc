/*
 * UTF-8 validation against a decoder that is too simple to be wrong: it takes the code point
 * apart and asks whether encoding it again gives the same bytes.
 */
#include "base/utf8.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3629 section 3, the table read from right to left. Returns the length, 0 = cannot be. */
static size_t encode(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c >= 0xD800 && c <= 0xDFFF)
        return 0;
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    if (c > 0x10FFFF)
        return 0;
    out[0] = (uint8_t)(0xF0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

/* Takes one character from P by its first byte alone; returns its length, 0 = not valid. */
static size_t naive_character(const uint8_t *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (len > n)
        return 0;
    uint32_t c = len == 1 ? p[0] : p[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3F);
    uint8_t again[4];
    return encode(c, again) == len && memcmp(again, p, len) == 0 ? len : 0;
}

static bool naive_valid(const uint8_t *p, size_t n)
{
    while (n) {
        size_t len = naive_character(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

/* Whole, split at each point, and byte by byte. */
static bool agrees(const uint8_t *p, size_t n, bool want)
{
    uint32_t bytes = UTF8_ACCEPT;
    for (size_t i = 0; i <= n; i++) {
        uint32_t halves = utf8_feed(utf8_feed(UTF8_ACCEPT, p, i), p + i, n - i);
        if ((halves == UTF8_ACCEPT) != want)
            return false;
        if (i < n)
            bytes = utf8_feed(bytes, p + i, 1);
    }
    return (bytes == UTF8_ACCEPT) == want && utf8_valid(p, n) == want;
}

/* Asserts only on failure: Check writes to a file at every assertion, and these are millions. */
static void check_text(const uint8_t *p, size_t n)
{
    if (!agrees(p, n, naive_valid(p, n)))
        ck_abort_msg("%zu bytes, from 0x%02x 0x%02x on", n, p[0], n > 1 ? p[1] : 0u);
}

START_TEST(every_code_point)
{
    uint8_t text[4];
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        size_t n = encode(c, text);
        if (n && !utf8_valid(text, n))
            ck_abort_msg("U+%04X", c);
    }
}
END_TEST

START_TEST(every_two_bytes)
{
    for (unsigned i = 0; i < 0x10000; i++) {
        uint8_t text[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        check_text(text, sizeof(text));
    }
}
END_TEST

/* All bytes at which a state or an answer can change. */
static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
                                0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF};

enum { EDGES = sizeof(edges) };

START_TEST(every_edge_in_four_bytes)
{
    for (size_t i = 0; i < (size_t)EDGES * EDGES * EDGES; i++) {
        uint8_t text[4] = {edges[_i], edges[i % EDGES], edges[i / EDGES % EDGES],
                           edges[i / EDGES / EDGES]};
        check_text(text, sizeof(text));
        check_text(text, 3);
    }
}
END_TEST

/* The fast path looks at eight bytes at once: a wrong byte must be found at every place in and
 * around such a word, and so must a good character. */
START_TEST(every_place_in_a_word)
{
    uint8_t text[40];
    for (size_t n = 1; n < sizeof(text); n++) {
        for (size_t at = 0; at < n; at++) {
            memset(text, 'a', sizeof(text));
            text[at] = 0x80;
            check_text(text, n);
            text[at] = 0xC3;
            if (at + 1 < n)
                text[at + 1] = 0xA9;
            check_text(text, n);
        }
    }
}
END_TEST

START_TEST(rejects_for_ever)
{
    uint32_t state = utf8_feed(UTF8_ACCEPT, "\xFF", 1);
    ck_assert_uint_eq(state, UTF8_REJECT);
    ck_assert_uint_eq(utf8_feed(state, "plain text again", 16), UTF8_REJECT);
    ck_assert_uint_eq(utf8_feed(state, "", 0), UTF8_REJECT);
}
END_TEST

/* What a reader wants to know early: the first byte that makes it certain is the one that fails. */
START_TEST(fails_at_the_first_wrong_byte)
{
    static const char *const certain[] = {"\xC0",     "\xC1",     "\xE0\x9F", "\xED\xA0",
                                          "\xF0\x8F", "\xF4\x90", "\xF5",     "\x80"};
    for (size_t i = 0; i < sizeof(certain) / sizeof(certain[0]); i++)
        ck_assert_uint_eq(utf8_feed(UTF8_ACCEPT, certain[i], strlen(certain[i])), UTF8_REJECT);
}
END_TEST

START_TEST(half_a_character_is_not_the_end)
{
    static const char *const begun[] = {"\xC3", "\xE2", "\xE2\x82", "\xF0", "\xF0\x9F\x98"};
    for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
        uint32_t state = utf8_feed(UTF8_ACCEPT, begun[i], strlen(begun[i]));
        ck_assert_uint_ne(state, UTF8_ACCEPT);
        ck_assert_uint_ne(state, UTF8_REJECT);
    }
    ck_assert(utf8_valid("", 0));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("utf8");
    TCase *t = tcase_create("utf8");
    tcase_add_test(t, every_code_point);
    tcase_add_test(t, every_two_bytes);
    tcase_add_loop_test(t, every_edge_in_four_bytes, 0, EDGES);
    tcase_add_test(t, every_place_in_a_word);
    tcase_add_test(t, rejects_for_ever);
    tcase_add_test(t, fails_at_the_first_wrong_byte);
    tcase_add_test(t, half_a_character_is_not_the_end);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
