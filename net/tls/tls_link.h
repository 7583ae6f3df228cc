/*
 * The compact TLS link: a connection's bytes in TLS records over another link, with nothing in
 * memory but its keys while it is idle. It begins where the handshake has ended.
 */
#ifndef NET_TLS_TLS_LINK_H
#define NET_TLS_TLS_LINK_H

#include <stddef.h>

#include "base/err.h"
#include "net/link.h"
#include "net/tls/tls_keys.h"

/* Goes on over INNER with KEYS, which are copied: the caller wipes its own. On success INNER is
 * taken, and closed with the link. ERR_NOMEM. */
MUST_CHECK enum err tls_link_create(struct link inner, const struct tls_keys *keys,
                                    struct link *ret);
/* N bytes from the peer, which came behind the handshake and were read with it, are the first that
 * the link receives; before it is used. ERR_NOMEM. */
MUST_CHECK enum err tls_link_feed(struct link *l, const void *data, size_t n);

#endif
