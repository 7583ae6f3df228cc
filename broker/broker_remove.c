#include "broker/broker_remove.h"

#include "broker/broker_clock.h"
#include "broker/broker_forget.h"
#include "broker/broker_state.h"
#include "broker/topic_table.h"

enum {
    /* Records that one commit takes away: few, so that publishes do not wait, but more than come in
     * meanwhile. */
    REMOVE_MIN = 1024,
    REMOVE_MAX = 16384,
};

/* Memory messages live in the tail alone; the floor hides them, the tail lets them go in time. */
static uint64_t hide_messages(struct broker *b, struct topic *t)
{
    uint64_t messages = t->messages;
    topic_table_raise_floor(b->topics, t, t->last);
    t->messages = t->stored_messages = 0;
    t->bytes = t->stored_bytes = 0;
    return messages;
}

enum err broker_purge(struct broker *b, struct topic *topic, uint64_t *ret_removed)
{
    uint64_t upto = topic->last;
    *ret_removed = hide_messages(b, topic);
    if (topic->id > b->topics_stored) {
        idle_note(&b->idle, topic, b->now_ms);
        return ERR_OK;
    }
    struct store_removal removal = retention_removal(&b->retention, b->time_ms, REMOVE_MIN);
    enum err e = store_purge(b->store, topic->id, upto, &removal);
    if (e != ERR_OK || !removal.done)
        retention_finish_purge(&b->retention, topic);
    idle_note(&b->idle, topic, b->now_ms);
    return e;
}

enum err broker_trim(struct broker *b, uint64_t *at, uint64_t upto, uint64_t *ret_removed)
{
    struct store_removal removal = retention_removal(&b->retention, b->time_ms, REMOVE_MIN);
    enum err e = store_trim(b->store, at, upto, &removal);
    *ret_removed = removal.removed;
    if (e == ERR_OK && removal.done)
        *at = upto;
    return e;
}

/* Removing takes space, too: where there is little, fewer records go at a time. */
static void note_room(struct broker *b, enum err e, size_t tried)
{
    enum { LESS = 8, MORE_PART = 16 };
    if (e == ERR_NOSPACE)
        b->removable = tried / LESS + 1;
    else if (b->removable)
        b->removable += b->removable / MORE_PART + 1;
    if (b->removable > REMOVE_MAX)
        b->removable = 0;
}

enum err broker_retain(struct broker *b, uint64_t now_ms, uint64_t *ret_due_ms)
{
    size_t most = b->published * 2;
    broker_save_times(b);
    b->published = 0;
    if (most < REMOVE_MIN)
        most = REMOVE_MIN;
    if (most > REMOVE_MAX)
        most = REMOVE_MAX;
    if (b->removable && most > b->removable)
        most = b->removable;
    bool doubted = now_ms < b->rest.ages_from_ms;
    uint64_t aged_ms = doubted ? b->rest.last_ms : now_ms, forget_due_ms;
    b->now_ms = aged_ms;
    enum err e = retention_step(&b->retention, aged_ms, most, ret_due_ms);
    note_room(b, e, most);
    atomic_store_explicit(&b->expired, b->retention.removed, memory_order_relaxed);
    enum err other = broker_forget_due(b, aged_ms, &forget_due_ms);
    if (forget_due_ms < *ret_due_ms)
        *ret_due_ms = forget_due_ms;
    if (doubted && *ret_due_ms > aged_ms && *ret_due_ms < b->rest.ages_from_ms)
        *ret_due_ms = b->rest.ages_from_ms;
    return e != ERR_OK ? e : other;
}

void broker_set_retention(struct broker *b, const struct retention_rules *rules)
{
    retention_set_rules(&b->retention, rules);
}

uint64_t broker_expired(const struct broker *b)
{
    return atomic_load_explicit(&b->expired, memory_order_relaxed);
}
