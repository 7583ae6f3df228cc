#include "base/base64url.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* One more than the value of each character; 0: it has none. */
static const uint8_t ranks[256] = {
    ['-'] = 63, ['_'] = 64, ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['A'] = 1,
    2,          3,          4,          5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
    15,         16,         17,         18, 19, 20, 21, 22, 23, 24, 25, 26, ['a'] = 27,
    28,         29,         30,         31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41,         42,         43,         44, 45, 46, 47, 48, 49, 50, 51, 52,
};

/* Above 63: C is no digit, nor is what is put together with it by |. */
static unsigned value_of(uint8_t c)
{
    return ranks[c] - 1u;
}

size_t base64url_decoded_len(size_t n)
{
    return n / 4 * 3 + (n % 4 ? n % 4 - 1 : 0);
}

/* The last N (2 or 3) characters: what of them is no whole byte must be zero. */
static enum err decode_rest(unsigned char *out, const uint8_t *p, size_t n)
{
    unsigned a = value_of(p[0]), b = value_of(p[1]), c = n == 3 ? value_of(p[2]) : 0;
    if ((a | b | c) > 63 || (n == 2 ? b & 0xf : c & 0x3))
        return ERR_INVALID;
    out[0] = (unsigned char)(a << 2 | b >> 4);
    if (n == 3)
        out[1] = (unsigned char)(b << 4 | c >> 2);
    return ERR_OK;
}

enum err base64url_decode(unsigned char *out, const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    if (n % 4 == 1)
        return ERR_INVALID;
    for (; n >= 4; n -= 4, p += 4) {
        unsigned a = value_of(p[0]), b = value_of(p[1]), c = value_of(p[2]), d = value_of(p[3]);
        if ((a | b | c | d) > 63)
            return ERR_INVALID;
        *out++ = (unsigned char)(a << 2 | b >> 4);
        *out++ = (unsigned char)(b << 4 | c >> 2);
        *out++ = (unsigned char)(c << 6 | d);
    }
    return n ? decode_rest(out, p, n) : ERR_OK;
}

void base64url_append(struct buf *out, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (; n >= 3; n -= 3, p += 3) {
        buf_putc(out, alphabet[p[0] >> 2]);
        buf_putc(out, alphabet[(p[0] & 3) << 4 | p[1] >> 4]);
        buf_putc(out, alphabet[(p[1] & 15) << 2 | p[2] >> 6]);
        buf_putc(out, alphabet[p[2] & 63]);
    }
    if (n == 0)
        return;
    unsigned second = n == 2 ? p[1] : 0;
    buf_putc(out, alphabet[p[0] >> 2]);
    buf_putc(out, alphabet[(p[0] & 3) << 4 | second >> 4]);
    if (n == 2)
        buf_putc(out, alphabet[(second & 15) << 2]);
}
