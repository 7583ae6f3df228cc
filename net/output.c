#include "net/output.h"

#include "base/blob.h"
#include "base/spare.h"
#include "net/peer_memory.h"

/* What replies have at first, which is enough for most: made once instead of doubled, and kept by
 * the thread, since those of one turn would leave holes between what connections keep. A size that
 * spare.h does not round. */
enum { REPLIES_BYTES = 504 };

struct output *output_create(void)
{
    return spare_take_zeroed(sizeof(struct output));
}

static void drop_replies(struct output *o)
{
    if (o->replies.cap != REPLIES_BYTES) {
        buf_finish(&o->replies);
        return;
    }
    spare_give(o->replies.data, REPLIES_BYTES);
    buf_init(&o->replies);
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
    drop_replies(o);
    spare_give(o, sizeof(*o));
}

void output_keep_rest(struct output *o, struct peer_memory *m, struct blob *b, uint32_t at,
                      uint32_t end)
{
    o->rest = blob_ref(b);
    o->rest_at = at;
    o->rest_end = end;
    peer_memory_pin(m, b);
}

struct buf *output_room(struct output *o)
{
    if (!o->replies.cap)
        o->replies.data = spare_take(REPLIES_BYTES);
    if (!o->replies.cap && o->replies.data)
        o->replies.cap = REPLIES_BYTES;
    return &o->replies;
}

void output_give(struct output *o, struct buf *b, size_t at)
{
    if (o->replies.len == 0 && !b->failed) {
        drop_replies(o);
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
        drop_replies(o);
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
