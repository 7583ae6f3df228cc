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

struct poll;

struct poll_request {
    struct after after;
    uint64_t wait_ms; /* 0 = answer at once */
    uint32_t limit;   /* messages, >= 1 */
    bool raw;         /* one message as it is instead of envelopes */
};

/* Answers, or waits (http_of(c)->poll is set then). */
void poll_start(struct conn *c, const struct feed_spec *spec, const struct poll_request *r);
/* It was put off while many others were answered (http_go_on_later), and goes on. */
void poll_go_on(struct conn *c);
/* The time is up, or the hub is stopping: answers with what there is, which may be nothing. */
void poll_timeout(struct conn *c);
/* NULL is accepted. */
void poll_free(struct poll *p);
/* About how many bytes its subscriptions take. */
size_t poll_held(const struct poll *p);
void poll_describe(const struct poll *p, struct description *d);

#endif
