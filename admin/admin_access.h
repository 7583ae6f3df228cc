/* Who may do what with a topic, and which rule says so, as administrators ask. */
#ifndef ADMIN_ADMIN_ACCESS_H
#define ADMIN_ADMIN_ACCESS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "delivery/worker.h"

/* The document of HUB ACCESS (doc/protocol.md), at once: of the N bytes FILTER, a valid topic or
 * pattern, for a client elsewhere that has TOKEN; NULL: none. ERR_NOMEM. */
MUST_CHECK enum err admin_access(struct worker *w, const char *filter, size_t n, const char *token,
                                 size_t token_n, struct buf *out);

#endif
