/* UTF-8 validation (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* State of an incremental check; 0 = at a character boundary (start and acceptable end). */
#define UTF8_ACCEPT 0u
#define UTF8_REJECT 1u

/* Feeds N more bytes to a check in STATE; returns the new state, UTF8_REJECT once any byte was
 * wrong (and for ever after). Start with UTF8_ACCEPT; the text is whole when it ends there. */
uint32_t utf8_feed(uint32_t state, const void *data, size_t n);
bool utf8_valid(const void *data, size_t n);

#endif
