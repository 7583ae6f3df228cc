/* Bytes as standards print them: digits in pairs, blanks anywhere between pairs. */
#ifndef TESTS_UNIT_UNHEX_H
#define TESTS_UNIT_UNHEX_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hex.h"

/* Writes what TEXT stands for to OUT, which has room for MOST bytes; returns how many it is. */
static inline size_t unhex(const char *text, uint8_t *out, size_t most)
{
    size_t n = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        ck_assert_uint_lt(n, most);
        ck_assert_int_ge(hex_value(text[0]), 0);
        ck_assert_int_ge(hex_value(text[1]), 0);
        out[n++] = (uint8_t)(hex_value(text[0]) << 4 | hex_value(text[1]));
        text++;
    }
    return n;
}

#endif
