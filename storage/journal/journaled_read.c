/*
 * The order in which a reader looks is what makes both parts one. What is dropped from `held` was
 * in the store behind before, so:
 *
 *     forward     the oldest chunk, then how far it is applied (A): all above A is in the chunks
 * that follow. The store behind up to A, then they. backward    the newest chunk, then A: down the
 * chunks to A, or to where they end by now, since what is below has been applied meanwhile. Then
 * the store behind below that.
 */
#include "storage/journal/journaled_read.h"

#include <stdlib.h>

#include "storage/journal/held_read.h"
#include "storage/store.h"

enum err journaled_reader_create(struct store *base, struct store_reader **ret)
{
    struct journaled_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    enum err e = store_reader_create(journaled_of(base)->inner, &r->inner);
    if (e) {
        free(r);
        return e;
    }
    r->base.store = base;
    *ret = &r->base;
    return ERR_OK;
}

void journaled_reader_destroy(struct store_reader *base)
{
    struct journaled_reader *r = journaled_reader_of(base);
    store_reader_destroy(r->inner);
    free(r);
}

/* --- one read over both parts --- */

struct joined {
    struct journaled *store;
    struct store_reader *inner;
    const struct store_query *q;
    struct held_read held;
    store_visit *visit, *damaged;
    void *ctx;
    size_t visited; /* in the store behind */
};

static bool visit_inner(void *ctx, const struct store_record *r)
{
    struct joined *j = ctx;
    bool taken = j->visit(j->ctx, r);
    j->visited += taken;
    return taken;
}

static bool visit_damaged(void *ctx, const struct store_record *r)
{
    struct joined *j = ctx;
    return j->damaged(j->ctx, r);
}

static size_t limit(size_t max)
{
    return max ? max : SIZE_MAX;
}

static size_t less(size_t left, uint64_t used)
{
    return left == SIZE_MAX ? left : left > used ? left - used : 0;
}

/* Reads (AFTER, UNTIL] of the store behind. *RET_ENDED: not all of it. */
static enum err read_inner(struct joined *j, uint64_t after, uint64_t until, uint64_t *ret_reached,
                           bool *ret_ended)
{
    struct store_query q = *j->q;
    uint64_t looked = 0, reached;
    q.after = after;
    q.until = until;
    q.max_records = j->held.records_left == SIZE_MAX ? 0 : j->held.records_left;
    q.max_scan = j->held.looks_left == SIZE_MAX ? 0 : j->held.looks_left;
    q.looked = &looked;
    q.damaged = j->damaged ? visit_damaged : NULL;
    j->visited = 0;
    enum err e = store_read(j->inner, &q, visit_inner, j, &reached);
    if (j->q->looked)
        *j->q->looked += looked;
    if (e)
        return e;
    j->held.records_left = less(j->held.records_left, j->visited);
    j->held.looks_left = less(j->held.looks_left, looked);
    *ret_reached = reached;
    *ret_ended = q.reverse ? reached > after + 1 : reached < until;
    return ERR_OK;
}

static bool is_spent(const struct joined *j)
{
    return j->held.records_left == 0 || j->held.looks_left == 0;
}

static enum err read_forward(struct joined *j, uint64_t *ret_reached)
{
    struct held *h = &j->store->held;
    struct held_chunk *oldest = atomic_load(&h->oldest);
    uint64_t applied = held_applied(h), at = j->q->after;
    bool ended = false;
    if (at < applied) {
        uint64_t end = applied < j->q->until ? applied : j->q->until;
        enum err e = read_inner(j, at, end, &at, &ended);
        if (e)
            return e;
    }
    j->held.after = at;
    j->held.until = j->q->until;
    if (!ended && at < j->q->until && is_spent(j))
        ended = true;
    if (!ended && held_read_wants(&j->held))
        held_read_forward(&j->held, oldest);
    *ret_reached = ended ? at : j->held.ended ? j->held.reached : j->q->until;
    return ERR_OK;
}

static enum err read_backward(struct joined *j, uint64_t *ret_reached)
{
    struct held *h = &j->store->held;
    struct held_chunk *newest = atomic_load(&h->newest);
    uint64_t below = held_applied(h);
    bool ended;
    j->held.until = j->q->until;
    j->held.after = below > j->q->after ? below : j->q->after;
    if (held_read_wants(&j->held))
        held_read_backward(&j->held, newest);
    *ret_reached = j->held.ended ? j->held.reached : j->q->after + 1;
    if (j->held.ended)
        return ERR_OK;
    if (j->held.lowest > below)
        below = j->held.lowest - 1; /* chunks have gone since */
    if (below > j->q->until)
        below = j->q->until;
    return below > j->q->after ? read_inner(j, j->q->after, below, ret_reached, &ended) : ERR_OK;
}

enum err journaled_read(struct store_reader *base, const struct store_query *q, store_visit *visit,
                        void *ctx, uint64_t *ret_reached)
{
    struct journaled *s = journaled_of(base->store);
    struct joined j = {
        .store = s,
        .inner = journaled_reader_of(base)->inner,
        .q = q,
        .visit = visit,
        .damaged = q->damaged,
        .ctx = ctx,
        .held = {.q = q, .catalog = &s->base.catalog, .visit = visit, .ctx = ctx},
    };
    j.held.records_left = limit(q->max_records);
    j.held.looks_left = limit(q->max_scan);
    return q->reverse ? read_backward(&j, ret_reached) : read_forward(&j, ret_reached);
}

/* --- the rest --- */

/* Keys are kept of records that are gone, and those were applied. */
enum err journaled_keys(struct store_reader *r, store_visit *visit, void *ctx)
{
    return store_keys(journaled_reader_of(r)->inner, visit, ctx);
}

/* The newest record from C on, above AFTER, that is older than TIME_MS; 0: there is none. */
static uint64_t newest_before(struct held_chunk *c, uint64_t after, uint64_t time_ms)
{
    uint64_t found = 0;
    size_t at;
    struct held_chunk *next;
    for (c = held_seek(c, after, &at); c; c = held_seek(next, after, &at)) {
        size_t count = held_count(c, &next), low = at, high = count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (c->records[middle].time_ms < time_ms)
                low = middle + 1;
            else
                high = middle;
        }
        if (low > at)
            found = c->records[low - 1].offset;
        if (low < count)
            break;
    }
    return found;
}

/* Times that are held are true: what waits is applied before the clock is followed. */
enum err journaled_seek_time(struct store_reader *base, uint64_t time_ms, uint64_t *ret_after)
{
    struct journaled *s = journaled_of(base->store);
    grace_enter(&s->base.catalog.grace, &base->grace);
    struct held_chunk *oldest = atomic_load(&s->held.oldest);
    uint64_t applied = held_applied(&s->held), found = newest_before(oldest, applied, time_ms);
    grace_exit(&base->grace);
    if (!found)
        return store_seek_time(journaled_reader_of(base)->inner, time_ms, ret_after);
    *ret_after = found;
    return ERR_OK;
}
