/*
 * What a stream has only while it catches up: its place, and its turn among the others of its
 * worker. One that is live and has nothing on its way into its set, as nearly all are, has none.
 */
#ifndef DELIVERY_CATCHUP_H
#define DELIVERY_CATCHUP_H

#include "broker/replay.h"

struct lagging;
struct stream;
struct worker;

struct catchup {
    struct catchup *next, *prev; /* the worker's list of what can go on (utlist); or NULL */
    struct stream *stream;
    struct position position; /* of the set; unless the stream is LIVE */
    struct lagging *lagging;  /* it was live, and is not; NULL = it is, or has never been */
};

/* Of S, in no list. NULL when out of memory. */
struct catchup *catchup_create(struct stream *s);
/* Frees C, a stream's of W, and ends its lag. */
void catchup_free(struct catchup *c, struct worker *w);
/* Puts it at the end of the worker's list, if it is not in it. */
void catchup_schedule(struct catchup *c, struct worker *w);
/* Takes it out again. */
void catchup_unschedule(struct catchup *c, struct worker *w);

#endif
