/*
 * What the hub's workers speak: the one place that knows all frontends.
 */
#ifndef DAEMON_FRONTENDS_H
#define DAEMON_FRONTENDS_H

struct frontend;
struct service;

/* All of them, in the order in which documents name their transports; NULL ends them. */
extern const struct frontend *const frontends[];

/* What is spoken at http.listen, at http.metrics_listen (only figures and readiness; no PROXY
 * header), and at the local socket. */
extern const struct service frontends_http, frontends_status, frontends_local;
/* HTTP/2, where ALPN has chosen it (RFC 9113 section 3.3): to be adopted. */
extern const struct service frontends_h2;
/* HTTP inside of TLS, at the addresses of http.listen that begin with `tls:`. */
extern const struct service frontends_https;

#endif
