/*
 * The answer of a long-poll whose client takes gzip, put together out of envelopes that were packed
 * once for all. What comes before and behind them, and between two, is stored as it is.
 */
#ifndef DELIVERY_POLL_PACKED_H
#define DELIVERY_POLL_PACKED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends to OUT the body that has BEGIN, the envelopes that RECORDS hold (N bytes of
 * envelope_encoding_packed) with commas in between, and END. True: it is a gzip stream. False: none
 * of them is deflated, so it is the text itself, which is shorter. */
bool poll_packed_join(struct buf *out, const struct buf *begin, const char *records, size_t n,
                      const struct buf *end);

#endif
