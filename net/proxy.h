/*
 * Connections that begin with a PROXY header (http.proxy_protocol): behind it, they
 * speak what their service says.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "base/ip.h"
#include "net/conn.h"

struct service;

extern const struct protocol proxy_protocol;

/* A new TCP connection from FROM speaks proxy_protocol: sets it up for what S has behind it, or
 * ends it, since only trusted proxies may connect then. */
void proxy_accepted(struct conn *c, const struct service *s, const struct ip_port *from);

#endif
