/*
 * The store that keeps everything in memory: for tests of what stands on a store, and the plain
 * model that the durable one is compared with. One ordered array, one lock.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "storage/store.h"
#include "storage/store_ops.h"

struct note {
    struct note *next;
    size_t n;
    void *value;
    char name[];
};

struct memory_store {
    struct store base;
    struct note *notes;           /* by name; the store's thread alone */
    pthread_rwlock_t lock;        /* the arrays; the store's thread writes, readers read */
    struct store_record *records; /* ascending offsets; each owns one allocation, at payload */
    size_t count, cap;
    struct store_record *keys; /* kept of records that are gone; each owns one allocation, too */
    size_t key_count;
    uint64_t used, limit;      /* bytes; limit 0 = none */
    const struct times *times; /* the records tell these; borrowed from base */
};

static struct memory_store *memory_of(struct store *s)
{
    return (struct memory_store *)s;
}

static uint64_t record_cost(const struct store_record *r)
{
    return sizeof(*r) + r->payload_len + r->event_len + r->key_len;
}

/* Returns whether the record's bytes could be copied. */
static bool record_copy(struct store_record *to, const struct store_record *from)
{
    char *bytes = malloc((size_t)from->payload_len + from->event_len + from->key_len + 1);
    if (!bytes)
        return false;
    *to = *from;
    to->payload = bytes;
    to->event = bytes + from->payload_len;
    to->key = to->event + from->event_len;
    if (from->payload_len)
        memcpy(bytes, from->payload, from->payload_len);
    if (from->event_len)
        memcpy(bytes + from->payload_len, from->event, from->event_len);
    if (from->key_len)
        memcpy(bytes + from->payload_len + from->event_len, from->key, from->key_len);
    return true;
}

static void record_free(struct memory_store *m, struct store_record *r)
{
    union {
        const char *borrowed;
        char *owned;
    } bytes = {.borrowed = r->payload};
    m->used -= record_cost(r);
    free(bytes.owned);
}

static void drop_above(struct memory_store *m, size_t count)
{
    while (m->count > count)
        record_free(m, &m->records[--m->count]);
}

static bool make_room(struct memory_store *m, size_t more)
{
    if (m->cap - m->count >= more)
        return true;
    size_t cap = m->cap * 2 > m->count + more ? m->cap * 2 : m->count + more;
    struct store_record *records = reallocarray(m->records, cap, sizeof(*records));
    if (!records)
        return false;
    m->records = records;
    m->cap = cap;
    return true;
}

static enum err add_records(struct memory_store *m, const struct store_batch *b)
{
    if (!make_room(m, b->record_count))
        return ERR_NOMEM;
    for (size_t i = 0; i < b->record_count; i++) {
        if (m->limit && m->used + record_cost(&b->records[i]) > m->limit)
            return ERR_NOSPACE;
        if (!record_copy(&m->records[m->count], &b->records[i]))
            return ERR_NOMEM;
        m->count++;
        m->used += record_cost(&b->records[i]);
    }
    return ERR_OK;
}

static enum err memory_put_notes(struct store *s, const struct store_note *notes, size_t count);

static enum err memory_append(struct store *s, const struct store_batch *b)
{
    struct memory_store *m = memory_of(s);
    pthread_rwlock_wrlock(&m->lock);
    size_t before = m->count;
    enum err e = add_records(m, b);
    if (!e && b->note)
        e = memory_put_notes(s, b->note, 1);
    if (e)
        drop_above(m, before);
    pthread_rwlock_unlock(&m->lock);
    return e;
}

static enum err memory_sync_now(struct store *s)
{
    (void)s;
    return ERR_OK;
}

