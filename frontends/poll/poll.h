/*
 * Long-polling: an HTTP request that is answered at once when there is something after its cursor,
 * otherwise when something comes or its time is up.
 */
#ifndef FRONTENDS_POLL_POLL_H
#define FRONTENDS_POLL_POLL_H

#include "http/subscribe.h"
#include "net/conn.h"

/* Answers, or waits (http_wait). */
void poll_start(struct conn *c, const struct subscription *sub);

#endif
