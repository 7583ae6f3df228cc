/*
 * A gzip stream (RFC 1952) that is put together out of blocks, each made apart from the others: so
 * one block can be a part of many streams.
 *
 *     gzip_head(out);
 *     size_t at = gzip_begin(out);
 *     ... append what is in it ...
 *     gzip_end(out, at, &rule);
 *     ... more blocks, or the same bytes in another stream ...
 *     gzip_trailer(out, &sum);
 *
 * A block ends with a flush, an empty stored block, which tells receivers to hand on what they
 * have: Go's do that behind no other stored block. Without the trailer a stream ends in the middle.
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    GZIP_HEAD_BYTES = 10,
    GZIP_STORED_BYTES = 5, /* before what is stored as it is, which is at most: */
    GZIP_STORED_MAX = 65535,
    GZIP_FLUSH_BYTES = 5, /* behind a stored block */
};

/* Which blocks are deflated. */
struct gzip_rule {
    size_t min_bytes; /* shorter ones are stored as they are */
    int level;        /* 1 = fastest, 9 = smallest */
};

/* What the trailer says of all that is in the stream; all zero = of nothing. */
struct gzip_sum {
    uint32_t crc, len; /* modulo 2^32 */
};

void gzip_head(struct buf *out);
/* Begins a block; returns where it is. */
size_t gzip_begin(struct buf *out);
/* What was appended since AT becomes a block, a flush at its end: deflated if RULE (NULL: never)
 * says so and that makes it smaller. Returns the bytes it has then, 0 if it is stored. Out of
 * memory it is stored, too. */
size_t gzip_end(struct buf *out, size_t at, const struct gzip_rule *rule);
/* The same, always stored and without a flush. */
void gzip_end_stored(struct buf *out, size_t at);
/* The text of the stored block of N bytes at BLOCK. */
void gzip_unstore(struct buf *out, const char *block, size_t n);
/* The last block, which is empty, and the trailer. */
void gzip_trailer(struct buf *out, const struct gzip_sum *sum);

/* There are N bytes more. */
void gzip_sum_add(struct gzip_sum *sum, const void *data, size_t n);
/* There is what OTHER tells of. */
void gzip_sum_join(struct gzip_sum *sum, const struct gzip_sum *other);

#endif
