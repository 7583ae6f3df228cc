#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b)
{
    memset(b, 0, sizeof(*b));
}

void buf_finish(struct buf *b)
{
    free(b->data);
    buf_init(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need) {
        if (cap > SIZE_MAX / 2)
            return false;
        cap *= 2;
    }
    char *data = realloc(b->data, cap);
    if (!data)
        return false;
    b->data = data;
    b->cap = cap;
    return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->cap - b->len && (n > SIZE_MAX - b->len || !grow(b, b->len + n))) {
        b->failed = true;
        return NULL;
    }
    return b->data + b->len;
}

void buf_append_slowly(struct buf *b, const void *data, size_t n)
{
    char *to = buf_reserve(b, n);
    if (!to)
        return;
    memcpy(to, data, n);
    b->len += n;
}

size_t buf_digits(char *out, uint64_t n)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char digits[BUF_DIGITS_MAX];
    size_t i = sizeof(digits);
    for (; n >= 100; n /= 100)
        memcpy(&digits[i -= 2], &pairs[n % 100 * 2], 2);
    if (n >= 10)
        memcpy(&digits[i -= 2], &pairs[n * 2], 2);
    else
        digits[--i] = (char)('0' + n);
    memcpy(out, digits + i, sizeof(digits) - i);
    return sizeof(digits) - i;
}

void buf_put_u64(struct buf *b, uint64_t n)
{
    char digits[BUF_DIGITS_MAX];
    buf_append(b, digits, buf_digits(digits, n));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
    b->len -= n;
    if (b->len)
        memmove(b->data, b->data + n, b->len);
}
