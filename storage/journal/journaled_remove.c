/*
 * What is taken away is taken from the store behind, directly. The order of things stays what it is
 * without a journal: what a removal speaks of is applied before it, or it does not speak of it
 * (`hurried`). And what the store behind tells of it is brought into this store's catalog.
 */
#include "storage/journal/journaled_remove.h"

#include <string.h>

#include "storage/journal/journaled_append.h"
#include "storage/store.h"

/* --- the store behind, for one call --- */

/* All that was appended is in the store behind, which is ours until applier_give. On a full disk
 * it is ours, too, with less: room has to be made somehow. */
static enum err take_settled(struct journaled *s)
{
    enum err e = applier_drain(&s->applier);
    if (e && e != ERR_NOSPACE)
        return e;
    applier_take(&s->applier);
    journaled_settle(s);
    return ERR_OK;
}

/* For a removal: ERR_AGAIN when that cannot wait. */
static enum err take_for(struct journaled *s, const struct store_removal *r)
{
    if (!r->hurried)
        return take_settled(s);
    if (!applier_try_take(&s->applier))
        return ERR_AGAIN;
    journaled_settle(s);
    return ERR_OK;
}

/* --- what it tells --- */

struct passing {
    struct journaled *store;
    struct store_removal *to;
};

static enum store_verdict pass_judge(void *ctx, const struct store_record *r)
{
    struct passing *p = ctx;
    return p->to->judge(p->to->ctx, r);
}

static bool pass_key(void *ctx, const struct store_record *r)
{
    struct passing *p = ctx;
    return p->to->keep_key(p->to->ctx, r);
}

static void raise_floor(struct catalog_topic *t, uint64_t floor)
{
    if (floor > atomic_load_explicit(&t->floor, memory_order_relaxed))
        atomic_store_explicit(&t->floor, floor, memory_order_release);
}

static void pass_floor(void *ctx, uint32_t topic_id, uint64_t floor)
{
    struct passing *p = ctx;
    struct catalog_topic *t = catalog_find(&p->store->base.catalog, topic_id);
    if (p->to->floor)
        p->to->floor(p->to->ctx, topic_id, floor);
    if (t)
        raise_floor(t, floor);
}

static void pass_left(void *ctx, const struct store_topic *left)
{
    struct passing *p = ctx;
    struct catalog_topic *t = catalog_find(&p->store->base.catalog, left->id);
    const struct catalog_topic *inner = catalog_find(&p->store->inner->catalog, left->id);
    if (!t || !inner)
        return;
    t->messages = left->messages + t->held;
    t->bytes = left->bytes + t->held_bytes;
    t->swept = inner->swept;
    raise_floor(t, left->floor);
    if (p->to->left) {
        struct store_topic all = catalog_describe(t);
        p->to->left(p->to->ctx, &all);
    }
}

/* The removal that the store behind is asked for. */
static struct store_removal pass(struct passing *p)
{
    return (struct store_removal){
        .max = p->to->max,
        .judge = p->to->judge ? pass_judge : NULL,
        .keep_key = p->to->keep_key ? pass_key : NULL,
        .floor = pass_floor,
        .left = pass_left,
        .ctx = p,
    };
}

/* --- removing --- */

enum err journaled_purge(struct store *base, struct catalog_topic *t, uint64_t upto,
                         struct store_removal *r)
{
    struct journaled *s = journaled_of(base);
    struct passing p = {s, r};
    enum err e = take_for(s, r);
    if (e)
        return e;
    struct store_removal inner = pass(&p);
    if (t->held && upto > held_applied(&s->held)) {
        e = r->hurried ? ERR_AGAIN : store_purge(s->inner, t->id, upto, &inner);
        applier_give(&s->applier);
        return e ? e : ERR_NOSPACE; /* there may be room for the rest now */
    }
    e = catalog_find(&s->inner->catalog, t->id) ? store_purge(s->inner, t->id, upto, &inner)
                                                : ERR_NOSPACE;
    applier_give(&s->applier);
    r->removed = inner.removed;
    r->done = inner.done;
    return e;
}

/* How many of TOPICS, from the first, the store behind knows. */
static size_t count_known(const struct journaled *s, const uint32_t *topics, size_t count)
{
    size_t n = 0;
    while (n < count && catalog_find(&s->inner->catalog, topics[n]))
        n++;
    return n;
}

/* How many of the first COUNT are done with: there may be more to go of those that have messages
 * which are not applied. */
static size_t count_done(const struct journaled *s, const uint32_t *topics, size_t count)
{
    size_t n = 0;
    while (n < count && catalog_find(&s->base.catalog, topics[n])->held == 0)
        n++;
    return n;
}

