/*
 * The TLS link whose records are mbedTLS's (tls.compact = no): a connection's bytes over another
 * link, in the context that its handshake was made with, which takes 36 to 42 kB. As with the
 * compact one, the rest of a record has to be there within http.head_timeout.
 */
#ifndef NET_TLS_TLS_SESSION_LINK_H
#define NET_TLS_TLS_SESSION_LINK_H

#include "base/buf.h"
#include "base/err.h"
#include "net/link.h"

struct mbedtls_ssl_context;
struct tls_context;

/* Goes on with SSL, whose handshake is over, over INNER; what is in EARLY came before what INNER
 * receives. On success it takes all four, SSL as by malloc; on failure none. ERR_NOMEM. */
MUST_CHECK enum err tls_session_link_create(struct link inner, struct mbedtls_ssl_context *ssl,
                                            struct tls_context *context, struct buf *early,
                                            struct link *ret);

#endif
