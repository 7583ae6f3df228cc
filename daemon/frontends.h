/*
 * What the hub's workers speak: the one place that knows all frontends.
 */
#ifndef DAEMON_FRONTENDS_H
#define DAEMON_FRONTENDS_H

struct service;
struct worker_part;

/* What they have every worker do; NULL ends them. */
extern const struct worker_part *const frontends_parts[];

/* What is spoken at http.listen, at http.metrics_listen (only figures and readiness; no PROXY
 * header), and at the local socket. */
extern const struct service frontends_http, frontends_status, frontends_local;

#endif
