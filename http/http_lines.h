/*
 * Header fields of answers as lines, "Name: value" and CRLF: how they are gathered, whichever
 * version of HTTP will send them. Appends to a buffer; check `failed` once at the end.
 */
#ifndef HTTP_HTTP_LINES_H
#define HTTP_HTTP_LINES_H

#include <stdint.h>

#include "base/buf.h"

/* One line. Control characters in VALUE are left out, so that no value can end its line. */
void http_lines_put(struct buf *out, const char *name, const char *value);
void http_lines_put_u64(struct buf *out, const char *name, uint64_t value);
/* The same to LINES that are gathered for a coming answer, of which mostly few follow. */
void http_lines_gather(struct buf *lines, const char *name, const char *value);

#endif
