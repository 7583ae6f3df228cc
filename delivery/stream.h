/*
 * A stream: messages to one connection, in offset order, without a gap that is not told.
 *
 * Event streams, WebSockets and RESP subscriptions are streams; they differ in the encoding and in
 * how they tell a gap and being caught up. A stream is a cursor, not a queue: live (at its worker's
 * head, gets each parcel at once), or behind (its own position, moved on by a slice each turn from
 * tail or log), or behind and blocked (its socket is full; waits for drained()). One that cannot
 * get the memory for a position when it falls behind is closed (CLOSE_NOMEM).
 *
 *   start --> BEHIND <--> BLOCKED
 *               | ^          ^
 *    at head    v |          |
 *              LIVE ---------+ socket full
 */
#ifndef DELIVERY_STREAM_H
#define DELIVERY_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/cursor.h"
#include "broker/feed.h"
#include "broker/replay.h"
#include "delivery/joiner.h"
#include "delivery/places.h"
#include "delivery/worker.h"
#include "net/conn.h"

struct stream;
struct catchup;

struct stream_ops {
    const struct transport *transport;
    /* Writes what comes before everything else (response head, hello block); the stream starts
     * after OFFSET. */
    void (*started)(struct stream *s, uint64_t offset);
    /* Writes one message for this stream alone; NULL = the feed's shared encoding is used. */
    void (*encode)(struct stream *s, struct message *m, struct buf *out);
    /* Tells a gap (conn_out); false = the connection was closed because of it. FILTER (N bytes) as
     * in live(). */
    bool (*gap)(struct stream *s, const struct gap *g, const char *filter, size_t n);
    /* Tells that replay has reached the head at OFFSET; FILTER (N bytes) is the topic of a
     * subscription that joined, NULL for the stream as a whole. */
    void (*live)(struct stream *s, uint64_t offset, const char *filter, size_t n);
    /* It is current again (stream_is_current), each time. NULL: of no interest. */
    void (*caught_up)(struct stream *s);
    /* live() is told of every subscription that has joined the set, at the place of the set; also
     * while the set is itself behind, for which others are told once, without FILTER. */
    bool names_joined;
};

enum stream_state { STREAM_OFF, STREAM_LIVE, STREAM_BEHIND, STREAM_BLOCKED };

struct stream {
    struct subscriber sub; /* first */
    uint32_t joiner_count : 28;
    enum stream_state state : 3;
    bool told_live : 1;
    struct conn *conn;
    const struct stream_ops *ops;
    struct joiners joiners;  /* subscriptions on their way into its set */
    struct catchup *catchup; /* unless it is LIVE or OFF, and while there are joiners */
};

/* In place, subscribed to nothing. */
void stream_init(struct stream *s, struct conn *c, const struct stream_ops *ops);
/* Leaves everything. */
void stream_finish(struct stream *s);
/* Subscribes to the set and starts after AFTER: tells a gap if there is one, then replays, tells
 * `live`, and follows. On errors nothing was written. ERR_LIMIT (`-N` too large), ERR_NOMEM, or the
 * store's errors; then the stream is OFF. */
MUST_CHECK enum err stream_start(struct stream *s, const struct feed_spec *spec,
                                 const struct encoding *encoding, const struct after *after);
/* Changes the set from now on, keeping the place; the first set of an OFF stream starts at the head
 * without telling `live`. ERR_NOMEM: nothing changed. */
MUST_CHECK enum err stream_change(struct stream *s, const struct feed_spec *spec,
                                  const struct encoding *encoding);
/* Adds one topic or pattern: it replays after AFTER on its own and then joins the set. *RET_OFFSET
 * is where it starts; a gap and the messages follow at the end of the turn. ERR_LIMIT, ERR_NOMEM
 * and the store's errors: nothing changed. */
MUST_CHECK enum err stream_join(struct stream *s, const char *filter, size_t n,
                                const struct encoding *encoding, const struct after *after,
                                uint64_t *ret_offset);
/* After stream_join, when what its caller tells of it is written: what has nothing to replay joins
 * the set now instead of at the end of the turn, so that many of them do not wait for each other.
 */
void stream_settle(struct stream *s);
/* Takes one out again, joined or not. ERR_NOT_FOUND, ERR_NOMEM. */
MUST_CHECK enum err stream_part(struct stream *s, const char *filter, size_t n);
/* One change of the set: what leaves it, and what joins it, each at a place of its own. */
struct stream_edit {
    const struct places *part; /* what is not there is passed over */
    const struct places *join;
    const struct encoding *encoding; /* of those that join, until they have */
    bool *ret_parted;                /* for each of `part`: whether it was there */
    uint64_t *ret_offsets;           /* for each of `join`: where it starts */
};
/* First takes out and then adds, as stream_part and stream_join do: all of it, or nothing.
 * ERR_LIMIT
 * (`-N` too large), ERR_NOMEM and the store's errors: nothing changed. */
MUST_CHECK enum err stream_edit(struct stream *s, const struct stream_edit *edit);
/* How many topics and patterns the stream would have after EDIT. */
uint32_t stream_filters_after(const struct stream *s, const struct stream_edit *edit);
/* The topics and patterns on their way into the set, one after the other: AFTER is NULL for the
 * first, and NULL is returned behind the last. */
const struct joiner *stream_next_joiner(const struct stream *s, const struct joiner *after,
                                        const char **ret_filter, size_t *ret_len);
/* Topics and patterns that the stream has or is about to have. */
uint32_t stream_filters(const struct stream *s);
/* The protocol's drained() calls this, */
void stream_drained(struct stream *s);
/* and its busy() this: the next parcel is not written past the stream. */
void stream_busy(struct stream *s);
/* Everything that the worker has handled was handed to the socket; also when there is no set. */
bool stream_is_current(const struct stream *s);
/* The offset up to which everything was handed to the socket. */
uint64_t stream_offset(const struct stream *s);
/* About how many bytes its subscriptions take. */
size_t stream_held(const struct stream *s);
void stream_describe(const struct stream *s, struct description *d);

/* For the worker: moves the streams BEHIND on by one slice each, as many as there is time for in
 * one turn; true when some are left that can go on at once. */
bool stream_run_lagging(struct worker *w);

#endif
