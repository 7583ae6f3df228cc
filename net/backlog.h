/*
 * The connections of a worker that wait for a slice of work (budget.h): in the order in which they
 * are to go on. Nothing more is read from them until then.
 *
 * They stand in rings. The local socket's connections have one of their own; the others are in one
 * by how much they have asked for of late, so that whoever wants a little more than the least is
 * not behind all who never have enough. In a turn each ring gives one; what is left of the turn is
 * for the first that is not empty, the local socket's at every other time. So however many
 * strangers wait, the local socket's next one is second, and those who ask for the most are never
 * without a share. Nor do they ever have more than that: a piece of work that took more than a
 * ring's share of a turn is paid for by its ring in the next ones.
 */
#ifndef NET_BACKLOG_H
#define NET_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct conn;

enum {
    BACKLOG_LOCAL, /* of the local socket */
    BACKLOG_LIGHT, /* others: those whom a turn had no room for, though they asked for little */
    BACKLOG_FIRST, /* those who ask for more, for the first time */
    BACKLOG_LAST = BACKLOG_FIRST + 2, /* and those who always want more */
    BACKLOG_ENDING,                   /* those who have had their last answer, and send on */
    BACKLOG_RINGS,
};

struct backlog_ring {
    struct conn **conns; /* owned */
    size_t first, count, cap;
    int64_t left; /* work that it may still have; negative: what it has had too much */
};

/* All zero = empty. Borrows the connections. */
struct backlog {
    struct backlog_ring rings[BACKLOG_RINGS];
    unsigned next; /* the ring that has not given one in this turn, BACKLOG_RINGS when all have */
    unsigned last; /* the ring that gave one last */
    bool local_next;
};

void backlog_finish(struct backlog *b);
/* Behind the others of its ring. ERR_NOMEM. */
MUST_CHECK enum err backlog_add(struct backlog *b, struct conn *c, unsigned ring);
/* A turn begins, in which each ring may have so much WORK. */
void backlog_begin_turn(struct backlog *b, int64_t work);
/* What the one that was taken last needed. */
static inline void backlog_charge(struct backlog *b, uint64_t work)
{
    b->rings[b->last].left -= (int64_t)work;
}
/* Whether every ring that may give one has given one in this turn. */
bool backlog_all_had_one(const struct backlog *b);
/* Takes the next one out; NULL: there is none, or none that may go on in this turn. */
struct conn *backlog_take(struct backlog *b);
size_t backlog_count(const struct backlog *b);

#endif
