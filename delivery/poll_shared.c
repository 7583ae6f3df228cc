#include "delivery/poll_shared.h"

struct blob *poll_shared_live(const struct poll_shared *s, const struct feed *f, uint64_t head)
{
    return s->feed == f && s->limit == 0 && s->head == head ? s->answer : NULL;
}

struct blob *poll_shared_read(const struct poll_shared *s, struct replay *r, struct feed *f,
                              const struct position *p, uint32_t limit)
{
    struct position at = *p;
    if (s->feed != f || s->limit != limit || s->head != r->head || s->span.from != p->offset)
        return NULL;
    return replay_span_take(&s->span, r, f, &at, r->head) ? s->answer : NULL;
}

static void keep(struct poll_shared *s, struct feed_table *t, struct feed *f, uint64_t head,
                 struct blob *answer)
{
    feed_hold(f);
    poll_shared_drop(s, t);
    s->feed = f;
    s->head = head;
    s->answer = answer;
}

void poll_shared_keep_live(struct poll_shared *s, struct feed_table *t, struct feed *f,
                           uint64_t head, struct blob *answer)
{
    keep(s, t, f, head, answer);
}

void poll_shared_keep_read(struct poll_shared *s, struct replay *r, struct feed *f,
                           const struct replay_span *span, uint32_t limit, struct blob *answer)
{
    keep(s, r->feeds, f, r->head, answer);
    s->limit = limit;
    s->span = *span;
}

void poll_shared_drop(struct poll_shared *s, struct feed_table *t)
{
    if (!s->feed)
        return;
    feed_release(s->feed, t);
    blob_unref(s->answer);
    *s = (struct poll_shared){0};
}
