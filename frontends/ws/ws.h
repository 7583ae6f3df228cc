/* WebSockets (RFC 6455): subscriptions, publishing and control objects over one connection. */
#ifndef FRONTENDS_WS_WS_H
#define FRONTENDS_WS_WS_H

#include "delivery/frontend.h"
#include "http/subscribe.h"

struct exchange;

extern const struct frontend ws_frontend;

/* Answers an HTTP upgrade request; the connection changes its protocol. SUB may have no topics. */
void ws_start(struct exchange *x, const struct subscription *sub);
/* GET of /ws: subscribes so, or answers what an upgrade would have to be. */
void ws_http_run(struct exchange *x);

#endif
