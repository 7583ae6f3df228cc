/*
 *                          trimmed by age   trimmed by size   expired
 *     no limits of its own       yes              yes           no
 *     its own age                no               yes           by its age
 *     max_messages, max_bytes    yes              yes           what is too much
 *     keep_last                  no               no            what is too old, too much, or was
 *                                                               passed over by size, but the newest
 *
 * For one topic, trimming and expiring both take the oldest message first, so that everything up to
 * its floor is gone and everything above is kept, whoever comes first.
 */
#include "broker/retention.h"

#include <string.h>

#include "base/log.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"

enum {
    SWEEP_MS = 500,       /* from the beginning of one sweep to that of the next, at least */
    SWEEP_TOPICS = 16384, /* topics that one step of a sweep looks at */
    EXPIRE_TOPICS = 256,  /* topics that one commit takes messages from, at most */
    AGE_MS = 250,         /* trimming by age waits for so much to come together */
    KEYS_MS = 1000,       /* the same for keys */
    RETRY_MS = 1000,      /* after an error of the store */
    AGAIN_MS = 20,        /* when the store is busy, or has not everything yet */
    SHRINK_PART = 64,     /* a log that is too large is made so much smaller than it has to be */
};

/* --- policies --- */

static const struct topic_retention *limits_of(const struct retention_rules *rules,
                                               const struct topic *t)
{
    for (size_t i = 0; i < rules->count; i++) {
        const char *pattern = rules->rules[i].pattern;
        if (topic_matches_any(pattern, strlen(pattern), t->name, t->name_len))
            return &rules->rules[i].limits;
    }
    return &rules->otherwise;
}

/* Whether the age of messages with these limits is trimming's business. */
static bool has_common_age(const struct retention *r, const struct topic_retention *limits)
{
    return limits->max_age_ms == r->rules->otherwise.max_age_ms && limits->keep_last == 0;
}

static bool has_limits(const struct retention *r, const struct topic_retention *limits)
{
    return limits->max_messages || limits->max_bytes || !has_common_age(r, limits);
}

static bool has_own_age(const struct retention *r, const struct topic *t)
{
    return t->limits->max_age_ms && !has_common_age(r, t->limits);
}

static void find_limits(struct retention *r, struct topic *t)
{
    const struct topic_retention *limits = limits_of(r->rules, t);
    t->limits = !t->memory && has_limits(r, limits) ? limits : NULL;
    t->due_ms = t->limits ? 0 : UINT64_MAX; /* not known yet: look */
}

/* --- topics to look at --- */

static void note(struct retention *r, struct topic *t)
{
    if (t->pending)
        return;
    t->pending = true;
    t->next_pending = NULL;
    if (r->pending)
        r->pending_last->next_pending = t;
    else
        r->pending = t;
    r->pending_last = t;
}

static void drop_first(struct retention *r)
{
    r->pending->pending = false;
    r->pending = r->pending->next_pending;
}

static bool has_too_much(const struct topic_retention *limits, uint64_t messages, uint64_t bytes)
{
    return (limits->max_messages && messages > limits->max_messages) ||
           (limits->max_bytes && bytes > limits->max_bytes && messages > 1);
}

static void wait_for(struct retention *r, struct topic *t, uint64_t due_ms)
{
    t->due_ms = due_ms;
    if (due_ms < r->due_ms)
        r->due_ms = due_ms;
}

void retention_published(struct retention *r, struct topic *t, uint64_t now_ms)
{
    if (!t->limits)
        return;
    if (t->held || has_too_much(t->limits, t->messages, t->bytes))
        note(r, t);
    if (t->due_ms == UINT64_MAX && has_own_age(r, t))
        wait_for(r, t, now_ms + t->limits->max_age_ms);
}

void retention_add_topic(struct retention *r, struct topic *t, bool unswept)
{
    find_limits(r, t);
    if (unswept)
        retention_finish_purge(r, t);
    else if (t->last == 0)
        t->due_ms = UINT64_MAX; /* brand-new: its first message will tell */
    else if (t->limits)
        r->due_ms = 0;
}

void retention_finish_purge(struct retention *r, struct topic *t)
{
    t->unswept = true;
    note(r, t);
}

