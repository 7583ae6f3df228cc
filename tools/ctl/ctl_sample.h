/* The hub's figures at one moment, for `top`. */
#ifndef TOOLS_CTL_CTL_SAMPLE_H
#define TOOLS_CTL_CTL_SAMPLE_H

#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "tools/ctl/ctl_hub.h"

/* The hub's counters that `top` shows by themselves. */
#define CTL_COUNTER_PUBLISHED "publishes"
#define CTL_COUNTER_DELIVERED "deliveries"

/* ctl_top.c's view of the hub at one moment. Any document may be NULL. */
struct ctl_sample {
    json_t *stats, *topics, *clients;
    double at; /* monotonic, seconds */
};

/* Asks the hub; silent. ERR_CLOSED: connection lost; ERR_FORMAT: the hub answered something else.
 * *RET is finished by the caller in both cases. */
MUST_CHECK enum err ctl_sample_take(struct ctl_hub *h, struct ctl_sample *ret);
void ctl_sample_finish(struct ctl_sample *s);
/* All connections, whatever their transport. */
uint64_t ctl_sample_connections(const struct ctl_sample *s);
/* How much COUNTER grew a second; 0 while there is no sample before. */
double ctl_sample_rate(const struct ctl_sample *before, const struct ctl_sample *now,
                       const char *counter);

#endif
