/* What a client has to know of the head of an HTTP/1.1 answer. Nothing here does any I/O. */
#ifndef TOOLS_CLIENT_HTTP_HEAD_H
#define TOOLS_CLIENT_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct http_head {
    unsigned status;
    size_t len;           /* of the head */
    uint64_t content_len; /* 0 when not given */
    const char *cursor;   /* Longwire-Cursor, borrowed; NULL when not given */
    size_t cursor_len;
    bool close; /* the connection ends with this answer */
};

enum { HTTP_HEAD_MAX = 16384 };

/* False: not complete yet. A malformed one has status 0. */
MUST_CHECK bool http_read_head(const char *data, size_t n, struct http_head *ret);

/* Borrowed from the head; not NUL-terminated. */
struct http_value {
    const char *text;
    size_t n;
};

/* The first field of that name (with its colon) in a whole head of N bytes; false when there is
 * none. */
MUST_CHECK bool http_head_value(const char *head, size_t n, const char *name,
                                struct http_value *ret);

#endif
