#include "storage/journal/held.h"

#include <stdlib.h>
#include <string.h>

/* What a chunk has room for, unless one group needs more. */
enum { CHUNK_RECORDS = 2048, CHUNK_BYTES = 256 << 10 };

void held_init(struct held *h, struct grace *grace, uint64_t applied)
{
    h->grace = grace;
    h->fresh = NULL;
    atomic_init(&h->oldest, NULL);
    atomic_init(&h->newest, NULL);
    atomic_init(&h->applied, applied);
}

static void chunk_free(struct held_chunk *c)
{
    if (!c)
        return;
    free(c->records);
    free(c->topics);
    free(c->bytes);
    free(c);
}

static void free_retired(struct grace_item *item)
{
    chunk_free((struct held_chunk *)((char *)item - offsetof(struct held_chunk, retired)));
}

void held_finish(struct held *h)
{
    chunk_free(h->fresh);
    for (struct held_chunk *c = atomic_load(&h->oldest), *next; c; c = next) {
        next = atomic_load(&c->next);
        chunk_free(c);
    }
}

static struct held_chunk *chunk_create(size_t records, size_t bytes)
{
    struct held_chunk *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->cap = records > CHUNK_RECORDS ? records : CHUNK_RECORDS;
    c->byte_cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    c->records = reallocarray(NULL, c->cap, sizeof(*c->records));
    c->topics = reallocarray(NULL, c->cap, sizeof(*c->topics));
    c->bytes = malloc(c->byte_cap);
    if (c->records && c->topics && c->bytes)
        return c;
    chunk_free(c);
    return NULL;
}

static size_t bytes_of(const struct store_record *r)
{
    return (size_t)r->payload_len + r->event_len + r->key_len;
}

static bool has_room(const struct held_chunk *c, size_t records, size_t bytes)
{
    return c->cap - c->used >= records && c->byte_cap - c->byte_used >= bytes;
}

/* The chunk that takes a group of that size: the newest one or a fresh one. */
static struct held_chunk *chunk_for(struct held *h, size_t records, size_t bytes)
{
    struct held_chunk *newest = atomic_load_explicit(&h->newest, memory_order_relaxed);
    if (newest && has_room(newest, records, bytes))
        return newest;
    if (h->fresh && !has_room(h->fresh, records, bytes)) {
        chunk_free(h->fresh);
        h->fresh = NULL;
    }
    if (!h->fresh)
        h->fresh = chunk_create(records, bytes);
    return h->fresh;
}

static const char *copy_bytes(struct held_chunk *c, const char *from, size_t n)
{
    char *to = c->bytes + c->byte_used;
    if (n)
        memcpy(to, from, n);
    c->byte_used += n;
    return to;
}

static void copy_record(struct held_chunk *c, const struct store_record *from)
{
    struct store_record *to = &c->records[c->used];
    *to = *from;
    to->payload = copy_bytes(c, from->payload, from->payload_len);
    to->event = copy_bytes(c, from->event, from->event_len);
    to->key = copy_bytes(c, from->key, from->key_len);
    c->topics[c->used++] = from->topic_id;
}

enum err held_prepare(struct held *h, const struct store_batch *b,
                      const struct store_record **ret_records)
{
    size_t bytes = 0;
    *ret_records = NULL;
    for (size_t i = 0; i < b->record_count; i++)
        bytes += bytes_of(&b->records[i]);
    if (b->record_count == 0)
        return ERR_OK;
    struct held_chunk *c = chunk_for(h, b->record_count, bytes);
    if (!c)
        return ERR_NOMEM;
    *ret_records = &c->records[c->used];
    for (size_t i = 0; i < b->record_count; i++)
        copy_record(c, &b->records[i]);
    return ERR_OK;
}

/* Filled first and found then, from both sides. */
static void link_fresh(struct held *h)
{
    struct held_chunk *c = h->fresh, *newest = atomic_load(&h->newest);
    h->fresh = NULL;
    atomic_store(&c->count, c->used);
    atomic_store(&c->prev, newest);
    if (newest)
        atomic_store(&newest->next, c);
    else
        atomic_store(&h->oldest, c);
    atomic_store(&h->newest, c);
}

void held_show(struct held *h)
{
    if (h->fresh && h->fresh->used) {
        link_fresh(h);
        return;
    }
    struct held_chunk *c = atomic_load_explicit(&h->newest, memory_order_relaxed);
    if (c)
        atomic_store(&c->count, c->used);
}

static void chunk_undo(struct held_chunk *c)
{
    size_t count = atomic_load_explicit(&c->count, memory_order_relaxed);
    for (; c->used > count; c->used--)
        c->byte_used -= bytes_of(&c->records[c->used - 1]);
}

void held_undo(struct held *h)
{
    struct held_chunk *newest = atomic_load_explicit(&h->newest, memory_order_relaxed);
    if (h->fresh)
        chunk_undo(h->fresh);
    if (newest)
        chunk_undo(newest);
}

static uint64_t last_of(const struct held_chunk *c)
{
    return c->records[atomic_load(&c->count) - 1].offset;
}

void held_drop(struct held *h)
{
    uint64_t applied = held_applied(h);
    struct held_chunk *c;
    while ((c = atomic_load(&h->oldest)) && last_of(c) <= applied) {
        struct held_chunk *next = atomic_load(&c->next);
        if (next)
            atomic_store(&next->prev, NULL);
        else
            atomic_store(&h->newest, NULL);
        atomic_store(&h->oldest, next);
        grace_retire(h->grace, &c->retired, free_retired);
    }
}

/* In one chunk. */
static size_t first_above(const struct held_chunk *c, size_t count, uint64_t after)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (c->records[middle].offset > after)
            count = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct held_chunk *held_seek(struct held_chunk *c, uint64_t after, size_t *ret_at)
{
    for (struct held_chunk *next; c; c = next) {
        size_t count = held_count(c, &next);
        *ret_at = first_above(c, count, after);
        if (*ret_at < count)
            return c;
    }
    return NULL;
}
