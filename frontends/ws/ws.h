/* WebSockets (RFC 6455): subscriptions, publishing and control objects over one connection. */
#ifndef FRONTENDS_WS_WS_H
#define FRONTENDS_WS_WS_H

#include "frontends/conn.h"
#include "frontends/subscribe.h"

/* Answers an HTTP upgrade request; the connection changes its protocol. SUB may have no topics. */
void ws_start(struct conn *c, const struct subscription *sub);
/* Answers 426 with what an upgrade would have to be (RFC 9110 section 15.5.22, RFC 6455
 * section 4.4). */
void ws_fail_upgrade(struct conn *c, const char *detail);

/* Counts what was compressed; gives the memory for it back. */
extern const struct worker_part ws_part;

#endif
