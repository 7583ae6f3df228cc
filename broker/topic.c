/*
 * The table of all topics: found by name under a lock, by id without one.
 *
 * Names and patterns are in topic_name.c, what a pattern matches in topic_index.c.
 */
#include "broker/topic.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "xxhash.h"

enum {
    CHUNK_TOPICS = 1024, /* topics in one chunk of the id array; chunks never move */
    SLOTS_FIRST = 256,   /* a power of two */
};

struct topic_table {
    uint32_t max;
    _Atomic uint32_t count;
    /* The serial of the removal that began last and of the one completed last; see topic.h. */
    _Atomic uint64_t floor_begun, floor_serial;
    _Atomic uint64_t floor_max, evicted;
    uint32_t chunk_count; /* length of `chunks` */
    _Atomic(struct topic **) *chunks;
    pthread_rwlock_t lock; /* guards the slots */
    struct topic **slots;  /* open addressing, linear probing */
    size_t slot_count;     /* a power of two */
    struct topic_index *index;
    uint64_t seed; /* names come from peers: keep the order of the slots theirs to guess */
};

void topic_rate_add(struct topic *t, uint64_t now_ms)
{
    uint64_t window = now_ms / TOPIC_RATE_WINDOW_MS;
    uint64_t last = atomic_load_explicit(&t->rate_window, memory_order_relaxed);
    uint32_t now = atomic_load_explicit(&t->rate_now, memory_order_relaxed);
    if (window != last) {
        atomic_store_explicit(&t->rate_before, window == last + 1 ? now : 0, memory_order_relaxed);
        atomic_store_explicit(&t->rate_window, window, memory_order_relaxed);
        now = 0;
    }
    atomic_store_explicit(&t->rate_now, now + 1, memory_order_relaxed);
}

double topic_rate(const struct topic *t, uint64_t now_ms)
{
    uint64_t window = now_ms / TOPIC_RATE_WINDOW_MS;
    uint64_t last = atomic_load_explicit(&t->rate_window, memory_order_relaxed);
    double now = atomic_load_explicit(&t->rate_now, memory_order_relaxed);
    double before = atomic_load_explicit(&t->rate_before, memory_order_relaxed);
    if (window == last + 1) {
        before = now;
        now = 0;
    } else if (window != last) {
        return 0;
    }
    double gone = (double)(now_ms % TOPIC_RATE_WINDOW_MS) / TOPIC_RATE_WINDOW_MS;
    return (before * (1 - gone) + now) * 1000 / TOPIC_RATE_WINDOW_MS;
}

static struct topic *look_up(void *ctx, const char *name, size_t n)
{
    return topic_table_find(ctx, name, n);
}

struct topic_table *topic_table_create(uint32_t max)
{
    struct topic_table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->max = max;
    t->chunk_count = max / CHUNK_TOPICS + 1;
    t->chunks = calloc(t->chunk_count, sizeof(*t->chunks));
    t->slot_count = SLOTS_FIRST;
    t->slots = calloc(t->slot_count, sizeof(struct topic *));
    t->index = topic_index_create(look_up, t);
    if (!t->chunks || !t->slots || !t->index || pthread_rwlock_init(&t->lock, NULL) != 0) {
        topic_index_destroy(t->index);
        free(t->chunks);
        free(t->slots);
        free(t);
        return NULL;
    }
    if (getrandom(&t->seed, sizeof(t->seed), 0) < 0)
        t->seed = (uintptr_t)t;
    return t;
}

void topic_table_destroy(struct topic_table *t)
{
    if (!t)
        return;
    for (uint32_t id = 1; id <= t->count; id++)
        free(topic_table_get(t, id));
    for (uint32_t i = 0; i < t->chunk_count; i++)
        free(t->chunks[i]);
    pthread_rwlock_destroy(&t->lock);
    topic_index_destroy(t->index);
    free(t->chunks);
    free(t->slots);
    free(t);
}

uint32_t topic_table_count(const struct topic_table *t)
{
    return atomic_load_explicit(&t->count, memory_order_acquire);
}

struct topic_index *topic_table_index(const struct topic_table *t)
{
    return t->index;
}

struct topic *topic_table_get(struct topic_table *t, uint32_t id)
{
    if (id == 0 || id > topic_table_count(t))
        return NULL;
    struct topic **chunk =
        atomic_load_explicit(&t->chunks[(id - 1) / CHUNK_TOPICS], memory_order_acquire);
    return chunk[(id - 1) % CHUNK_TOPICS];
}

