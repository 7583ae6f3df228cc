/* WebSockets (RFC 6455): subscriptions, publishing and control objects over one connection. */
#ifndef FRONTENDS_WS_WS_H
#define FRONTENDS_WS_WS_H

#include "frontends/conn.h"
#include "frontends/subscribe.h"

/* Answers an HTTP upgrade request; the connection changes its protocol. SUB may have no topics. */
void ws_start(struct conn *c, const struct subscription *sub);

#endif
