/*
 * Chunks (RFC 9112 section 7.1) of answers whose length nobody knows.
 *
 *     size_t at = chunk_begin(out);
 *     ... append what is in it ...
 *     chunk_end(out, at);
 *
 * Their size lines all have the same width, with zeros before the digits, so that what is in a
 * chunk is a part of its bytes that can be told without reading them: who gets no chunks (HTTP/1.0)
 * shares them with who does.
 */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include <stddef.h>

#include "base/buf.h"

enum {
    CHUNK_DIGITS = 8,
    CHUNK_HEAD = CHUNK_DIGITS + 2, /* bytes before what is in it: the size line */
    CHUNK_TAIL = 2,                /* and behind it */
};

/* The last chunk, without trailers. */
#define CHUNK_LAST "0\r\n\r\n"

/* Appends the size line, and returns where it is. */
size_t chunk_begin(struct buf *out);
/* Ends the chunk that begins AT with all that was appended since, less than 4 GiB. If that is
 * nothing there is no chunk: an empty one would be the last. */
void chunk_end(struct buf *out, size_t at);

#endif
