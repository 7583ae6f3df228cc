#include "broker/live.h"

#include <stdlib.h>

enum {
    SHRINK_FROM = 16, /* places of the only block: less is not worth giving back */
    SPARE = LIVE_BLOCK + LIVE_BLOCK / 2 /* places that several blocks keep for who may come */
};

/* A quarter more, so that the room that nobody uses stays small. */
static uint32_t grown(uint32_t cap)
{
    cap += cap / 4 + 3;
    return cap < LIVE_BLOCK ? cap : LIVE_BLOCK;
}

/* Of the only block. */
static enum err resize(struct live_set *s, uint32_t cap)
{
    struct live *old = s->first == &s->only ? NULL : s->first;
    struct live *block = realloc(old, cap * sizeof(*block));
    if (!block)
        return ERR_NOMEM;
    if (!old)
        block[0] = s->only;
    s->first = block;
    s->cap = cap;
    return ERR_OK;
}

static enum err add_block(struct live_set *s)
{
    uint32_t n = s->cap / LIVE_BLOCK;
    struct live **old = n == 1 ? NULL : s->blocks, **blocks = NULL;
    struct live *block = malloc(LIVE_BLOCK * sizeof(*block));
    if (block)
        blocks = realloc(old, (n + 1) * sizeof(struct live *));
    if (!blocks) {
        free(block);
        return ERR_NOMEM;
    }
    if (!old)
        blocks[0] = s->first;
    blocks[n] = block;
    s->blocks = blocks;
    s->cap += LIVE_BLOCK;
    return ERR_OK;
}

/* All but N of several, at least one. */
static void drop_blocks(struct live_set *s, uint32_t n)
{
    for (uint32_t i = n; i < s->cap / LIVE_BLOCK; i++)
        free(s->blocks[i]);
    s->cap = n * LIVE_BLOCK;
    if (n == 1) {
        s->first = s->blocks[0];
        free(s->blocks);
        s->blocks = &s->first;
        return;
    }
    struct live **blocks = realloc(s->blocks, n * sizeof(struct live *));
    if (blocks) /* too much room is no error */
        s->blocks = blocks;
}

enum err live_reserve(struct live_set *s)
{
    if (s->count < s->cap)
        return ERR_OK;
    if (s->cap >= LIVE_BLOCK)
        return add_block(s);
    if (s->cap)
        return resize(s, grown(s->cap));
    s->first = &s->only;
    s->blocks = &s->first;
    s->cap = 1;
    return ERR_OK;
}

static void push(struct live_set *s, const struct live *l)
{
    *live_at(s, s->count++) = *l;
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

/* Gives back what has not been used for long: after all have left, more than a block and a half, or
 * half of the only block. There stays room for one more. */
static void shrink(struct live_set *s)
{
    if (s->count == 0) {
        live_finish(s);
        return;
    }
    if (s->cap > LIVE_BLOCK && s->cap - s->count > SPARE)
        drop_blocks(s, s->count / LIVE_BLOCK + 1);
    if (s->cap <= LIVE_BLOCK && s->cap >= SHRINK_FROM && s->count <= s->cap / 2)
        (void)!resize(s, grown(s->count)); /* too much room is no error */
}

void live_remove(struct live_set *s, struct subscriber *sub)
{
    struct live *hole = live_entry(s, sub), *last;
    uint32_t at = sub->at;
    sub->at = 0;
    if (s->walked) {
        *hole = (struct live){.look = true};
        s->holes++;
        return;
    }
    last = live_at(s, --s->count);
    if (last != hole) {
        *hole = *last;
        hole->sub->at = at;
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
    if (s->cap > LIVE_BLOCK)
        drop_blocks(s, 1);
    if (s->first != &s->only)
        free(s->first);
    s->blocks = NULL;
    s->first = NULL;
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
        const struct live *l = live_at(s, i);
        if (!l->sub)
            continue;
        l->sub->at = count + 1;
        *live_at(s, count++) = *l;
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
