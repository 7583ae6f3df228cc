/* What all stores do alike: checking arguments, keeping the catalog, calling the member. */
#include "storage/store.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "storage/store_ops.h"

void store_init(struct store *s, const struct store_ops *ops)
{
    s->ops = ops;
    s->last_offset = 0;
    atomic_init(&s->committed, 0);
    s->last_time_ms = 0;
    atomic_init(&s->times, NULL);
    pthread_mutex_init(&s->damage.lock, NULL);
    atomic_init(&s->damage.count, 0);
    s->damage.quiet = false;
    catalog_init(&s->catalog);
}

void store_finish(struct store *s)
{
    pthread_mutex_destroy(&s->damage.lock);
    catalog_finish(&s->catalog);
    times_destroy(atomic_load_explicit(&s->times, memory_order_relaxed));
}

enum err store_draw_epoch(uint32_t before, uint32_t *ret)
{
    uint32_t epoch;
    do {
        ssize_t n = getrandom(&epoch, sizeof(epoch), 0);
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        if (n != (ssize_t)sizeof(epoch))
            epoch = 0;
    } while (epoch == 0 || epoch == before);
    *ret = epoch;
    return ERR_OK;
}

void store_close(struct store *s, uint64_t head, bool complete)
{
    if (s)
        s->ops->close(s, head > s->last_offset ? head : s->last_offset, complete);
}

void store_abandon(struct store *s)
{
    if (s)
        s->ops->abandon(s);
}

enum err store_topics(struct store *s, store_visit_topic *visit, void *ctx)
{
    struct id_walk all = catalog_walk(&s->catalog, 0);
    const struct catalog_topic *known;
    while ((known = id_walk_next(&all))) {
        struct store_topic t = catalog_describe(known);
        visit(ctx, &t);
    }
    return ERR_OK;
}

enum err store_step_times(struct store *s, uint64_t offset, uint64_t most_ms, int64_t delta_ms)
{
    if (s->ops->step_times)
        return s->ops->step_times(s, offset, most_ms, delta_ms);
    struct times_step step = {offset, most_ms, delta_ms};
    bool all = offset >= s->last_offset;
    if (all)
        step.most_ms = times_apply(&step, s->last_time_ms);
    struct times *t = times_add(atomic_load_explicit(&s->times, memory_order_relaxed), &step);
    if (!t)
        return ERR_NOMEM;
    if (all)
        s->last_time_ms = step.most_ms;
    atomic_store_explicit(&s->times, t, memory_order_release);
    return ERR_OK;
}

enum err store_save_times(struct store *s)
{
    return s->ops->save_times(s);
}

static bool is_note(const struct store_note *note)
{
    size_t name_len = strlen(note->name);
    return name_len && name_len <= STORE_NOTE_NAME_MAX && note->n <= STORE_NOTE_MAX;
}

enum err store_put_notes(struct store *s, const struct store_note *notes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_note(&notes[i]))
            return ERR_INVALID;
    return s->ops->put_notes(s, notes, count);
}

enum err store_put_note(struct store *s, const char *name, const void *value, size_t n)
{
    const struct store_note note = {name, value, n};
    return store_put_notes(s, &note, 1);
}

enum err store_notes(struct store *s, const char *prefix, store_visit_note *visit, void *ctx)
{
    return s->ops->notes(s, prefix, visit, ctx);
}

/* Newest offsets go up before the commit, so that no reader that sees the commit finds a lower one;
 * when it fails they stay up, which only costs a reader a look in vain. */
static enum err check_records(struct store *s, const struct store_batch *b)
{
    uint64_t offset = s->last_offset, time_ms = s->last_time_ms;
    for (size_t i = 0; i < b->record_count; i++) {
        const struct store_record *r = &b->records[i];
        struct catalog_topic *t = catalog_find(&s->catalog, r->topic_id);
        if (!t || r->offset <= offset || r->offset == UINT64_MAX || r->time_ms < time_ms ||
            r->payload_len > STORE_PAYLOAD_MAX)
            return ERR_INVALID;
        atomic_store_explicit(&t->newest, r->offset, memory_order_relaxed);
        offset = r->offset;
        time_ms = r->time_ms;
    }
    return ERR_OK;
}

static enum err add_topics(struct store *s, const struct store_batch *b)
{
    for (size_t i = 0; i < b->topic_count; i++) {
        struct catalog_topic *known = catalog_find(&s->catalog, b->topics[i].id);
        if (known) {
            /* Harmless if the commit fails: nobody asks here. */
            known->flags |= b->topics[i].flags;
            if (b->topics[i].last > known->last)
                known->last = b->topics[i].last;
            continue;
        }
        struct store_topic t = {
            .id = b->topics[i].id,
            .name = b->topics[i].name,
            .name_len = b->topics[i].name_len,
            .flags = b->topics[i].flags,
            .floor = b->topics[i].floor,
            .last = b->topics[i].last,
        };
        enum err e = catalog_add(&s->catalog, &t);
        if (e)
            return e;
    }
    return ERR_OK;
}

static void count_records(struct store *s, const struct store_batch *b)
{
    for (size_t i = 0; i < b->record_count; i++) {
        const struct store_record *r = &b->records[i];
        catalog_appended(catalog_find(&s->catalog, r->topic_id), r->offset, r->payload_len);
    }
    if (b->record_count) {
        s->last_offset = b->records[b->record_count - 1].offset;
        s->last_time_ms = b->records[b->record_count - 1].time_ms;
        atomic_store_explicit(&s->committed, s->last_offset, memory_order_release);
    }
}

