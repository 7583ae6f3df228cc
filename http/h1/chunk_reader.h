/*
 * Reads the framing of a chunked body (RFC 9112 section 7.1), wherever it is cut. Pure; keeps
 * nothing of what is in the chunks, nor extensions and trailers, whose form is checked.
 *
 *     feed ---> MORE    all was used, the body is incomplete
 *           `-> BEGIN   a chunk of `left` bytes (more than 0) follows: may that be?
 *           `-> BYTES   some of it: *RET, in the fed data
 *           `-> END     the body is complete; what is behind it is not of it
 *           `-> FAULT   it never will be, *RET says why; not to be fed any more
 */
#ifndef HTTP_H1_CHUNK_READER_H
#define HTTP_H1_CHUNK_READER_H

#include <stddef.h>
#include <stdint.h>

enum { CHUNK_SIZE_DIGITS_MAX = 16 /* of a chunk's size, leading zeros included */ };

enum chunk_read { CHUNK_MORE, CHUNK_BEGIN, CHUNK_BYTES, CHUNK_END, CHUNK_FAULT };

struct chunk_reader {
    uint64_t left;     /* bytes of the chunk that have not come yet */
    uint32_t seen;     /* bytes of blanks, extensions and trailers */
    uint8_t state;     /* enum state, in the .c */
    uint8_t digits;    /* of the size */
    uint8_t extension; /* enum chunk_ext */
};

struct chunk_found {
    const char *data; /* at BYTES */
    size_t n;
    uint16_t status;    /* at FAULT: what a server answers to that, */
    const char *reason; /* and a constant sentence without its full stop */
};

/* In place. */
void chunk_reader_init(struct chunk_reader *k);
/* Feeds N bytes; *USED says how many of them it took. Of blanks, extensions and trailers there may
 * be BALLAST_MAX bytes in all. */
enum chunk_read chunk_reader_feed(struct chunk_reader *k, uint32_t ballast_max, const char *data,
                                  size_t n, size_t *used, struct chunk_found *ret);

#endif
