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

struct bond;
struct proxy_header;

/* Of a connection from a trusted proxy, or one with a client certificate; owned by it, and goes
 * with it by free(). */
struct peer {
    struct bond *bond;     /* the connection's (conn_bond), which is no affair of the others here */
    struct ip_port sender; /* the proxy, or whom its PROXY header names */
    struct ip_port client; /* whom the newest request was forwarded for; else the sender */
    bool hidden;           /* the PROXY header does not say who the client is */
    bool trusted;          /* conn.trusted, before anything is forwarded */
    bool proxied;          /* a trusted proxy is at the other end */
    char subject[];        /* of the client certificate, "" if there is none */
};

/* Of a connection from a trusted proxy that was accepted from FROM, and is TRUSTED for all that the
 * socket says. NULL when out of memory. */
struct peer *peer_create(const struct ip_port *from, bool trusted);
/* NULL when out of memory. */
struct peer *peer_copy(const struct peer *p);
/* P, or without it (NULL) one that was accepted from FROM and is no proxy, has shown a certificate
 * of SUBJECT: returns it, in another place. NULL when out of memory: P is as it was. */
struct peer *peer_with_subject(struct peer *p, const struct ip_port *from, bool trusted,
                               const char *subject);
/* The PROXY header of its connection is there. */
void peer_take_header(struct peer *p, const struct proxy_header *h);

#endif
