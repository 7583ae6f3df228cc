#include "delivery/fanout.h"

#include <stdlib.h>

#include "base/log.h"
#include "delivery/worker.h"
#include "utlist.h"

enum {
    /* What is fanned out at once: bounds the bytes put together and the time of one turn. */
    TURN_MESSAGES = 8192,
    TURN_BYTES = 4 << 20,
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

static void fan_out(struct worker *w, const struct feed *f, uint64_t before)
{
    struct parcel p = {.hits = f->hits, .before = before, .last = w->head};
    struct subscriber *sub, *next;
    if (f->encoding && encode_hits(w, f, &p) != ERR_OK) {
        /* An empty parcel: receivers see that they missed something and read it later. */
        p.data = NULL;
        p.count = p.size = 0;
    }
    DL_FOREACH_SAFE (f->live, sub, next) {
        struct receiver *r = (struct receiver *)sub;
        if (next)
            __builtin_prefetch(next->next); /* many do not stay in the cache until the next turn */
        r->deliver(r, &p);
    }
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
