/* WebSockets (RFC 6455): subscriptions, publishing and control objects over one connection. */
#ifndef FRONTENDS_WS_WS_H
#define FRONTENDS_WS_WS_H

#include "http/subscribe.h"
#include "net/conn.h"

struct http;

/* Answers an HTTP upgrade request; the connection changes its protocol. SUB may have no topics. */
void ws_start(struct conn *c, const struct subscription *sub);
/* GET of /ws: subscribes so, or answers what an upgrade would have to be. */
void ws_http_run(struct conn *c, struct http *h);

/* Counts what was compressed; gives the memory for it back. */
extern const struct worker_part ws_part;

#endif
