/* What the response reader makes of an input, as text. */
#ifndef TESTS_REPLY_TRANSCRIPT_H
#define TESTS_REPLY_TRANSCRIPT_H

#include "base/buf.h"
#include "http/client/http_reply.h"

/* Feeds N bytes, the first FIRST of them at once, the others by STEP, and then the end. Appends
 * "STATUS[ keep-alive] BODY" or the error; behind it " +N" for bytes that are of no answer. */
void reply_transcript(struct buf *out, const struct http_reply_limits *limits, const char *data,
                      size_t n, size_t first, size_t step);

#endif
