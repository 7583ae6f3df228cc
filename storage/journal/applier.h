/*
 * The applier (the follower of a sequencer): puts groups that a sequencer has made safe into the
 * store behind it, many in one commit, on a thread of its own.
 *
 *     broker's thread                                      applier's thread
 *     sequencer: append ─> held (shown) ─> applier_push ─> store_append ─> release the journal
 *
 * The store behind belongs to one thread at a time: whoever has taken it (applier_take). Groups
 * wait until so many bytes or milliseconds have gathered, or somebody asks; what may wait is
 * bounded, by the journal and by the room that the store has kept for it.
 */
#ifndef STORAGE_JOURNAL_APPLIER_H
#define STORAGE_JOURNAL_APPLIER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/journal/applied_note.h"
#include "storage/journal/held.h"
#include "storage/journal/sequencer.h"
#include "storage/store_types.h"

struct store;

/* A group that waits. Made before it is safe, so that nothing can fail afterwards. */
struct waiting {
    struct waiting *next;
    struct journal_place place;
    const struct store_record *records; /* in a chunk of held.h */
    size_t record_count;
    uint64_t reserve;
    uint64_t bytes; /* that it takes in the journal, about */
    uint64_t room;  /* and will in the store, at most */
    size_t topic_count;
    struct store_topic topics[]; /* their names behind them */
};

struct applier_options {
    uint64_t apply_bytes; /* groups wait until so many have gathered, */
    uint64_t apply_ms;    /* or the first has waited for so long */
    uint64_t waiting_max; /* more bytes never wait: who has more waits himself */
    bool note_certain; /* the log's policy is not STORE_SYNC_ALWAYS: what is applied is certain */
};

struct applier {
    struct applier_options options;
    struct store *inner;         /* owned by who has taken it */
    struct held *held;           /* borrowed; `applied` is the applier's */
    struct sequencer *sequencer; /* borrowed; NULL: nothing is released */
    struct applied_note note;    /* as the store has it; whose store it is */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards all that follows but the atomics and what is the owner's */
    pthread_cond_t work;  /* for the thread */
    pthread_cond_t moved; /* something was applied, or failed, or the store was given back */
    struct waiting *first, **end;
    uint64_t bytes, room;         /* of all that waits */
    uint64_t pushed, done, asked; /* groups: so many came, are applied, are wanted applied soon */
    uint64_t attempts;            /* commits that were tried */
    uint64_t since_ms;            /* when the first one came; monotonic */
    uint64_t retry_ms;            /* after a failure: not before */
    uint64_t granted;             /* the room that the store has kept */
    enum err failing;             /* why it could not be applied, ERR_OK = it could */
    bool taken, stopping;
    _Atomic uint64_t size, used; /* store_size and store_used, when it was last given back */
    /* The owner's, for one commit: */
    struct store_record *records;
    struct store_topic *topics;
    size_t record_cap, topic_cap;
};

/* In place; no thread yet. */
void applier_init(struct applier *f, const struct applier_options *o, struct store *inner,
                  struct held *held);
/* Starts the thread. ERR_IO. */
MUST_CHECK enum err applier_start(struct applier *f);
/* Ends the thread, without applying what waits. */
void applier_stop(struct applier *f);
/* Drops what waits. The thread has ended. */
void applier_finish(struct applier *f);

/* A copy of what B has besides its records; NULL when out of memory. */
struct waiting *waiting_create(const struct store_batch *b);

/* Whether a group of so much may come now; waits, while something is being applied, until it may.
 * ROOM 0: it needs none. ERR_NOSPACE, or why nothing can be applied. */
MUST_CHECK enum err applier_admit(struct applier *f, uint64_t bytes, uint64_t room);
/* Takes G, which is safe and shown. */
void applier_push(struct applier *f, struct waiting *g);

/* Takes the store behind, when it is free; waits for that. */
void applier_take(struct applier *f);
/* The same, without waiting: false, it is not free. */
bool applier_try_take(struct applier *f);
void applier_give(struct applier *f);
/* Applies all that has been pushed so far; waits for that. Why it cannot be applied. Not by who has
 * taken the store. */
MUST_CHECK enum err applier_drain(struct applier *f);
/* Asks for it, and waits so long at most; whether it is done. Any thread. */
bool applier_wait(struct applier *f, uint64_t pushed, uint64_t ms);
/* How many have been pushed. Any thread. */
uint64_t applier_pushed(struct applier *f);
/* Why what waits cannot be applied, ERR_OK: it can. Any thread. */
enum err applier_failing(struct applier *f);
/* Asks for what waits to be applied soon. */
void applier_hurry(struct applier *f);
/* Applies what waits on this thread: there is no other yet. */
MUST_CHECK enum err applier_apply_here(struct applier *f);

#endif
