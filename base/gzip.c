#include "base/gzip.h"

#include <string.h>

#include "base/deflate.h"

enum { NOT_LAST_STORED = 0x00 /* BFINAL 0, BTYPE 00, and the bits up to the next byte */ };

void gzip_head(struct buf *out)
{
    /* CM 8, no flags, no time, no extra flags, OS unknown: the same for all. */
    buf_append(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", GZIP_HEAD_BYTES);
}

size_t gzip_begin(struct buf *out)
{
    size_t at = out->len;
    buf_append(out, "\0\0\0\0\0", GZIP_STORED_BYTES);
    return at;
}

static void put_stored_head(char *to, size_t n)
{
    unsigned char *head = (unsigned char *)to;
    head[0] = NOT_LAST_STORED;
    head[1] = (unsigned char)(n & 0xFF);
    head[2] = (unsigned char)(n >> 8);
    head[3] = head[1] ^ 0xFF;
    head[4] = head[2] ^ 0xFF;
}

/* Makes room for the head of each part but the first, from behind, and writes all heads. */
static void part(char *block, size_t n, size_t parts)
{
    for (size_t i = parts; i-- > 0;) {
        size_t from = i * GZIP_STORED_MAX;
        size_t len = i + 1 == parts ? n - from : GZIP_STORED_MAX;
        char *to = block + from + i * GZIP_STORED_BYTES;
        if (i)
            memmove(to + GZIP_STORED_BYTES, block + GZIP_STORED_BYTES + from, len);
        put_stored_head(to, len);
    }
}

void gzip_end_stored(struct buf *out, size_t at)
{
    size_t n = out->failed ? 0 : out->len - at - GZIP_STORED_BYTES;
    size_t parts = n > GZIP_STORED_MAX ? (n + GZIP_STORED_MAX - 1) / GZIP_STORED_MAX : 1;
    if (out->failed || !buf_reserve(out, (parts - 1) * GZIP_STORED_BYTES + GZIP_FLUSH_BYTES))
        return;
    part(out->data + at, n, parts);
    out->len += (parts - 1) * GZIP_STORED_BYTES;
}

/* Puts the deflated form behind the N bytes of the block at AT, then in their place. Returns its
 * length, 0 when it is not shorter, or memory is out. */
static size_t deflate_in_place(struct buf *out, size_t at, size_t n, int level)
{
    size_t text = at + GZIP_STORED_BYTES;
    /* Room first: what is read from must not move. */
    if (!buf_reserve(out, n + DEFLATE_SPARE))
        return 0;
    if (deflate_block(level, DEFLATE_WINDOW_MAX, out->data + text, n, n - 1, out) != ERR_OK)
        return 0;
    size_t packed = out->len - text - n;
    memmove(out->data + at, out->data + text + n, packed);
    out->len = at + packed;
    return packed;
}

size_t gzip_end(struct buf *out, size_t at, const struct gzip_rule *rule)
{
    size_t n = out->failed ? 0 : out->len - at - GZIP_STORED_BYTES;
    size_t packed =
        n && rule && n >= rule->min_bytes ? deflate_in_place(out, at, n, rule->level) : 0;
    if (packed)
        return packed;
    gzip_end_stored(out, at);
    buf_append(out, "\0\0\0\xff\xff", GZIP_FLUSH_BYTES);
    return 0;
}

void gzip_unstore(struct buf *out, const char *block, size_t n)
{
    const unsigned char *head = (const unsigned char *)block, *end = head + n;
    while (end - head >= GZIP_STORED_BYTES) {
        size_t len = head[1] | (size_t)head[2] << 8;
        buf_append(out, (const char *)head + GZIP_STORED_BYTES, len);
        head += GZIP_STORED_BYTES + len;
    }
}

static char *put_u32(char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++, value >>= 8)
        *to++ = (char)(value & 0xFF);
    return to;
}

void gzip_trailer(struct buf *out, const struct gzip_sum *sum)
{
    char text[10] = "\x03\0"; /* a last block with nothing but its end */
    put_u32(put_u32(text + 2, sum->crc), sum->len);
    buf_append(out, text, sizeof(text));
}

void gzip_sum_add(struct gzip_sum *sum, const void *data, size_t n)
{
    sum->crc = deflate_sum(sum->crc, data, n);
    sum->len += (uint32_t)n;
}

void gzip_sum_join(struct gzip_sum *sum, const struct gzip_sum *other)
{
    sum->crc = deflate_sum_join(sum->crc, other->crc, other->len);
    sum->len += other->len;
}
