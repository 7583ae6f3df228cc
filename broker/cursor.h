/*
 * Cursors: a place in the one log, the same string on every transport.
 *
 * `OFFSET-EPOCH`, both decimal without leading zeros ("1042-3824910012"): everything up to and
 * including OFFSET has been seen. A bare `1042` means this log's epoch (0 here).
 */
#ifndef BROKER_CURSOR_H
#define BROKER_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Longest text: 20 digits, '-', 10 digits, NUL. */
#define CURSOR_TEXT_SIZE 32

struct cursor {
    uint64_t offset; /* 0 = before the first message */
    uint32_t epoch;  /* 0 = "this log" */
};

/* Where a subscription starts: the `after` of every transport. */
enum after_kind {
    AFTER_LATEST,
    AFTER_EARLIEST,
    AFTER_CURSOR,
    AFTER_LAST,  /* the last N messages of the topic set: `-N` */
    AFTER_TIME,  /* messages at or after a time (RFC 3339) */
    AFTER_PLACE, /* an offset of this log that was found for one of the others; never parsed */
};

struct after {
    enum after_kind kind;
    struct cursor cursor; /* AFTER_CURSOR; AFTER_PLACE: its offset */
    uint64_t last;        /* AFTER_LAST: N >= 1 */
    uint64_t time_ms;     /* AFTER_TIME: Unix time, ms */
};

/* Strict: ERR_INVALID for anything but the two forms, numbers out of range included. */
MUST_CHECK enum err cursor_parse(const char *text, size_t n, struct cursor *ret);
/* Writes the text with its NUL into OUT (CURSOR_TEXT_SIZE bytes); returns its length. */
size_t cursor_format(char *out, uint64_t offset, uint32_t epoch);
/* A cursor, `earliest`, `latest`, `-N` or an RFC 3339 time; ERR_INVALID for anything else. */
MUST_CHECK enum err after_parse(const char *text, size_t n, struct after *ret);

#endif
