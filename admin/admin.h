/*
 * What administrators ask a hub, as JSON documents and counts, whatever protocol they ask by.
 *
 * Most of it takes a while or happens on other threads: a job is created, one admin_... function
 * starts it, and `done` gets it back on the thread that asked. These give documents in `text` (as
 * described in doc/protocol.md) or a `number`; the rest answers at once. What a document takes is
 * held by who asked, from its first byte on (hub.peer_bytes), and a job whose asker is gone ends
 * with its next step: ERR_CLOSED, or what it has done so far.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "broker/replay.h"
#include "broker/revoked.h"
#include "delivery/errand.h"
#include "delivery/worker.h"
#include "net/counters.h"

enum { ADMIN_TEXT_MAX = 64 << 20 }; /* bytes of a document; a longer one is ERR_LIMIT */

/* Connections of the worker where a job is; they are held. */
struct admin_walk {
    struct conn **conns; /* owned; NULL: they are yet to be found */
    size_t count, cap, next;
};

struct admin {
    struct errand errand; /* errand.result is the job's */
    void (*done)(struct admin *a);
    void *owner;         /* opaque */
    struct conn *asker;  /* whose memory it is; held */
    _Atomic size_t held; /* bytes, as of its last step */
    struct buf text;
    uint64_t number;
    /* The job's own. */
    char *word; /* pattern, path, address */
    size_t word_len;
    void (*visit)(struct admin *a, struct conn *c);
    const char *end; /* what comes after the last visit */
    struct admin_walk walk;
    bool unwanted; /* the asker is gone */
    uint32_t topic_id;
    struct revocation revocation; /* its name is `word` */
    struct hub_backup backup;
    struct store_verify *verify; /* owned */
    uint64_t at, until;
};

/* For C, on its worker; NULL when out of memory. */
struct admin *admin_create(struct conn *c, void (*done)(struct admin *a), void *owner);
/* After it is done. NULL is accepted. */
void admin_destroy(struct admin *a);
/* Bytes of memory that A takes, wherever it is: its asker holds them (protocol.held). */
static inline size_t admin_held(const struct admin *a)
{
    return atomic_load_explicit(&a->held, memory_order_relaxed);
}

/* For its steps. Says how much it takes by now. */
void admin_count(struct admin *a);
/* At home: the same, and has the asker counted with it. False: that is gone. */
bool admin_goes_on(struct admin *a);
/* Keeps WORD, N bytes. ERR_NOMEM. */
MUST_CHECK enum err admin_keep_word(struct admin *a, const char *word, size_t n);
static inline struct admin *admin_of_errand(struct errand *e)
{
    return (struct admin *)e;
}

/* Array of all topics that match PATTERN (N bytes, valid). */
void admin_topics(struct admin *a, const char *pattern, size_t n);
/* Figures of the hub. */
void admin_stats(struct admin *a);
/* Takes away messages: of one topic, or of all topics up to an offset; `number`: how many. */
void admin_purge(struct admin *a, const struct topic *topic);
void admin_trim(struct admin *a, uint64_t upto);
/* Copies the log into the directory PATH (hub_backup); `text`: what the copy has. */
void admin_backup(struct admin *a, const char *path, size_t n);
/* Checks the whole log (store_verify), bit by bit on the worker that asks; `text`: what was found.
 */
void admin_verify(struct admin *a);

/* One topic, at once. ERR_NOMEM and the store's errors. */
MUST_CHECK enum err admin_topic(struct worker *w, struct topic *topic, struct buf *out);
/* The figures that admin_stats shows, but for the size of the log. */
struct admin_totals {
    uint64_t counters[COUNTER_COUNT];
    uint64_t connections[TRANSPORTS_MAX];
    uint64_t topics, messages, bytes;
    uint64_t uptime_s;
};

void admin_total(struct worker *w, struct admin_totals *ret);

#endif
