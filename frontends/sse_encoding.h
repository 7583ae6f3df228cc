/* Messages as blocks of an event stream. */
#ifndef FRONTENDS_SSE_ENCODING_H
#define FRONTENDS_SSE_ENCODING_H

#include "broker/message.h"

/* A block with the payload as it is (binary payloads: as an envelope). */
extern const struct encoding sse_encoding_raw;
/* A block with the envelope as its data. */
extern const struct encoding sse_encoding_envelope;
/* The same without an id: of a topic that is still on its way into the set, whose messages do not
 * move the place of the stream. Not shared. */
extern const struct encoding sse_encoding_joining;

#endif
