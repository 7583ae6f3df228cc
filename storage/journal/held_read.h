/* Reading what is held (held.h): records of a range, of all topics or of some. */
#ifndef STORAGE_JOURNAL_HELD_READ_H
#define STORAGE_JOURNAL_HELD_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/catalog.h"
#include "storage/journal/held.h"
#include "storage/store_types.h"

/* One read, and what is left of its limits. */
struct held_read {
    const struct store_query *q; /* its topics, and where it counts what is looked at */
    const struct catalog *catalog;
    uint64_t after, until;           /* in this part of it */
    size_t records_left, looks_left; /* SIZE_MAX: no limit */
    store_visit *visit;
    void *ctx;
    uint64_t reached; /* out: as store_read's */
    bool ended;       /* out: before the end of the range */
    uint64_t lowest;  /* out, backward: the chunks end with this offset, above the range's end; 0 */
};

/* Whether there can be anything for it. */
bool held_read_wants(const struct held_read *r);
/* Forward, from the chunk C on, before which there is nothing that is wanted. */
void held_read_forward(struct held_read *r, struct held_chunk *c);
/* Backward from the chunk C, behind which there is nothing that is wanted. */
void held_read_backward(struct held_read *r, struct held_chunk *c);

#endif
