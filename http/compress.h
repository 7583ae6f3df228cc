/*
 * Whether an answer that is made while it is sent (an event stream, a long-poll's) may be a gzip
 * stream: who asks for it, and whether whoever is in between is known to pass on at once what is
 * flushed.
 */
#ifndef HTTP_COMPRESS_H
#define HTTP_COMPRESS_H

#include <stdbool.h>

struct exchange;

/* What the query says of it. */
enum compress_word { COMPRESS_UNSAID, COMPRESS_SAID_YES, COMPRESS_SAID_NO };

bool compress_wanted(const struct exchange *x, enum compress_word said);
/* Whether answers depend on Accept-Encoding, which they have to tell. */
bool compress_varies(const struct exchange *x);
/* Adds the fields of the coming answer that tell of it, which is a gzip stream or not. */
void compress_tell(struct exchange *x, bool gzip);

/* Those fields as lines. */
#define COMPRESS_VARY "Vary: Accept-Encoding\r\n"
#define COMPRESS_GZIP "Content-Encoding: gzip\r\n"

#endif
