/*
 * Sec-WebSocket-Extensions (RFC 6455 section 9.1), of which permessage-deflate is the only one
 * known (RFC 7692 section 7.1): reads what a client offers, and writes the answer.
 *
 * The answer always has server_no_context_takeover and client_no_context_takeover, which a server
 * may require (sections 7.1.1.1 and 7.1.1.2). What a client says about its own window needs no
 * answer: any is inflated.
 */
#ifndef FRONTENDS_WS_WS_EXTENSION_H
#define FRONTENDS_WS_WS_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct ws_extension {
    bool deflate;    /* an offer of permessage-deflate was accepted */
    int window_bits; /* of the server's window, which that offer asked for; 0 = it did not ask */
};

/* Reads the value of one header field (N bytes) and accepts the first offer that can be accepted,
 * unless *X has one: fields are read in their order. Declined are those with a parameter that is
 * unknown, repeated or has a value that it may not have, and those that want a window of the
 * server's below LEAST_WINDOW bits. ERR_INVALID: the list itself is malformed. */
MUST_CHECK enum err ws_extension_read(const char *list, size_t n, int least_window,
                                      struct ws_extension *x);
/* Appends the value of the answer's field; X->deflate. */
void ws_extension_answer(const struct ws_extension *x, struct buf *out);

#endif
