/*
 * The loop of one thread, as far as connections and listening sockets need it: what is ready, what
 * time it is, deadlines, the budget of work, and the lists of what is to be done before a turn
 * ends.
 *
 * What a turn does stands in turn.h, and its order in worker_thread.c.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/workers.h"
#include "net/backlog.h"
#include "net/budget.h"
#include "net/counters.h"
#include "net/peer_memory.h"
#include "net/readiness.h"
#include "net/settings.h"
#include "net/spread.h"
#include "net/transport.h"
#include "net/turn_clock.h"
#include "net/wheel.h"

struct awaiting;
struct conn;
struct crypto_port;
struct crypto_threads;
struct gathering;
struct listener;
struct quota_table;
struct submission;
struct tls_accept;
struct tls_current;

/* What all loops of the process share. */
struct process {
    _Atomic uint32_t conns; /* those that came over TCP */
    uint32_t conns_max;
    /* Pauses of accepting before that are only counted, not logged; of TCP, of the local socket;
     * and connections of clients that have enough. */
    _Atomic uint64_t quiet_until_ms[3];
    _Atomic bool local_lost;         /* nobody reaches the local socket; /readyz tells it */
    struct peer_memory memory;       /* what they make the process hold */
    struct crypto_threads *crypto;   /* for costly arithmetic; NULL: none */
    struct tls_current *tls;         /* what handshakes begin with */
    struct quota_table *quotas;      /* what clients use of what they may */
    bool io_uring;                   /* its loops send to many at once by that */
    struct loop *loops[WORKERS_MAX]; /* to read what is atomic in them */
    unsigned loop_count;
};

/* Who has a place for a TLS handshake, or waits for one: see tls_accept.h. */
struct tls_places {
    unsigned taken;
    bool last_is_next;         /* of those that have no place yet; else the first is */
    struct tls_accept *idle;   /* that wait for their client, the longest first (utlist) */
    struct tls_accept *queued; /* that have no place yet, the oldest first (utlist) */
};

struct loop {
    unsigned index;
    bool in_backlog;       /* those that wait in the backlog are served */
    bool timer_fired;      /* since the turn that did look after it */
    _Atomic bool draining; /* the hub is stopping */
    uint32_t next_conn_id;
    uint32_t conns;
    struct process *process;
    const struct net_settings *settings; /* as of this turn; borrowed, see worker_set_settings */
    uint64_t now_ms;                     /* monotonic, as of this turn: the clock's */
    struct counters counters;
    struct turn_clock clock;
    struct conn *turn, *turn_last; /* connections with something to do at the end of this turn */
    struct gathering *to_flush;    /* links with something to let go before the turn is over */
    struct awaiting *awaited;      /* what peers of links have begun, the oldest first */
    struct spread spread;          /* of heartbeats and of the ends of long-polls */
    uint64_t due_ms;               /* when the deadline that is kept now was due */
    struct budget work;            /* the turn's */
    struct backlog backlog;
    char *read_buffer; /* LOOP_READ_BYTES */
    struct listener *listeners;
    struct submission *submission; /* for sends to many at once; NULL: one by one */
    struct crypto_port *crypto; /* where what the threads have done comes home to; NULL: nowhere */
    struct tls_places tls;
    /* Has loop OTHER end a turn soon. False: out of memory. */
    bool (*nudge)(struct loop *l, unsigned other);
    /* Written by this loop alone, read by all. */
    _Atomic uint32_t conns_by_transport[TRANSPORTS_MAX + 1];
    uint64_t timer_at_ms;          /* when timer_event fires */
    uint64_t round_ms;             /* of the turn behind the event base's last round */
    uint64_t cpu_ms, cpu_asked_ms; /* what its thread had run, and when that was asked */
    struct event_base *base;
    struct event conns_event, local_conns_event, timer_event;
    /* The large ones, behind what every delivery needs. */
    struct readiness readiness[2]; /* of its connections: others, those of the local socket */
    struct wheel wheel;
    struct peer_book book; /* of its connections that hold much */
};

enum { LOOP_READ_BYTES = 65536 };

/* In place, all zero before. Borrows SETTINGS until others are set, and P, where it is entered.
 * ERR_NOMEM and ERR_IO; then loop_finish, too. */
MUST_CHECK enum err loop_init(struct loop *l, unsigned index, struct process *p,
                              const struct net_settings *s);
/* Behind the end of all connections and listeners. */
void loop_finish(struct loop *l);
/* Has RUN(FD, what, CTX) called when FD can be read; FLAGS: EV_PERSIST, and EV_ET or none. E is in
 * place, and goes by event_del. ERR_IO. */
MUST_CHECK enum err loop_watch(struct loop *l, struct event *e, int fd, short flags,
                               event_callback_fn run, void *ctx);
/* After a turn that had much to do: looks whether connections of the kind that were ready in it
 * are so again, past the event base. That has its round as soon as none is, or when the millisecond
 * is over. */
bool loop_look_again(struct loop *l);
/* One round of the event base; does not wait if there is MORE to do. */
void loop_wait(struct loop *l, bool more);
/* The timer fires in WAIT_MS at the latest; UINT64_MAX: whenever. */
void loop_set_timer(struct loop *l, uint64_t wait_ms);
/* G's link has gathered something: turn_flush lets it go. Again, before that, is fine. */
void loop_flush_later(struct loop *l, struct gathering *g);
/* G is about to be freed. */
void loop_flush_never(struct loop *l, struct gathering *g);
/* A's link awaits the rest of what its peer has begun now, for http.head_timeout at most. */
void loop_await(struct loop *l, struct awaiting *a);
/* It has come, or A is about to be freed; fine when it was not awaited. */
void loop_await_never(struct loop *l, struct awaiting *a);
/* When the first of those has to be there, in ms; UINT64_MAX = none is awaited. */
uint64_t loop_awaited_ms(const struct loop *l);
/* Reads the clock once for what follows. */
void loop_update_clock(struct loop *l);
/* Monotonic ms as of loop_update_clock. */
static inline uint64_t loop_now(const struct loop *l)
{
    return l->now_ms;
}
/* The machine's clock at that moment, ns: the same for all loops, whatever they have slept. */
static inline uint64_t loop_real_ns(const struct loop *l)
{
    return l->clock.real_ms * 1000000;
}

#endif
