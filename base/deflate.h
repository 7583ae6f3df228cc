/*
 * Deflating (RFC 1951) one block after the other, each for itself: none refers to what was before
 * it, so whoever has inflated any others can go on with it. And CRC-32 sums, which can be joined as
 * such blocks can. zlib is behind this.
 */
#ifndef BASE_DEFLATE_H
#define BASE_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    DEFLATE_WINDOW_MIN = 8, /* of the receiver, as a power of two */
    DEFLATE_WINDOW_MAX = 15,
    DEFLATE_FLUSH_BYTES = 4, /* what a block's flush ends with: 00 00 FF FF (RFC 7692 section 7.2.1)
                              */
    DEFLATE_SPARE = 1, /* room needed in OUT beyond MAX: with so much reserved OUT does not move */
};

/* Appends the N bytes at DATA, deflated at LEVEL (1 = fastest, 9 = smallest) for a window of so
 * many bits, and a flush, which ends at a byte, if that takes at most MAX bytes. ERR_LIMIT: it does
 * not, ERR_NOMEM; then nothing was appended. */
MUST_CHECK enum err deflate_block(int level, int window_bits, const void *data, size_t n,
                                  size_t max, struct buf *out);
/* Frees what the calling thread keeps for deflating (288 KiB), once it has. */
void deflate_finish_thread(void);

/* SUM, 0 at first, of what was before and N bytes more. */
uint32_t deflate_sum(uint32_t sum, const void *data, size_t n);
/* That of what has SUM and, behind it, LEN bytes that have OTHER. */
uint32_t deflate_sum_join(uint32_t sum, uint32_t other, size_t len);

#endif