/* The slot that holds the name, or the free one where it would go. */
static size_t slot_of(const struct topic_table *t, const char *name, size_t n)
{
    size_t mask = t->slot_count - 1;
    size_t i = XXH3_64bits_withSeed(name, n, t->seed) & mask;
    while (t->slots[i] && (t->slots[i]->name_len != n || memcmp(t->slots[i]->name, name, n) != 0))
        i = (i + 1) & mask;
    return i;
}

struct topic *topic_table_find(struct topic_table *t, const char *name, size_t n)
{
    pthread_rwlock_rdlock(&t->lock);
    struct topic *found = t->slots[slot_of(t, name, n)];
    pthread_rwlock_unlock(&t->lock);
    return found;
}

static enum err grow_slots(struct topic_table *t)
{
    struct topic **old = t->slots;
    size_t old_count = t->slot_count;
    struct topic **slots = calloc(old_count * 2, sizeof(struct topic *));
    if (!slots)
        return ERR_NOMEM;
    t->slots = slots;
    t->slot_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++)
        if (old[i])
            t->slots[slot_of(t, old[i]->name, old[i]->name_len)] = old[i];
    free(old);
    return ERR_OK;
}

static enum err insert_slot(struct topic_table *t, struct topic *topic)
{
    enum err e = ERR_OK;
    pthread_rwlock_wrlock(&t->lock);
    if ((size_t)t->count + 1 > t->slot_count / 2)
        e = grow_slots(t);
    if (e == ERR_OK)
        t->slots[slot_of(t, topic->name, topic->name_len)] = topic;
    pthread_rwlock_unlock(&t->lock);
    return e;
}

/* By name and by level. */
static enum err insert(struct topic_table *t, struct topic *topic)
{
    enum err e = topic_index_add(t->index, topic);
    if (e != ERR_OK)
        return e;
    e = insert_slot(t, topic);
    if (e != ERR_OK)
        topic_index_remove(t->index, topic);
    return e;
}

static struct topic **chunk_for(struct topic_table *t, uint32_t id)
{
    uint32_t at = (id - 1) / CHUNK_TOPICS;
    struct topic **chunk = atomic_load_explicit(&t->chunks[at], memory_order_relaxed);
    if (!chunk) {
        chunk = calloc(CHUNK_TOPICS, sizeof(struct topic *));
        atomic_store_explicit(&t->chunks[at], chunk, memory_order_release);
    }
    return chunk;
}

enum err topic_table_add(struct topic_table *t, const char *name, size_t n, bool memory,
                         struct topic **ret)
{
    uint32_t id = t->count + 1;
    if (id > t->max)
        return ERR_LIMIT;
    struct topic **chunk = chunk_for(t, id);
    struct topic *topic = calloc(1, sizeof(*topic) + n + 1);
    if (!chunk || !topic) {
        free(topic);
        return ERR_NOMEM;
    }
    topic->id = id;
    topic->name_len = (uint8_t)n;
    topic->memory = memory;
    memcpy(topic->name, name, n);
    enum err e = insert(t, topic);
    if (e != ERR_OK) {
        free(topic);
        return e;
    }
    chunk[(id - 1) % CHUNK_TOPICS] = topic;
    atomic_store_explicit(&t->count, id, memory_order_release);
    *ret = topic;
    return ERR_OK;
}

void topic_table_raise_floor(struct topic_table *t, struct topic *topic, uint64_t floor)
{
    if (floor <= topic->floor)
        return;
    /* The floor itself comes last: a reader who misses a message because of it must be able to find
     * out why. */
    uint64_t serial = atomic_fetch_add(&t->floor_begun, 1) + 1;
    atomic_store(&topic->floor_serial, serial);
    if (floor > t->floor_max)
        atomic_store(&t->floor_max, floor);
    atomic_store(&topic->floor, floor);
    atomic_store(&t->floor_serial, serial);
}

void topic_table_evict(struct topic_table *t, struct topic *topic, uint64_t offset)
{
    if (offset <= topic->floor)
        return;
    atomic_store(&topic->evicted, offset);
    atomic_store(&topic->floor, offset);
    /* Whoever sees the mark sees all evictions up to it. */
    if (offset > t->evicted)
        atomic_store(&t->evicted, offset);
}

uint64_t topic_table_floor_serial(const struct topic_table *t)
{
    return atomic_load(&t->floor_serial);
}

bool topic_table_floors_moved(const struct topic_table *t, uint64_t serial)
{
    return atomic_load(&t->floor_begun) != serial;
}

uint64_t topic_table_floor_max(const struct topic_table *t)
{
    return atomic_load(&t->floor_max);
}

uint64_t topic_table_evicted(const struct topic_table *t)
{
    return atomic_load(&t->evicted);
}
