#include "http/chunk.h"

size_t chunk_begin(struct buf *out)
{
    size_t at = out->len;
    buf_append(out, "00000000\r\n", CHUNK_HEAD);
    return at;
}

void chunk_end(struct buf *out, size_t at)
{
    static const char digits[] = "0123456789abcdef";
    if (out->failed)
        return;
    size_t n = out->len - at - CHUNK_HEAD;
    if (n == 0) {
        out->len = at;
        return;
    }
    for (size_t i = CHUNK_DIGITS; i > 0; n >>= 4)
        out->data[at + --i] = digits[n & 15];
    buf_append(out, "\r\n", CHUNK_TAIL);
}