/* The index of the first record above OFFSET. */
static size_t first_above(const struct memory_store *m, uint64_t offset)
{
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->records[middle].offset > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The key of R, which goes, lives on without the rest. */
static bool keep_key(struct memory_store *m, const struct store_record *r)
{
    struct store_record kept = {.offset = r->offset,
                                .time_ms = r->time_ms,
                                .topic_id = r->topic_id,
                                .key = r->key,
                                .key_len = r->key_len,
                                .kind = r->kind};
    struct store_record *keys = reallocarray(m->keys, m->key_count + 1, sizeof(*keys));
    if (!keys)
        return false;
    m->keys = keys;
    struct store_record copy;
    if (!record_copy(&copy, &kept))
        return false;
    size_t i = m->key_count++;
    for (; i > 0 && keys[i - 1].offset > copy.offset; i--)
        keys[i] = keys[i - 1];
    keys[i] = copy;
    m->used += record_cost(&copy);
    return true;
}

/* Takes the records out for which GOES says so, up to R->max. *RET_NEXT is the offset of the first
 * that would go, too. */
static enum err remove_records(struct memory_store *m, struct store_removal *r,
                               enum store_verdict (*goes)(void *arg, const struct store_record *r),
                               void *arg, uint64_t *ret_next)
{
    size_t kept = 0, i = 0;
    *ret_next = 0;
    for (; i < m->count; i++) {
        struct store_record *record = &m->records[i];
        enum store_verdict verdict = goes(arg, record);
        if (verdict == STORE_REMOVE && r->removed < r->max &&
            !(store_keeps_key(r, record) && !keep_key(m, record))) {
            struct catalog *c = &m->base.catalog;
            catalog_note_gone(c, catalog_find(c, record->topic_id), record->offset,
                              record->payload_len);
            record_free(m, record);
            r->removed++;
            continue;
        }
        if (verdict == STORE_REMOVE && *ret_next == 0)
            *ret_next = record->offset;
        m->records[kept++] = *record;
    }
    m->count = kept;
    r->done = *ret_next == 0;
    return r->done || r->removed ? ERR_OK : ERR_NOMEM;
}

struct by_topic {
    const struct store_removal *removal;
    const struct catalog_topic *topic;
    uint64_t upto;
    bool stopped;
};

static enum store_verdict goes_by_topic(void *arg, const struct store_record *r)
{
    struct by_topic *b = arg;
    if (r->topic_id != b->topic->id || r->offset > b->upto || b->stopped)
        return STORE_KEEP;
    enum store_verdict verdict = store_judge(b->removal, r);
    b->stopped = verdict != STORE_REMOVE;
    return verdict;
}

static enum err memory_purge(struct store *s, struct catalog_topic *t, uint64_t upto,
                             struct store_removal *r)
{
    struct memory_store *m = memory_of(s);
    uint64_t next;
    pthread_rwlock_wrlock(&m->lock);
    if (upto > atomic_load_explicit(&t->floor, memory_order_relaxed))
        atomic_store_explicit(&t->floor, upto, memory_order_release);
    struct store_removal all = {.max = r->max, .keep_key = r->keep_key, .ctx = r->ctx};
    struct by_topic b = {.removal = &all, .topic = t, .upto = upto};
    enum err e = remove_records(m, &all, goes_by_topic, &b, &next);
    r->removed = all.removed;
    r->done = all.done;
    if (r->done)
        catalog_note_swept(&s->catalog, t, upto ? upto : 1);
    catalog_commit_gone(&s->catalog, r);
    pthread_rwlock_unlock(&m->lock);
    return e;
}

static enum err memory_expire(struct store *s, const uint32_t *topics, size_t count,
                              struct store_removal *r, size_t *ret_topics)
{
    struct memory_store *m = memory_of(s);
    enum err e = ERR_OK;
    uint64_t next;
    pthread_rwlock_wrlock(&m->lock);
    r->done = true;
    for (*ret_topics = 0; !e && r->done && *ret_topics < count; *ret_topics += r->done) {
        struct by_topic b = {.removal = r,
                             .topic = catalog_find(&s->catalog, topics[*ret_topics]),
                             .upto = UINT64_MAX};
        e = remove_records(m, r, goes_by_topic, &b, &next);
    }
    catalog_raise_floors(&s->catalog, r);
    catalog_commit_gone(&s->catalog, r);
    pthread_rwlock_unlock(&m->lock);
    return e;
}

struct trim {
    const struct store_removal *removal;
    uint64_t at, upto;
    uint64_t stopped; /* the offset that the judge stopped at, 0 = none */
};

static enum store_verdict goes_by_trim(void *arg, const struct store_record *r)
{
    struct trim *t = arg;
    if (r->offset <= t->at || r->offset > t->upto || t->stopped)
        return STORE_KEEP;
    enum store_verdict verdict = store_judge(t->removal, r);
    if (verdict == STORE_STOP)
        t->stopped = r->offset;
    return verdict;
}

static enum err memory_trim(struct store *s, uint64_t *at, uint64_t upto, struct store_removal *r)
{
    struct memory_store *m = memory_of(s);
    struct trim t = {.removal = r, .at = *at, .upto = upto};
    uint64_t next;
    pthread_rwlock_wrlock(&m->lock);
    enum err e = remove_records(m, r, goes_by_trim, &t, &next);
    catalog_raise_floors(&s->catalog, r);
    catalog_commit_gone(&s->catalog, r);
    pthread_rwlock_unlock(&m->lock);
    if (!e)
        *at = next ? next - 1 : t.stopped ? t.stopped - 1 : upto;
    return e;
}

/* There is nothing but the catalog. */
static enum err memory_forget(struct store *s, const uint32_t *ids, size_t count, uint64_t mark)
{
    (void)s;
    (void)ids;
    (void)count;
    (void)mark;
    return ERR_OK;
}

static enum err memory_drop_keys(struct store *s, uint64_t time_ms, size_t max, uint64_t *ret_next)
{
    struct memory_store *m = memory_of(s);
    size_t n = 0;
    pthread_rwlock_wrlock(&m->lock);
    for (; n < m->key_count && n < max && m->keys[n].time_ms < time_ms; n++)
        record_free(m, &m->keys[n]);
    m->key_count -= n;
    if (n)
        memmove(m->keys, m->keys + n, m->key_count * sizeof(m->keys[0]));
    *ret_next = m->key_count ? m->keys[0].time_ms : UINT64_MAX;
    pthread_rwlock_unlock(&m->lock);
    return ERR_OK;
}

static void note_free(struct note *note)
{
    free(note->value);
    free(note);
}

static struct note *note_create(const struct store_note *from)
{
    struct note *note = calloc(1, sizeof(*note) + strlen(from->name) + 1);
    void *copy = note ? malloc(from->n + 1) : NULL;
    if (!copy) {
        free(note);
        return NULL;
    }
    note->value = memcpy(copy, from->value, from->n);
    note->n = from->n;
    strcpy(note->name, from->name);
    return note;
}

/* NOTE stands for NAME from now on; NULL: nothing. */
static void set_note(struct memory_store *m, const char *name, struct note *note)
{
    struct note **at = &m->notes;
    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    struct note *old = *at && strcmp((*at)->name, name) == 0 ? *at : NULL;
    struct note *behind = old ? old->next : *at;
    if (note)
        note->next = behind;
    *at = note ? note : behind;
    if (old)
        note_free(old);
}

static enum err memory_put_notes(struct store *s, const struct store_note *notes, size_t count)
{
    struct note *made = NULL, *note;
    for (size_t i = count; i-- > 0;) {
        if (!notes[i].value)
            continue;
        note = note_create(&notes[i]);
        if (!note) {
            while ((note = made)) {
                made = note->next;
                note_free(note);
            }
            return ERR_NOMEM;
        }
        LL_PREPEND(made, note);
    }
    for (size_t i = 0; i < count; i++) {
        note = notes[i].value ? made : NULL;
        if (note)
            made = note->next;
        set_note(memory_of(s), notes[i].name, note);
    }
    return ERR_OK;
}

static enum err memory_notes(struct store *s, const char *prefix, store_visit_note *visit,
                             void *ctx)
{
    for (const struct note *note = memory_of(s)->notes; note; note = note->next)
        if (strncmp(note->name, prefix, strlen(prefix)) == 0)
            visit(ctx, note->name, note->value, note->n);
    return ERR_OK;
}

/* Its records are changed themselves, once for each step. */
static enum err memory_save_times(struct store *s)
{
    struct memory_store *m = memory_of(s);
    const struct times *t = atomic_load_explicit(&s->times, memory_order_relaxed);
    if (!t || t == m->times)
        return ERR_OK;
    const struct times_step *step = &t->steps[t->count - 1];
    pthread_rwlock_wrlock(&m->lock);
    for (size_t i = 0; i < m->count; i++)
        if (m->records[i].offset <= step->offset)
            m->records[i].time_ms = times_apply(step, m->records[i].time_ms);
    for (size_t i = 0; i < m->key_count; i++)
        if (m->keys[i].offset <= step->offset)
            m->keys[i].time_ms = times_apply(step, m->keys[i].time_ms);
    pthread_rwlock_unlock(&m->lock);
    m->times = t;
    return ERR_OK;
}

/* There is no directory that a copy of memory could be opened from. */
static enum err memory_copy(struct store_copy *c, struct store_copied *ret)
{
    (void)c;
    (void)ret;
    return ERR_INVALID;
}

static uint64_t memory_size(struct store *s)
{
    return memory_of(s)->used;
}

static uint64_t memory_keep_room(struct store *s, uint64_t bytes)
{
    const struct memory_store *m = memory_of(s);
    uint64_t left = m->limit > m->used ? m->limit - m->used : 0;
    return !m->limit || left > bytes ? bytes : left;
}

static void memory_abandon(struct store *s)
{
    struct memory_store *m = memory_of(s);
    drop_above(m, 0);
    while (m->key_count)
        record_free(m, &m->keys[--m->key_count]);
    free(m->keys);
    free(m->records);
    for (struct note *note = m->notes, *next; note; note = next) {
        next = note->next;
        note_free(note);
    }
    pthread_rwlock_destroy(&m->lock);
    store_finish(s);
    free(m);
}

static void memory_close(struct store *s, uint64_t head, bool complete)
{
    (void)head;
    (void)complete;
    memory_abandon(s);
}

static enum err memory_reader_create(struct store *s, struct store_reader **ret)
{
    struct store_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    r->store = s;
    *ret = r;
    return ERR_OK;
}

static void memory_reader_destroy(struct store_reader *r)
{
    free(r);
}

static bool wanted(const struct memory_store *m, const struct store_query *q,
                   const struct store_record *r)
{
    const struct catalog_topic *t = catalog_find(&m->base.catalog, r->topic_id);
    return t && r->offset > atomic_load_explicit(&t->floor, memory_order_relaxed) &&
           (!q->topics || store_query_names(q, r->topic_id));
}

/* Visits the records [LOW, HIGH) of the array in Q's direction; returns what has been reached. */
static uint64_t visit_range(const struct memory_store *m, const struct store_query *q, size_t low,
                            size_t high, store_visit *visit, void *ctx)
{
    size_t found = 0, scanned = 0;
    for (size_t n = high - low, i = 0; i < n; i++) {
        const struct store_record *r = &m->records[q->reverse ? high - 1 - i : low + i];
        if (wanted(m, q, r)) {
            if (!visit(ctx, r))
                return q->reverse ? r->offset + 1 : r->offset - 1;
            found++;
        }
        scanned++;
        if (q->looked)
            ++*q->looked;
        if ((q->max_records && found == q->max_records) || (q->max_scan && scanned == q->max_scan))
            return r->offset;
    }
    return q->reverse ? q->after + 1 : q->until;
}

static enum err memory_read(struct store_reader *r, const struct store_query *q, store_visit *visit,
                            void *ctx, uint64_t *ret_reached)
{
    struct memory_store *m = memory_of(r->store);
    pthread_rwlock_rdlock(&m->lock);
    *ret_reached =
        visit_range(m, q, first_above(m, q->after), first_above(m, q->until), visit, ctx);
    pthread_rwlock_unlock(&m->lock);
    return ERR_OK;
}

static enum err memory_keys(struct store_reader *r, store_visit *visit, void *ctx)
{
    struct memory_store *m = memory_of(r->store);
    pthread_rwlock_rdlock(&m->lock);
    for (size_t i = 0; i < m->key_count && visit(ctx, &m->keys[i]); i++)
        ;
    pthread_rwlock_unlock(&m->lock);
    return ERR_OK;
}

static enum err memory_seek_time(struct store_reader *r, uint64_t time_ms, uint64_t *ret_after)
{
    struct memory_store *m = memory_of(r->store);
    pthread_rwlock_rdlock(&m->lock);
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->records[middle].time_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_after = low ? m->records[low - 1].offset : 0;
    pthread_rwlock_unlock(&m->lock);
    return ERR_OK;
}

static struct store_verify *memory_verify_create(void)
{
    return calloc(1, sizeof(struct store_verify));
}

static void memory_verify_destroy(struct store_verify *v)
{
    free(v);
}

/* There is nothing that could have been damaged. */
static enum err memory_verify_step(struct store_verify *v, bool *ret_done)
{
    struct memory_store *m = memory_of(v->reader->store);
    pthread_rwlock_rdlock(&m->lock);
    v->report.records = m->count;
    v->report.topics = catalog_count(&m->base.catalog);
    pthread_rwlock_unlock(&m->lock);
    *ret_done = true;
    return ERR_OK;
}

static const struct store_ops memory_ops = {
    .append = memory_append,
    .sync_now = memory_sync_now,
    .purge = memory_purge,
    .expire = memory_expire,
    .trim = memory_trim,
    .forget = memory_forget,
    .drop_keys = memory_drop_keys,
    .save_times = memory_save_times,
    .put_notes = memory_put_notes,
    .notes = memory_notes,
    .copy = memory_copy,
    .size = memory_size,
    .used = memory_size,
    .keep_room = memory_keep_room,
    .close = memory_close,
    .abandon = memory_abandon,
    .reader_create = memory_reader_create,
    .reader_destroy = memory_reader_destroy,
    .read = memory_read,
    .keys = memory_keys,
    .seek_time = memory_seek_time,
    .verify_create = memory_verify_create,
    .verify_destroy = memory_verify_destroy,
    .verify_step = memory_verify_step,
};

enum err store_memory_open(const struct store_options *o, struct store **ret,
                           struct store_state *ret_state)
{
    struct store_state state = {.first = 1, .created = true, .clean = true, .complete = true};
    enum err e = store_draw_epoch(0, &state.epoch);
    if (e)
        return e;
    struct memory_store *m = calloc(1, sizeof(*m));
    if (!m)
        return ERR_NOMEM;
    if (pthread_rwlock_init(&m->lock, NULL)) {
        free(m);
        return ERR_NOMEM;
    }
    store_init(&m->base, &memory_ops);
    m->limit = o->map_bytes;
    *ret = &m->base;
    *ret_state = state;
    return ERR_OK;
}
