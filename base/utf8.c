/*
 * A small state machine over RFC 3629's grammar. A state packs how many continuation bytes are
 * still due and the range that the next one must be in, so that overlong forms, surrogates and
 * code points above U+10FFFF fail at the first byte that makes them certain.
 */
#include "base/utf8.h"

#include "base/bytes.h"

/* due << 16 | lowest << 8 | highest; UTF8_ACCEPT and UTF8_REJECT are none of these. */
#define STATE(due, low, high) ((uint32_t)(due) << 16 | (uint32_t)(low) << 8 | (uint32_t)(high))

static uint32_t start(uint8_t c)
{
    if (c < 0x80)
        return UTF8_ACCEPT;
    if (c < 0xC2)
        return UTF8_REJECT; /* a continuation byte, or an overlong two-byte form */
    if (c < 0xE0)
        return STATE(1, 0x80, 0xBF);
    if (c < 0xF0)
        return STATE(2, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF);
    if (c < 0xF5)
        return STATE(3, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF);
    return UTF8_REJECT;
}

static uint32_t step(uint32_t state, uint8_t c)
{
    if (state == UTF8_ACCEPT)
        return start(c);
    if (state == UTF8_REJECT || c < (state >> 8 & 0xFF) || c > (state & 0xFF))
        return UTF8_REJECT;
    uint32_t due = (state >> 16) - 1;
    return due ? STATE(due, 0x80, 0xBF) : UTF8_ACCEPT;
}

/* The first byte at or behind P that is not ASCII; END when there is none. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 32 &&
           !((bytes_load(p) | bytes_load(p + 8) | bytes_load(p + 16) | bytes_load(p + 24)) &
             BYTES_HIGHS))
        p += 32;
    while (end - p >= 8 && !(bytes_load(p) & BYTES_HIGHS))
        p += 8;
    while (p < end && *p < 0x80)
        p++;
    return p;
}

uint32_t utf8_feed(uint32_t state, const void *data, size_t n)
{
    const uint8_t *p = data, *end = p + n;
    while (p < end && state != UTF8_REJECT) {
        if (state == UTF8_ACCEPT)
            p = skip_ascii(p, end);
        if (p < end)
            state = step(state, *p++);
    }
    return state;
}

bool utf8_valid(const void *data, size_t n)
{
    return utf8_feed(UTF8_ACCEPT, data, n) == UTF8_ACCEPT;
}
