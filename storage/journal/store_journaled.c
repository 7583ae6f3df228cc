/* A store with a journal as a store: its operations, and its end. */
#include "storage/journal/store_journaled.h"

#include <stdlib.h>

#include "base/log.h"
#include "storage/journal/journaled_append.h"
#include "storage/journal/journaled_look.h"
#include "storage/journal/journaled_read.h"
#include "storage/journal/journaled_remove.h"
#include "storage/store.h"

static enum err sync_now(struct store *base)
{
    struct journaled *s = journaled_of(base);
    return s->sequencer->ops->sync(s->sequencer);
}

/* The place of the store behind is looked at when nobody uses it, and where its commits do not
 * notice by themselves. */
static enum err check_place(struct store *base)
{
    struct journaled *s = journaled_of(base);
    enum err e = s->sequencer->ops->check_place(s->sequencer);
    if (e || !applier_try_take(&s->applier))
        return e ? e : s->place;
    s->place = store_check_place(s->inner);
    applier_give(&s->applier);
    return s->place;
}

static uint64_t size(struct store *base)
{
    return atomic_load_explicit(&journaled_of(base)->applier.size, memory_order_relaxed);
}

static uint64_t used(struct store *base)
{
    return atomic_load_explicit(&journaled_of(base)->applier.used, memory_order_relaxed);
}

static uint64_t damaged(struct store *base)
{
    return store_damaged(journaled_of(base)->inner);
}

/* --- the end --- */

/* Everything but the store behind, which is returned. */
static struct store *dissolve(struct journaled *s)
{
    struct store *inner = s->inner;
    applier_stop(&s->applier);
    if (s->sequencer)
        s->sequencer->ops->close(s->sequencer);
    applier_finish(&s->applier);
    held_finish(&s->held);
    group_writer_finish(&s->writer);
    store_finish(&s->base);
    free(s);
    return inner;
}

static void abandon(struct store *base)
{
    store_abandon(dissolve(journaled_of(base)));
}

/* The log needs its journal no more, and says so. */
static enum err let_go(struct journaled *s)
{
    enum err e = applier_drain(&s->applier);
    if (e)
        return e;
    applier_stop(&s->applier);
    struct applied_note note = s->applier.note;
    note.place = (struct journal_place){0};
    return note.log ? applied_note_save(s->inner, &note) : ERR_OK;
}

static void close_store(struct store *base, uint64_t head, bool complete)
{
    struct journaled *s = journaled_of(base);
    enum err e = let_go(s);
    if (e)
        log_warn("what the journal has could not be applied (%s): the next start does it, and "
                 "needs the journal for that",
                 err_text(e));
    struct store *inner = dissolve(s);
    if (e)
        store_abandon(inner);
    else
        store_close(inner, head, complete);
}

static const struct store_ops ops = {
    .append = journaled_append,
    .sync_now = sync_now,
    .check_place = check_place,
    .purge = journaled_purge,
    .expire = journaled_expire,
    .trim = journaled_trim,
    .forget = journaled_forget,
    .drop_keys = journaled_drop_keys,
    .step_times = journaled_step_times,
    .save_times = journaled_save_times,
    .put_notes = journaled_put_notes,
    .notes = journaled_notes,
    .copy = journaled_copy,
    .size = size,
    .used = used,
    .damaged = damaged,
    .close = close_store,
    .abandon = abandon,
    .reader_create = journaled_reader_create,
    .reader_destroy = journaled_reader_destroy,
    .read = journaled_read,
    .keys = journaled_keys,
    .seek_time = journaled_seek_time,
    .verify_create = journaled_verify_create,
    .verify_destroy = journaled_verify_destroy,
    .verify_step = journaled_verify_step,
};

/* --- the beginning --- */

enum err journaled_create(struct store *inner, const struct applier_options *o,
                          struct journaled **ret)
{
    struct journaled *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    store_init(&s->base, &ops);
    s->inner = inner;
    held_init(&s->held, &s->base.catalog.grace, inner->last_offset);
    group_writer_init(&s->writer);
    applier_init(&s->applier, o, inner, &s->held);
    *ret = s;
    return ERR_OK;
}

struct load {
    struct catalog *catalog;
    const struct catalog *inner;
    enum err result;
};

static void load_topic(void *ctx, const struct store_topic *from)
{
    struct load *l = ctx;
    if (!l->result)
        l->result = catalog_add(l->catalog, from);
    if (l->result)
        return;
    struct catalog_topic *t = catalog_find(l->catalog, from->id);
    t->messages = from->messages;
    t->bytes = from->bytes;
    t->swept = catalog_find(l->inner, from->id)->swept;
}

enum err journaled_begin(struct journaled *s, struct sequencer *q)
{
    struct store *base = &s->base, *inner = s->inner;
    struct load l = {&base->catalog, &inner->catalog, ERR_OK};
    enum err e = store_topics(inner, load_topic, &l);
    if (!e)
        e = l.result;
    if (e)
        return e;
    base->catalog.last_id = inner->catalog.last_id;
    base->catalog.forgotten = inner->catalog.forgotten;
    base->last_offset = inner->last_offset;
    base->last_time_ms = inner->last_time_ms;
    atomic_store(&base->committed, base->last_offset);
    s->settled = held_applied(&s->held);
    s->sequencer = s->applier.sequencer = q;
    e = applier_start(&s->applier);
    if (e)
        s->sequencer = s->applier.sequencer = NULL;
    return e;
}

struct store *journaled_dissolve(struct journaled *s)
{
    return dissolve(s);
}
