#include "net/backlog.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

void backlog_finish(struct backlog *b)
{
    for (unsigned i = 0; i < BACKLOG_RINGS; i++)
        free(b->rings[i].conns);
    memset(b, 0, sizeof(*b));
}

/* Twice as large, with the first one at its beginning. */
static enum err grow(struct backlog_ring *r)
{
    size_t cap = r->cap ? r->cap * 2 : FIRST_CAP;
    struct conn **conns = malloc(cap * sizeof(struct conn *));
    if (!conns)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->count; i++)
        conns[i] = r->conns[(r->first + i) % r->cap];
    free(r->conns);
    r->conns = conns;
    r->first = 0;
    r->cap = cap;
    return ERR_OK;
}

enum err backlog_add(struct backlog *b, struct conn *c, unsigned ring)
{
    struct backlog_ring *r = &b->rings[ring];
    if (r->count == r->cap && grow(r) != ERR_OK)
        return ERR_NOMEM;
    r->conns[(r->first + r->count++) % r->cap] = c;
    return ERR_OK;
}

size_t backlog_count(const struct backlog *b)
{
    size_t count = 0;
    for (unsigned i = 0; i < BACKLOG_RINGS; i++)
        count += b->rings[i].count;
    return count;
}

void backlog_begin_turn(struct backlog *b, int64_t work)
{
    b->next = 0;
    for (unsigned i = 0; i < BACKLOG_RINGS; i++)
        b->rings[i].left = b->rings[i].left < 0 ? b->rings[i].left + work : work;
}

/* The first ring from I on that may give one; BACKLOG_RINGS when none may. */
static unsigned first_from(const struct backlog *b, unsigned i)
{
    while (i < BACKLOG_RINGS && (!b->rings[i].count || b->rings[i].left <= 0))
        i++;
    return i;
}

bool backlog_all_had_one(const struct backlog *b)
{
    return first_from(b, b->next) == BACKLOG_RINGS;
}

static unsigned choose(struct backlog *b)
{
    unsigned i = first_from(b, b->next);
    b->next = i < BACKLOG_RINGS ? i + 1 : i;
    if (i < BACKLOG_RINGS)
        return i;
    b->local_next = !b->local_next;
    i = first_from(b, b->local_next ? BACKLOG_LOCAL : BACKLOG_LIGHT);
    return i < BACKLOG_RINGS ? i : first_from(b, BACKLOG_LOCAL);
}

struct conn *backlog_take(struct backlog *b)
{
    unsigned i = choose(b);
    if (i == BACKLOG_RINGS)
        return NULL;
    b->last = i;
    struct backlog_ring *r = &b->rings[i];
    struct conn *c = r->conns[r->first];
    r->first = (r->first + 1) % r->cap;
    r->count--;
    return c;
}
