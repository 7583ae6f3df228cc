/*
 * What the request reader makes of some input, as text, so that tests and fuzz targets can compare.
 * For each request:
 *
 *     GET /t/a?x=1 host=h HTTP/1.1 keep-alive|continue|body   (those that hold)
 *     Name: value                                             (each field)
 *     BODY <bytes>                                            (when there are any)
 *     DONE    or    ERROR 400 reason    or    INCOMPLETE
 */
#ifndef TESTS_HTTP_TRANSCRIPT_H
#define TESTS_HTTP_TRANSCRIPT_H

#include <stddef.h>

#include "base/buf.h"
#include "http/h1/http_request.h"

/* Feeds the first FIRST bytes, then STEP at a time (>= 1), each piece in an allocation of its own
 * size that is gone afterwards. Aborts when the reader breaks the promises of its header. */
void http_transcript(struct buf *out, const struct http_limits *limits, const void *data, size_t n,
                     size_t first, size_t step);

#endif
