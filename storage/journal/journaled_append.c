#include "storage/journal/journaled_append.h"

#include <stdlib.h>

#include "storage/record.h"
#include "storage/store.h"

/* --- what a group takes --- */

enum {
    FRAME_BYTES = 128,  /* of the journal, around a group */
    NODE_BYTES = 32,    /* of LMDB and the index, for a record */
    ROW_BYTES = 1024,   /* for a topic's row: some are written where others have been */
    LARGE_BYTES = 2000, /* a record from here on has pages of its own */
};

/* Bytes that B may take in the store behind. */
static uint64_t room_for(const struct store_batch *b)
{
    uint64_t room = 0;
    for (size_t i = 0; i < b->record_count; i++) {
        uint64_t n = record_size(&b->records[i]) + NODE_BYTES;
        room += n < LARGE_BYTES ? n : n + 2 * JOURNAL_PAGE;
    }
    return room + room / 16 + b->topic_count * ROW_BYTES;
}

static uint64_t in_pages(size_t n)
{
    return (n + FRAME_BYTES + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
}

/* --- what is applied --- */

static void settle_record(struct journaled *s, const struct store_record *r)
{
    struct catalog_topic *t = catalog_find(&s->base.catalog, r->topic_id);
    if (!t || t->held == 0)
        return;
    t->held--;
    t->held_bytes -= r->payload_len;
}

void journaled_settle(struct journaled *s)
{
    uint64_t applied = held_applied(&s->held);
    size_t at;
    struct held_chunk *c = held_seek(atomic_load(&s->held.oldest), s->settled, &at);
    for (; c && s->settled < applied; c = held_seek(c, s->settled, &at)) {
        size_t count = atomic_load_explicit(&c->count, memory_order_relaxed);
        for (; at < count && c->records[at].offset <= applied; at++)
            settle_record(s, &c->records[at]);
        if (at < count)
            break;
        s->settled = c->records[count - 1].offset;
    }
    if (s->settled < applied)
        s->settled = applied;
    held_drop(&s->held);
}

static void count_held(struct journaled *s, const struct store_batch *b)
{
    for (size_t i = 0; i < b->record_count; i++) {
        struct catalog_topic *t = catalog_find(&s->base.catalog, b->records[i].topic_id);
        if (!t)
            continue;
        t->held++;
        t->held_bytes += b->records[i].payload_len;
    }
}

/* --- appending --- */

static uint64_t last_of(const struct store_batch *b, uint64_t otherwise)
{
    return b->record_count ? b->records[b->record_count - 1].offset : otherwise;
}

/* Too much for the journal: when everything before it is applied, it goes straight to the store
 * behind. */
static enum err append_past(struct journaled *s, const struct store_batch *b)
{
    enum err e = applier_drain(&s->applier);
    if (e)
        return e;
    applier_take(&s->applier);
    e = store_append(s->inner, b);
    if (!e && s->applier.options.note_certain)
        e = store_sync_now(s->inner);
    if (!e && b->record_count)
        atomic_store(&s->held.applied, last_of(b, 0));
    applier_give(&s->applier);
    if (!e)
        journaled_settle(s);
    return e;
}

/* Makes good what failed before; until then nothing is taken. */
static enum err mend(struct journaled *s)
{
    struct sequencer *q = s->sequencer;
    return q->ops->has_failed(q) ? q->ops->mend(q) : ERR_OK;
}

/* The journal takes the group; when it is full of what is applied already, or could be, once more.
 */
static enum err sequence(struct journaled *s, const void *group, size_t n, uint64_t last,
                         struct journal_place *ret)
{
    struct sequencer *q = s->sequencer;
    enum err e = q->ops->append(q, group, n, last, ret);
    if (e != ERR_AGAIN)
        return e;
    e = applier_drain(&s->applier);
    if (!e)
        e = q->ops->append(q, group, n, last, ret);
    return e == ERR_AGAIN ? ERR_NOSPACE : e;
}

/* Offsets of what failed may be on the disk, and are never given again. */
static void skip_failed(struct journaled *s)
{
    uint64_t last = s->sequencer->ops->last(s->sequencer);
    if (last > s->base.last_offset)
        s->base.last_offset = last;
}

static enum err append_group(struct journaled *s, const struct store_batch *b, const void *group,
                             size_t n, uint64_t last)
{
    struct waiting *g = waiting_create(b);
    enum err e = g ? held_prepare(&s->held, b, &g->records) : ERR_NOMEM;
    if (!e)
        e = sequence(s, group, n, last, &g->place);
    if (e) {
        free(g);
        held_undo(&s->held);
        skip_failed(s);
        return e;
    }
    g->bytes = in_pages(n);
    g->room = room_for(b);
    held_show(&s->held);
    count_held(s, b);
    applier_push(&s->applier, g);
    return ERR_OK;
}

enum err journaled_append(struct store *base, const struct store_batch *b)
{
    struct journaled *s = journaled_of(base);
    struct sequencer *q = s->sequencer;
    uint64_t before = q->ops->last(q), last = last_of(b, before);
    const void *group;
    size_t n;
    if (b->note)
        return append_past(s, b);
    journaled_settle(s);
    enum err e = mend(s);
    if (!e)
        e = batch_pack(&s->writer, &base->catalog, b, before, last, &group, &n);
    if (e == ERR_TOO_LARGE || (!e && n > q->ops->group_max(q) / 4))
        return append_past(s, b);
    if (!e)
        e = applier_admit(&s->applier, in_pages(n), b->record_count ? room_for(b) : 0);
    return e ? e : append_group(s, b, group, n, last);
}

enum err journaled_hold(struct journaled *s, const struct store_batch *b,
                        const struct journal_place *place)
{
    struct waiting *g = waiting_create(b);
    enum err e = g ? held_prepare(&s->held, b, &g->records) : ERR_NOMEM;
    if (e) {
        free(g);
        return e;
    }
    g->place = *place;
    g->room = room_for(b);
    held_show(&s->held);
    applier_push(&s->applier, g);
    return ERR_OK;
}
