/*
 * Who is at the other end of a connection when proxies are in between: what the peers in
 * http.trusted_proxies say, by a PROXY header for the connection, by Forwarded, X-Forwarded-For or
 * X-Real-IP for each request.
 *
 * What a proxy says can only take trust away: everything is allowed on a loopback listener, but not
 * to a client who is not on this machine, nor to one of whom that is not known.
 */
#ifndef FRONTENDS_PEER_H
#define FRONTENDS_PEER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/ip.h"
#include "frontends/conn.h"

struct http_request;
struct proxy_header;

/* Of a connection from a trusted proxy; owned by it. */
struct peer {
    struct ip_port sender; /* the proxy, or whom its PROXY header names */
    struct ip_port client; /* whom the newest request was forwarded for; else the sender */
    bool hidden;           /* the PROXY header does not say who the client is */
    bool trusted;          /* conn.trusted, before anything is forwarded */
};

/* C was accepted from FROM: gives it a peer if that is a trusted proxy. ERR_ACCESS: it is none;
 * ERR_NOMEM. */
MUST_CHECK enum err peer_accept(struct conn *c, const struct ip_port *from);
/* The PROXY header of C, which has a peer, is there. */
void peer_take_header(struct conn *c, const struct proxy_header *p);
/* Whether R says that it came through a proxy, be it true or not. */
bool peer_is_forwarded(const struct http_request *r);
/* A request of C begins, whose head is there. */
void peer_take_request(struct conn *c, const struct http_request *r);

#endif
