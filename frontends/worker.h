/*
 * A worker: one thread with one libevent loop, its connections, its subscription table and its part
 * of the hot tail.
 *
 * A loop turn: libevent says what is ready; then the worker takes its mail, reads from connections
 * as far as the budget of work goes, submits the publishes that this turn brought, writes replies,
 * moves lagging subscribers on by a slice each, and frees what was closed.
 */
#ifndef FRONTENDS_WORKER_H
#define FRONTENDS_WORKER_H

#include <event2/event.h>
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
#include "frontends/backlog.h"
#include "frontends/budget.h"
#include "frontends/conn.h"
#include "frontends/counters.h"
#include "frontends/peer_memory.h"
#include "frontends/poll_shared.h"
#include "frontends/readiness.h"
#include "frontends/refusals.h"
#include "frontends/settings.h"
#include "frontends/turn_clock.h"
#include "frontends/wheel.h"

struct lagging;
struct listener;
struct stream;
struct stream_table;

/* Connections of the whole process that came over TCP, and how many there may be. */
struct conn_budget {
    _Atomic uint32_t used;
    uint32_t max;
    /* Pauses of accepting before that are only counted, not logged; of TCP, of the local socket. */
    _Atomic uint64_t quiet_until_ms[2];
    _Atomic bool local_lost;   /* nobody reaches the local socket; /readyz tells it */
    struct peer_memory memory; /* what they make the process hold */
};

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
    /* All hits in the feed's encoding, one behind the other; NULL when the feed has none. */
    const char *data;
    size_t size;
    const struct cut *cuts; /* where each hit ends in data */
    size_t count; /* hits in data; 0 with an encoding: memory was out, read them from the tail */
};

/* Something that subscribes: a live member of its feed gets every parcel. */
struct receiver {
    struct subscriber sub;
    void (*deliver)(struct receiver *r, const struct parcel *p);
};

struct worker {
    unsigned index;
    struct hub *hub;
    struct settings *settings;
    uint32_t settings_serial; /* changes with them; never 0 */
    struct event_base *base;
    struct event mail_event, conns_event, local_conns_event, timer_event;
    struct hub_mail mail;
    struct grace_reader topics; /* inside during a turn: what is found in the table stays */
    struct feed_table *feeds;
    struct tail tail;
    struct replay replay;
    struct counters counters;
    struct turn_clock clock;
    uint64_t now_ms; /* monotonic, as of this turn: the clock's */
    uint64_t head;   /* the last offset handled; replay.head is the same */
    struct publish *publishes, *publishes_last; /* of this turn */
    size_t publish_bytes;                       /* what they weigh */
    struct conn *turn, *turn_last;              /* connections with something to do at its end */
    struct budget work;                         /* its budget */
    uint64_t paid_looks; /* of replay.looked, those that were charged, or are not to be */
    struct backlog backlog;
    bool in_backlog;          /* those in it are served */
    bool conns_ready;         /* some can be read or written: not found out yet which */
    struct stream *lagging;   /* streams that can be moved on (utlist) */
    struct lagging *laggards; /* streams that were live, and are not (utlist) */
    uint64_t lag_check_ms;    /* when their limits are looked at next */
    struct poll_shared polls; /* the answer that they have in common in this turn */
    struct buf scratch;       /* bytes being put together, never across callbacks */
    struct cut *cuts;         /* of what is in scratch */
    size_t cut_count, cut_cap;
    /* While lagging streams are moved on: the slice in scratch is of this feed (NULL: of nobody
     * else's use), and of this part of the log. */
    const struct feed *slice_feed;
    struct replay_span slice_span;
    char *read_buffer; /* WORKER_READ_BYTES */
    struct listener *listeners;
    struct stream_table *streams;    /* those that can be found by number */
    struct conn **paused_publishers; /* stopped reading because the hub's queue was full */
    size_t paused_count, paused_cap;
    uint32_t next_conn_id;
    uint32_t conns;
    struct conn_budget *budget; /* shared by all workers */
    /* Written by this worker alone, read by all. */
    _Atomic uint32_t conns_by_transport[TRANSPORT_COUNT];
    struct worker **all;           /* every worker of the hub, to read what is atomic in them */
    uint64_t timer_at_ms;          /* when timer_event fires */
    _Atomic uint32_t errands;      /* of its connections, under way anywhere (errand.h) */
    _Atomic bool draining;         /* the hub is stopping; ends at drain_until_ms at the latest */
    uint64_t drain_until_ms;       /* real, monotonic */
    uint64_t cpu_ms, cpu_asked_ms; /* what its thread had run, and when that was asked */
    uint64_t refused_ms;           /* when hub.subscription_bytes was last in the way, 0 = never */
    bool started;
    pthread_t thread;
    struct refusals refusals;
    /* The large ones, behind what every delivery needs. */
    struct readiness readiness[2]; /* of its connections: others, those of the local socket */
    struct wheel wheel;
    struct peer_book book; /* of its connections that hold much */
};

enum { WORKER_READ_BYTES = 65536 };

/* Takes a reference of SETTINGS, and READER; borrows the rest. ERR_NOMEM and ERR_IO. */
MUST_CHECK enum err worker_create(struct hub *h, unsigned index, struct settings *s,
                                  struct conn_budget *budget, struct store_reader *reader,
                                  struct worker **ret);
/* Runs the loop on a thread of its own. ERR_IO. */
MUST_CHECK enum err worker_start(struct worker *w);
/* From any thread: lets connections say good-bye, ends within GRACE_MS; then worker_join. */
void worker_stop(struct worker *w, uint64_t grace_ms);
void worker_join(struct worker *w);
/* After the thread has ended. NULL is accepted. */
void worker_destroy(struct worker *w);

/* Reads the clock once for what follows. */
void worker_update_clock(struct worker *w);
/* Monotonic ms as of worker_update_clock. */
static inline uint64_t worker_now(const struct worker *w)
{
    return w->now_ms;
}
/* A connection is served: its slice of work begins, a whole one or a small one. */
void worker_begin_slice(struct worker *w, bool whole);
/* Charges what was read from tail and log since. */
void worker_charge_reads(struct worker *w);
/* Whether the slice is not used up. */
bool worker_slice_left(struct worker *w);
/* Queues a publish of a connection for the end of the turn (takes P; holds C until its answer,
 * which goes to the protocol's answered() if C is still open by then). */
void worker_publish(struct worker *w, struct conn *c, struct publish *p);
/* The hub takes no more now: C is paused and resumed by itself when there is room. */
bool worker_must_wait(struct worker *w, struct conn *c);
/* Runs VISIT for every open connection of this worker; it may close them. */
void worker_each_conn(struct worker *w, void (*visit)(struct conn *c, void *ctx), void *ctx);
/* Gives the worker new settings (takes a reference of its own), on its thread. */
void worker_set_settings(struct worker *w, struct settings *s);
/* Counts a gap that is told. */
void worker_count_gap(struct worker *w, enum gap_reason reason);
/* Puts C on the list of those looked at when the turn ends. */
void worker_touch(struct worker *w, struct conn *c);
/* Notes that M ends at END of what is being put together (w->cuts). ERR_NOMEM. */
MUST_CHECK enum err worker_add_cut(struct worker *w, size_t end, const struct message *m);
/* The number of the first cut of a message above OFFSET; w->cut_count when there is none. */
size_t worker_cut_behind(const struct worker *w, uint64_t offset);
/* The connection with that number, NULL when it is not here. */
struct conn *worker_find_conn(struct worker *w, uint64_t number);

#endif
