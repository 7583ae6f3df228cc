#include "storage/journal/applier.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/now.h"
#include "storage/store.h"
#include "storage/store_ops.h"

enum {
    RETRY_MS = 250, /* after an apply that failed */
    /* Most that one commit takes, so that others get the store in between. */
    COMMIT_BYTES = 4 << 20,
};

static void init_cond(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

void applier_init(struct applier *f, const struct applier_options *o, struct store *inner,
                  struct held *held)
{
    memset(f, 0, sizeof(*f));
    f->options = *o;
    f->inner = inner;
    f->held = held;
    f->end = &f->first;
    pthread_mutex_init(&f->lock, NULL);
    init_cond(&f->work);
    init_cond(&f->moved);
    applier_take(f);
    applier_give(f); /* tells what room and size there is */
}

void applier_finish(struct applier *f)
{
    for (struct waiting *g = f->first, *next; g; g = next) {
        next = g->next;
        free(g);
    }
    free(f->records);
    free(f->topics);
    pthread_cond_destroy(&f->work);
    pthread_cond_destroy(&f->moved);
    pthread_mutex_destroy(&f->lock);
}

struct waiting *waiting_create(const struct store_batch *b)
{
    size_t names = 0;
    for (size_t i = 0; i < b->topic_count; i++)
        names += b->topics[i].name_len;
    struct waiting *g = malloc(sizeof(*g) + b->topic_count * sizeof(g->topics[0]) + names);
    if (!g)
        return NULL;
    *g = (struct waiting){
        .record_count = b->record_count, .reserve = b->reserve, .topic_count = b->topic_count};
    char *name = (char *)&g->topics[b->topic_count];
    for (size_t i = 0; i < b->topic_count; i++) {
        g->topics[i] = b->topics[i];
        g->topics[i].name = name;
        memcpy(name, b->topics[i].name, b->topics[i].name_len);
        name += b->topics[i].name_len;
    }
    return g;
}

/* --- one commit --- */

/* Groups that go into one commit. */
struct bundle {
    size_t groups, records, topics;
};

/* The first groups, up to MOST, as far as one commit goes. With the lock held. */
static struct bundle choose(const struct applier *f, size_t most)
{
    struct bundle b = {0};
    uint64_t bytes = 0;
    for (const struct waiting *g = f->first; g && b.groups < most; g = g->next) {
        if (b.groups && bytes + g->room > COMMIT_BYTES)
            break;
        bytes += g->room;
        b.groups++;
        b.records += g->record_count;
        b.topics += g->topic_count;
    }
    return b;
}

static bool grow(void **array, size_t *cap, size_t count, size_t size)
{
    if (count <= *cap)
        return true;
    void *larger = reallocarray(*array, count, size);
    if (!larger)
        return false;
    *array = larger;
    *cap = count;
    return true;
}

static bool make_room(struct applier *f, const struct bundle *b)
{
    return grow((void **)&f->records, &f->record_cap, b->records, sizeof(*f->records)) &&
           grow((void **)&f->topics, &f->topic_cap, b->topics, sizeof(*f->topics));
}

/* What a clock that was set, and a crash before that was written down, would let run backwards. */
static void settle_times(struct applier *f, size_t count)
{
    uint64_t time_ms = f->inner->last_time_ms;
    for (size_t i = 0; i < count; i++) {
        if (f->records[i].time_ms < time_ms)
            f->records[i].time_ms = time_ms;
        time_ms = f->records[i].time_ms;
    }
}

static void add(struct applier *f, const struct waiting *g, struct store_batch *batch)
{
    if (g->record_count)
        memcpy(f->records + batch->record_count, g->records, g->record_count * sizeof(*f->records));
    if (g->topic_count)
        memcpy(f->topics + batch->topic_count, g->topics, g->topic_count * sizeof(*f->topics));
    batch->record_count += g->record_count;
    batch->topic_count += g->topic_count;
    if (g->reserve > batch->reserve)
        batch->reserve = g->reserve;
}

/* Puts the bundle's groups into BATCH; returns the last of them. Those that wait are only added to
 * meanwhile. */
static const struct waiting *collect(struct applier *f, const struct bundle *b,
                                     struct store_batch *batch)
{
    const struct waiting *g = f->first;
    *batch = (struct store_batch){.records = f->records, .topics = f->topics};
    for (size_t left = b->groups;; g = g->next) {
        add(f, g, batch);
        if (--left == 0)
            return g;
    }
}

static enum err commit(struct applier *f, const struct bundle *b, struct journal_place *ret)
{
    char value[APPLIED_NOTE_MAX];
    struct store_batch batch;
    if (!make_room(f, b))
        return ERR_NOMEM;
    const struct waiting *last = collect(f, b, &batch);
    settle_times(f, batch.record_count);
    struct applied_note note = f->note;
    note.place = last->place;
    struct store_note with = {STORE_NOTE_JOURNAL, value, applied_note_encode(&note, value)};
    if (f->note.log)
        batch.note = &with;
    enum err e = store_append(f->inner, &batch);
    if (e)
        return e;
    f->note.place = *ret = last->place;
    return f->options.note_certain ? store_sync_now(f->inner) : ERR_OK;
}

/* What could not be done with many groups may be done with fewer. */
static bool take_fewer(struct bundle *b, const struct applier *f, enum err e)
{
    if ((e != ERR_NOSPACE && e != ERR_TOO_LARGE && e != ERR_NOMEM) || b->groups <= 1)
        return false;
    *b = choose(f, b->groups / 2);
    return true;
}

/* --- what waits --- */

/* With the lock held; the store is given back. */
static void tell_failure(struct applier *f, enum err e)
{
    if (e && !f->failing)
        log_error("the journal cannot be applied to the log, trying on: %s", err_text(e));
    else if (!e && f->failing)
        log_info("the journal is applied again");
    f->attempts++;
    f->failing = e;
    f->retry_ms = e ? now_monotonic_ms() + RETRY_MS : 0;
}

/* Takes the first COUNT groups off; with the lock held. Returns them. */
static struct waiting *pop(struct applier *f, size_t count)
{
    struct waiting *first = f->first, **at = &f->first;
    for (f->done += count; count > 0; count--) {
        f->bytes -= (*at)->bytes;
        f->room -= (*at)->room;
        at = &(*at)->next;
    }
    struct waiting *rest = *at;
    *at = NULL;
    f->first = rest;
    if (!rest)
        f->end = &f->first;
    f->since_ms = now_monotonic_ms();
    return first;
}

static void free_all(struct waiting *g)
{
    while (g) {
        struct waiting *next = g->next;
        free(g);
        g = next;
    }
}

/* The last offset of the groups that were applied with the newest commit: not less than what
 * readers find in the store. */
static void show_applied(struct applier *f, const struct waiting *groups)
{
    uint64_t last = 0;
    for (const struct waiting *g = groups; g; g = g->next)
        if (g->record_count)
            last = g->records[g->record_count - 1].offset;
    if (last)
        atomic_store(&f->held->applied, last);
}

/* One commit. With the lock and the store; gives back the lock while it works. */
static enum err apply_some(struct applier *f)
{
    struct bundle b = choose(f, SIZE_MAX);
    struct journal_place place;
    enum err e;
    if (b.groups == 0)
        return ERR_OK;
    do {
        pthread_mutex_unlock(&f->lock);
        e = commit(f, &b, &place);
        pthread_mutex_lock(&f->lock);
    } while (e && take_fewer(&b, f, e));
    tell_failure(f, e);
    if (e)
        return e;
    struct waiting *groups = pop(f, b.groups);
    show_applied(f, groups);
    if (f->sequencer)
        f->sequencer->ops->release(f->sequencer, &place);
    free_all(groups);
    return ERR_OK;
}

/* --- who has the store --- */

static void take(struct applier *f)
{
    while (f->taken)
        pthread_cond_wait(&f->moved, &f->lock);
    f->taken = true;
}

/* More than the journal's half never waits; small records take more there than in the store. */
static uint64_t room_wanted(const struct applier *f)
{
    return f->options.waiting_max + COMMIT_BYTES;
}

/* With the lock, which is given back meanwhile. */
static void give(struct applier *f)
{
    const struct store_ops *ops = f->inner->ops;
    pthread_mutex_unlock(&f->lock);
    uint64_t granted = ops->keep_room ? ops->keep_room(f->inner, room_wanted(f)) : UINT64_MAX;
    atomic_store_explicit(&f->size, ops->size(f->inner), memory_order_relaxed);
    atomic_store_explicit(&f->used, ops->used(f->inner), memory_order_relaxed);
    pthread_mutex_lock(&f->lock);
    f->granted = granted;
    f->taken = false;
    pthread_cond_broadcast(&f->moved);
}

void applier_take(struct applier *f)
{
    pthread_mutex_lock(&f->lock);
    take(f);
    pthread_mutex_unlock(&f->lock);
}

bool applier_try_take(struct applier *f)
{
    pthread_mutex_lock(&f->lock);
    bool free = !f->taken;
    f->taken = true;
    pthread_mutex_unlock(&f->lock);
    return free;
}

void applier_give(struct applier *f)
{
    pthread_mutex_lock(&f->lock);
    give(f);
    if (f->failing) { /* there may be room now */
        f->retry_ms = 0;
        pthread_cond_signal(&f->work);
    }
    pthread_mutex_unlock(&f->lock);
}

/* --- the thread --- */

/* Until when to wait before something is to be applied; 0: not at all; UINT64_MAX: for more. */
static uint64_t due_ms(const struct applier *f)
{
    if (!f->first)
        return UINT64_MAX;
    if (f->failing)
        return f->retry_ms;
    if (f->asked > f->done || f->bytes >= f->options.apply_bytes)
        return 0;
    return f->since_ms + f->options.apply_ms;
}

static void wait_until(struct applier *f, pthread_cond_t *c, uint64_t until_ms)
{
    struct timespec t = {.tv_sec = (time_t)(until_ms / 1000),
                         .tv_nsec = (long)(until_ms % 1000) * 1000000};
    if (until_ms == UINT64_MAX)
        pthread_cond_wait(c, &f->lock);
    else
        pthread_cond_timedwait(c, &f->lock, &t);
}

static void *follow(void *arg)
{
    struct applier *f = arg;
    pthread_mutex_lock(&f->lock);
    while (!f->stopping) {
        uint64_t due = due_ms(f);
        if (due > now_monotonic_ms()) {
            wait_until(f, &f->work, due);
            continue;
        }
        take(f);
        if (!f->stopping)
            (void)!apply_some(f);
        give(f);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

enum err applier_start(struct applier *f)
{
    f->started = pthread_create(&f->thread, NULL, follow, f) == 0;
    return f->started ? ERR_OK : ERR_IO;
}

void applier_stop(struct applier *f)
{
    if (!f->started)
        return;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_cond_broadcast(&f->work);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    f->started = false;
}

/* --- what others ask --- */

static void ask(struct applier *f)
{
    f->asked = f->pushed;
    pthread_cond_signal(&f->work);
}

/* Looks whether the store has room by now that it had not. The lock is given back meanwhile. */
static bool look_for_room(struct applier *f, uint64_t room)
{
    take(f);
    give(f);
    return room <= f->granted;
}

enum err applier_admit(struct applier *f, uint64_t bytes, uint64_t room)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        bool full = f->first && f->bytes + bytes > f->options.waiting_max;
        bool tight = room && room + f->room > f->granted;
        if (f->failing && (room || full))
            e = f->failing;
        else if (tight && !f->first && !look_for_room(f, room))
            e = ERR_NOSPACE;
        if (e || (!full && !tight))
            break;
        if (!f->first)
            continue; /* there is room now */
        ask(f);
        pthread_cond_wait(&f->moved, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return e;
}

void applier_push(struct applier *f, struct waiting *g)
{
    g->next = NULL;
    pthread_mutex_lock(&f->lock);
    bool first = !f->first;
    if (first)
        f->since_ms = now_monotonic_ms();
    *f->end = g;
    f->end = &g->next;
    f->pushed++;
    f->bytes += g->bytes;
    f->room += g->room;
    bool due = first || f->bytes >= f->options.apply_bytes;
    pthread_mutex_unlock(&f->lock);
    if (due)
        pthread_cond_signal(&f->work);
}

enum err applier_drain(struct applier *f)
{
    pthread_mutex_lock(&f->lock);
    uint64_t wanted = f->pushed;
    f->retry_ms = 0; /* whoever waits for it wants to know how it is now */
    enum err e = ERR_OK;
    uint64_t before = f->attempts;
    while (f->done < wanted && !e) {
        ask(f);
        pthread_cond_wait(&f->moved, &f->lock);
        if (f->attempts > before)
            e = f->failing;
    }
    pthread_mutex_unlock(&f->lock);
    return e;
}

bool applier_wait(struct applier *f, uint64_t pushed, uint64_t ms)
{
    uint64_t until = now_monotonic_ms() + ms;
    pthread_mutex_lock(&f->lock);
    while (f->done < pushed && !f->failing && now_monotonic_ms() < until) {
        ask(f);
        wait_until(f, &f->moved, until);
    }
    bool done = f->done >= pushed;
    pthread_mutex_unlock(&f->lock);
    return done;
}

uint64_t applier_pushed(struct applier *f)
{
    pthread_mutex_lock(&f->lock);
    uint64_t pushed = f->pushed;
    pthread_mutex_unlock(&f->lock);
    return pushed;
}

enum err applier_failing(struct applier *f)
{
    pthread_mutex_lock(&f->lock);
    enum err e = f->failing;
    pthread_mutex_unlock(&f->lock);
    return e;
}

void applier_hurry(struct applier *f)
{
    pthread_mutex_lock(&f->lock);
    ask(f);
    pthread_mutex_unlock(&f->lock);
}

enum err applier_apply_here(struct applier *f)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&f->lock);
    take(f);
    while (!e && f->first)
        e = apply_some(f);
    give(f);
    pthread_mutex_unlock(&f->lock);
    return e;
}
