/* Messages as envelopes and nothing else: the elements of a long-poll answer's `messages`. */
#ifndef DELIVERY_ENVELOPE_ENCODING_H
#define DELIVERY_ENVELOPE_ENCODING_H

#include <stdbool.h>

#include "base/gzip.h"
#include "broker/message.h"

extern struct encoding envelope_encoding;
/* The same as a block of a gzip stream, behind what its trailer has to know: for answers that are
 * put together out of them (poll_packed.h). */
extern struct encoding envelope_encoding_packed;

/* One that envelope_encoding_packed has written. */
struct envelope_packed {
    struct gzip_sum sum; /* of the envelope */
    bool deflated;       /* or stored */
    size_t len;
    const char *block; /* borrowed */
};

/* Reads the one at *AT, and moves *AT behind it. */
void envelope_packed_next(const char **at, struct envelope_packed *ret);

#endif
