/* TLS as administrators see it: whose certificates are shown and until when, what becomes of
 * handshakes. */
#ifndef ADMIN_ADMIN_TLS_H
#define ADMIN_ADMIN_TLS_H

#include "base/buf.h"
#include "base/err.h"
#include "delivery/worker.h"

/* The document of HUB TLS (doc/protocol.md), at once. ERR_NOMEM. */
MUST_CHECK enum err admin_tls(struct worker *w, struct buf *out);
/* When certificates end, as a gauge of /metrics; nothing where there are none. */
void admin_tls_gauge(struct worker *w, struct buf *out);

#endif
