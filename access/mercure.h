/*
 * Topics of Mercure's claims (the Mercure protocol, "Authorization") as patterns: exact topics, "*"
 * for all, and URI templates (RFC 6570) of which {x}, a whole level, and {+x}, all that follows at
 * the end, can be told by patterns. Pure.
 */
#ifndef ACCESS_MERCURE_H
#define ACCESS_MERCURE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the pattern. ERR_INVALID: there is none, OUT is undefined then; ERR_NOMEM. */
MUST_CHECK enum err mercure_pattern(struct buf *out, const char *topic, size_t n);

#endif
