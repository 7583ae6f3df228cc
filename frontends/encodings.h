/*
 * How messages are written for each kind of receiver: the encodings whose bytes all receivers of
 * one kind share.
 */
#ifndef FRONTENDS_ENCODINGS_H
#define FRONTENDS_ENCODINGS_H

#include <stddef.h>
#include <stdint.h>

#include "broker/message.h"
#include "frontends/ws/ws_deflate.h"

/* An SSE block, payload as it is (binary payloads: as an envelope). */
extern const struct encoding encoding_sse_raw;
/* An SSE block with the envelope as its data. */
extern const struct encoding encoding_sse_envelope;
/* The same without an id: of a topic that is still on its way into the set, whose messages do not
 * move the place of the stream. Not shared. */
extern const struct encoding encoding_sse_joining;
/* A WebSocket text frame with the envelope. */
extern const struct encoding encoding_ws_envelope;
/* A WebSocket frame with the payload: binary for binary payloads, else text; may be empty. */
extern const struct encoding encoding_ws_raw;
/* The same two, compressed where that makes them smaller: for those who negotiated it. */
extern const struct encoding encoding_ws_envelope_deflate;
extern const struct encoding encoding_ws_raw_deflate;
/* The envelope alone: one element of a long-poll answer's `messages`. */
extern const struct encoding encoding_poll;
/* A `message` push in RESP2 and RESP3. `pmessage` depends on the pattern and is not shared. */
extern const struct encoding encoding_resp_message;
extern const struct encoding encoding_resp3_message;

/* How the two above are compressed. Before any message is encoded, and never again: their bytes
 * must not depend on when they are made. */
void encodings_set_deflate(const struct ws_deflate_rule *rule);

/* Messages that were compressed, and their bytes before and after. */
struct encodings_tally {
    uint64_t messages, plain_bytes, packed_bytes;
};
/* Of this thread, since it last asked. */
struct encodings_tally encodings_take_tally(void);

#endif
