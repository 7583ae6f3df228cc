/*
 * A scan: reads messages of one topic or pattern once, for somebody who does not subscribe.
 *
 * It has a subscription table of its own, so that no publisher counts it and the worker's tables
 * are left alone; it sees private topics, too. On the worker's thread, within one turn.
 */
#ifndef DELIVERY_SCAN_H
#define DELIVERY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/replay.h"
#include "delivery/worker.h"

struct scan {
    struct replay replay; /* as the worker's, but for the table */
    struct subscriber sub;
};

/* ERR_NOMEM; then there is nothing to finish. */
MUST_CHECK enum err scan_init(struct scan *s, struct worker *w);
void scan_finish(struct scan *s);
/* What is to be read from now on: a valid topic or pattern. ERR_NOMEM. */
MUST_CHECK enum err scan_select(struct scan *s, const char *filter, size_t n);
/* The selected topics' feed, for replay_start and the like. */
struct feed *scan_feed(const struct scan *s);
/* The offset of the first kept message after AFTER that was selected, 0 when there is none.
 * ERR_NOMEM and the store's errors. */
MUST_CHECK enum err scan_first(struct scan *s, uint64_t after, uint64_t *ret);

#endif
