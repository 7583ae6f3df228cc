/* Operations of WebSockets: subscribing, and the reverse. */
#ifndef FRONTENDS_WS_WS_SUBSCRIBE_H
#define FRONTENDS_WS_WS_SUBSCRIBE_H

#include "frontends/ws/ws_control.h"
#include "net/conn.h"

/* Each answers, now or when it is its turn. */
void ws_subscribe(struct conn *c, const struct ws_control *m);
void ws_unsubscribe(struct conn *c, const struct ws_control *m);
/* The subscriptions that wait go on, one after the other. C may end. */
void ws_go_on_waiting(struct conn *c);

#endif
