/*
 * Memory of small objects that are made and freed all the time, hundreds at once, which is more
 * than malloc keeps at hand for a thread: each thread keeps some of what it frees, by size, for
 * what it makes next. Where memory is watched (AddressSanitizer) nothing is kept, so that what is
 * used after its end is found.
 */
#ifndef BASE_SPARE_H
#define BASE_SPARE_H

#include <stddef.h>

#include "base/buf.h"

enum {
    SPARE_SIZE_MAX = 1024,      /* bytes of an object; larger ones are malloc's and free's */
    SPARE_KEPT_MAX = 128 << 10, /* bytes that a thread keeps of one size */
    SPARE_BUF_MAX = 256 << 10,  /* of the one buffer that it keeps */
};

/* As malloc. */
void *spare_take(size_t n);
/* The same with zeros. */
void *spare_take_zeroed(size_t n);
/* Frees P, which one of these has returned for N on whatever thread; NULL is accepted. */
void spare_give(void *p, size_t n);
/* B, which has no memory, gets that of the buffer that this thread keeps, if it does: for what is
 * gathered and gone within a turn, and would be grown and freed with each. */
void spare_take_buf(struct buf *b);
/* As buf_finish; the thread keeps the larger one of this memory and what it has. */
void spare_give_buf(struct buf *b);
/* When this thread ends: frees what it keeps. */
void spare_finish_thread(void);

#endif
