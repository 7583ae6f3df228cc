/*
 * Long-polls of the server that raw measures: the messages that a subscriber may have missed
 * between two requests, and the bytes of answers, which are those of the hub.
 */
#ifndef TOOLS_BENCH_BENCH_RAW_POLL_H
#define TOOLS_BENCH_BENCH_RAW_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* So many are kept of a topic; whoever comes later misses those before. */
enum { RAW_POLL_KEPT = 1024 };

/* The last messages of one topic; all zero at first. */
struct raw_poll_log {
    struct buf envelopes[RAW_POLL_KEPT]; /* a ring */
    uint64_t offsets[RAW_POLL_KEPT];
    uint64_t count; /* messages that there were */
};

/* Whether REQUEST waits, and behind which offset: the first of a subscriber does not. */
bool raw_poll_waits(const char *request, uint64_t *ret_after);
/* The message at OFFSET, as an envelope of N bytes. */
void raw_poll_keep(struct raw_poll_log *l, uint64_t offset, const char *envelope, size_t n);
/* Whether there is one behind AFTER. */
bool raw_poll_has(const struct raw_poll_log *l, uint64_t after);
/* Appends the answer with all that are kept behind AFTER, which may be none; the cursor of that is
 * HEAD. */
void raw_poll_answer(const struct raw_poll_log *l, uint64_t after, uint64_t head, struct buf *out);

#endif
