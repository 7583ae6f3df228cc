#include "delivery/worker.h"

#include <stdlib.h>

enum {
    /* Publishes of a turn that weigh more are handed over before its end. */
    PUBLISH_BYTES = 1 << 20,
};

/* --- bytes put together --- */

enum err worker_add_cut(struct worker *w, size_t end, const struct message *m)
{
    if (w->cut_count == w->cut_cap) {
        size_t cap = w->cut_cap ? w->cut_cap * 2 : 256;
        struct cut *cuts = realloc(w->cuts, cap * sizeof(*cuts));
        if (!cuts)
            return ERR_NOMEM;
        w->cuts = cuts;
        w->cut_cap = cap;
    }
    uint64_t before = w->cut_count ? w->cuts[w->cut_count - 1].payload : 0;
    w->cuts[w->cut_count++] = (struct cut){end, m->offset, before + m->payload_len};
    return ERR_OK;
}

size_t worker_cut_behind(const struct worker *w, uint64_t offset)
{
    size_t low = 0, high = w->cut_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (w->cuts[mid].offset <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* --- what all of them share --- */

void worker_count_gap(struct worker *w, enum gap_reason reason)
{
    static const enum counter counters[] = {
        [GAP_EPOCH] = COUNTER_gaps_epoch,     [GAP_AHEAD] = COUNTER_gaps_ahead,
        [GAP_TRIMMED] = COUNTER_gaps_trimmed, [GAP_LAGGED] = COUNTER_gaps_lagged,
        [GAP_DAMAGED] = COUNTER_gaps_damaged, [GAP_DENIED] = COUNTER_gaps_denied,
    };
    if (reason != GAP_NONE)
        counter_add(&w->loop.counters, counters[reason], 1);
}

void worker_set_settings(struct worker *w, struct settings *s)
{
    struct settings *old = w->settings;
    w->settings = settings_ref(s);
    w->loop.settings = &s->net;
    w->settings_serial++;
    settings_unref(old);
}

/* --- publishing --- */

void worker_submit_publishes(struct worker *w)
{
    if (!w->publishes)
        return;
    hub_publish(w->hub, w->publishes, w->publishes_last);
    w->publishes = w->publishes_last = NULL;
    w->publish_bytes = 0;
}

void worker_publish(struct worker *w, struct conn *c, struct publish *p)
{
    p->owner = c;
    p->worker = w->loop.index;
    p->next = NULL;
    conn_hold(c);
    counter_add(&w->loop.counters, COUNTER_publishes, 1);
    if (w->publishes)
        w->publishes_last->next = p;
    else
        w->publishes = p;
    w->publishes_last = p;
    w->publish_bytes += p->bytes;
    if (w->publish_bytes > PUBLISH_BYTES)
        worker_submit_publishes(w); /* or hub_is_full would see them too late */
}

static enum err add_paused(struct worker *w, struct conn *c)
{
    if (w->paused_count == w->paused_cap) {
        size_t cap = w->paused_cap ? w->paused_cap * 2 : 16;
        struct conn **list = realloc(w->paused_publishers, cap * sizeof(struct conn *));
        if (!list)
            return ERR_NOMEM;
        w->paused_publishers = list;
        w->paused_cap = cap;
    }
    conn_hold(c);
    c->awaits_room = true;
    w->paused_publishers[w->paused_count++] = c;
    return ERR_OK;
}

bool worker_must_wait(struct worker *w, struct conn *c)
{
    if (!hub_is_full(w->hub))
        return false;
    conn_pause(c);
    if (!c->awaits_room && add_paused(w, c) != ERR_OK)
        conn_close(c, CLOSE_NOMEM);
    return true;
}

void worker_resume_publishers(struct worker *w)
{
    if (w->paused_count == 0 || hub_is_full(w->hub))
        return;
    for (size_t i = 0; i < w->paused_count; i++) {
        struct conn *c = w->paused_publishers[i];
        c->awaits_room = false;
        conn_resume(c);
        conn_release(c);
    }
    w->paused_count = 0;
}
