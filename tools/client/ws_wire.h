/* WebSocket, the client's side (RFC 6455): frames as bytes. Nothing here does any I/O. */
#ifndef TOOLS_CLIENT_WS_WIRE_H
#define TOOLS_CLIENT_WS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };
enum { WS_CONTROL_MAX = 125, WS_MASK_SIZE = 4 };
enum { WS_PONG_MAX = 2 + WS_MASK_SIZE + WS_CONTROL_MAX }; /* bytes of a frame as written here */

/* The header lines of the handshake. */
extern const char ws_upgrade[];
/* What Sec-WebSocket-Accept has to be then. */
extern const char ws_accept[];

struct ws_header {
    unsigned opcode;
    size_t size;  /* of the header */
    uint64_t len; /* of the payload */
    bool broken;  /* no server may send this */
};

/* Reads the header of a frame from the server; false: not complete yet. */
MUST_CHECK bool ws_read_header(const char *p, size_t n, struct ws_header *ret);
/* Writes a whole frame of a client with at most WS_CONTROL_MAX bytes of payload to OUT (WS_PONG_MAX
 * bytes); returns its length. */
size_t ws_write_frame(char *out, unsigned opcode, const char *payload, size_t n);
/* Writes the answer to a ping to OUT (WS_PONG_MAX bytes); returns its length. */
size_t ws_write_pong(char *out, const char *payload, size_t n);
/* The code of a close frame with this payload. */
unsigned ws_close_code(const char *payload, size_t n);

#endif
