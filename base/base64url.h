/*
 * base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strict: one text for each
 * value, so no padding, no white space, no other alphabet, and no bits that are left over.
 */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* The bytes that N characters stand for. */
size_t base64url_decoded_len(size_t n);
/* Writes them to OUT. ERR_INVALID: TEXT is not of this form; OUT is undefined then. */
MUST_CHECK enum err base64url_decode(unsigned char *out, const char *text, size_t n);
void base64url_append(struct buf *out, const void *data, size_t n);

#endif
