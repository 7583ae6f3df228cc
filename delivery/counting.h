/*
 * Counting back for an `after=-N` of a connection, in as many slices of its work as that takes: a
 * hundred thousand messages are five milliseconds, and may be asked for by everybody at once.
 */
#ifndef DELIVERY_COUNTING_H
#define DELIVERY_COUNTING_H

#include <stddef.h>

#include "base/err.h"
#include "broker/cursor.h"
#include "broker/feed.h"
#include "net/conn.h"

struct counting;

/* Makes a place (AFTER_PLACE) of AFTER, if that is AFTER_LAST, for the set SPEC, which is looked at
 * only when *COUNTING is NULL. ERR_AGAIN: C has yielded, and *COUNTING is what has been done; to be
 * called again when C goes on. Else *COUNTING is NULL again: ERR_LIMIT, ERR_FULL, ERR_NOMEM and the
 * store's errors. */
MUST_CHECK enum err counting_resolve(struct conn *c, struct counting **counting,
                                     const struct feed_spec *spec, struct after *after);
/* NULL is accepted. */
void counting_free(struct counting *k);
/* Bytes of memory that it takes; NULL is accepted. */
size_t counting_held(const struct counting *k);

#endif
