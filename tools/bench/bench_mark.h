/*
 * Marks: what payloads begin with.
 *
 * Each payload begins with a mark: 40 printable bytes, so that it comes unchanged through every
 * format, and can be found in all of them by its first byte, which occurs nowhere else.
 *
 *     ~lwXXXXX  SSSSSSSS  NNNNNNNN  TTTTTTTTTTTTTTTT  padding
 *     run's tag stream    number    time in ns        a-z
 *
 * A stream is what one publisher publishes to one topic: number topic * publishers + publisher. Its
 * messages are numbered from 1.
 */
#ifndef TOOLS_BENCH_BENCH_MARK_H
#define TOOLS_BENCH_BENCH_MARK_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MARK_SIZE = 40, MARK_TAG_SIZE = 8, MARK_NUMBER_AT = 16 };
#define MARK_BYTE '~'

struct bench_mark {
    uint32_t stream;
    uint32_t number; /* 0 = no mark */
    uint64_t time;
};

/* A tag unlike that of other runs. */
uint64_t mark_tag(void);
/* The tag of what the mode fill leaves for other runs. */
uint64_t mark_fill_tag(void);
void mark_hex32(char *out, uint32_t n);
void mark_write(char *out, uint64_t tag, const struct bench_mark *m);

/* Eight hexadecimal digits; anything else gives any number. */
static inline uint32_t mark_read_hex32(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    v = be64toh(v);
    v = (v & 0x0f0f0f0f0f0f0f0f) + 9 * (v >> 6 & 0x0101010101010101);
    v = (v | v >> 4) & 0x00ff00ff00ff00ff;
    v = (v | v >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(v | v >> 16);
}

/* P has MARK_SIZE bytes. False: this run wrote no mark there. */
static inline bool mark_read(const char *p, uint64_t tag, struct bench_mark *ret)
{
    if (memcmp(p, &tag, sizeof(tag)) != 0)
        return false;
    ret->stream = mark_read_hex32(p + 8);
    ret->number = mark_read_hex32(p + MARK_NUMBER_AT);
    ret->time = (uint64_t)mark_read_hex32(p + 24) << 32 | mark_read_hex32(p + 32);
    return true;
}

/* The first mark in N bytes. */
static inline bool mark_find(const char *data, size_t n, uint64_t tag, struct bench_mark *ret)
{
    const char *p = memchr(data, MARK_BYTE, n);
    return p && (size_t)(data + n - p) >= MARK_SIZE && mark_read(p, tag, ret);
}

#endif
