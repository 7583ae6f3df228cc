/*
 * One answer for several requests: what all polls of a feed are told in a turn. Made once, as
 * HTTP/1.1 writes it, which sends these bytes as they are; other versions take them apart.
 */
#ifndef HTTP_SHARED_ANSWER_H
#define HTTP_SHARED_ANSWER_H

#include <stddef.h>

#include "base/blob.h"
#include "http/http_date.h"

/* Behind how many bytes, the status line and the Date, lines of one's own may be put in. */
enum { SHARED_ANSWER_START = sizeof("HTTP/1.1 200 OK\r\nDate: \r\n") - 1 + HTTP_DATE_SIZE - 1 };

/* 200 to requests that are no HEAD, with the header lines LINES. One reference; NULL: out of
 * memory. It has a Date: not to be kept beyond the turn. */
struct blob *shared_answer_create(const char *lines, const char *type, const char *body, size_t n);
/* Its body; *RET_LEN is its length. Borrowed. */
const char *shared_answer_body(const struct blob *b, size_t *ret_len);

#endif
