#include "delivery/scan.h"

#include <string.h>

enum err scan_init(struct scan *s, struct worker *w)
{
    static const struct feed_watcher nobody;
    memset(s, 0, sizeof(*s));
    s->replay = w->replay;
    s->replay.feeds = feed_table_create(hub_topics(w->hub), &nobody);
    if (!s->replay.feeds)
        return ERR_NOMEM;
    feed_table_see_all(s->replay.feeds);
    return ERR_OK;
}

void scan_finish(struct scan *s)
{
    feed_leave(&s->sub, s->replay.feeds, NULL);
    feed_table_destroy(s->replay.feeds);
}

enum err scan_select(struct scan *s, const char *filter, size_t n)
{
    struct feed_spec spec;
    feed_spec_init(&spec, s->replay.feeds);
    enum err e = feed_spec_add(&spec, filter, n);
    if (e == ERR_OK)
        e = feed_join(&s->sub, &spec, NULL, 0, NULL);
    feed_spec_finish(&spec);
    return e;
}

struct feed *scan_feed(const struct scan *s)
{
    return s->sub.feed;
}

static bool stop_at_first(void *ctx, struct message *m, bool shared)
{
    (void)shared;
    *(uint64_t *)ctx = m->offset;
    return false;
}

enum err scan_first(struct scan *s, uint64_t after, uint64_t *ret)
{
    static const struct after earliest = {.kind = AFTER_EARLIEST};
    struct position p;
    struct gap gap;
    *ret = 0;
    enum err e = replay_start(&s->replay, s->sub.feed, &earliest, 0, &p, &gap);
    p.offset = after;
    while (e == ERR_OK && *ret == 0 && p.offset < s->replay.head) {
        e = replay_next(&s->replay, s->sub.feed, &p, s->replay.head, stop_at_first, ret, &gap);
        if (e == ERR_AGAIN) {
            *ret = 0;
            e = ERR_OK;
        }
    }
    return e;
}