void retention_set_rules(struct retention *r, const struct retention_rules *rules)
{
    r->rules = rules;
    r->age_at = 0; /* what was passed over may be trimming's business now */
    r->age_due_ms = 0;
    r->size_at = 0;
    r->due_ms = 0;
    r->sweep_not_before_ms = 0;
    r->sweep_next = 0;
    struct id_walk all = topic_table_walk(r->topics, 0);
    struct topic *t;
    while ((t = id_walk_next(&all)))
        find_limits(r, t);
}

void retention_step_clock(struct retention *r)
{
    retention_set_rules(r, r->rules);
    r->keys_due_ms = 0;
}

/* --- removing --- */

static void raise_floor(void *ctx, uint32_t topic_id, uint64_t floor)
{
    struct retention *r = ctx;
    struct topic *t = topic_table_get(r->topics, topic_id);
    if (t)
        topic_table_raise_floor(r->topics, t, floor);
}

/* While a purge is unfinished the log's totals count what nobody can see any more. */
static void take_totals(void *ctx, const struct store_topic *left)
{
    struct retention *r = ctx;
    struct topic *t = topic_table_get(r->topics, left->id);
    if (!t || left->unswept)
        return;
    if (t->memory) {
        topic_stored_left(t, left->messages, left->bytes);
    } else {
        t->messages = left->messages;
        t->bytes = left->bytes;
    }
    idle_note(r->idle, t, r->now_ms);
}

static bool needs_key(void *ctx, const struct store_record *record)
{
    struct retention *r = ctx;
    uint64_t until = record->time_ms + r->key_window_ms;
    if (until <= r->now_ms)
        return false;
    if (until < r->keys_due_ms)
        r->keys_due_ms = until;
    return true;
}

struct store_removal retention_removal(struct retention *r, uint64_t now_ms, size_t max)
{
    r->now_ms = now_ms;
    return (struct store_removal){
        .max = max,
        .keep_key = needs_key,
        .floor = raise_floor,
        .left = take_totals,
        .ctx = r,
    };
}

/* Its own removals: they come again, and what is not in the log yet will be by then. */
static struct store_removal own_removal(struct retention *r, size_t max)
{
    struct store_removal removal = retention_removal(r, r->now_ms, max);
    removal.hurried = true;
    return removal;
}

static bool is_too_old(const struct retention *r, const struct store_record *record,
                       uint64_t max_age_ms)
{
    return max_age_ms && record->time_ms + max_age_ms <= r->now_ms;
}

/* --- trimming --- */

/* Records come in the order of their times: the first that is young enough is the end. */
static enum store_verdict judge_age(void *ctx, const struct store_record *record)
{
    struct retention *r = ctx;
    const struct topic *t = topic_table_get(r->topics, record->topic_id);
    uint64_t max_age_ms = r->rules->otherwise.max_age_ms;
    if (!is_too_old(r, record, max_age_ms)) {
        r->age_due_ms = record->time_ms + max_age_ms;
        return STORE_STOP;
    }
    return t && t->limits && !has_common_age(r, t->limits) ? STORE_KEEP : STORE_REMOVE;
}

static enum err trim_by_age(struct retention *r, size_t max)
{
    struct store_removal removal = own_removal(r, max);
    removal.judge = judge_age;
    r->age_due_ms = r->now_ms + r->rules->otherwise.max_age_ms; /* unless a record says earlier */
    enum err e = store_trim(r->store, &r->age_at, UINT64_MAX, &removal);
    r->removed += removal.removed;
    if (!e && !removal.done)
        r->age_due_ms = 0;
    else if (r->age_due_ms < r->now_ms + AGE_MS)
        r->age_due_ms = r->now_ms + AGE_MS;
    return e;
}

static enum store_verdict judge_size(void *ctx, const struct store_record *record)
{
    struct retention *r = ctx;
    struct topic *t = topic_table_get(r->topics, record->topic_id);
    if (!t || !t->limits || !t->limits->keep_last)
        return STORE_REMOVE;
    t->held = true;
    note(r, t);
    return STORE_KEEP;
}

