/*
 * Which coding an answer may have, by Accept-Encoding (RFC 9110 section 12.5.3). Pure.
 */
#ifndef HTTP_ACCEPT_ENCODING_H
#define HTTP_ACCEPT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_fields;

/* Bits, the better of two that are liked as much being the higher one. */
enum coding {
    CODING_IDENTITY = 1, /* none */
    CODING_GZIP = 2,
    CODING_BR = 4,
};

/* What all Accept-Encoding fields of a request come to; begins zeroed. Of each that is named, 1 +
 * its weight in thousandths; 0: it is not. */
struct accept_encoding {
    uint16_t identity, gzip, br, any;
};

/* Takes in one field's value. Members that are malformed count for nothing; of what is named twice
 * the lower weight counts. */
void accept_encoding_add(struct accept_encoding *a, const char *value, size_t n);
/* Which of the codings that the bits of OFFERED say the client likes best. Without its word it is
 * none, and none, too, where it takes nothing that there is: that is better than no answer. */
enum coding accept_encoding_choose(const struct accept_encoding *a, unsigned offered);

/* The same for the Accept-Encoding of F, which may be NULL. */
enum coding accept_encoding_of(const struct http_fields *f, unsigned offered);

#endif
