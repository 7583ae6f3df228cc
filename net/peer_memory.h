/*
 * The budget of memory: what peers make the process hold, and who gives way when it is too much.
 *
 * A bound for each connection is no bound for all of them. So half requests and messages, input
 * that waits, answers that are not read, messages cut in their middle and subscriptions are counted
 * for each connection and for the process, which has one limit (hub.peer_bytes) for all its
 * workers:
 *
 *     above 3/4 of it   pressed: those who hold more than their share are not read from
 *     for a while: the largest are refused, some in each turn, until 5/8 of it are left
 *     above the limit: the largest are refused at once, until 15/16 of it are left
 *
 * Each connection has PEER_MEMORY_FLOOR for itself, which is not counted and never judged, so that
 * whoever asks for little notices nothing. Those above it are in their worker's book, by the size
 * of what they hold. The largest of all workers goes first: one whose own are smaller asks the
 * other.
 *
 * Pure but for atomics: knows neither sockets nor time. Connections are borrowed pointers here;
 * what is counted of one is conn_held() (conn.h), what is done with it is the worker's.
 */
#ifndef NET_PEER_MEMORY_H
#define NET_PEER_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/workers.h"

struct blob;
struct conn;

enum {
    /* Bytes of each connection that are its own affair. */
    PEER_MEMORY_FLOOR = 8 << 10,
    /* Sizes that are told apart: four for each power of two, up to 2^40. */
    PEER_MEMORY_CLASSES = 160,
    /* What a connection of the local socket holds weighs so much less: it is let in by the
     * socket's permissions, and mostly is who publishes. */
    PEER_MEMORY_LOCAL = 16,
};

/* Of the process; all zero but for `limit`. */
struct peer_memory {
    _Atomic uint64_t limit;   /* bytes, hub.peer_bytes */
    _Atomic uint64_t held;    /* bytes above the floors, all workers */
    _Atomic uint64_t peak;    /* the most so far */
    _Atomic uint32_t holders; /* connections above their floor */
    _Atomic bool pressed;
    /* The class of each worker's largest holder, and whether it has been asked to look at it. */
    _Atomic uint8_t largest[WORKERS_MAX];
    _Atomic bool asked[WORKERS_MAX];
    /* For holding.c: what was told of it, and given back to the system; monotonic ms. */
    _Atomic bool told;
    _Atomic uint64_t relieved_ms, trimmed_ms, trim_mark, refused_before;
};

/* A connection above its floor. */
struct peer_load {
    struct peer_load *next, *prev; /* in its class, the longest there first (utlist) */
    struct conn *conn;
    size_t bytes;  /* counted in `held` */
    uint8_t class; /* by what it weighs */
    bool local;
    bool paused; /* not read from until there is room */
};

/* Of a worker. */
struct peer_book {
    struct peer_memory *memory;
    unsigned worker;
    unsigned top; /* the highest class that is not empty; 0 when all are */
    struct peer_load *classes[PEER_MEMORY_CLASSES];
    uint32_t paused; /* loads that are */
    /* For the worker's use: 0 = not pressed; some of those who had their time are yet to go. */
    uint64_t pressed_since_ms;
    bool refuses;
};

void peer_book_init(struct peer_book *b, struct peer_memory *m, unsigned worker);

/* C holds BYTES of its own, and weighs WEIGHT, which may have a part of what it shares with others.
 * *LOAD is its place in the book, NULL = none; it may become so, or stop being. ERR_NOMEM: it
 * cannot be entered. */
MUST_CHECK enum err peer_book_set(struct peer_book *b, struct peer_load **load, struct conn *c,
                                  bool local, size_t bytes, size_t weight);
/* Takes the load out of the book and frees it; NULL is accepted. */
void peer_book_remove(struct peer_book *b, struct peer_load **load);
/* The largest of this worker, the one that has been so for longest; NULL: nobody is above the
 * floor. */
struct peer_load *peer_book_largest(const struct peer_book *b);
/* The worker that has the largest of all; this one, if it is as large. */
unsigned peer_book_whose(const struct peer_book *b);
/* Calls VISIT for each load; it may set or remove the one it gets. */
void peer_book_each(struct peer_book *b, void (*visit)(struct peer_load *l, void *ctx), void *ctx);
/* Whether the connection of that load (NULL = it has none) is not read from until there is room. */
static inline bool peer_load_is_paused(const struct peer_load *l)
{
    return l && l->paused;
}
/* Stops and restarts reading: the caller has the socket watched accordingly. */
void peer_book_pause(struct peer_book *b, struct peer_load *l, bool paused);
/* It holds more than its share: the limit by the number of those who are above their floor. */
bool peer_book_is_above_share(const struct peer_book *b, const struct peer_load *l);

/* A blob that a connection keeps beyond its turn counts once, however many do. Any thread. */
void peer_memory_pin(struct peer_memory *m, struct blob *b);
void peer_memory_unpin(struct peer_memory *m, struct blob *b);
/* What one of those who keep it has of B. */
size_t peer_memory_share(const struct blob *b);

static inline uint64_t peer_memory_held(const struct peer_memory *m)
{
    return atomic_load_explicit(&m->held, memory_order_relaxed);
}
static inline uint64_t peer_memory_limit(const struct peer_memory *m)
{
    return atomic_load_explicit(&m->limit, memory_order_relaxed);
}
static inline bool peer_memory_is_pressed(const struct peer_memory *m)
{
    return atomic_load_explicit(&m->pressed, memory_order_relaxed);
}
/* How far those above the limit are refused. */
static inline uint64_t peer_memory_brim(const struct peer_memory *m)
{
    return peer_memory_limit(m) / 16 * 15;
}
/* Where being pressed begins, and where it ends. */
static inline uint64_t peer_memory_high(const struct peer_memory *m)
{
    return peer_memory_limit(m) / 4 * 3;
}
static inline uint64_t peer_memory_low(const struct peer_memory *m)
{
    return peer_memory_limit(m) / 8 * 5;
}

enum peer_memory_change { PEER_MEMORY_SAME, PEER_MEMORY_PRESSED, PEER_MEMORY_RELIEVED };
/* Compares what is held with the marks. PRESSED and RELIEVED are returned once each time, to one of
 * the workers. */
enum peer_memory_change peer_memory_look(struct peer_memory *m);

#endif
