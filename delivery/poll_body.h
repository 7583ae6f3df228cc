/*
 * The answer of a long-poll, of `HUB READ` and of `HUB EXPORT`: a pure function of cursor and topic
 * set.
 *
 *     {"cursor":"1045-3824910012","messages":[envelope, ...],"gap":{...},"live":true}
 *
 * `gap` only when something was lost, `live` only when the head is reached.
 */
#ifndef DELIVERY_POLL_BODY_H
#define DELIVERY_POLL_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "broker/replay.h"
#include "delivery/worker.h"

enum {
    POLL_BODY_BYTES = 1 << 20,          /* a body ends with the message that reaches this size */
    POLL_BODY_PACKED_BYTES = 256 << 10, /* and one that is packed, with that which reaches so many
                                           bytes of payload */
    POLL_BODY_ROOM = 1024, /* before a body, for the head of the answer: it is not copied then */
};

/* All zero = empty. */
struct poll_body {
    struct buf buf; /* owned */
    size_t at;      /* where the body begins in it */
    size_t count;   /* messages */
    bool live;      /* it reaches to the head */
    bool gzip;      /* it is a gzip stream */
};

/* Reads messages of F after P, at most LIMIT, and makes a body of them, packed if that is the
 * encoding of F; P moves to the cursor that the body names. GAP is what replay_start found, and
 * becomes what is told. ERR_NOMEM and the store's errors. */
MUST_CHECK enum err poll_body_read(struct worker *w, struct feed *f, struct position *p,
                                   struct gap *gap, uint32_t limit, struct poll_body *ret);
/* The same for `HUB EXPORT`, from REPLAY with F in its own table: envelopes as stored, up to UNTIL
 * (at most the worker's head), with "end" instead of "live" when that is reached. */
MUST_CHECK enum err poll_body_export(struct worker *w, struct replay *replay, struct feed *f,
                                     struct position *p, struct gap *gap, uint32_t limit,
                                     uint64_t until, struct poll_body *ret);
/* The body for COUNT envelopes that are put together in DATA (one behind the other, CUTS), with
 * CURSOR at OFFSET, at the head. */
void poll_body_append(struct worker *w, const char *data, const struct cut *cuts, size_t count,
                      uint64_t offset, struct poll_body *ret);
/* The same for N bytes of messages that are packed. ERR_NOMEM. */
MUST_CHECK enum err poll_body_pack(const struct worker *w, const char *data, size_t n,
                                   uint64_t offset, struct poll_body *ret);
/* {"requested":"...","resumed":"...","reason":"..."} */
void poll_body_gap(const struct worker *w, const struct gap *gap, struct buf *out);

#endif
