/*
 * A worker: a loop with its connections, its subscription table and its part of the hot tail.
 *
 * What it does for what its connections publish stands here; its fan-out in fanout.h, its turns and
 * its thread in worker_thread.h.
 */
#ifndef DELIVERY_WORKER_H
#define DELIVERY_WORKER_H

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "broker/feed.h"
#include "broker/hub.h"
#include "broker/replay.h"
#include "delivery/attendance_state.h"
#include "delivery/frontend.h"
#include "delivery/poll_shared.h"
#include "delivery/settings.h"
#include "net/conn.h"
#include "net/crypto_threads.h"
#include "net/loop.h"
#include "net/refusals.h"

struct audit;
struct bearers;
struct catchup;
struct lagging;
struct stream;
struct stream_table;
struct tokens;
struct worker;

/* Where one message ends in bytes that were put together. */
struct cut {
    size_t end;
    uint64_t offset;  /* the message's */
    uint64_t payload; /* bytes of payload up to here */
};

/* What a turn brought to one feed: given to each of its live receivers. */
struct parcel {
    const struct feed_hit *hits; /* ascending */
    uint64_t before;             /* the offset that a live receiver had reached before this turn */
    uint64_t last;               /* the offset that it has reached with it */
    const struct encoding *encoding;    /* the feed's */
    const struct receiver_ops *members; /* the kind of those who get it */
    /* All hits in the encoding, one behind the other; NULL when it writes nothing. */
    const char *data;
    size_t size;
    const struct cut *cuts; /* where each hit ends in data */
    size_t count; /* hits in data; 0 with an encoding: memory was out, read them from the tail */
};

/* What is done with a parcel for live members of a feed, which are all of one kind. While it is
 * fanned out they may leave, but their memory stays. */
struct receiver_ops {
    /* Takes it: for those that the fan-out does not write to by itself, or not now. */
    void (*deliver)(struct subscriber *sub, const struct parcel *p);
    /* The fan-out wrote N of its bytes, and for WHY not more (fan.h). Told now, or when all others
     * have been written to. NULL: it never does. */
    void (*cut)(struct subscriber *sub, const struct parcel *p, size_t n, enum err why);
};

struct worker {
    struct loop loop; /* first: the worker of a connection is that of its loop (worker_of) */
    struct hub *hub;
    const struct frontend *const *frontends; /* borrowed; NULL ends them */
    struct settings *settings;               /* as of this turn; a reference is held */
    uint32_t settings_serial;                /* changes with them; never 0 */
    struct event mail_event;
    struct crypto_port crypto;
    struct hub_mail mail;
    struct grace_reader topics; /* inside during a turn: what is found in the table stays */
    struct feed_table *feeds;
    struct tail tail;
    struct replay replay;
    uint64_t head; /* the last offset handled; replay.head is the same */
    struct publish *publishes, *publishes_last; /* of this turn */
    size_t publish_bytes;                       /* what they weigh */
    struct catchup *lagging;                    /* streams that can be moved on (utlist) */
    struct lagging *laggards;                   /* streams that were live, and are not (utlist) */
    uint64_t lag_check_ms;                      /* when their limits are looked at next */
    struct poll_shared polls; /* the answer that they have in common in this turn */
    struct buf scratch;       /* bytes being put together, never across callbacks */
    struct cut *cuts;         /* of what is in scratch */
    size_t cut_count, cut_cap;
    /* While lagging streams are moved on: the slice in scratch is of this feed (NULL: of nobody
     * else's use), and of this part of the log. */
    const struct feed *slice_feed;
    struct replay_span slice_span;
    struct stream_table *streams;    /* those that can be found by number */
    struct tokens *tokens;           /* of which it knows what they are (http/tokens.h) */
    struct audit *audit;             /* who was refused last (http/audit.h) */
    struct bearers *bearers;         /* whose token its connections have (http/bearer.h) */
    struct conn **paused_publishers; /* stopped reading because the hub's queue was full */
    size_t paused_count, paused_cap;
    _Atomic uint32_t errands; /* of its connections, under way anywhere (errand.h) */
    struct attendance attendance;
    uint64_t drain_until_ms; /* real, monotonic: when a stop is over at the latest */
    uint64_t refused_ms;     /* when hub.subscription_bytes was last in the way, 0 = never */
    bool started;
    pthread_t thread;
    struct refusals refusals;
};

/* Each loop is a worker's. */
static inline struct worker *worker_of_loop(struct loop *l)
{
    return (struct worker *)l;
}
static inline struct worker *worker_of(const struct conn *c)
{
    return worker_of_loop(c->loop);
}
/* As of this turn. */
static inline const struct settings *worker_settings(const struct conn *c)
{
    return worker_of(c)->settings;
}

/* Queues a publish of a connection for the end of the turn (takes P; holds C until its answer,
 * which goes to the protocol's answered() if C is still open by then). */
void worker_publish(struct worker *w, struct conn *c, struct publish *p);
/* The hub takes no more now: C is paused and resumed by itself when there is room. */
bool worker_must_wait(struct worker *w, struct conn *c);
/* Hands the publishes of this turn to the hub. */
void worker_submit_publishes(struct worker *w);
/* Those that were paused go on if the hub takes more again. */
void worker_resume_publishers(struct worker *w);
/* Gives the worker new settings (takes a reference of its own), on its thread. */
void worker_set_settings(struct worker *w, struct settings *s);
/* Counts a gap that is told. */
void worker_count_gap(struct worker *w, enum gap_reason reason);
/* Notes that M ends at END of what is being put together (w->cuts). ERR_NOMEM. */
MUST_CHECK enum err worker_add_cut(struct worker *w, size_t end, const struct message *m);
/* The number of the first cut of a message above OFFSET; w->cut_count when there is none. */
size_t worker_cut_behind(const struct worker *w, uint64_t offset);
#endif
