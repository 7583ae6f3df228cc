/*
 * A growable byte buffer with a sticky failure flag.
 *
 * Appending to a buffer that ran out of memory does nothing, so a run of appends needs one
 * check at its end: `if (b.failed) return ERR_NOMEM;`.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data;          /* NULL while nothing was ever appended */
    size_t len;          /* bytes in use */
    size_t cap : 63;     /* bytes allocated */
    uint64_t failed : 1; /* an append ran out of memory; contents are incomplete */
};

/* In place; allocates nothing. `struct buf b = {0};` does the same. */
void buf_init(struct buf *b);
/* Frees the storage and leaves an empty, usable buffer. */
void buf_finish(struct buf *b);
/* Empties without freeing; clears the failure flag. */
void buf_clear(struct buf *b);
/* Makes room for N more bytes and returns where they go (NULL: out of memory, flag set). The
 * caller then adds what it wrote to b->len. Valid until the next call that changes the buffer. */
char *buf_reserve(struct buf *b, size_t n);
/* Appends N bytes that there is no room for. */
void buf_append_slowly(struct buf *b, const void *data, size_t n);

/* Encoding a message is a dozen appends, mostly of a few constant bytes: a call for each would cost
 * more than the copying. */
static inline void buf_append(struct buf *b, const void *data, size_t n)
{
    if (n == 0)
        return;
    if (n > b->cap - b->len || b->failed) {
        buf_append_slowly(b, data, n);
        return;
    }
    memcpy(b->data + b->len, data, n);
    b->len += n;
}

static inline void buf_puts(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

static inline void buf_putc(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

/* Most digits of a 64-bit number. */
enum { BUF_DIGITS_MAX = 20 };
/* Writes N in decimal to OUT (BUF_DIGITS_MAX bytes) and returns how many digits it has. */
size_t buf_digits(char *out, uint64_t n);
/* Appends N in decimal. */
void buf_put_u64(struct buf *b, uint64_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first N bytes (N <= len), moving the rest to the front. */
void buf_consume(struct buf *b, size_t n);

#endif
