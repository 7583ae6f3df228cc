/*
 * Which messages are deflated for those who take gzip, and how many were. A message is a block of
 * its own (base/gzip.h), made once for all who get it; so how long it is tells nothing of other
 * messages, whoever published them. Encoders know no worker: what they did is asked of the thread.
 */
#ifndef DELIVERY_PACKING_H
#define DELIVERY_PACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/gzip.h"

/* Of packing_set_rule. */
enum { PACKING_MIN_BYTES_MAX = 32768 };

/* Before any message is encoded, and never again: their bytes must not depend on when they are
 * made. */
void packing_set_rule(const struct gzip_rule *rule);

/* What was appended to OUT since gzip_begin returned AT is the text of a message: ends it, behind a
 * flush. True: it is deflated. */
bool packing_end(struct buf *out, size_t at);

/* Messages that were deflated, and their bytes before and after. */
struct packing_tally {
    uint64_t messages, plain_bytes, packed_bytes;
};
/* Of this thread, since it last asked. */
struct packing_tally packing_take_tally(void);

#endif
