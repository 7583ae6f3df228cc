/*
 * Long-polling: an HTTP request that is answered at once when there is something after its cursor,
 * otherwise when something comes or its time is up.
 */
#ifndef FRONTENDS_POLL_POLL_H
#define FRONTENDS_POLL_POLL_H

#include "delivery/frontend.h"
#include "http/subscribe.h"

extern const struct frontend poll_frontend;

/* Answers, or waits (exchange_wait). */
void poll_start(struct exchange *x, const struct subscription *sub);

#endif
