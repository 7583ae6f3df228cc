/* Topics are found by name under a lock, by id and in their order without one. */
#include "broker/topic_table.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buckets.h"
#include "broker/topic_name.h"
#include "utlist.h"
#include "xxhash.h"

enum { BUCKETS_FIRST = 256 };

struct topic_table {
    uint32_t max;
    struct grace grace;
    struct id_table ids;
    _Atomic uint32_t last_id;
    /* The serial of the removal that began last and of the one completed last; see topic_table.h.
     */
    _Atomic uint64_t floor_begun, floor_serial;
    _Atomic uint64_t floor_max, evicted;
    /* Of the forgotten topics: see struct topic_forgotten. */
    _Atomic uint64_t forgotten_mark, forgotten_serial, forgotten_evicted;
    _Atomic uint64_t forgets;
    _Atomic uint32_t privates; /* private topics in it, or about to be */
    pthread_rwlock_t lock;     /* guards the buckets */
    struct topic **buckets;    /* chains by hash of the name (base/buckets.h) */
    size_t bucket_count, bucket_cap;
    uint64_t steps; /* topics that were moved from chain to chain, or passed by to take one out */
    struct topic_index *index;
    uint64_t seed; /* names come from peers: keep the chains theirs to guess */
};

/* --- references --- */

/* Nobody can find it any more: the table's reference goes. */
static void drop_retired(struct grace_item *item)
{
    topic_unref((struct topic *)((char *)item - offsetof(struct topic, retired)));
}

void topic_table_join(struct topic_table *t, struct grace_reader *r)
{
    grace_join(&t->grace, r);
}

void topic_table_leave(struct topic_table *t, struct grace_reader *r)
{
    grace_leave(&t->grace, r);
}

void topic_table_enter(struct topic_table *t, struct grace_reader *r)
{
    grace_enter(&t->grace, r);
}

void topic_table_exit(struct grace_reader *r)
{
    grace_exit(r);
}

/* --- the table --- */

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
    t->bucket_count = t->bucket_cap = BUCKETS_FIRST;
    t->buckets = calloc(t->bucket_count, sizeof(struct topic *));
    t->index = topic_index_create(look_up, t);
    if (!t->buckets || !t->index || pthread_rwlock_init(&t->lock, NULL) != 0) {
        topic_index_destroy(t->index);
        free(t->buckets);
        free(t);
        return NULL;
    }
    grace_init(&t->grace);
    id_table_init(&t->ids, &t->grace);
    if (getrandom(&t->seed, sizeof(t->seed), 0) < 0)
        t->seed = (uintptr_t)t;
    return t;
}

void topic_table_destroy(struct topic_table *t)
{
    if (!t)
        return;
    struct id_walk all = id_table_walk(&t->ids, 0);
    struct topic *topic;
    while ((topic = id_walk_next(&all)))
        topic_unref(topic);
    id_table_finish(&t->ids);
    grace_finish(&t->grace);
    pthread_rwlock_destroy(&t->lock);
    topic_index_destroy(t->index);
    free(t->buckets);
    free(t);
}

uint32_t topic_table_count(const struct topic_table *t)
{
    return id_table_count(&t->ids);
}

struct topic_index *topic_table_index(const struct topic_table *t)
{
    return t->index;
}

uint32_t topic_table_max(const struct topic_table *t)
{
    return t->max;
}

uint32_t topic_table_last_id(const struct topic_table *t)
{
    return atomic_load_explicit(&t->last_id, memory_order_acquire);
}

struct topic *topic_table_get(const struct topic_table *t, uint32_t id)
{
    return id_table_get(&t->ids, id);
}

struct id_walk topic_table_walk(const struct topic_table *t, uint32_t from)
{
    return id_table_walk(&t->ids, from);
}

static uint32_t hash_of(const struct topic_table *t, const char *name, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(name, n, t->seed);
}

static struct topic **chain_of(const struct topic_table *t, uint32_t hash)
{
    return &t->buckets[bucket_of(hash, t->bucket_count)];
}

static bool is_named(const struct topic *topic, const char *name, size_t n, uint32_t hash)
{
    return topic->hash == hash && topic_is_named(topic, name, n);
}

struct topic *topic_table_find(struct topic_table *t, const char *name, size_t n)
{
    uint32_t hash = hash_of(t, name, n);
    pthread_rwlock_rdlock(&t->lock);
    struct topic *found = *chain_of(t, hash);
    while (found && !is_named(found, name, n, hash))
        found = found->next_named;
    pthread_rwlock_unlock(&t->lock);
    return found;
}

/* One chain more, of which there are never less; when memory is out they get longer instead. */
static void grow(struct topic_table *t)
{
    size_t from = bucket_of(t->bucket_count, t->bucket_count);
    struct topic **buckets = buckets_reserve(t->buckets, t->bucket_count, &t->bucket_cap);
    if (!buckets)
        return;
    struct topic *topic, *all = buckets[from];
    buckets[from] = buckets[t->bucket_count++] = NULL;
    t->buckets = buckets;
    while ((topic = all)) {
        all = topic->next_named;
        LL_PREPEND2(*chain_of(t, topic->hash), topic, next_named);
        t->steps++;
    }
}

static void name(struct topic_table *t, struct topic *topic)
{
    topic->hash = hash_of(t, topic->name, topic->name_len);
    pthread_rwlock_wrlock(&t->lock);
    if (topic_table_count(t) >= t->bucket_count)
        grow(t);
    LL_PREPEND2(*chain_of(t, topic->hash), topic, next_named);
    pthread_rwlock_unlock(&t->lock);
}

