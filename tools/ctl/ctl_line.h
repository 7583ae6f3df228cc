/* Lines of NDJSON. */
#ifndef TOOLS_CTL_CTL_LINE_H
#define TOOLS_CTL_CTL_LINE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* A message, as a line of an export says it. */
struct ctl_line {
    struct buf topic, event, key, data; /* key and event empty = none */
    struct buf id;    /* NUL-terminated text, shorter than CTL_CURSOR_SIZE; "" = none */
    const char *kind; /* "json", "text", "binary" */
};

/* Reads a line into L, which is all zero at first and is used again. Returns NULL, or what is wrong
 * with it; "out of memory" too. What only a hub can tell is not looked at: whether names are valid,
 * and JSON in `data`. */
MUST_CHECK const char *ctl_line_parse(struct ctl_line *l, const char *text, size_t n);
void ctl_line_finish(struct ctl_line *l);
/* Appends what N characters of base64 (RFC 4648 section 4) stand for; ERR_INVALID. */
MUST_CHECK enum err ctl_base64(struct buf *out, const char *text, size_t n);

#endif
