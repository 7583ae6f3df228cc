#include "broker/broker_forget.h"

#include "broker/broker_state.h"
#include "broker/dedup.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"

enum {
    /* Topics that one commit forgets; and of those in use one part in so many, when there is no
     * room for another one. */
    FORGET_MAX = 256,
    FORGET_PART = 16,
    /* How often keys and forgotten topics are looked at that may be given up by now, and how many
     * keys. */
    LINGER_MS = 1000,
    EXPIRE_KEYS = 16384,
};

/* Where it is told who is at another topic, and some are: see broker_remember. */
static bool tells_of_members(const struct broker *b, const struct topic *t)
{
    size_t above = sizeof(TOPIC_PRESENCE "/") - 1;
    return topic_is_presence(t->name, t->name_len) && t->name_len > above &&
           presence_has_members(b->presence, t->name + above, t->name_len - above);
}

static bool is_in_use(void *ctx, const struct topic *t)
{
    const struct broker *b = ctx;
    return t->last_group == b->group || t->pending || tells_of_members(b, t);
}

static void forget_topic(struct broker *b, struct topic *t)
{
    topic_table_forget(b->topics, t);
    atomic_fetch_add_explicit(&b->forgotten, 1, memory_order_relaxed);
}

/* What the log has of them goes in one commit. One that the log would not let go is none of them:
 * it must not keep the others. */
static enum err forget_stored(struct broker *b, struct topic **topics, size_t count)
{
    uint32_t ids[FORGET_MAX];
    uint64_t mark = 0;
    size_t stored = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t newest = topic_table_newest(b->topics, topics[i]);
        if (topics[i]->id <= b->topics_stored)
            ids[stored++] = topics[i]->id;
        if (newest > mark)
            mark = newest; /* the log does not know of memory messages */
    }
    return store_forget(b->store, ids, stored, mark);
}

static enum err forget_all(struct broker *b, struct topic **topics, size_t count)
{
    enum err e = forget_stored(b, topics, count);
    for (size_t i = 0; i < count; i++) {
        enum err one = e == ERR_INVALID ? forget_stored(b, topics + i, 1) : e;
        if (one == ERR_OK)
            forget_topic(b, topics[i]);
        else if (one != ERR_INVALID)
            idle_note(&b->idle, topics[i], b->now_ms);
    }
    return e == ERR_INVALID ? ERR_OK : e;
}

/* Up to MAX topics that have been idle since BEFORE_MS. */
static enum err forget_some(struct broker *b, uint64_t before_ms, size_t looks, size_t max)
{
    struct topic *topics[FORGET_MAX];
    size_t count = idle_take(&b->idle, b->interest, is_in_use, b, b->now_ms, before_ms, looks,
                             topics, max < FORGET_MAX ? max : FORGET_MAX);
    enum err e = count ? forget_all(b, topics, count) : ERR_OK;
    topic_table_collect(b->topics);
    return e;
}

enum err broker_make_room(struct broker *b)
{
    uint32_t count = topic_table_count(b->topics);
    if (count < topic_table_max(b->topics))
        return ERR_OK;
    dedup_expire(b->dedup, b->time_ms, EXPIRE_KEYS);
    size_t looks = b->looks;
    b->looks -= looks < FORGET_MAX ? looks : FORGET_MAX;
    return forget_some(b, UINT64_MAX, looks, count / FORGET_PART + 1);
}

enum err broker_forget_surplus(struct broker *b)
{
    struct id_walk all = topic_table_walk(b->topics, 0);
    struct topic *t;
    while ((t = id_walk_next(&all)))
        idle_note(&b->idle, t, b->now_ms);
    for (;;) {
        uint32_t count = topic_table_count(b->topics), max = topic_table_max(b->topics);
        if (count <= max)
            return ERR_OK;
        enum err e = forget_some(b, UINT64_MAX, SIZE_MAX, count - max);
        if (e != ERR_OK || topic_table_count(b->topics) == count)
            return e == ERR_OK ? ERR_LIMIT : e;
    }
}

enum err broker_forget_due(struct broker *b, uint64_t now_ms, uint64_t *ret_due_ms)
{
    if (b->keys_due_ms <= now_ms)
        b->keys_due_ms = dedup_expire(b->dedup, now_ms, EXPIRE_KEYS);
    enum err e = ERR_OK;
    if (idle_due_ms(&b->idle, now_ms) <= now_ms)
        e = forget_some(b, now_ms - IDLE_KEPT_MS, FORGET_MAX, FORGET_MAX);
    bool waiting = topic_table_collect(b->topics);
    uint64_t due = waiting || e != ERR_OK ? now_ms + LINGER_MS : UINT64_MAX;
    if (e == ERR_OK && idle_due_ms(&b->idle, now_ms) < due)
        due = idle_due_ms(&b->idle, now_ms);
    if (b->keys_due_ms < due)
        due = b->keys_due_ms;
    *ret_due_ms = due;
    return e;
}

uint64_t broker_forgotten(const struct broker *b)
{
    return atomic_load_explicit(&b->forgotten, memory_order_relaxed);
}
