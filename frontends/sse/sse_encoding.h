/*
 * Messages as blocks of an event stream: each in a chunk (http/chunk.h), or for who gets no chunks,
 * bare; these have what is inside of the same bytes.
 */
#ifndef FRONTENDS_SSE_SSE_ENCODING_H
#define FRONTENDS_SSE_SSE_ENCODING_H

#include <stdbool.h>

#include "broker/message.h"

/* A block with the payload as it is (binary payloads: as an envelope). */
extern struct encoding sse_encoding_raw;
/* A block with the envelope as its data. */
extern struct encoding sse_encoding_envelope;
/* The same without an id: of a topic that is still on its way into the set, whose messages do not
 * move the place of the stream. Not shared. */
extern struct encoding sse_encoding_joining;
extern struct encoding sse_encoding_raw_bare;
extern struct encoding sse_encoding_envelope_bare;
extern struct encoding sse_encoding_joining_bare;

/* Those that are shared. */
extern struct encoding *const sse_encodings[];

/* Whether the blocks of a stream in E, one of the above, are chunks. */
bool sse_encoding_is_chunked(const struct encoding *e);
/* Whether the payloads come as they are, without saying whose they are. */
bool sse_encoding_is_raw(const struct encoding *e);
/* That of what is on its way into the set of a stream in E. */
const struct encoding *sse_encoding_of_joining(const struct encoding *e);

#endif
