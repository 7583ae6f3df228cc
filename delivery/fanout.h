/*
 * The fan-out: what was committed goes into the worker's tail, and to every live receiver of the
 * feeds that it hits.
 */
#ifndef DELIVERY_FANOUT_H
#define DELIVERY_FANOUT_H

#include <stddef.h>

struct batch;
struct worker;

/* Takes COUNT batches in their order. */
void fanout_batches(struct worker *w, struct batch **batches, size_t count);

#endif