enum err store_append(struct store *s, const struct store_batch *b)
{
    uint32_t topics_before = s->catalog.last_id;
    enum err e = b->note && !is_note(b->note) ? ERR_INVALID : add_topics(s, b);
    if (!e)
        e = check_records(s, b);
    if (!e)
        e = s->ops->append(s, b);
    if (e == ERR_OK) {
        count_records(s, b);
    } else {
        catalog_undo_add(&s->catalog, topics_before);
        catalog_collect(&s->catalog); /* a log that takes nothing is asked again and again */
    }
    return e;
}

enum err store_sync_now(struct store *s)
{
    return s->ops->sync_now(s);
}

enum store_verdict store_judge(const struct store_removal *removal, const struct store_record *r)
{
    return removal->judge ? removal->judge(removal->ctx, r) : STORE_REMOVE;
}

bool store_keeps_key(const struct store_removal *removal, const struct store_record *r)
{
    return r->key_len && removal->keep_key && removal->keep_key(removal->ctx, r);
}

static void begin_removal(struct store_removal *r)
{
    r->removed = 0;
    r->done = true;
    if (r->max == 0)
        r->max = 1;
}

/* What is full may have room for the removal of fewer records at a time. Not with a judge, who may
 * be counting. */
static bool take_fewer(struct store_removal *r, enum err e)
{
    enum { PART = 8 };
    if (e != ERR_NOSPACE || r->judge || r->max == 1)
        return false;
    r->max = r->max / PART + 1;
    begin_removal(r);
    return true;
}

enum err store_purge(struct store *s, uint32_t topic_id, uint64_t upto, struct store_removal *r)
{
    struct catalog_topic *t = catalog_find(&s->catalog, topic_id);
    if (!t)
        return ERR_INVALID;
    begin_removal(r);
    /* A floor above the newest message would swallow the ones to come. */
    upto = upto < t->last ? upto : t->last;
    size_t max = r->max;
    enum err e;
    do
        e = s->ops->purge(s, t, upto, r);
    while (take_fewer(r, e));
    r->max = max;
    return e;
}

enum err store_expire(struct store *s, const uint32_t *topics, size_t count,
                      struct store_removal *r, size_t *ret_topics)
{
    for (size_t i = 0; i < count; i++)
        if (!catalog_find(&s->catalog, topics[i]))
            return ERR_INVALID;
    begin_removal(r);
    return s->ops->expire(s, topics, count, r, ret_topics);
}

enum err store_trim(struct store *s, uint64_t *at, uint64_t upto, struct store_removal *r)
{
    if (upto > s->last_offset)
        upto = s->last_offset;
    begin_removal(r);
    size_t max = r->max;
    enum err e = ERR_OK;
    if (*at < upto)
        do
            e = s->ops->trim(s, at, upto, r);
        while (take_fewer(r, e));
    r->max = max;
    return e;
}

enum err store_forget(struct store *s, const uint32_t *ids, size_t count, uint64_t mark)
{
    if (mark < s->catalog.forgotten)
        mark = s->catalog.forgotten;
    for (size_t i = 0; i < count; i++) {
        const struct catalog_topic *t = catalog_find(&s->catalog, ids[i]);
        if (!t || !catalog_is_empty(t))
            return ERR_INVALID;
        uint64_t with = catalog_mark_with(&s->catalog, t);
        mark = with > mark ? with : mark;
    }
    enum err e = count ? s->ops->forget(s, ids, count, mark) : ERR_OK;
    for (size_t i = 0; !e && i < count; i++)
        catalog_forget(&s->catalog, catalog_find(&s->catalog, ids[i]));
    if (!e && count)
        s->catalog.forgotten = mark;
    catalog_collect(&s->catalog);
    return e;
}

uint64_t store_last(const struct store *s)
{
    return s->last_offset;
}

uint64_t store_forgotten(const struct store *s)
{
    return s->catalog.forgotten;
}

enum err store_drop_keys(struct store *s, uint64_t time_ms, size_t max, uint64_t *ret_next)
{
    return s->ops->drop_keys(s, time_ms, max, ret_next);
}

enum err store_check_place(struct store *s)
{
    return s->ops->check_place ? s->ops->check_place(s) : ERR_OK;
}

uint64_t store_size(struct store *s)
{
    return s->ops->size(s);
}

uint64_t store_used(struct store *s)
{
    return s->ops->used(s);
}

enum err store_reader_create(struct store *s, struct store_reader **ret)
{
    enum err e = s->ops->reader_create(s, ret);
    if (!e)
        grace_join(&s->catalog.grace, &(*ret)->grace);
    return e;
}

void store_reader_destroy(struct store_reader *r)
{
    if (!r)
        return;
    grace_leave(&r->store->catalog.grace, &r->grace);
    r->store->ops->reader_destroy(r);
}

enum err store_read(struct store_reader *r, const struct store_query *q, store_visit *visit,
                    void *ctx, uint64_t *ret_reached)
{
    if (q->after >= q->until || (q->topics && q->topic_count == 0)) {
        *ret_reached = q->reverse ? q->after + 1 : q->until;
        return ERR_OK;
    }
    grace_enter(&r->store->catalog.grace, &r->grace);
    enum err e = r->store->ops->read(r, q, visit, ctx, ret_reached);
    grace_exit(&r->grace);
    return e;
}

enum err store_keys(struct store_reader *r, store_visit *visit, void *ctx)
{
    return r->store->ops->keys(r, visit, ctx);
}

enum err store_seek_time(struct store_reader *r, uint64_t time_ms, uint64_t *ret_after)
{
    return r->store->ops->seek_time(r, time_ms, ret_after);
}
