/* Messages as WebSocket frames. */
#ifndef FRONTENDS_WS_WS_ENCODING_H
#define FRONTENDS_WS_WS_ENCODING_H

#include <stdint.h>

#include "broker/message.h"
#include "frontends/ws/ws_deflate.h"

/* A text frame with the envelope. */
extern struct encoding ws_encoding_envelope;
/* A frame with the payload: binary for binary payloads, else text; may be empty. */
extern struct encoding ws_encoding_raw;
/* The same two, compressed where that makes them smaller: for those who negotiated it. */
extern struct encoding ws_encoding_envelope_deflate;
extern struct encoding ws_encoding_raw_deflate;

/* How the two above are compressed. Before any message is encoded, and never again: their bytes
 * must not depend on when they are made. */
void ws_encoding_set_deflate(const struct ws_deflate_rule *rule);
/* All four. */
extern struct encoding *const ws_encodings[];

/* Messages that were compressed, and their bytes before and after. */
struct ws_encoding_tally {
    uint64_t messages, plain_bytes, packed_bytes;
};
/* Of this thread, since it last asked. */
struct ws_encoding_tally ws_encoding_take_tally(void);

#endif
