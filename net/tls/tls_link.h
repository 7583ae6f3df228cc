/*
 * The compact TLS link: a connection's bytes in TLS records over another link. It begins where the
 * handshake has ended.
 *
 * While it is idle there is nothing but its secrets. There is more only for a while:
 *
 *     of what comes    a record that is not whole yet (its rest has to be there within
 *                      http.head_timeout), or more of them than are opened at once
 *     of what goes     the rest of a record of which the inner link took a part: it has been sealed
 *                      with a number that comes once, so it leaves as it is, before anything else
 *
 * Both are counted as memory of the peer (link.h: keeps, held).
 *
 * The peer may end its side (close_notify): that is the end of input. An inner link that ends
 * without is lost: somebody may have cut it (RFC 8446 section 6.1). Our side says close_notify when
 * it ends, if it can leave. Whoever breaks the rules is told the alert.
 */
#ifndef NET_TLS_TLS_LINK_H
#define NET_TLS_TLS_LINK_H

#include <stddef.h>

#include "base/err.h"
#include "net/link.h"
#include "net/tls/tls_keys.h"

enum {
    /* Records that are opened at once; more of them wait for another slice of work. */
    TLS_LINK_RECORDS = 64,
    /* What opening one costs besides its bytes (budget.h). */
    TLS_LINK_WORK = 500,
    /* When so many bytes wait to leave, refusals that are mere warnings are not added to them. */
    TLS_LINK_UNSENT = 256,
};

/* Goes on over INNER with KEYS, which are copied: the caller wipes its own. On success INNER is
 * taken, and closed with the link. To be given to a connection (conn_set_link). ERR_NOMEM. */
MUST_CHECK enum err tls_link_create(struct link inner, const struct tls_keys *keys,
                                    struct link *ret);
/* N bytes from the peer, which came behind the handshake and were read with it, are the first that
 * the link receives; before it is given to its connection. ERR_NOMEM. */
MUST_CHECK enum err tls_link_feed(struct link *l, const void *data, size_t n);

#endif
