#include "broker/broker.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "broker/broker_clock.h"
#include "broker/broker_forget.h"
#include "broker/broker_state.h"
#include "broker/dedup.h"
#include "broker/presence.h"
#include "broker/replay.h"
#include "broker/roll.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"

enum {
    /* The head is reserved ahead in steps of so many offsets once memory messages use them. */
    RESERVE_STEP = 65536,
    /* Topics whose newest offsets go into one of the last commits. */
    REMEMBER_STEP = 1024,
    TOPIC_FLAG_MEMORY = 1, /* in store_topic.flags */
    /* What the tail may take with the encodings of its messages, times its bytes; beyond that a
     * batch takes so much of it away, or twice its own weight. */
    TAIL_ENCODED_TIMES = 4,
    TAIL_STEP = 16,
};

/* --- start --- */

struct load {
    struct broker *broker;
    enum err result;
    bool complete; /* the log knows the newest message of every topic */
};

static bool is_memory(const struct broker *b, const char *name, size_t n)
{
    return topic_is_presence(name, n) || (!topic_is_of_hooks(name, n) && b->options.is_memory &&
                                          b->options.is_memory(b->options.is_memory_ctx, name, n));
}

static void load_topic(void *ctx, const struct store_topic *t)
{
    struct load *load = ctx;
    struct broker *b = load->broker;
    struct topic *topic;
    if (load->result != ERR_OK)
        return;
    bool memory = is_memory(b, t->name, t->name_len);
    load->result = topic_table_load(b->topics, t->id, t->name, t->name_len, memory, &topic);
    if (load->result != ERR_OK)
        return;
    topic->last = t->last;
    topic->messages = t->messages;
    topic->bytes = t->bytes;
    if (memory) {
        topic->stored_messages = t->messages;
        topic->stored_bytes = t->bytes;
    }
    topic_table_raise_floor(b->topics, topic, t->floor);
    /* Memory messages ended with the process that held them. The log marks every topic that ever
     * had one, whatever the configuration says now; which offsets they had it knows only when it
     * was told at the end. */
    topic->marked = t->flags & TOPIC_FLAG_MEMORY;
    if (topic->marked) {
        topic_table_evict(b->topics, topic, load->complete ? t->last : b->head);
        topic_stored_left(topic, 0, 0);
    }
    retention_add_topic(&b->retention, topic, t->unswept);
}

static enum err load_topics(struct broker *b, bool complete)
{
    struct load load = {b, ERR_OK, complete};
    enum err e = store_topics(b->store, load_topic, &load);
    topic_table_set_forgotten(b->topics, b->log.topic_id_last, b->log.forgotten);
    b->topics_stored = topic_table_last_id(b->topics);
    return e != ERR_OK ? e : load.result;
}

static enum err remember_key(struct broker *b, struct topic *t, const char *key, size_t n,
                             uint64_t offset, uint64_t time_ms)
{
    enum err e = dedup_add(b->dedup, t->id, key, n, offset, time_ms);
    if (e == ERR_OK && dedup_remembers(b->dedup))
        t->keys++;
    return e;
}

static void key_forgotten(void *ctx, uint32_t topic_id)
{
    struct broker *b = ctx;
    struct topic *t = topic_table_get(b->topics, topic_id); /* it has a key, and so it is known */
    t->keys--;
    idle_note(&b->idle, t, b->now_ms);
}

/* A key that is remembered no more may have outlived its topic in the log. */
static bool load_key(void *ctx, const struct store_record *r)
{
    struct load *load = ctx;
    struct broker *b = load->broker;
    struct topic *t = r->key_len ? topic_table_get(b->topics, r->topic_id) : NULL;
    if (t)
        load->result = remember_key(b, t, r->key, r->key_len, r->offset, r->time_ms);
    return load->result == ERR_OK;
}

static enum err load_keys_since(struct broker *b, struct store_reader *r, uint64_t since_ms)
{
    struct load load = {.broker = b};
    struct store_query q = {.until = b->head};
    enum err e = store_keys(r, load_key, &load);
    if (e == ERR_OK)
        e = store_seek_time(r, since_ms, &q.after);
    while (e == ERR_OK && load.result == ERR_OK && q.after < q.until)
        e = store_read(r, &q, load_key, &load, &q.after);
    return e != ERR_OK ? e : load.result;
}

