/*
 * How many subscribers each topic or pattern has, over all workers and by transport: what PUBLISH
 * answers and what the admin commands show. Touched when a topic or pattern comes to a set or
 * leaves it, and by those who ask; never on the fan-out path. Any thread.
 *
 * A topic is looked up by its name, whether it exists or not; patterns are found by level. So a
 * change takes the levels of what comes or goes, and a question those of the topic and what matches
 * it: nobody pays for what others have.
 *
 * Here is also what subscriptions may take of the hub's memory in all, which is noted by the tables
 * of the workers (feed.h) as they take it.
 */
#ifndef BROKER_INTEREST_H
#define BROKER_INTEREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Transports are numbers here, below what interest_create was told; who has them names them. */
enum { INTEREST_TRANSPORTS = 8 };

struct interest;

/* Is told of the first subscriber of a topic (no pattern), by whatever transport, and of the end of
 * the last one; under the lock: it asks nothing here but for memory. ERR_FULL, ERR_NOMEM: then
 * there is none. */
struct interest_watcher {
    enum err (*came)(void *ctx, const char *topic, size_t n);
    void (*went)(void *ctx, const char *topic, size_t n);
    void *ctx;
};

/* What subscriptions take (interest_take) may grow to MAX_BYTES. There are TRANSPORTS of them; 0,
 * or more than there may be: as many as there may be. */
struct interest *interest_create(uint64_t max_bytes, unsigned transports);
/* Everything must have been removed; NULL is accepted. */
void interest_destroy(struct interest *i);
/* W, copied, is told from now on; before there are subscribers. */
void interest_watch(struct interest *i, const struct interest_watcher *w);
/* One more subscriber of FILTER (a topic or pattern). ERR_NOMEM, and the watcher's. */
MUST_CHECK enum err interest_add(struct interest *i, const char *filter, size_t n,
                                 unsigned transport);
/* Undoes one interest_add. */
void interest_remove(struct interest *i, const char *filter, size_t n, unsigned transport);
/* Subscribers whose filters match the topic, by transport. A subscriber with two matching filters
 * counts twice, as in Redis. */
void interest_count(struct interest *i, const char *topic, size_t n,
                    uint32_t ret[INTEREST_TRANSPORTS]);
/* Whether somebody subscribes to exactly this topic or pattern. */
bool interest_has(struct interest *i, const char *filter, size_t n);
/* How many different topics and patterns somebody subscribes to. */
size_t interest_filters(struct interest *i);
/* What was looked at so far, by whatever was called: entries and nodes. */
uint64_t interest_steps(struct interest *i);

/* BYTES more are taken by subscriptions. False, and nothing is taken: they would be too many, and
 * are not MUST, which is for what follows from what was granted before. */
MUST_CHECK bool interest_take(struct interest *i, size_t bytes, bool must);
void interest_give_back(struct interest *i, size_t bytes);
uint64_t interest_bytes(const struct interest *i);

#endif
