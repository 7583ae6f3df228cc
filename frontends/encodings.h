/*
 * How messages are written for each kind of receiver: the encodings whose bytes all receivers of
 * one kind share.
 */
#ifndef FRONTENDS_ENCODINGS_H
#define FRONTENDS_ENCODINGS_H

#include "broker/message.h"

/* An SSE block, payload as it is (binary payloads: as an envelope). */
extern const struct encoding encoding_sse_raw;
/* An SSE block with the envelope as its data. */
extern const struct encoding encoding_sse_envelope;
/* A WebSocket text frame with the envelope. */
extern const struct encoding encoding_ws_envelope;
/* A WebSocket frame with the payload: binary for binary payloads, else text; may be empty. */
extern const struct encoding encoding_ws_raw;
/* The envelope alone: one element of a long-poll answer's `messages`. */
extern const struct encoding encoding_poll;
/* A RESP2 `message` push. `pmessage` depends on the pattern and is not shared. */
extern const struct encoding encoding_resp_message;

#endif
