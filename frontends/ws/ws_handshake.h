/*
 * The WebSocket opening handshake, the server's side (RFC 6455 section 4.2): what an upgrade
 * request says, and the answer. That it is a GET that asks for an upgrade is looked at before.
 */
#ifndef FRONTENDS_WS_WS_HANDSHAKE_H
#define FRONTENDS_WS_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "frontends/ws/ws_extension.h"
#include "http/http_fields.h"

/* The subprotocol spoken on connections with envelopes; a client may also ask for none. */
#define WS_HANDSHAKE_PROTOCOL "longwire.v1"

enum { WS_HANDSHAKE_ACCEPT_SIZE = 29 }; /* 28 characters and a NUL */

/* From the value of Sec-WebSocket-Key (N bytes) writes that of Sec-WebSocket-Accept with its NUL
 * into OUT (WS_HANDSHAKE_ACCEPT_SIZE bytes). ERR_INVALID: not 16 bytes in base64; ERR_NOMEM. */
MUST_CHECK enum err ws_handshake_accept(const char *key, size_t n, char *out);
/* Whether the comma-separated list of one Sec-WebSocket-Protocol header names ours. Unknown names
 * and empty elements are passed over; names are case-sensitive. */
bool ws_handshake_offers_protocol(const char *list, size_t n);

struct ws_handshake {
    char accept[WS_HANDSHAKE_ACCEPT_SIZE]; /* "": there was no key */
    bool protocol; /* ours is among the subprotocols that the client offers */
    struct ws_extension extension;
};

/* What an upgrade request is refused for, in the order of looking. */
enum ws_handshake_result {
    WS_HANDSHAKE_OK,
    WS_HANDSHAKE_VERSION,   /* not version 13: 426 with Sec-WebSocket-Version */
    WS_HANDSHAKE_KEY,       /* no key, or not 16 bytes in base64: 400 */
    WS_HANDSHAKE_EXTENSION, /* a malformed list of extensions: 400 */
    WS_HANDSHAKE_NOMEM,
};

/* Reads the header fields F. KEYLESS: of an extended CONNECT, where a key means nothing (RFC 8441
 * section 5). Extensions are accepted if DEFLATE, with windows of the server's of
 * at least LEAST_WINDOW bits. */
MUST_CHECK enum ws_handshake_result ws_handshake_read(const struct http_fields *f, bool keyless,
                                                      bool deflate, int least_window,
                                                      struct ws_handshake *ret);
/* Appends what header fields the answer has besides those of any upgrade. */
void ws_handshake_answer(const struct ws_handshake *h, struct buf *out);

#endif