static bool is_too_large(struct retention *r)
{
    uint64_t most = r->rules->max_log_bytes, used = store_used(r->store);
    bool small = most == 0 || used <= most - most / SHRINK_PART;
    if (small)
        r->crowded_bytes = 0;
    if (small)
        r->shrinking = false;
    else if (used > most && used > r->crowded_bytes)
        r->shrinking = true;
    return r->shrinking;
}

/* Everything left has to be kept: there is no use in trying again before the log has grown. */
static void give_up(struct retention *r)
{
    if (!r->crowded_bytes)
        log_warn("what keep_last keeps takes more room than log.max_log_bytes");
    r->crowded_bytes = store_used(r->store);
    r->shrinking = false;
}

static enum err trim_by_size(struct retention *r, size_t max)
{
    struct store_removal removal = own_removal(r, max);
    removal.judge = judge_size;
    enum err e = store_trim(r->store, &r->size_at, UINT64_MAX, &removal);
    r->removed += removal.removed;
    if (r->size_at > r->age_at)
        r->age_at = r->size_at;
    if (!e && removal.done && is_too_large(r))
        give_up(r);
    return e;
}

/* --- expiring --- */

static void judge_next(struct retention *r, struct topic *t)
{
    r->judged = t;
    r->left_messages = t->messages;
    r->left_bytes = t->bytes;
    t->held = false;
    t->due_ms = UINT64_MAX;
}

/* Whether it would go, were it not for keep_last. */
static bool is_superfluous(const struct retention *r, const struct store_record *record)
{
    const struct topic_retention *limits = r->judged->limits;
    return has_too_much(limits, r->left_messages, r->left_bytes) ||
           is_too_old(r, record, limits->max_age_ms) ||
           (limits->keep_last && record->offset <= r->size_at);
}

/* The records of one topic after the other, the oldest first. */
static enum store_verdict judge_topic(void *ctx, const struct store_record *record)
{
    struct retention *r = ctx;
    if (!r->judged || r->judged->id != record->topic_id)
        judge_next(r, topic_table_get(r->topics, record->topic_id));
    struct topic *t = r->judged;
    bool superfluous = is_superfluous(r, record);
    if (superfluous && r->left_messages > t->limits->keep_last) {
        r->left_messages--;
        r->left_bytes -= record->payload_len < r->left_bytes ? record->payload_len : r->left_bytes;
        return STORE_REMOVE;
    }
    /* Kept only because it is one of the last: it goes when there is a newer one. */
    t->held = superfluous;
    if (!superfluous && has_own_age(r, t))
        wait_for(r, t, record->time_ms + t->limits->max_age_ms);
    return STORE_STOP;
}

/* The ids of the first pending topics, as far as they can share a commit. */
static size_t collect(const struct retention *r, uint32_t ids[EXPIRE_TOPICS])
{
    size_t n = 0;
    for (const struct topic *t = r->pending; t && n < EXPIRE_TOPICS; t = t->next_pending) {
        if (t->unswept || !t->limits)
            break;
        ids[n++] = t->id;
    }
    return n;
}

static enum err expire(struct retention *r, size_t max)
{
    struct store_removal removal = own_removal(r, max);
    uint32_t ids[EXPIRE_TOPICS];
    size_t count = collect(r, ids), finished = 0;
    removal.judge = judge_topic;
    r->judged = NULL;
    enum err e = store_expire(r->store, ids, count, &removal, &finished);
    r->removed += removal.removed;
    for (; !e && finished > 0; finished--) {
        struct topic *t = r->pending;
        if (t->due_ms <= r->now_ms)
            t->due_ms = UINT64_MAX; /* nothing was found that could be judged */
        drop_first(r);
    }
    return e;
}

/* The next piece of a purge that was answered when its floor was safe. */
static enum err purge(struct retention *r, struct topic *t, size_t max)
{
    struct store_removal removal = own_removal(r, max);
    enum err e = store_purge(r->store, t->id, t->floor, &removal);
    t->unswept = e || !removal.done;
    idle_note(r->idle, t, r->now_ms);
    return e;
}

static enum err look_at_pending(struct retention *r, size_t max)
{
    struct topic *t = r->pending;
    if (t->unswept)
        return purge(r, t, max);
    if (t->limits)
        return expire(r, max);
    drop_first(r);
    return ERR_OK;
}

