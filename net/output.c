#include "net/output.h"

#include <stdlib.h>

#include "base/blob.h"
#include "net/peer_memory.h"

struct output *output_create(void)
{
    return calloc(1, sizeof(struct output));
}

static void drop_rest(struct output *o, struct peer_memory *m)
{
    if (!o->rest)
        return;
    peer_memory_unpin(m, o->rest);
    blob_unref(o->rest);
    o->rest = NULL;
}

void output_destroy(struct output *o, struct peer_memory *m)
{
    if (!o)
        return;
    drop_rest(o, m);
    buf_finish(&o->replies);
    free(o);
}

void output_keep_rest(struct output *o, struct peer_memory *m, struct blob *b, uint32_t at,
                      uint32_t end)
{
    o->rest = blob_ref(b);
    o->rest_at = at;
    o->rest_end = end;
    peer_memory_pin(m, b);
}

void output_give(struct output *o, struct buf *b, size_t at)
{
    if (o->replies.len == 0 && !b->failed) {
        buf_finish(&o->replies);
        o->replies = *b;
        o->replied = at;
        buf_init(b);
        return;
    }
    buf_append(&o->replies, b->data + at, b->len - at);
    buf_finish(b);
}

const char *output_next(const struct output *o, size_t *ret_len)
{
    *ret_len = o->rest ? o->rest_end - o->rest_at : output_replies(o);
    return o->rest ? o->rest->data + o->rest_at : o->replies.data + o->replied;
}

/* Moves what is left only when it is less than what goes, so that a large reply is not copied with
 * every write, and a peer that never quite catches up does not make the buffer grow. */
static void drop_replied(struct output *o)
{
    if (o->replied == o->replies.len)
        buf_finish(&o->replies);
    else if (o->replied >= o->replies.len / 2)
        buf_consume(&o->replies, o->replied);
    else
        return;
    o->replied = 0;
}

void output_wrote(struct output *o, struct peer_memory *m, size_t n)
{
    if (!o->rest) {
        o->replied += n;
        drop_replied(o);
        return;
    }
    o->rest_at += (uint32_t)n;
    if (o->rest_at == o->rest_end)
        drop_rest(o, m);
}

bool output_is_empty(const struct output *o)
{
    return !o->rest && o->replied == o->replies.len;
}

size_t output_replies(const struct output *o)
{
    return o ? o->replies.len - o->replied : 0;
}

size_t output_unsent(const struct output *o)
{
    return output_replies(o) + (o && o->rest ? o->rest_end - o->rest_at : 0);
}

size_t output_held(const struct output *o)
{
    return o ? o->replies.cap : 0;
}
