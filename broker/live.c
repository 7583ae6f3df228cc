#include "broker/live.h"

#include <stdlib.h>
#include <string.h>

enum { SHRINK_FROM = 16 }; /* places: less is not worth giving back */

/* A quarter more, so that the room that nobody uses stays small. */
static uint32_t grown(uint32_t cap)
{
    return cap + cap / 4 + 3;
}

static enum err resize(struct live_set *s, uint32_t cap)
{
    struct live *old = s->members == &s->only ? NULL : s->members;
    struct live *members = realloc(old, cap * sizeof(*members));
    if (!members)
        return ERR_NOMEM;
    if (!old)
        members[0] = s->only;
    s->members = members;
    s->cap = cap;
    return ERR_OK;
}

enum err live_reserve(struct live_set *s)
{
    if (s->count < s->cap)
        return ERR_OK;
    if (s->cap)
        return resize(s, grown(s->cap));
    s->members = &s->only;
    s->cap = 1;
    return ERR_OK;
}

static void push(struct live_set *s, const struct live *l)
{
    s->members[s->count++] = *l;
    l->sub->at = s->count;
}

enum err live_add(struct live_set *s, struct subscriber *sub, const struct receiver_ops *kind,
                  int32_t handle)
{
    enum err e = live_reserve(s);
    if (e != ERR_OK)
        return e;
    s->kind = kind;
    push(s, &(struct live){.sub = sub, .handle = handle, .look = handle < 0});
    return ERR_OK;
}

/* Gives back what has not been used for long: after all have left, or half of them. */
static void shrink(struct live_set *s)
{
    if (s->count == 0)
        live_finish(s);
    else if (s->cap >= SHRINK_FROM && s->count <= s->cap / 2)
        (void)!resize(s, grown(s->count)); /* too much room is no error */
}

void live_remove(struct live_set *s, struct subscriber *sub)
{
    struct live *hole = live_entry(s, sub), *last;
    sub->at = 0;
    if (s->walked) {
        *hole = (struct live){.look = true};
        s->holes++;
        return;
    }
    last = &s->members[--s->count];
    if (last != hole) {
        *hole = *last;
        hole->sub->at = (uint32_t)(hole - s->members) + 1;
    }
    shrink(s);
}

void live_move(struct live_set *from, struct live_set *to, struct subscriber *sub)
{
    struct live l = *live_entry(from, sub);
    live_remove(from, sub);
    if (to->cap == 0)
        (void)!live_reserve(to); /* the first place, which is always there */
    to->kind = from->kind;
    push(to, &l);
}

void live_finish(struct live_set *s)
{
    if (s->members != &s->only)
        free(s->members);
    s->members = NULL;
    s->count = s->cap = 0;
}

uint32_t live_walk(struct live_set *s)
{
    s->walked = true;
    return s->count;
}

/* Closes the holes, in order. */
static void compact(struct live_set *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->members[i].sub)
            continue;
        s->members[count++] = s->members[i];
        s->members[count - 1].sub->at = count;
    }
    s->count = count;
    s->holes = 0;
}

void live_walk_end(struct live_set *s)
{
    s->walked = false;
    if (!s->holes)
        return;
    compact(s);
    shrink(s);
}
