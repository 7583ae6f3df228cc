/*
 * Connections that begin with a PROXY header (http.proxy_protocol): behind it, they speak HTTP.
 */
#ifndef FRONTENDS_HTTP_PROXY_H
#define FRONTENDS_HTTP_PROXY_H

#include "base/ip.h"
#include "frontends/conn.h"

extern const struct protocol proxy_protocol;

/* A new TCP connection from FROM speaks proxy_protocol: sets it up, or ends it, since only trusted
 * proxies may connect then. */
void proxy_accepted(struct conn *c, const struct ip_port *from);

#endif
