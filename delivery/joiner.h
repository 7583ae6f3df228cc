/*
 * Subscriptions on their way into a stream's set, and which of them brings a message that several
 * want.
 *
 * A joiner replays from a place of its own until it is where the set is; then its filter becomes
 * one of the set's. What it was asked to replay, messages up to `from`, it brings in any case. A
 * later one it brings unless that has been, or will be, brought by
 *
 *   - the set, if it wants it: no joiner is ever further on than the set, and when one becomes part
 *     of the set it has itself brought what others have still before them;
 *   - another joiner that has passed it;
 *   - what has been taken out since: a former set, or a joiner (struct brought).
 *
 * So each comes once, whatever joins and leaves meanwhile.
 */
#ifndef DELIVERY_JOINER_H
#define DELIVERY_JOINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/feed.h"
#include "broker/replay.h"

struct joiner {
    struct joiner *next, *prev; /* of the stream (utlist) */
    struct subscriber sub;      /* a feed of its one filter; never live */
    struct position position;
    uint64_t start; /* the offset behind which it began */
    uint64_t from;  /* where the set stood when it was made */
    struct gap gap; /* still to be told */
};

/* Messages in (after, until] that FEED wants were brought; it is held. */
struct brought {
    struct brought *next;
    struct feed *feed;
    uint64_t after, until;
};

/* How many of these are kept of a stream; the oldest are forgotten then, and what they brought may
 * come again. */
enum { BROUGHT_MAX = 256 };

/* Of one stream; embedded there, all zero = empty. */
struct joiners {
    struct joiner *list;     /* subscriptions that replay on their own before they join */
    struct brought *brought; /* by what left the set while they did */
};

/* Gives back all that J, a joiner of WHO which is in no list, has. */
void joiner_free(struct joiner *j, struct feed_table *feeds, void *who);
/* The one that is least far; NULL when there is none. */
struct joiner *joiner_furthest_back(const struct joiners *all);
/* How many besides one of ALL and the set may bring a message: what joiner_leaves looks at. */
size_t joiner_others(const struct joiners *all);
/* Whether J, one of ALL, leaves M to others, of which SET is one. */
bool joiner_leaves(const struct joiners *all, const struct joiner *j, const struct feed *set,
                   struct feed_table *feeds, const struct message *m);
/* Notes what a feed brought that is about to leave the stream, if there are joiners to which it
 * matters. ERR_NOMEM: then what it brought may come again. */
MUST_CHECK enum err joiner_note_brought(struct joiners *all, struct feed_table *feeds,
                                        struct feed *f, uint64_t after, uint64_t until);
/* Forgets what no joiner has before it any more. */
void joiner_forget_brought(struct joiners *all, struct feed_table *feeds);

#endif
