#include "delivery/fanout.h"

#include <stdlib.h>

#include "base/log.h"
#include "delivery/worker.h"
#include "net/fan.h"

enum {
    /* What is fanned out at once: bounds the bytes put together and the time of one turn. */
    TURN_MESSAGES = 8192,
    TURN_BYTES = 4 << 20,
    PREFETCH = 2, /* members ahead */
};

/* Puts all hits of a feed one behind the other; a single one is used where it is. */
static enum err encode_hits(struct worker *w, const struct feed *f, struct parcel *p)
{
    buf_clear(&w->scratch);
    w->cut_count = 0;
    for (const struct feed_hit *hit = f->hits; hit; hit = hit->next) {
        size_t n;
        const struct blob *b = message_encoded(hit->message, f->encoding);
        if (!b)
            return ERR_NOMEM;
        p->data = message_part(b, f->encoding, &n);
        p->size += n;
        if (worker_add_cut(w, p->size, hit->message) != ERR_OK)
            return ERR_NOMEM;
        if (hit == f->hits && !hit->next)
            break;
        buf_append(&w->scratch, p->data, n);
        p->data = w->scratch.data;
    }
    p->cuts = w->cuts;
    p->count = w->cut_count;
    return w->scratch.failed ? ERR_NOMEM : ERR_OK;
}

static void cut(void *ctx, void *who, size_t taken, enum err why)
{
    const struct parcel *p = ctx;
    p->members->cut(who, p, taken, why);
}

/* Number I of the N members of a block takes P by itself. Those that do are mostly several, and not
 * in the cache. */
static void ask(const struct live *block, uint32_t i, uint32_t n, const struct parcel *p)
{
    struct subscriber *sub = block[i].sub;
    if (i + PREFETCH < n)
        __builtin_prefetch(block[i + PREFETCH].sub);
    if (sub)
        p->members->deliver(sub, p);
}

/* To the first N members of a block, which may lie elsewhere after each. */
static void give_block(const struct live_set *live, uint32_t block, uint32_t n, struct fan *fan,
                       const struct parcel *p)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct live *l = &live->blocks[block][i];
        if (!l->look && p->count)
            fan_send(fan, l->handle, p->data, p->size, l->sub);
        else
            ask(live->blocks[block], i, n, p);
    }
}

/* To each that was there when it began: who comes meanwhile has what is in P behind it. */
static void give(struct live_set *live, struct fan *fan, const struct parcel *p)
{
    uint32_t left = live_walk(live);
    for (uint32_t block = 0; left > 0; block++) {
        uint32_t n = left < LIVE_BLOCK ? left : LIVE_BLOCK;
        give_block(live, block, n, fan, p);
        left -= n;
    }
    live_walk_end(live);
}

/* What was written whole; the others count for themselves. */
static void count(struct worker *w, const struct fan *fan, const struct parcel *p)
{
    uint64_t whole = fan->sent - fan->cuts;
    counter_add(&w->loop.counters, COUNTER_submitted, fan_together(fan));
    counter_add(&w->loop.counters, COUNTER_deliveries, whole * p->count);
    counter_add(&w->loop.counters, COUNTER_delivered_bytes, whole * p->size);
    counter_add(&w->loop.counters, COUNTER_bytes_out, whole * p->size);
}

static void fan_out(struct worker *w, struct feed *f, uint64_t before)
{
    struct parcel p = {.hits = f->hits,
                       .encoding = f->encoding,
                       .members = f->live.kind,
                       .before = before,
                       .last = w->head};
    struct fan fan;
    if (f->encoding && f->encoding->encode && encode_hits(w, f, &p) != ERR_OK) {
        /* An empty parcel: receivers see that they missed something and read it later. */
        p.data = NULL;
        p.count = p.size = 0;
    }
    fan_begin(&fan, w->loop.submission, cut, &p);
    give(&f->live, &fan, &p);
    fan_end(&fan);
    count(w, &fan, &p);
    f->delivered_s = (uint32_t)(w->loop.now_ms / 1000);
}

static void fan_out_all(struct worker *w, uint64_t before)
{
    for (struct feed *f = feed_turn_feeds(w->feeds); f; f = f->next_touched)
        fan_out(w, f, before);
    feed_turn_end(w->feeds);
}

/* Pointers to what is shared anyway are fixed bookkeeping: a worker that cannot store them could
 * only lose messages silently. */
static void must(enum err e)
{
    if (e == ERR_OK)
        return;
    log_error("out of memory for the fan-out tables, ending");
    abort();
}

static size_t enter_batch(struct worker *w, struct batch *b)
{
    size_t bytes = 0;
    must(tail_push(&w->tail, b));
    tail_drop_below(&w->tail, b->tail_first);
    for (uint32_t i = 0; i < b->count; i++) {
        must(feed_turn_add(w->feeds, b->messages[i]));
        bytes += b->messages[i]->payload_len;
    }
    w->head = w->replay.head = b->last;
    return bytes;
}

/* Hits borrow from the batches of the slice, which may leave the tail before they are sent. */
void fanout_batches(struct worker *w, struct batch **batches, size_t count)
{
    size_t i = 0;
    while (i < count) {
        uint64_t before = w->head;
        size_t messages = 0, bytes = 0, first = i;
        while (i < count && messages < TURN_MESSAGES && bytes < TURN_BYTES) {
            messages += batches[i]->count;
            bytes += enter_batch(w, batch_ref(batches[i]));
            i++;
        }
        fan_out_all(w, before);
        while (first < i)
            batch_unref(batches[first++]);
    }
}
