#include "frontends/joiner.h"

#include <stdlib.h>

#include "frontends/stream.h"
#include "utlist.h"

void joiner_free(struct joiner *j, struct worker *w)
{
    feed_leave(&j->sub, w->feeds);
    free(j);
}

struct joiner *joiner_furthest_back(const struct stream *s)
{
    struct joiner *back = s->joiners, *j;
    DL_FOREACH (s->joiners, j) {
        if (j->position.offset < back->position.offset)
            back = j;
    }
    return back;
}

static bool wants(const struct stream *s, const struct feed *f, const struct message *m)
{
    return feed_wants(s->conn->worker->feeds, f, m->topic);
}

static bool another_has_passed(const struct stream *s, const struct joiner *j,
                               const struct message *m)
{
    const struct joiner *other;
    DL_FOREACH (s->joiners, other) {
        if (other != j && m->offset > other->start && m->offset <= other->position.offset &&
            wants(s, other->sub.feed, m))
            return true;
    }
    return false;
}

static bool has_been_brought(const struct stream *s, const struct message *m)
{
    const struct brought *b;
    LL_FOREACH (s->brought, b) {
        if (m->offset > b->after && m->offset <= b->until && wants(s, b->feed, m))
            return true;
    }
    return false;
}

size_t joiner_others(const struct stream *s)
{
    const struct brought *b;
    size_t brought;
    LL_COUNT(s->brought, b, brought);
    return s->joiner_count - 1 + brought;
}

bool joiner_leaves(const struct stream *s, const struct joiner *j, const struct message *m)
{
    return m->offset > j->from && (wants(s, s->receiver.sub.feed, m) ||
                                   another_has_passed(s, j, m) || has_been_brought(s, m));
}

/* --- what has been taken out --- */

static void forget(struct stream *s, struct brought *b)
{
    LL_DELETE(s->brought, b);
    feed_release(b->feed, s->conn->worker->feeds);
    free(b);
}

void joiner_forget_brought(struct stream *s)
{
    const struct joiner *back = s->brought ? joiner_furthest_back(s) : NULL;
    struct brought *b, *next;
    LL_FOREACH_SAFE (s->brought, b, next) {
        if (!back || b->until <= back->position.offset)
            forget(s, b);
    }
}

void joiner_note_brought(struct stream *s, struct feed *f, uint64_t after, uint64_t until)
{
    const struct brought *other;
    struct brought *b;
    int count;
    joiner_forget_brought(s);
    const struct joiner *back = joiner_furthest_back(s);
    if (!back || back->position.offset >= until)
        return;
    LL_COUNT(s->brought, other, count);
    if (count >= BROUGHT_MAX)
        forget(s, s->brought);
    b = malloc(sizeof(*b));
    if (!b) {
        conn_close(s->conn, CLOSE_NOMEM);
        return;
    }
    feed_hold(f);
    *b = (struct brought){.feed = f, .after = after, .until = until};
    LL_APPEND(s->brought, b);
}
