#include "http/h2/h2_stream.h"

#include <stdlib.h>

#include "utlist.h"

_Static_assert(sizeof(struct h2_stream) == 24, "an idle stream is to take as little as that");

static struct h2_block *block_of(struct h2_stream *s)
{
    char *first = (char *)(s - s->place);
    return (struct h2_block *)(first - offsetof(struct h2_block, streams));
}

static bool is_full(const struct h2_block *b)
{
    return b->used == UINT32_MAX;
}

static struct h2_block *block_with_room(struct h2_streams *t, struct h2 *h)
{
    struct h2_block *b = t->blocks;
    if (b && !is_full(b))
        return b;
    b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->session = h;
    DL_PREPEND(t->blocks, b);
    return b;
}

struct h2_stream *h2_streams_add(struct h2_streams *t, struct h2 *h)
{
    struct h2_block *b = block_with_room(t, h);
    if (!b)
        return NULL;
    unsigned place = (unsigned)__builtin_ctz(~b->used);
    b->used |= UINT32_C(1) << place;
    if (is_full(b)) {
        DL_DELETE(t->blocks, b);
        DL_APPEND(t->blocks, b);
    }
    t->count++;
    b->streams[place] = (struct h2_stream){.place = (uint8_t)place};
    return &b->streams[place];
}

void h2_streams_remove(struct h2_streams *t, struct h2_stream *s)
{
    struct h2_block *b = block_of(s);
    h2_stream_drop_unread(s);
    if (t) {
        DL_DELETE(t->blocks, b);
        DL_PREPEND(t->blocks, b);
        t->count--;
    }
    b->used &= ~(UINT32_C(1) << s->place);
    if (b->used)
        return;
    if (t)
        DL_DELETE(t->blocks, b);
    free(b);
}

void h2_streams_abandon(struct h2_streams *t)
{
    struct h2_block *b, *next;
    DL_FOREACH_SAFE (t->blocks, b, next) {
        DL_DELETE(t->blocks, b);
        b->session = NULL;
    }
    t->count = 0;
}

/* The first one of B at PLACE or behind it. */
static struct h2_stream *from(struct h2_block *b, unsigned place)
{
    uint32_t left = place < H2_BLOCK_STREAMS ? b->used >> place << place : 0;
    return left ? &b->streams[__builtin_ctz(left)] : NULL;
}

struct h2_stream *h2_streams_next(const struct h2_streams *t, const struct h2_stream *before)
{
    struct h2_block *b = before ? block_of((struct h2_stream *)(uintptr_t)before) : t->blocks;
    struct h2_stream *s = b ? from(b, before ? before->place + 1U : 0) : NULL;
    while (!s && b && (b = b->next))
        s = from(b, 0);
    return s;
}

size_t h2_stream_drop_unread(struct h2_stream *s)
{
    struct buf *unread = h2_stream_unread(s);
    if (!unread)
        return 0;
    size_t n = unread->len;
    buf_finish(unread);
    free(unread);
    s->unread = NULL;
    return n;
}