enum err journaled_expire(struct store *base, const uint32_t *topics, size_t count,
                          struct store_removal *r, size_t *ret_topics)
{
    struct journaled *s = journaled_of(base);
    struct passing p = {s, r};
    enum err e = take_for(s, r);
    if (e)
        return e;
    size_t known = count_known(s, topics, count);
    struct store_removal inner = pass(&p);
    e = store_expire(s->inner, topics, known, &inner, ret_topics);
    applier_give(&s->applier);
    if (e)
        return e;
    r->removed = inner.removed;
    *ret_topics = count_done(s, topics, *ret_topics);
    r->done = inner.done && *ret_topics == count;
    if (!r->done)
        applier_hurry(&s->applier);
    return r->done || r->removed || *ret_topics ? ERR_OK : ERR_AGAIN;
}

static bool has_held(const struct journaled *s)
{
    size_t at;
    return held_seek(atomic_load(&s->held.oldest), held_applied(&s->held), &at) != NULL;
}

enum err journaled_trim(struct store *base, uint64_t *at, uint64_t upto, struct store_removal *r)
{
    struct journaled *s = journaled_of(base);
    struct passing p = {s, r};
    enum err e = take_for(s, r);
    if (e)
        return e;
    struct store_removal inner = pass(&p);
    e = store_trim(s->inner, at, upto, &inner);
    bool behind = *at >= s->inner->last_offset && !has_held(s);
    applier_give(&s->applier);
    if (e)
        return e;
    if (inner.done && behind)
        *at = upto; /* nothing there has a record */
    r->removed = inner.removed;
    r->done = inner.done;
    return ERR_OK;
}

/* --- topics and keys --- */

static bool are_applied(const struct journaled *s, const uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct catalog_topic *t = catalog_find(&s->base.catalog, ids[i]);
        if ((t && t->held) || !catalog_find(&s->inner->catalog, ids[i]))
            return false;
    }
    return true;
}

enum err journaled_forget(struct store *base, const uint32_t *ids, size_t count, uint64_t mark)
{
    struct journaled *s = journaled_of(base);
    applier_take(&s->applier);
    journaled_settle(s);
    if (!are_applied(s, ids, count)) {
        applier_give(&s->applier);
        enum err e = applier_drain(&s->applier);
        if (e)
            return e;
        applier_take(&s->applier);
        journaled_settle(s);
    }
    enum err e = store_forget(s->inner, ids, count, mark);
    applier_give(&s->applier);
    return e;
}

enum err journaled_drop_keys(struct store *base, uint64_t time_ms, size_t max, uint64_t *ret_next)
{
    struct journaled *s = journaled_of(base);
    applier_take(&s->applier);
    enum err e = store_drop_keys(s->inner, time_ms, max, ret_next);
    applier_give(&s->applier);
    return e;
}

/* --- the clock --- */

/* All that waits is of the former clock, and goes first: so times that are held are always true. */
enum err journaled_step_times(struct store *base, uint64_t offset, uint64_t most_ms,
                              int64_t delta_ms)
{
    struct journaled *s = journaled_of(base);
    enum err e = applier_drain(&s->applier);
    if (e)
        return e;
    applier_take(&s->applier);
    journaled_settle(s);
    e = store_step_times(s->inner, offset, most_ms, delta_ms);
    if (!e)
        base->last_time_ms = s->inner->last_time_ms;
    applier_give(&s->applier);
    return e;
}

enum err journaled_save_times(struct store *base)
{
    struct journaled *s = journaled_of(base);
    applier_take(&s->applier);
    enum err e = store_save_times(s->inner);
    applier_give(&s->applier);
    return e;
}

/* --- notes: they have no order with messages --- */

enum err journaled_put_notes(struct store *base, const struct store_note *notes, size_t count)
{
    struct journaled *s = journaled_of(base);
    applier_take(&s->applier);
    enum err e = store_put_notes(s->inner, notes, count);
    applier_give(&s->applier);
    return e;
}

/* But for the journal's own. */
struct noting {
    store_visit_note *visit;
    void *ctx;
};

static void pass_note(void *ctx, const char *name, const void *value, size_t n)
{
    const struct noting *noting = ctx;
    if (strcmp(name, STORE_NOTE_JOURNAL) != 0)
        noting->visit(noting->ctx, name, value, n);
}

enum err journaled_notes(struct store *base, const char *prefix, store_visit_note *visit, void *ctx)
{
    struct journaled *s = journaled_of(base);
    struct noting noting = {visit, ctx};
    applier_take(&s->applier);
    enum err e = store_notes(s->inner, prefix, pass_note, &noting);
    applier_give(&s->applier);
    return e;
}
