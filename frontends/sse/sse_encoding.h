/*
 * Messages as blocks of an event stream: each in a chunk (http/chunk.h), or for who gets no chunks,
 * bare; these have what is inside of the same bytes. For who takes gzip each of them is a block of
 * its stream, too (delivery/packing.h), inside of the chunk.
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

/* The first two, compressed. */
extern struct encoding sse_encoding_raw_gzip;
extern struct encoding sse_encoding_envelope_gzip;

/* Those that are shared. */
extern struct encoding *const sse_encodings[];

/* What a stream is like. */
struct sse_form {
    bool raw;     /* the payloads come as they are, without saying whose they are */
    bool chunked; /* its blocks are chunks */
    bool gzip;    /* it is a gzip stream */
};

/* The encoding of such a stream; and what one in E, one of those, is like. */
const struct encoding *sse_encoding_of(struct sse_form form);
struct sse_form sse_encoding_form(const struct encoding *e);
/* That of what is on its way into the set of a stream in E. */
const struct encoding *sse_encoding_of_joining(const struct encoding *e);

#endif
