/* How long an answer may be used again: Cache-Control of answers (RFC 9111 section 5.2.2). Pure. */
#ifndef HTTP_CACHE_CONTROL_H
#define HTTP_CACHE_CONTROL_H

#include <stdint.h>

#include "http/http_fields.h"

enum { CACHE_AGE_MAX_S = 86400 };

/* Seconds, at most CACHE_AGE_MAX_S, by max-age; 0: not at all, for it says no-store or no-cache, or
 * nothing that can be understood. */
uint32_t cache_control_age_s(const struct http_fields *fields);

#endif
