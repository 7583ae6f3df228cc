#include "storage/journal/held_read.h"

enum {
    SMALL_SET = 64, /* topics that are looked up one by one before anything is read */
    SKIPS = 16,     /* records of other topics that are as much work as one look */
};

static bool is_visible(const struct held_read *r, const struct store_record *record)
{
    const struct catalog_topic *t = catalog_find(r->catalog, record->topic_id);
    return t && record->offset > atomic_load_explicit(&t->floor, memory_order_acquire);
}

bool held_read_wants(const struct held_read *r)
{
    if (r->after >= r->until)
        return false;
    if (!r->q->topics || r->q->topic_count > SMALL_SET)
        return true;
    for (size_t i = 0; i < r->q->topic_count; i++) {
        const struct catalog_topic *t = catalog_find(r->catalog, r->q->topics[i]);
        if (t && atomic_load_explicit(&t->newest, memory_order_relaxed) > r->after)
            return true;
    }
    return false;
}

static void end_at(struct held_read *r, uint64_t reached)
{
    r->reached = reached;
    r->ended = true;
}

static void count_look(struct held_read *r, uint64_t offset)
{
    if (r->q->looked)
        ++*r->q->looked;
    if (r->looks_left != SIZE_MAX && --r->looks_left == 0)
        end_at(r, offset);
}

/* Record number I of C, which is in the range. */
static void look(struct held_read *r, const struct held_chunk *c, size_t i)
{
    const struct store_record *record = &c->records[i];
    if (r->q->topics && !store_query_names(r->q, c->topics[i])) {
        if (i % SKIPS == 0)
            count_look(r, record->offset);
        return;
    }
    if (is_visible(r, record)) {
        if (!r->visit(r->ctx, record)) {
            end_at(r, r->q->reverse ? record->offset + 1 : record->offset - 1);
            return;
        }
        if (r->records_left != SIZE_MAX && --r->records_left == 0)
            end_at(r, record->offset);
    }
    if (!r->ended)
        count_look(r, record->offset);
}

void held_read_forward(struct held_read *r, struct held_chunk *c)
{
    size_t at;
    r->ended = false;
    struct held_chunk *next;
    for (c = held_seek(c, r->after, &at); c; c = held_seek(next, r->after, &at)) {
        size_t count = held_count(c, &next);
        for (; at < count && !r->ended; at++) {
            if (c->records[at].offset > r->until)
                return;
            look(r, c, at);
        }
        if (r->ended)
            return;
    }
}

void held_read_backward(struct held_read *r, struct held_chunk *c)
{
    r->ended = false;
    for (; c; c = atomic_load(&c->prev)) {
        for (size_t at = atomic_load(&c->count); at > 0 && !r->ended; at--) {
            uint64_t offset = c->records[at - 1].offset;
            if (offset <= r->after) {
                r->lowest = 0;
                return;
            }
            r->lowest = offset;
            if (offset <= r->until)
                look(r, c, at - 1);
        }
        if (r->ended)
            return;
    }
}