static enum err load_keys(struct broker *b, uint64_t now_ms)
{
    struct store_reader *r;
    uint64_t window = b->options.dedup_window_ms;
    if (window == 0 || b->head == 0)
        return ERR_OK;
    enum err e = store_reader_create(b->store, &r);
    if (e != ERR_OK)
        return e;
    e = load_keys_since(b, r, now_ms > window ? now_ms - window : 0);
    store_reader_destroy(r);
    return e;
}

/* Whose first and last subscribers it is told of from now on. */
static enum err create_roll(struct broker *b)
{
    enum err e = roll_create(b->options.hooks, b->interest, b->store, &b->roll);
    if (e == ERR_OK)
        interest_watch(b->interest,
                       &(struct interest_watcher){roll_topic_came, roll_topic_went, b->roll});
    return e;
}

enum err broker_create(const struct broker_options *o, struct store *s,
                       const struct store_state *state, uint64_t now_ms, struct broker **ret)
{
    struct broker *b = calloc(1, sizeof(*b));
    if (!b)
        return ERR_NOMEM;
    b->store = s;
    b->options = *o;
    b->log = *state;
    b->head = b->reserved = state->head;
    b->time_ms = state->last_time_ms;
    b->now_ms = now_ms;
    b->group = 1; /* topics that no group has had have 0 */
    tail_init(&b->tail);
    b->topics = topic_table_create(o->max_topics);
    b->interest = interest_create(o->subscription_bytes, o->transports);
    b->presence = presence_create(b->interest, o->presence_salt);
    b->dedup = dedup_create(o->dedup_window_ms, o->dedup_max_keys);
    enum err e = b->topics && b->interest && b->presence && b->dedup ? ERR_OK : ERR_NOMEM;
    if (e == ERR_OK)
        dedup_watch(b->dedup, key_forgotten, b);
    b->keys_due_ms = UINT64_MAX;
    static const struct retention_rules no_limits;
    now_ms = broker_settled_now(state, now_ms);
    retention_init(&b->retention, s, b->topics, &b->idle, o->retention ? o->retention : &no_limits,
                   o->dedup_window_ms);
    if (e == ERR_OK)
        e = broker_settle_times(b, now_ms);
    if (e == ERR_OK)
        broker_note_rest(b, now_ms);
    if (e == ERR_OK)
        e = load_topics(b, state->complete);
    if (e == ERR_OK)
        e = load_keys(b, now_ms);
    if (e == ERR_OK)
        e = broker_forget_surplus(b);
    if (e == ERR_OK)
        e = revoked_create(s, &b->revoked);
    if (e == ERR_OK && o->hooks)
        e = create_roll(b);
    if (e != ERR_OK) {
        broker_destroy(b);
        return e;
    }
    *ret = b;
    return ERR_OK;
}

void broker_destroy(struct broker *b)
{
    if (!b)
        return;
    tail_finish(&b->tail);
    dedup_destroy(b->dedup);
    presence_destroy(b->presence);
    roll_destroy(b->roll);
    interest_destroy(b->interest);
    revoked_destroy(b->revoked);
    topic_table_destroy(b->topics);
    free(b->records);
    free(b->new_topics);
    free(b->turned);
    free(b);
}

struct topic_table *broker_topics(struct broker *b)
{
    return b->topics;
}

struct revoked *broker_revoked(struct broker *b)
{
    return b->revoked;
}

struct interest *broker_interest(struct broker *b)
{
    return b->interest;
}

struct presence *broker_presence(struct broker *b)
{
    return b->presence;
}

struct roll *broker_roll(struct broker *b)
{
    return b->roll;
}

enum err broker_put_notes(struct broker *b, const struct store_note *notes, size_t count)
{
    return store_put_notes(b->store, notes, count);
}

uint64_t broker_head(const struct broker *b)
{
    return b->head;
}

uint32_t broker_epoch(const struct broker *b)
{
    return b->log.epoch;
}

