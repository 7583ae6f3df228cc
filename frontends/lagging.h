/*
 * The streams of a worker that have fallen behind: how far, and what the limits (broker/lag.h) say
 * to that.
 *
 * A stream is lagging from the moment when it stops being live until it is live again. What it
 * asked to replay when it began is no lag. Limits are looked at every LAGGING_CHECK_MS.
 */
#ifndef FRONTENDS_LAGGING_H
#define FRONTENDS_LAGGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/lag.h"

struct feed;
struct stream;
struct worker;

enum { LAGGING_CHECK_MS = 100 };

struct lagging {
    struct lagging *next, *prev; /* the worker's list (utlist) */
    struct stream *stream;
    struct feed_total at; /* what its feed had brought when everything before its place had come */
    uint64_t since_ms;
    bool exceeded; /* it is beyond a limit, and that has been counted */
};

/* S was live until now and stays behind at OFFSET, above which are messages of this turn's cuts.
 * Out of memory: then nobody looks how far it falls behind. */
void lagging_begin(struct stream *s, uint64_t offset);
/* S is live, or has ended; fine when it is not lagging. */
void lagging_end(struct stream *s);
/* S has been sent what is in the worker's cuts from FIRST up to OFFSET. */
void lagging_sent(struct stream *s, size_t first, uint64_t offset);
/* S has been told that messages are gone: what it lacks is counted from here on. */
void lagging_restart(struct stream *s);
/* How far S is behind; zeros when it is not lagging. */
void lagging_figures(const struct stream *s, struct lag_figures *ret);
/* S has changed its feed, and lacks what it lacked before. */
void lagging_keep(struct stream *s, const struct lag_figures *figures);
/* Whether S is to go on at the head (LAG_SKIP). */
bool lagging_must_skip(const struct stream *s);

/* Looks at the limits if it is time to: closes streams, or marks them. */
void lagging_check(struct worker *w);
/* Milliseconds until then; UINT64_MAX: there is nothing to look at. */
uint64_t lagging_wait_ms(const struct worker *w);

#endif
