/*
 * What stands before each group in the journal: which place it is, and which it follows
 * (doc/storage-format.md, "The journal"). Pure: bytes in, struct out.
 */
#ifndef STORAGE_JOURNAL_JOURNAL_FRAME_H
#define STORAGE_JOURNAL_JOURNAL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { FRAME_HEADER_SIZE = 80 };

enum frame_kind {
    FRAME_BEGIN = 1, /* of a run: no group */
    FRAME_GROUP,
    FRAME_VOID, /* in the place of what failed: no group */
};

struct frame {
    enum frame_kind kind;
    uint32_t epoch;
    uint64_t run;
    uint64_t number;      /* in its run, ascending from 1, never used again */
    uint64_t follows;     /* the number of the frame before it */
    uint64_t synced;      /* the newest that was known to be durable when this was written */
    uint64_t before;      /* the last offset in use before it, */
    uint64_t last;        /* and with it */
    uint32_t size;        /* bytes of the group behind it, 0 = none */
    uint64_t group_check; /* the group's own sum */
};

/* Writes F into OUT (FRAME_HEADER_SIZE bytes) as it lies at AT in the journal of log LOG: it is
 * none anywhere else, nor another log's. */
void frame_encode(void *out, const struct frame *f, uint64_t log, uint64_t at);
/* Reads FRAME_HEADER_SIZE bytes without trusting them. False: there is no frame. */
MUST_CHECK bool frame_decode(const void *data, uint64_t log, uint64_t at, struct frame *ret);

#endif
