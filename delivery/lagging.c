#include "delivery/lagging.h"

#include <stdlib.h>

#include "delivery/worker.h"
#include "net/conn.h"
#include "utlist.h"

/* What the cuts from number FIRST up to number END hold. */
static struct feed_total total_of(const struct worker *w, size_t first, size_t end)
{
    uint64_t before = first ? w->cuts[first - 1].payload : 0;
    if (first >= end)
        return (struct feed_total){0};
    return (struct feed_total){end - first, w->cuts[end - 1].payload - before};
}

/* What this turn has brought F above OFFSET. */
static struct feed_total left_over(const struct worker *w, const struct feed *f, uint64_t offset)
{
    if (!f->hits)
        return (struct feed_total){0};
    if (offset < f->hits->message->offset)
        return (struct feed_total){f->total.messages - f->total_before.messages,
                                   f->total.bytes - f->total_before.bytes};
    return total_of(w, worker_cut_behind(w, offset), w->cut_count);
}

static struct feed_total less(struct feed_total a, struct feed_total b)
{
    return (struct feed_total){a.messages - b.messages, a.bytes - b.bytes};
}

struct lagging *lagging_begin(struct conn *c, const struct subscriber *sub, uint64_t offset)
{
    struct worker *w = worker_of(c);
    struct lagging *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->conn = c;
    l->sub = sub;
    l->since_ms = w->loop.now_ms;
    l->at = less(sub->feed->total, left_over(w, sub->feed, offset));
    DL_APPEND(w->laggards, l);
    return l;
}

void lagging_end(struct lagging *l)
{
    if (!l)
        return;
    DL_DELETE(worker_of(l->conn)->laggards, l);
    free(l);
}

void lagging_sent(struct lagging *l, size_t first, uint64_t offset)
{
    if (!l)
        return;
    const struct worker *w = worker_of(l->conn);
    struct feed_total sent = total_of(w, first, worker_cut_behind(w, offset));
    struct feed_total left = less(l->sub->feed->total, l->at);
    /* After a gap some of it is not counted any more. */
    l->at.messages += sent.messages < left.messages ? sent.messages : left.messages;
    l->at.bytes += sent.bytes < left.bytes ? sent.bytes : left.bytes;
}

void lagging_restart(struct lagging *l)
{
    if (l)
        l->at = l->sub->feed->total;
}

void lagging_figures(const struct lagging *l, struct lag_figures *ret)
{
    *ret = (struct lag_figures){0};
    if (!l)
        return;
    struct feed_total lacks = less(l->sub->feed->total, l->at);
    *ret = (struct lag_figures){lacks.messages, lacks.bytes, l->conn->loop->now_ms - l->since_ms};
}

void lagging_keep(struct lagging *l, const struct lag_figures *figures)
{
    struct feed_total lacks = {figures->messages, figures->bytes};
    if (l)
        l->at = less(l->sub->feed->total, lacks);
}

static const struct lag_limits *limits_of(const struct lagging *l)
{
    const struct worker *w = worker_of(l->conn);
    return lag_rules_of(&w->settings->lag, w->settings_serial, l->sub->feed);
}

static bool is_beyond(const struct lagging *l)
{
    struct lag_figures figures;
    lagging_figures(l, &figures);
    return lag_exceeds(&figures, limits_of(l));
}

bool lagging_must_skip(const struct lagging *l)
{
    return l && l->exceeded && is_beyond(l) && limits_of(l)->policy == LAG_SKIP;
}

static void look_at(struct worker *w, struct lagging *l)
{
    static const enum counter counters[] = {
        [LAG_REPLAY] = COUNTER_lag_limit_replays,
        [LAG_SKIP] = COUNTER_lag_limit_skips,
        [LAG_CLOSE] = COUNTER_lag_limit_closes,
    };
    struct conn *c = l->conn;
    if (conn_state(c) == CONN_CLOSED || !is_beyond(l))
        return;
    enum lag_policy policy = limits_of(l)->policy;
    if (!l->exceeded)
        counter_add(&w->loop.counters, counters[policy], 1);
    l->exceeded = true;
    if (policy == LAG_CLOSE)
        conn_close(c, CLOSE_LAG);
}

void lagging_check(struct worker *w)
{
    struct lagging *l, *next;
    if (w->loop.now_ms < w->lag_check_ms || !w->settings->lag.any)
        return;
    w->lag_check_ms = w->loop.now_ms + LAGGING_CHECK_MS;
    DL_FOREACH_SAFE (w->laggards, l, next) {
        look_at(w, l);
    }
}

uint64_t lagging_wait_ms(const struct worker *w)
{
    if (!w->laggards || !w->settings->lag.any)
        return UINT64_MAX;
    return w->lag_check_ms > w->loop.now_ms ? w->lag_check_ms - w->loop.now_ms : 0;
}