/* --- staging: from publishes to one group --- */

/* Nothing but another log helps. */
static void tell_used_up(struct broker *b)
{
    if (b->used_up || topic_table_last_id(b->topics) < UINT32_MAX)
        return;
    b->used_up = true;
    log_error("the log has given all of its %u topic ids: no topic can be made any more, until "
              "its messages are exported and imported into a new log",
              UINT32_MAX);
}

static enum err add_topic(struct broker *b, const struct message *m, struct topic **ret)
{
    bool memory = is_memory(b, m->topic_name, m->topic_name_len);
    struct topic_forgotten before = topic_table_forgotten(b->topics);
    enum err e = broker_make_room(b);
    if (e == ERR_OK)
        e = topic_table_add_after(b->topics, m->topic_name, m->topic_name_len, memory, &before,
                                  ret);
    if (e != ERR_OK) {
        tell_used_up(b);
        return e;
    }
    retention_add_topic(&b->retention, *ret, false);
    return ERR_OK;
}

/* Whether C can be a place in front of the messages that come now. */
static bool is_place(const struct broker *b, const struct cursor *c)
{
    return c->offset <= b->head && replay_is_certain(&b->log, c);
}

/* Whether the topic of the conditional item I has had, or may have had, a message that its
 * publisher has not seen. None of this group's has been shown to anybody. */
static bool is_conflict(const struct broker *b, const struct publish *p, uint32_t i)
{
    const struct topic *t = p->items[i].message->topic;
    const struct cursor *seen = &p->expectations[i].seen;
    if (!is_place(b, seen))
        return true;
    return (t && t->staged > b->head) || topic_table_newest(b->topics, t) > seen->offset;
}

/* Who publishes many at once mostly publishes them to one topic. What the group has used is not
 * forgotten meanwhile. */
static struct topic *find_topic(const struct broker *b, const struct message *m)
{
    if (b->resolved && topic_is_named(b->resolved, m->topic_name, m->topic_name_len))
        return b->resolved;
    return topic_table_find(b->topics, m->topic_name, m->topic_name_len);
}

static enum err resolve_topic(struct broker *b, const struct publish *p, uint32_t i)
{
    struct message *m = p->items[i].message;
    struct topic *t = find_topic(b, m);
    enum err e = ERR_OK;
    if (!t && p->items[i].conditional && is_conflict(b, p, i))
        return ERR_CONFLICT; /* it does not come into being by this */
    if (!t)
        e = add_topic(b, m, &t);
    if (e != ERR_OK)
        return e;
    t->last_group = b->group;
    b->resolved = t;
    message_resolve(m, t);
    return ERR_OK;
}

