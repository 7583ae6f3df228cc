/*
 * The computations of the WebSocket opening handshake (RFC 6455 section 4.2). Headers are read and
 * written by the HTTP layer.
 */
#ifndef FRONTENDS_WS_WS_HANDSHAKE_H
#define FRONTENDS_WS_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The subprotocol spoken on connections with envelopes; a client may also ask for none. */
#define WS_HANDSHAKE_PROTOCOL "longwire.v1"

enum { WS_HANDSHAKE_ACCEPT_SIZE = 29 }; /* 28 characters and a NUL */

/* From the value of Sec-WebSocket-Key (N bytes) writes that of Sec-WebSocket-Accept with its NUL
 * into OUT (WS_HANDSHAKE_ACCEPT_SIZE bytes). ERR_INVALID: not 16 bytes in base64; ERR_NOMEM. */
MUST_CHECK enum err ws_handshake_accept(const char *key, size_t n, char *out);
/* Whether the comma-separated list of one Sec-WebSocket-Protocol header names ours. Unknown names
 * and empty elements are passed over; names are case-sensitive. */
bool ws_handshake_offers_protocol(const char *list, size_t n);

#endif
