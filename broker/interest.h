/*
 * How many subscribers each topic or pattern has, over all workers and by transport: what PUBLISH
 * answers and what the admin commands show. Touched when subscriptions come and go, never on the
 * fan-out path. Any thread.
 */
#ifndef BROKER_INTEREST_H
#define BROKER_INTEREST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Transports are numbers here; the frontends name them. */
enum { INTEREST_TRANSPORTS = 4 };

struct interest;

struct interest *interest_create(void);
/* Everything must have been removed; NULL is accepted. */
void interest_destroy(struct interest *i);
/* One more subscriber of FILTER (a topic or pattern). ERR_NOMEM. */
MUST_CHECK enum err interest_add(struct interest *i, const char *filter, size_t n,
                                 unsigned transport);
/* Undoes one interest_add. */
void interest_remove(struct interest *i, const char *filter, size_t n, unsigned transport);
/* Changes with every add and remove; read without the lock. */
uint64_t interest_serial(const struct interest *i);
/* Subscribers whose filters match the topic, by transport. A subscriber with two matching filters
 * counts twice, as in Redis. */
void interest_count(struct interest *i, const char *topic, size_t n,
                    uint32_t ret[INTEREST_TRANSPORTS]);

#endif
