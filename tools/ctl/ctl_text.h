/* Text from the hub, as it is shown. */
#ifndef TOOLS_CTL_CTL_TEXT_H
#define TOOLS_CTL_CTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends TEXT made harmless for a terminal: control, bidi and line-separating characters and what
 * is no UTF-8 become \n, \t, \r, \xNN or \uNNNN, and a backslash becomes two. */
void ctl_text_put(struct buf *out, const char *text, size_t n);
/* Appends a JSON value on one line, harmless for a terminal and still the same value. */
void ctl_text_put_json(struct buf *out, const char *json, size_t n);
/* Appends TEXT as a JSON string. */
void ctl_text_put_json_string(struct buf *out, const char *text, size_t n);
/* Columns that harmless text takes: one for each code point. */
size_t ctl_text_width(const char *text, size_t n);
/* Bytes of the first WIDTH columns. */
size_t ctl_text_clip(const char *text, size_t n, size_t width);
/* Appends a number of bytes as 512, 1.5K, 20M, ... */
void ctl_text_put_size(struct buf *out, uint64_t bytes);
/* Appends seconds as 42s, 3m10s, 4h05m, 2d03h. */
void ctl_text_put_age(struct buf *out, uint64_t seconds);

#endif
