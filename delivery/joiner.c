#include "delivery/joiner.h"

#include <stdlib.h>

#include "utlist.h"

void joiner_free(struct joiner *j, struct feed_table *feeds, void *who)
{
    feed_leave(&j->sub, feeds, who);
    free(j);
}

struct joiner *joiner_furthest_back(const struct joiners *all)
{
    struct joiner *back = all->list, *j;
    DL_FOREACH (all->list, j) {
        if (j->position.offset < back->position.offset)
            back = j;
    }
    return back;
}

static bool another_has_passed(const struct joiners *all, const struct joiner *j,
                               struct feed_table *feeds, const struct message *m)
{
    const struct joiner *other;
    DL_FOREACH (all->list, other) {
        if (other != j && m->offset > other->start && m->offset <= other->position.offset &&
            feed_wants(feeds, other->sub.feed, m->topic))
            return true;
    }
    return false;
}

static bool has_been_brought(const struct joiners *all, struct feed_table *feeds,
                             const struct message *m)
{
    const struct brought *b;
    LL_FOREACH (all->brought, b) {
        if (m->offset > b->after && m->offset <= b->until && feed_wants(feeds, b->feed, m->topic))
            return true;
    }
    return false;
}

size_t joiner_others(const struct joiners *all)
{
    const struct joiner *j;
    const struct brought *b;
    size_t joiners, brought;
    DL_COUNT(all->list, j, joiners);
    LL_COUNT(all->brought, b, brought);
    return joiners - 1 + brought;
}

bool joiner_leaves(const struct joiners *all, const struct joiner *j, const struct feed *set,
                   struct feed_table *feeds, const struct message *m)
{
    return m->offset > j->from &&
           (feed_wants(feeds, set, m->topic) || another_has_passed(all, j, feeds, m) ||
            has_been_brought(all, feeds, m));
}

/* --- what has been taken out --- */

static void forget(struct joiners *all, struct feed_table *feeds, struct brought *b)
{
    LL_DELETE(all->brought, b);
    feed_release(b->feed, feeds);
    free(b);
}

void joiner_forget_brought(struct joiners *all, struct feed_table *feeds)
{
    const struct joiner *back = all->brought ? joiner_furthest_back(all) : NULL;
    struct brought *b, *next;
    LL_FOREACH_SAFE (all->brought, b, next) {
        if (!back || b->until <= back->position.offset)
            forget(all, feeds, b);
    }
}

enum err joiner_note_brought(struct joiners *all, struct feed_table *feeds, struct feed *f,
                             uint64_t after, uint64_t until)
{
    const struct brought *other;
    struct brought *b;
    int count;
    joiner_forget_brought(all, feeds);
    const struct joiner *back = joiner_furthest_back(all);
    if (!back || back->position.offset >= until)
        return ERR_OK;
    LL_COUNT(all->brought, other, count);
    if (count >= BROUGHT_MAX)
        forget(all, feeds, all->brought);
    b = malloc(sizeof(*b));
    if (!b)
        return ERR_NOMEM;
    feed_hold(f);
    *b = (struct brought){.feed = f, .after = after, .until = until};
    LL_APPEND(all->brought, b);
    return ERR_OK;
}