static enum err resolve_topics(struct broker *b, struct publish *p, uint32_t *ret_failed)
{
    for (uint32_t i = 0; i < p->count; i++) {
        enum err e = resolve_topic(b, p, i);
        *ret_failed = i;
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum err add_record(struct broker *b, const struct message *m)
{
    if (b->record_count == b->record_cap) {
        size_t cap = b->record_cap ? b->record_cap * 2 : 256;
        struct store_record *records = realloc(b->records, cap * sizeof(*records));
        if (!records)
            return ERR_NOMEM;
        b->records = records;
        b->record_cap = cap;
    }
    b->records[b->record_count++] = (struct store_record){
        .offset = m->offset,
        .time_ms = m->time_ms,
        .topic_id = m->topic->id,
        .payload = m->payload,
        .payload_len = m->payload_len,
        .event = m->event,
        .event_len = m->event_len,
        .key = m->key,
        .key_len = m->key_len,
        .kind = m->kind,
    };
    return ERR_OK;
}

/* Sees to it that the log marks T before its first memory message is shown. */
static enum err mark_memory(struct broker *b, struct topic *t)
{
    if (!t->memory || t->marked)
        return ERR_OK;
    if (b->turned_count == b->turned_cap) {
        size_t cap = b->turned_cap ? b->turned_cap * 2 : 16;
        struct topic **turned = realloc(b->turned, cap * sizeof(*turned));
        if (!turned)
            return ERR_NOMEM;
        b->turned = turned;
        b->turned_cap = cap;
    }
    t->marked = true;
    b->turned[b->turned_count++] = t;
    return ERR_OK;
}

/* What would have made them needed was not written: all marks but the first COUNT are still to be
 * made. */
static void forget_marks(struct broker *b, size_t count)
{
    while (b->turned_count > count)
        b->turned[--b->turned_count]->marked = false;
}

static void count_staged(struct broker *b, const struct message *m)
{
    struct topic *t = m->topic;
    b->staged++;
    b->staged_memory |= t->memory;
    if (t->id > b->staged_topic)
        b->staged_topic = t->id;
    if (t->staged <= b->head)
        t->staged = m->offset;
}

/* Gives item I its offset, or finds the one that its key got before. */
static enum err stage_item(struct broker *b, struct publish *p, uint32_t i)
{
    struct publish_item *item = &p->items[i];
    struct message *m = item->message;
    if (m->key_len) {
        item->offset = dedup_find(b->dedup, m->topic->id, m->key, m->key_len, b->time_ms);
        if (item->offset)
            return ERR_OK;
    }
    if (item->conditional && is_conflict(b, p, i))
        return ERR_CONFLICT;
    m->offset = item->offset = b->head + b->staged + 1;
    m->time_ms = b->time_ms;
    m->epoch = b->log.epoch;
    enum err e = m->topic->memory ? mark_memory(b, m->topic) : add_record(b, m);
    if (e == ERR_OK && m->key_len)
        e = remember_key(b, m->topic, m->key, m->key_len, m->offset, b->time_ms);
    if (e == ERR_OK)
        count_staged(b, m);
    return e;
}

/* How far the staging of a group is. */
struct stage {
    size_t messages, records, marks;
    uint32_t topic;
    bool memory;
};

static struct stage current_stage(const struct broker *b)
{
    return (struct stage){b->staged, b->record_count, b->turned_count, b->staged_topic,
                          b->staged_memory};
}

/* Goes back to a stage before P. */
static void unstage(struct broker *b, const struct publish *p, const struct stage *s)
{
    uint64_t last = b->head + s->messages;
    b->staged = s->messages;
    b->record_count = s->records;
    b->staged_topic = s->topic;
    b->staged_memory = s->memory;
    forget_marks(b, s->marks);
    dedup_forget_above(b->dedup, last);
    for (uint32_t i = 0; i < p->count; i++) {
        struct topic *t = p->items[i].message->topic;
        if (t && t->staged > last)
            t->staged = 0;
        if (t)
            idle_note(&b->idle, t, b->now_ms); /* it may have come into being for this */
    }
}

static bool needs_disk(const struct publish *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!p->items[i].message->topic || !p->items[i].message->topic->memory)
            return true;
    return false;
}

/* DISK: ERR_OK, or why what needs the disk fails when nothing else is wrong with it. */
static void stage(struct broker *b, struct publish *p, enum err disk)
{
    struct stage before = current_stage(b);
    uint32_t failed;
    p->result = resolve_topics(b, p, &failed);
    for (uint32_t i = 0; i < p->count && p->result == ERR_OK; i++) {
        p->result = stage_item(b, p, i);
        failed = i;
    }
    if (p->result == ERR_OK && disk != ERR_OK && needs_disk(p))
        p->result = disk;
    if (p->result == ERR_OK)
        return;
    unstage(b, p, &before);
    if (p->result == ERR_CONFLICT) {
        p->conflict = failed;
        b->conflicted = true;
    }
}

/* --- committing --- */

static struct store_topic row_of(const struct topic *t)
{
    return (struct store_topic){
        .id = t->id,
        .name = t->name,
        .name_len = t->name_len,
        .flags = t->memory ? TOPIC_FLAG_MEMORY : 0,
    };
}

/* What it begins with: it may be one that was forgotten. */
static struct store_topic new_row_of(const struct topic *t)
{
    struct store_topic row = row_of(t);
    row.floor = row.last = t->floor;
    return row;
}

/* New topics, only those that staged messages need: one that cannot be stored must not hold up the
 * others; and the turned ones that are not new. */
static enum err collect_topics(struct broker *b, struct store_batch *batch)
{
    uint32_t n = b->staged_topic > b->topics_stored ? b->staged_topic - b->topics_stored : 0;
    uint32_t known = topic_table_count(b->topics);
    size_t most = (n < known ? n : known) + b->turned_count, count = 0;
    if (most > b->new_topic_cap) {
        struct store_topic *topics = realloc(b->new_topics, most * sizeof(*topics));
        if (!topics)
            return ERR_NOMEM;
        b->new_topics = topics;
        b->new_topic_cap = most;
    }
    struct id_walk new = topic_table_walk(b->topics, n ? b->topics_stored + 1 : UINT32_MAX);
    const struct topic *t;
    while (n && (t = id_walk_next(&new)) && t->id <= b->staged_topic)
        b->new_topics[count++] = new_row_of(t);
    for (size_t i = 0; i < b->turned_count; i++)
        if (b->turned[i]->id <= b->topics_stored)
            b->new_topics[count++] = row_of(b->turned[i]);
    batch->topics = b->new_topics;
    batch->topic_count = count;
    return ERR_OK;
}

static enum err write_group(struct broker *b)
{
    struct store_batch batch = {.records = b->records, .record_count = b->record_count};
    enum err e = collect_topics(b, &batch);
    if (b->staged_memory && b->head + b->staged > b->reserved)
        batch.reserve = b->head + b->staged + RESERVE_STEP;
    if (e != ERR_OK || (batch.record_count == 0 && batch.topic_count == 0 && batch.reserve == 0))
        return e;
    e = store_append(b->store, &batch);
    if (e != ERR_OK)
        return e;
    if (b->staged_topic > b->topics_stored)
        b->topics_stored = b->staged_topic;
    b->turned_count = 0;
    if (batch.reserve)
        b->reserved = batch.reserve;
    return ERR_OK;
}

static void count_message(struct broker *b, const struct message *m)
{
    struct topic *t = m->topic;
    atomic_store_explicit(&t->last, m->offset, memory_order_release);
    atomic_fetch_add_explicit(&t->messages, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->bytes, m->payload_len, memory_order_relaxed);
    topic_rate_add(t, b->time_ms);
    retention_published(&b->retention, t, b->time_ms);
}

static uint32_t count_subscribers(struct broker *b, const struct topic *t)
{
    uint32_t by_transport[INTEREST_TRANSPORTS], count = 0;
    interest_count(b->interest, t->name, t->name_len, by_transport);
    for (unsigned i = 0; i < INTEREST_TRANSPORTS; i++)
        count += by_transport[i];
    return count;
}

/* The topic that was counted last: who publishes many at once mostly publishes them to one. */
struct counted {
    const struct topic *topic;
    uint32_t subscribers;
};

static uint32_t subscribers_of(struct broker *b, const struct topic *t, struct counted *last)
{
    if (t != last->topic)
        *last = (struct counted){t, count_subscribers(b, t)};
    return last->subscribers;
}

/* Moves the new messages of committed publishes into BATCH and fills in what is left to answer. */
static void harvest(struct broker *b, struct publish *list, struct batch *batch)
{
    struct counted counted = {0};
    for (struct publish *p = list; p; p = p->next) {
        if (p->result != ERR_OK)
            continue;
        for (uint32_t i = 0; i < p->count; i++) {
            struct publish_item *item = &p->items[i];
            struct message *m = item->message;
            if (!p->uncounted)
                item->subscribers = subscribers_of(b, m->topic, &counted);
            item->message = NULL;
            item->duplicate = m->offset == 0;
            if (item->duplicate) {
                message_unref(m);
                continue;
            }
            count_message(b, m);
            batch->messages[batch->count++] = m;
        }
    }
}

static void evict_message(struct broker *b, const struct message *m)
{
    struct topic *t = m->topic;
    b->tail_weight -= publish_weight(m);
    if (!t->memory || m->offset <= t->floor)
        return;
    topic_table_evict(b->topics, t, m->offset);
    topic_stored_left(t, 0, 0); /* older, and hidden now */
    atomic_fetch_sub_explicit(&t->messages, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&t->bytes, m->payload_len, memory_order_relaxed);
    idle_note(&b->idle, t, b->now_ms);
}

static void evict_batch(struct broker *b, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        evict_message(b, batch->messages[i]);
}

/* Shortens the tail to BYTES, or COUNT batches. */
static void evict(struct broker *b, uint64_t bytes, size_t count)
{
    while (b->tail_weight > bytes && b->tail.count > count) {
        evict_batch(b, tail_oldest(&b->tail));
        tail_pop(&b->tail);
    }
}

/* What the tail may weigh with a batch of ADDED bytes. Its encodings come on top and may be many
 * times as much (a control character is six bytes of JSON, in each encoding that has any): when
 * there is too much of both it gets shorter step by step, since workers drop theirs only with the
 * next batch. */
static uint64_t tail_limit(const struct broker *b, uint64_t added)
{
    uint64_t most = b->options.tail_bytes * TAIL_ENCODED_TIMES;
    uint64_t whole = b->tail_weight + message_encoded_bytes();
    if (whole <= most)
        return b->options.tail_bytes;
    uint64_t less = b->tail_weight / TAIL_STEP > 2 * added ? b->tail_weight / TAIL_STEP : 2 * added;
    uint64_t target = less < b->tail_weight ? b->tail_weight - less : 0;
    return target < b->options.tail_bytes ? target : b->options.tail_bytes;
}

static void enter_tail(struct broker *b, struct batch *batch)
{
    uint64_t before = b->tail_weight;
    for (uint32_t i = 0; i < batch->count; i++)
        b->tail_weight += publish_weight(batch->messages[i]);
    uint64_t limit = tail_limit(b, b->tail_weight - before);
    if (tail_push(&b->tail, batch_ref(batch)) != ERR_OK) {
        /* Without room even for a pointer the tail starts anew; the log has the rest. */
        evict(b, 0, 0);
        evict_batch(b, batch);
    }
    evict(b, limit, 1);
    batch->tail_first = tail_first(&b->tail, batch->last + 1);
}

/* Goes back to before the group. */
static void unstage_all(struct broker *b, struct publish *list)
{
    static const struct stage start;
    for (struct publish *p = list; p; p = p->next) {
        for (uint32_t i = 0; i < p->count; i++) {
            p->items[i].offset = 0;
            p->items[i].message->offset = 0;
        }
        unstage(b, p, &start);
    }
}

static void stage_all(struct broker *b, struct publish *list, enum err disk)
{
    b->staged = b->record_count = 0;
    b->staged_memory = false;
    b->staged_topic = 0;
    b->resolved = NULL;
    forget_marks(b, 0);
    for (struct publish *p = list; p; p = p->next)
        if (p->result == ERR_OK)
            stage(b, p, disk);
}

static void fail_all(struct broker *b, struct publish *list, enum err e)
{
    unstage_all(b, list);
    for (struct publish *p = list; p; p = p->next) {
        bool gone = p->result == ERR_CONFLICT && !is_conflict(b, p, p->conflict);
        if ((p->result == ERR_OK && p->count) || gone)
            p->result = e;
    }
}

/* Writes what is staged, and makes room for it in *RET_BATCH while there is a way back. */
static enum err write_staged(struct broker *b, struct batch **ret_batch)
{
    struct batch *batch = batch_create(b->staged);
    enum err e = batch ? write_group(b) : ERR_NOMEM;
    if (e == ERR_OK) {
        *ret_batch = batch;
        return ERR_OK;
    }
    batch_unref(batch);
    return e;
}

/* Offsets of what could not be written may be on the disk all the same: nobody gets them. */
static void skip_failed(struct broker *b)
{
    uint64_t last = store_last(b->store);
    if (last > b->head)
        b->head = last;
}

/* The group could not be written: those that need the disk fail with E, memory publishes get
 * another chance without them, and so do conflicts, since what was in the way may have gone. */
static enum err retry_without_disk(struct broker *b, struct publish *list, enum err e,
                                   struct batch **ret_batch)
{
    unstage_all(b, list);
    skip_failed(b);
    for (struct publish *p = list; p; p = p->next)
        if (p->result == ERR_CONFLICT)
            p->result = ERR_OK;
    stage_all(b, list, e);
    e = write_staged(b, ret_batch);
    if (e != ERR_OK) {
        fail_all(b, list, e);
        skip_failed(b);
    }
    return e;
}

/* Stages, writes and harvests; returns the batch of what is new, NULL when nothing is. */
static struct batch *commit_group(struct broker *b, struct publish *list)
{
    struct batch *batch;
    stage_all(b, list, ERR_OK);
    enum err e = write_staged(b, &batch);
    if (e != ERR_OK)
        e = retry_without_disk(b, list, e, &batch);
    if (e != ERR_OK)
        return NULL;
    size_t staged = b->staged;
    harvest(b, list, batch);
    if (staged == 0) {
        batch_unref(batch);
        return NULL;
    }
    batch->first = b->head + 1;
    b->head += staged;
    b->published += staged;
    batch->last = b->head;
    enter_tail(b, batch);
    return batch;
}

/* The topic as it is behind the group: more may have come since the conflict was found. */
static void tell_current(const struct broker *b, struct publish *list)
{
    for (struct publish *p = list; p; p = p->next) {
        if (p->result != ERR_CONFLICT)
            continue;
        const struct topic *t = p->items[p->conflict].message->topic;
        p->current = topic_table_newest(b->topics, t);
    }
}

void broker_commit(struct broker *b, struct publish *list, uint64_t now_ms,
                   struct batch **ret_batch)
{
    b->now_ms = now_ms;
    if (now_ms > b->time_ms)
        b->time_ms = now_ms;
    for (struct publish *p = list; p; p = p->next)
        p->result = ERR_OK;
    b->conflicted = false;
    b->group++;
    b->looks = BROKER_FORGET_LOOKS;
    *ret_batch = commit_group(b, list);
    b->group++; /* nothing is in use by it any more */
    if (b->conflicted)
        tell_current(b, list);
}

/* *RET_LEFT: there may be more. */
static enum err remember_some(struct broker *b, struct id_walk *all, bool *ret_left)
{
    struct store_topic topics[REMEMBER_STEP];
    struct store_batch batch = {.topics = topics};
    const struct topic *t = NULL;
    while (batch.topic_count < REMEMBER_STEP && (t = id_walk_next(all))) {
        if (!t->marked || t->id > b->topics_stored)
            continue;
        topics[batch.topic_count] = row_of(t);
        bool over = topic_is_presence(t->name, t->name_len);
        topics[batch.topic_count++].last = over ? b->head : topic_table_newest(b->topics, t);
    }
    *ret_left = t != NULL;
    return batch.topic_count ? store_append(b->store, &batch) : ERR_OK;
}

static bool any_tells_of_members(const struct broker *b)
{
    struct id_walk all = topic_table_walk(b->topics, 0);
    const struct topic *t;
    while ((t = id_walk_next(&all)))
        if (topic_is_presence(t->name, t->name_len))
            return true;
    return false;
}

/* Who is here ends with the hub, without being told: so that those who follow it find a gap when
 * they come back, its topics have had an offset that nobody has seen. */
enum err broker_remember(struct broker *b)
{
    struct id_walk all = topic_table_walk(b->topics, 0);
    enum err e = ERR_OK;
    b->head += any_tells_of_members(b);
    for (bool left = true; left && e == ERR_OK;)
        e = remember_some(b, &all, &left);
    return e;
}

enum err broker_sync(struct broker *b)
{
    return store_sync_now(b->store);
}

struct store_copy *broker_copy(struct broker *b, const char *path)
{
    return store_copy_create(b->store, path);
}

uint64_t broker_log_bytes(struct broker *b)
{
    return store_size(b->store);
}

uint64_t broker_log_used(struct broker *b)
{
    return store_used(b->store);
}

enum err broker_check_place(struct broker *b)
{
    return store_check_place(b->store);
}

uint64_t broker_log_damaged(const struct broker *b)
{
    return store_damaged(b->store);
}
