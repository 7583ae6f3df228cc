/*
 * The head of an answer as HTTP/2 has it (RFC 9113 section 8.3.2), made of lines as all of http/
 * writes them (http_lines.h). Pure.
 */
#ifndef HTTP_H2_H2_LINES_H
#define HTTP_H2_H2_LINES_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>

#include "base/buf.h"

enum { H2_LINES_MAX = 64 };

struct h2_lines {
    char status[4]; /* three digits */
    size_t count;
    nghttp2_nv nv[H2_LINES_MAX]; /* the first one is :status; they point into what was read */
};

/* Reads TEXT, lines with CRLF, whose names become lower case in place; what there is not in HTTP/2
 * (section 8.2.2) is left out. False: too many. RET stays where it is as long as it is used. */
bool h2_lines_read(struct h2_lines *ret, unsigned status, struct buf *text);

#endif
