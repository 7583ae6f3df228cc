/*
 * Whose client's quota (base/quota.h) a connection counts for: that of the address that it comes
 * from, of IPv6 the first 64 bits; behind a trusted proxy, that which the proxy names. Those that
 * are exempt (limits.exempt) have none, nor has the local socket; a trusted proxy has none for
 * itself, only for those whom it does not name.
 *
 * A connection over TCP is counted when it is accepted, or when its PROXY header is there. A stream
 * of HTTP/2, and a connection of a proxy that names its clients request by request, is counted
 * while it receives messages (http/http_quota.h).
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include <stdbool.h>

#include "base/ip.h"
#include "base/quota.h"

struct loop;

/* What a connection uses of it. Small: each has one. */
struct client_use {
    struct quota *quota;   /* held; NULL = it counts for nobody */
    uint32_t topics : 29;  /* topics and patterns that are counted */
    uint32_t held : 1;     /* these, and the connection, also for its principal (http/bearer.h) */
    uint32_t counted : 1;  /* as a connection */
    uint32_t accepted : 1; /* and that from the beginning to the end */
} __attribute__((packed, aligned(4)));

/* Somebody connects from IP: the quota where it is counted, held by the caller; NULL: none. False:
 * there are as many from there as may be. */
bool client_admit(struct loop *l, const struct ip *ip, struct quota **ret);
/* Gives back what client_admit gave, for a connection that came to nothing. NULL is accepted. */
void client_dismiss(struct loop *l, struct quota *q);
/* What client_admit gave (taken) is C's, which has none. */
void client_begin(struct client_use *c, struct quota *q);
/* C is a stream within BY. */
void client_begin_within(struct loop *l, struct client_use *c, const struct client_use *by);
/* C ends. Fine when it counts for nobody. */
void client_end(struct loop *l, struct client_use *c);

/* What comes by C now, which was not admitted for anybody, is from IP; NULL: for nobody. */
void client_is(struct loop *l, struct client_use *c, const struct ip *ip);
/* C, which may be counted already, is one of the connections from now on. False: there are as many
 * as may be. */
bool client_count(const struct loop *l, struct client_use *c);
/* Not any more, unless it was admitted. */
void client_uncount(struct client_use *c);

#endif
