/*
 * Messages as entries of a stream, [id, [field, value, ...]], as XRANGE, XREVRANGE and XREAD reply
 * with them: put together before their number is known, and no more than a reply may have.
 */
#ifndef FRONTENDS_RESP_RESP_ENTRIES_H
#define FRONTENDS_RESP_RESP_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "delivery/scan.h"

struct resp;

/* What these commands say of a word that is wrong. */
extern const char resp_bad_topic[], resp_bad_count[];

/* Entries put together for a reply, whose number has to come before them. */
struct resp_entries {
    struct buf text;
    uint64_t count;
    uint64_t left; /* how many more are wanted */
    size_t before; /* bytes that the reply has already */
    size_t max;    /* bytes that it may have: resp_entries_max() */
    bool too_large;
};

/* What E holds may be everything; then nothing is added. */
bool resp_entries_full(const struct resp_entries *e);
/* A taker of messages (replay.h) for struct resp_entries. */
bool resp_entries_add(void *ctx, struct message *m, bool shared);
/* Adds the messages after P up to UNTIL (at most the head). Stops at a gap, which is the caller's
 * to tell. */
MUST_CHECK enum err resp_entries_read(struct scan *s, struct position *p, uint64_t until,
                                      struct resp_entries *e, struct gap *gap);
/* How many bytes a reply to R may have. */
size_t resp_entries_max(const struct resp *r);
/* Replies that they are more than that, or that there is GAP, which is counted. */
void resp_entries_too_large(struct resp *r);
void resp_entries_gap(struct resp *r, const struct gap *gap);

#endif