static void unname(struct topic_table *t, const struct topic *topic)
{
    pthread_rwlock_wrlock(&t->lock);
    struct topic **at = chain_of(t, topic->hash);
    for (; *at != topic; at = &(*at)->next_named)
        t->steps++;
    *at = topic->next_named;
    pthread_rwlock_unlock(&t->lock);
}

uint64_t topic_table_steps(const struct topic_table *t)
{
    return t->steps;
}

/* By level and by name before by id: whoever finds it by id may look for its name. */
static enum err insert(struct topic_table *t, struct topic *topic)
{
    uint32_t private = topic_is_private(topic->name);
    enum err e = topic_index_add(t->index, topic);
    if (e != ERR_OK)
        return e;
    atomic_fetch_add(&t->privates, private);
    name(t, topic);
    e = id_table_add(&t->ids, topic->id, topic);
    if (e == ERR_OK)
        return ERR_OK;
    unname(t, topic);
    atomic_fetch_sub(&t->privates, private);
    topic_index_remove(t->index, topic);
    return e;
}

static enum err add(struct topic_table *t, uint32_t id, const char *name, size_t n, bool memory,
                    const struct topic_forgotten *forgotten, struct topic **ret)
{
    struct topic *topic = calloc(1, sizeof(*topic) + n + 1);
    if (!topic)
        return ERR_NOMEM;
    topic->id = id;
    atomic_init(&topic->refs, 1);
    topic->name_len = (uint8_t)n;
    topic->memory = memory;
    memcpy(topic->name, name, n);
    atomic_init(&topic->floor, forgotten->mark);
    atomic_init(&topic->floor_serial, forgotten->floor_serial);
    atomic_init(&topic->evicted, forgotten->evicted);
    enum err e = insert(t, topic);
    if (e != ERR_OK) {
        free(topic);
        return e;
    }
    atomic_store_explicit(&t->last_id, id, memory_order_release);
    *ret = topic;
    return ERR_OK;
}

enum err topic_table_load(struct topic_table *t, uint32_t id, const char *name, size_t n,
                          bool memory, struct topic **ret)
{
    static const struct topic_forgotten none;
    return add(t, id, name, n, memory, &none, ret);
}

enum err topic_table_add_after(struct topic_table *t, const char *name, size_t n, bool memory,
                               const struct topic_forgotten *forgotten, struct topic **ret)
{
    uint32_t last = topic_table_last_id(t);
    if (topic_table_count(t) >= t->max || last == UINT32_MAX)
        return ERR_LIMIT;
    return add(t, last + 1, name, n, memory, forgotten, ret);
}

enum err topic_table_add(struct topic_table *t, const char *name, size_t n, bool memory,
                         struct topic **ret)
{
    struct topic_forgotten now = topic_table_forgotten(t);
    return topic_table_add_after(t, name, n, memory, &now, ret);
}

/* --- losses --- */

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

/* --- forgetting --- */

void topic_table_set_forgotten(struct topic_table *t, uint32_t last_id, uint64_t mark)
{
    if (last_id > t->last_id)
        atomic_store(&t->last_id, last_id);
    if (mark == 0)
        return;
    uint64_t serial = atomic_fetch_add(&t->floor_begun, 1) + 1;
    atomic_store(&t->forgotten_serial, serial);
    atomic_store(&t->forgotten_mark, mark);
    if (mark > t->floor_max)
        atomic_store(&t->floor_max, mark);
    atomic_store(&t->floor_serial, serial);
}

static void raise(_Atomic uint64_t *mark, uint64_t to)
{
    if (to > *mark)
        atomic_store(mark, to);
}

bool topic_table_has_private(const struct topic_table *t)
{
    return atomic_load(&t->privates) > 0;
}

void topic_table_forget(struct topic_table *t, struct topic *topic)
{
    /* Not above the floor already: only when what was damaged has gone without being counted. */
    topic_table_raise_floor(t, topic, topic->last);
    /* The mark first: whoever does not find the topic any more finds out by it what was lost. */
    raise(&t->forgotten_evicted, topic->evicted);
    raise(&t->forgotten_serial, topic->floor_serial);
    raise(&t->forgotten_mark, topic->floor);
    unname(t, topic);
    topic_index_remove(t->index, topic);
    id_table_remove(&t->ids, topic->id);
    atomic_fetch_sub(&t->privates, topic_is_private(topic->name));
    atomic_fetch_add(&t->forgets, 1);
    grace_retire(&t->grace, &topic->retired, drop_retired);
}

bool topic_table_collect(struct topic_table *t)
{
    return grace_collect(&t->grace);
}

uint64_t topic_table_forgets(const struct topic_table *t)
{
    return atomic_load(&t->forgets);
}

struct topic_forgotten topic_table_forgotten(const struct topic_table *t)
{
    return (struct topic_forgotten){
        .mark = atomic_load(&t->forgotten_mark),
        .floor_serial = atomic_load(&t->forgotten_serial),
        .evicted = atomic_load(&t->forgotten_evicted),
    };
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

uint64_t topic_table_newest(const struct topic_table *t, const struct topic *topic)
{
    if (!topic)
        return topic_table_forgotten(t).mark;
    return topic->last > topic->floor ? topic->last : topic->floor;
}
