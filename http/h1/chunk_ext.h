/*
 * Chunk extensions (RFC 9112 section 7.1.1), byte by byte: nothing is done with them, but one that
 * is malformed may hide where the chunk begins from another reader. Pure.
 *
 *     *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
 */
#ifndef HTTP_H1_CHUNK_EXT_H
#define HTTP_H1_CHUNK_EXT_H

#include <stdbool.h>

/* Where in an extension the reader is. */
enum chunk_ext {
    CHUNK_EXT_START, /* behind ';' */
    CHUNK_EXT_NAME,
    CHUNK_EXT_NAME_END, /* blanks behind it */
    CHUNK_EXT_VALUE_START,
    CHUNK_EXT_TOKEN,
    CHUNK_EXT_QUOTED,
    CHUNK_EXT_ESCAPED, /* behind a backslash */
    CHUNK_EXT_QUOTED_END,
    CHUNK_EXT_VALUE_END, /* blanks behind it */
    CHUNK_EXT_BAD,
};

/* The state behind the byte C, which is not CR; BAD: it may not stand here. */
enum chunk_ext chunk_ext_next(enum chunk_ext state, char c);
/* Whether the line may end in this state. */
bool chunk_ext_may_end(enum chunk_ext state);

#endif
