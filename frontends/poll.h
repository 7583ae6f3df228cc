/*
 * Long-polling: an HTTP request that is answered at once when there is something after its cursor,
 * otherwise when something comes or its time is up.
 */
#ifndef FRONTENDS_POLL_H
#define FRONTENDS_POLL_H

#include <stdint.h>

#include "broker/cursor.h"
#include "broker/feed.h"
#include "frontends/conn.h"

struct poll_request {
    struct after after;
    uint64_t wait_ms; /* 0 = answer at once */
    uint32_t limit;   /* messages, >= 1 */
    bool raw;         /* one message as it is instead of envelopes */
};

/* Answers, or waits (http_wait). */
void poll_start(struct conn *c, const struct feed_spec *spec, const struct poll_request *r);

#endif
