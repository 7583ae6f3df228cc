/*
 * The connections of a worker that have used up their slice of work (budget.h) and have input left:
 * in the order in which they are to go on. Nothing more is read from them until then.
 *
 * Those of the local socket and the others have a list each and take turns, so that however many
 * strangers wait, the local socket's next one is second.
 */
#ifndef FRONTENDS_BACKLOG_H
#define FRONTENDS_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct conn;

struct backlog_ring {
    struct conn **conns; /* owned */
    size_t first, count, cap;
};

/* All zero = empty. Borrows the connections. */
struct backlog {
    struct backlog_ring rings[2]; /* others; of the local socket */
    bool local_next;
};

void backlog_finish(struct backlog *b);
/* Behind the others of its kind. ERR_NOMEM. */
MUST_CHECK enum err backlog_add(struct backlog *b, struct conn *c, bool local);
/* Takes the next one out; NULL: there is none. */
struct conn *backlog_take(struct backlog *b);
static inline size_t backlog_count(const struct backlog *b)
{
    return b->rings[0].count + b->rings[1].count;
}

#endif
