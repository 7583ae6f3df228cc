/*
 * A frontend: a protocol by which messages come and go, as the hub is told of it. It stands in its
 * own folder; daemon/frontends.c has a line for it, and nothing else knows that there is one.
 */
#ifndef DELIVERY_FRONTEND_H
#define DELIVERY_FRONTEND_H

#include <stdint.h>

#include "base/err.h"

struct encoding;
struct transport;
struct worker;

/* What it does for every worker besides serving connections; any of them may be NULL. */
struct worker_part {
    void (*end_turn)(struct worker *w);
    /* In how many ms it has something to do at the end of a turn; UINT64_MAX: never. */
    uint64_t (*wait_ms)(const struct worker *w);
    void (*end_thread)(struct worker *w); /* once, on the worker's thread, behind its connections */
};

/* Any of them may be NULL. */
struct frontend {
    struct transport *transport;
    struct encoding *const *encodings; /* whose bytes its receivers share; NULL ends them */
    struct worker_part part;
};

/* Gives the transports and encodings of LIST, which a NULL ends, what numbers they need; before the
 * broker is created. Those that have theirs keep them. ERR_LIMIT: more than there is room for, said
 * in the log. */
MUST_CHECK enum err frontend_register(const struct frontend *const *list);

#endif
