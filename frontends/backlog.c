#include "frontends/backlog.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

void backlog_finish(struct backlog *b)
{
    free(b->rings[0].conns);
    free(b->rings[1].conns);
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
    *r = (struct backlog_ring){.conns = conns, .count = r->count, .cap = cap};
    return ERR_OK;
}

enum err backlog_add(struct backlog *b, struct conn *c, bool local)
{
    struct backlog_ring *r = &b->rings[local];
    if (r->count == r->cap && grow(r) != ERR_OK)
        return ERR_NOMEM;
    r->conns[(r->first + r->count++) % r->cap] = c;
    return ERR_OK;
}

struct conn *backlog_take(struct backlog *b)
{
    b->local_next = !b->local_next;
    struct backlog_ring *r = &b->rings[b->local_next];
    if (!r->count)
        r = &b->rings[!b->local_next];
    if (!r->count)
        return NULL;
    struct conn *c = r->conns[r->first];
    r->first = (r->first + 1) % r->cap;
    r->count--;
    return c;
}
