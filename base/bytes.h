/*
 * Looking at eight bytes at once, for what most texts have little of: line ends, quotes. Words
 * without them are passed over whole; one that has them is looked at byte by byte.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BYTES_ONES  UINT64_C(0x0101010101010101)
#define BYTES_HIGHS UINT64_C(0x8080808080808080)

static inline uint64_t bytes_load(const void *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* Whether a byte of WORD is below LIMIT (at most 128). */
static inline bool bytes_have_below(uint64_t word, unsigned char limit)
{
    return (word - BYTES_ONES * limit) & ~word & BYTES_HIGHS;
}

/* Whether a byte of WORD is C. */
static inline bool bytes_have(uint64_t word, unsigned char c)
{
    return bytes_have_below(word ^ BYTES_ONES * c, 1);
}

/* How many of N bytes come before the first CR or LF; N when there is none. */
static inline size_t bytes_line_len(const char *p, size_t n)
{
    size_t i = 0;
    while (n - i >= 8 && !bytes_have(bytes_load(p + i), '\n') &&
           !bytes_have(bytes_load(p + i), '\r'))
        i += 8;
    while (i < n && p[i] != '\n' && p[i] != '\r')
        i++;
    return i;
}

#endif
