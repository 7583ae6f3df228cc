/*
 * The streams of a worker that have fallen behind: how far, and what the limits (broker/lag.h) say
 * to that.
 *
 * A stream is lagging from the moment when it stops being live until it is live again. What it
 * asked to replay when it began is no lag. Limits are looked at every LAGGING_CHECK_MS.
 */
#ifndef DELIVERY_LAGGING_H
#define DELIVERY_LAGGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/lag.h"

struct conn;
struct subscriber;
struct worker;

enum { LAGGING_CHECK_MS = 100 };

struct lagging {
    struct lagging *next, *prev; /* the worker's list (utlist) */
    struct conn *conn;
    const struct subscriber *sub; /* whose feed may change */
    struct feed_total at; /* what its feed had brought when everything before its place had come */
    uint64_t since_ms;
    bool exceeded; /* it is beyond a limit, and that has been counted */
};

/* C's stream, which is SUB, was live until now and stays behind at OFFSET, above which are messages
 * of this turn's cuts. Borrows both until lagging_end. NULL when out of memory: then nobody looks
 * how far it falls behind. What follows accepts that: it is not lagging. */
struct lagging *lagging_begin(struct conn *c, const struct subscriber *sub, uint64_t offset);
/* The stream is live, or has ended: frees L. */
void lagging_end(struct lagging *l);
/* It has been sent what is in the worker's cuts from FIRST up to OFFSET. */
void lagging_sent(struct lagging *l, size_t first, uint64_t offset);
/* It has been told that messages are gone: what it lacks is counted from here on. */
void lagging_restart(struct lagging *l);
/* How far it is behind; zeros when it is not lagging. */
void lagging_figures(const struct lagging *l, struct lag_figures *ret);
/* It has changed its feed, and lacks what it lacked before. */
void lagging_keep(struct lagging *l, const struct lag_figures *figures);
/* Whether it is to go on at the head (LAG_SKIP). */
bool lagging_must_skip(const struct lagging *l);

/* Looks at the limits if it is time to: closes streams, or marks them. */
void lagging_check(struct worker *w);
/* Milliseconds until then; UINT64_MAX: there is nothing to look at. */
uint64_t lagging_wait_ms(const struct worker *w);

#endif