/* --- when --- */

static void begin_sweep(struct retention *r)
{
    r->sweep_next = 1;
    r->sweep_not_before_ms = r->now_ms + SWEEP_MS;
    r->sweep_due_ms = UINT64_MAX;
    r->due_ms = UINT64_MAX;
}

static void sweep_topic(struct retention *r, struct topic *t)
{
    if (t->due_ms <= r->now_ms || (t->limits && has_too_much(t->limits, t->messages, t->bytes)))
        note(r, t);
    else if (t->due_ms < r->sweep_due_ms)
        r->sweep_due_ms = t->due_ms;
}

/* Looks at some more topics; true when that was all of them. */
static bool sweep_some(struct retention *r)
{
    struct id_walk left = topic_table_walk(r->topics, r->sweep_next);
    struct topic *t = NULL;
    for (size_t i = 0; i < SWEEP_TOPICS && (t = id_walk_next(&left)); i++) {
        sweep_topic(r, t);
        r->sweep_next = t->id + 1;
    }
    if (t && r->sweep_next)
        return false;
    r->sweep_next = 0;
    if (r->sweep_due_ms < r->due_ms)
        r->due_ms = r->sweep_due_ms;
    return true;
}

static void sweep(struct retention *r)
{
    if (r->sweep_next == 0 && r->due_ms <= r->now_ms && r->sweep_not_before_ms <= r->now_ms)
        begin_sweep(r);
    if (r->sweep_next)
        sweep_some(r);
}

static enum err forget_keys(struct retention *r, size_t max)
{
    uint64_t oldest = r->now_ms > r->key_window_ms ? r->now_ms - r->key_window_ms : 0;
    uint64_t next = UINT64_MAX;
    enum err e = store_drop_keys(r->store, oldest, max, &next);
    if (e)
        return e;
    r->keys_due_ms = next == UINT64_MAX ? UINT64_MAX : next + r->key_window_ms;
    if (r->keys_due_ms < r->now_ms + KEYS_MS)
        r->keys_due_ms = r->now_ms + KEYS_MS;
    return ERR_OK;
}

static bool has_age(const struct retention *r)
{
    return r->rules->otherwise.max_age_ms > 0;
}

/* The earliest of what there is to do. */
static uint64_t next_due(const struct retention *r)
{
    uint64_t due = r->due_ms > r->sweep_not_before_ms ? r->due_ms : r->sweep_not_before_ms;
    if (r->due_ms == UINT64_MAX)
        due = UINT64_MAX;
    if (has_age(r) && r->age_due_ms < due)
        due = r->age_due_ms;
    if (r->keys_due_ms < due)
        due = r->keys_due_ms;
    return r->shrinking || r->pending || r->sweep_next ? 0 : due;
}

/* When there is both, pending topics and making the log smaller take turns: neither may wait for
 * ever, and what single topics have too much of may be all the room that is needed. */
static enum err step(struct retention *r, size_t max)
{
    sweep(r);
    bool large = is_too_large(r);
    r->expired_last = r->pending && !(large && r->expired_last);
    if (r->expired_last)
        return look_at_pending(r, max);
    if (large)
        return trim_by_size(r, max);
    if (has_age(r) && r->age_due_ms <= r->now_ms)
        return trim_by_age(r, max);
    return r->keys_due_ms <= r->now_ms ? forget_keys(r, max) : ERR_OK;
}

enum err retention_step(struct retention *r, uint64_t now_ms, size_t max, uint64_t *ret_due_ms)
{
    r->now_ms = now_ms;
    enum err e = step(r, max);
    *ret_due_ms = e == ERR_AGAIN ? now_ms + AGAIN_MS : e ? now_ms + RETRY_MS : next_due(r);
    return e == ERR_AGAIN ? ERR_OK : e;
}

void retention_init(struct retention *r, struct store *store, struct topic_table *topics,
                    struct idle_topics *idle, const struct retention_rules *rules,
                    uint64_t key_window_ms)
{
    *r = (struct retention){
        .store = store,
        .topics = topics,
        .idle = idle,
        .rules = rules,
        .key_window_ms = key_window_ms,
        .due_ms = UINT64_MAX,
    };
}
