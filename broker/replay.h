/*
 * From a cursor to messages: where a subscriber starts, what it gets next, and whether it lost
 * something on the way (a gap).
 *
 * Reads the worker's hot tail where it reaches and the log where it does not. Pure apart from the
 * store; one worker owns a source.
 */
#ifndef BROKER_REPLAY_H
#define BROKER_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/cursor.h"
#include "broker/feed.h"
#include "broker/tail.h"
#include "storage/store.h"

struct topic_table;

/* Most that `after=-N` may count backwards; where no more are kept, any N will do. */
enum { REPLAY_LAST_MAX = 100000 };

/* Whether C is a place in LOG: of its epoch, or of a former one as far as that is certain. */
bool replay_is_certain(const struct store_state *log, const struct cursor *c);
/* An epoch that neither LOG nor any that it goes on from has had: of cursors that are another
 * server's. */
uint32_t replay_unknown_epoch(const struct store_state *log);

/* What a worker reads from. */
struct replay {
    struct store_reader *store;
    struct topic_table *topics;
    struct feed_table *feeds;
    struct tail *tail;
    const struct store_state *log; /* epoch and former epochs */
    uint64_t head;                 /* the last offset that this worker has handled */
    uint64_t looked; /* records, index entries, messages and topics looked at so far, and payload */
};

/* A subscriber's place: everything of its feed up to `offset` has been dealt with. */
struct position {
    uint64_t offset;
    /* What is known to be lost, told or never asked for (broker/topic.h, "Losses"): */
    uint64_t evicted;      /* evictions up to here */
    uint64_t floor_serial; /* removals up to this serial; UINT64_MAX = none yet */
};

/* GAP_LAGGED, not a loss, but a limit (lag.h), and GAP_DENIED, a right that was lost: nothing here
 * finds them. */
enum gap_reason {
    GAP_NONE,
    GAP_EPOCH,
    GAP_AHEAD,
    GAP_TRIMMED,
    GAP_LAGGED,
    GAP_DAMAGED,
    GAP_DENIED
};

struct gap {
    enum gap_reason reason;
    struct cursor requested;
    uint64_t resumed; /* delivery goes on after this offset of the current epoch */
};

/* "epoch", "ahead", "trimmed", "lagged", "damaged", "denied". */
const char *gap_reason_name(enum gap_reason r);

/* Turns A into a place for feed F. HUB_HEAD is the last offset of the whole hub: a cursor between
 * this worker's head and it is valid, the worker will get there. *RET_GAP says what was lost
 * (reason GAP_NONE: nothing). ERR_LIMIT: `-N` above REPLAY_LAST_MAX; ERR_NOMEM and the store's
 * errors. */
MUST_CHECK enum err replay_start(struct replay *r, struct feed *f, const struct after *a,
                                 uint64_t hub_head, struct position *ret, struct gap *ret_gap);

/* How far an `after=-N` has been counted. All zero = not begun. */
struct replay_count {
    bool begun;
    uint64_t left;  /* messages of N */
    uint64_t until; /* those above have been looked at */
    uint64_t place; /* behind which what was counted so far begins */
};

/* Counts N messages of F backwards from the head, a bounded piece in each call: ERR_AGAIN until it
 * is done. Then C->place is where to start (AFTER_PLACE). ERR_LIMIT, ERR_NOMEM and the store's
 * errors. */
MUST_CHECK enum err replay_count_back(struct replay *r, struct feed *f, uint64_t n,
                                      struct replay_count *c);

/* One message for the subscriber. SHARED: made by message_create, so its encodings are shared;
 * otherwise a view that is valid during the call only. Return false to stop before M. */
typedef bool replay_visit(void *ctx, struct message *m, bool shared);

/* Visits the messages of F after P, up to UNTIL (at most the worker's head), in offset order, and
 * moves P behind the last one dealt with; a bounded amount of searching for each call, so that P
 * may move without a visit. When something was lost, *RET_GAP says so, P is as if it had been told,
 * and nothing was visited: best call again at once, before the tail moves on and more is lost. A
 * record that cannot be read is a gap of its own (GAP_DAMAGED), and P is behind it then.
 * ERR_AGAIN: messages disappeared meanwhile; forget what was visited in this call (P has not moved)
 * and call again. ERR_NOMEM and the store's errors. */
MUST_CHECK enum err replay_next(struct replay *r, struct feed *f, struct position *p,
                                uint64_t until, replay_visit *visit, void *ctx,
                                struct gap *ret_gap);

/* What one call of replay_next did: for others of the same feed, who can have the same messages
 * without reading them. */
struct replay_span {
    uint64_t from, to;              /* everything of the feed in (from, to] was visited */
    uint64_t known;                 /* the evictions that the position knew */
    uint64_t evicted, floor_serial; /* and all that there were */
};

/* To be called with P just before replay_next, and again when it has moved P without a gap. */
void replay_span_begin(struct replay_span *span, const struct replay *r, const struct position *p);
void replay_span_end(struct replay_span *span, const struct position *p);
/* Whether P, which is in SPAN of its feed F, would now be given just what was visited behind it;
 * then P moves to the span's end. Otherwise P is to be read for as ever: it is elsewhere, or
 * something may have been lost since. */
bool replay_span_take(const struct replay_span *span, struct replay *r, struct feed *f,
                      struct position *p, uint64_t until);

/* Visits messages of F with offsets in (after, until], newest first, at most MAX; stops early when
 * the visitor says so, and at a record that cannot be read, which *RET_GAP tells then. For admin
 * reads (XREVRANGE). */
MUST_CHECK enum err replay_reverse(struct replay *r, struct feed *f, uint64_t after, uint64_t until,
                                   size_t max, replay_visit *visit, void *ctx, struct gap *ret_gap);

#endif
