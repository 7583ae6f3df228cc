/* The protocol of WebSockets: frames in, operations done; pings, and the end. */
#ifndef FRONTENDS_WS_WS_PROTOCOL_H
#define FRONTENDS_WS_WS_PROTOCOL_H

#include "net/conn.h"
#include "net/transport.h"

/* Its state is a struct ws (ws_waiting.h), its own. */
extern const struct protocol ws_protocol;
extern struct transport ws_transport;

#endif
