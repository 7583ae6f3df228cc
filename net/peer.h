/*
 * Who is at the other end of a connection when proxies are in between: what the peers in
 * http.trusted_proxies say, by a PROXY header for the connection, by Forwarded, X-Forwarded-For or
 * X-Real-IP for each request.
 *
 * What a proxy says can only take trust away: everything is allowed on a loopback listener, but not
 * to a client who is not on this machine, nor to one of whom that is not known.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <stdbool.h>

#include "base/ip.h"

struct proxy_header;

/* Of a connection from a trusted proxy; owned by it, and goes with it by free(). */
struct peer {
    struct ip_port sender; /* the proxy, or whom its PROXY header names */
    struct ip_port client; /* whom the newest request was forwarded for; else the sender */
    bool hidden;           /* the PROXY header does not say who the client is */
    bool trusted;          /* conn.trusted, before anything is forwarded */
};

/* Of a connection that was accepted from FROM, and is TRUSTED for all that the socket says. NULL
 * when out of memory. */
struct peer *peer_create(const struct ip_port *from, bool trusted);
/* The PROXY header of its connection is there. */
void peer_take_header(struct peer *p, const struct proxy_header *h);

#endif
