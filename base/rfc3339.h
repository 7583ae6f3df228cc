/* RFC 3339 times (UTC when written), in milliseconds since the Unix epoch. */
#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* "2026-11-22T07:31:15.042Z" and its NUL. */
#define RFC3339_TEXT_SIZE 25

/* Writes the time with its NUL into OUT (RFC3339_TEXT_SIZE bytes); years above 9999 are written
 * as 9999-12-31T23:59:59.999Z. Reentrant, no locale, no tz database. */
void rfc3339_format(char *out, uint64_t time_ms);
/* Section 5.6, any offset, any number of fraction digits (cut to ms), 'T' and 'Z' in either
 * case, leap second 60 taken as 59; ERR_INVALID otherwise and for times before 1970. */
MUST_CHECK enum err rfc3339_parse(const char *text, size_t n, uint64_t *ret_ms);

#endif
