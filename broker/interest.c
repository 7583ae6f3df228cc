#include "broker/interest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buckets.h"
#include "broker/pattern_tree.h"
#include "broker/topic_name.h"
#include "utlist.h"
#include "xxhash.h"

enum { BUCKETS_FIRST = 64 };

struct entry {
    struct entry *hash_next;
    uint32_t hash;
    uint8_t len;
    uint32_t count[]; /* by transport; behind them the filter, see filter_of */
};

struct interest {
    pthread_mutex_t lock;
    struct entry **buckets; /* topics and patterns by name */
    size_t bucket_count, bucket_cap;
    size_t count;
    struct pattern_tree *patterns;   /* the entries of the patterns */
    struct interest_watcher watcher; /* all zero: nobody is told */
    unsigned transports;
    uint64_t steps;
    uint64_t max_bytes;
    _Atomic uint64_t bytes;
};

struct interest *interest_create(uint64_t max_bytes, unsigned transports)
{
    struct interest *i = calloc(1, sizeof(*i));
    if (!i)
        return NULL;
    i->max_bytes = max_bytes;
    i->transports = transports - 1 < INTEREST_TRANSPORTS ? transports : INTEREST_TRANSPORTS;
    i->bucket_count = i->bucket_cap = BUCKETS_FIRST;
    i->buckets = calloc(BUCKETS_FIRST, sizeof(struct entry *));
    i->patterns = pattern_tree_create();
    if (!i->buckets || !i->patterns || pthread_mutex_init(&i->lock, NULL) != 0) {
        pattern_tree_destroy(i->patterns);
        free(i->buckets);
        free(i);
        return NULL;
    }
    return i;
}

void interest_destroy(struct interest *i)
{
    if (!i)
        return;
    for (size_t b = 0; b < i->bucket_count; b++)
        while (i->buckets[b]) {
            struct entry *e = i->buckets[b];
            i->buckets[b] = e->hash_next;
            free(e);
        }
    pattern_tree_destroy(i->patterns);
    pthread_mutex_destroy(&i->lock);
    free(i->buckets);
    free(i);
}

void interest_watch(struct interest *i, const struct interest_watcher *w)
{
    i->watcher = *w;
}

/* --- entries; with the lock --- */

/* Filters come from peers, who do not know where the table lies in memory. */
static uint32_t hash_of(const struct interest *i, const char *filter, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(filter, n, (uintptr_t)i);
}

static struct entry **slot_of(const struct interest *i, uint32_t hash)
{
    return &i->buckets[bucket_of(hash, i->bucket_count)];
}

static char *filter_of(const struct interest *i, struct entry *e)
{
    return (char *)(e->count + i->transports);
}

static struct entry *find(struct interest *i, const char *filter, size_t n)
{
    uint32_t hash = hash_of(i, filter, n);
    struct entry *e = *slot_of(i, hash);
    i->steps++;
    while (e && (e->hash != hash || e->len != n || memcmp(filter_of(i, e), filter, n) != 0))
        e = e->hash_next;
    return e;
}

/* One more, of which there are never less; when memory is out the chains get longer instead. */
static void grow(struct interest *i)
{
    size_t from = bucket_of(i->bucket_count, i->bucket_count);
    struct entry **buckets = buckets_reserve(i->buckets, i->bucket_count, &i->bucket_cap);
    if (!buckets)
        return;
    struct entry *e, *all = buckets[from];
    buckets[from] = buckets[i->bucket_count++] = NULL;
    i->buckets = buckets;
    while ((e = all)) {
        all = e->hash_next;
        LL_PREPEND2(*slot_of(i, e->hash), e, hash_next);
        i->steps++;
    }
}

static struct entry *create(struct interest *i, const char *filter, size_t n)
{
    struct entry *e = calloc(1, sizeof(*e) + i->transports * sizeof(e->count[0]) + n);
    if (!e)
        return NULL;
    e->hash = hash_of(i, filter, n);
    e->len = (uint8_t)n;
    memcpy(filter_of(i, e), filter, n);
    if (topic_is_pattern(filter, n) && pattern_tree_add(i->patterns, filter, n, e) != ERR_OK) {
        free(e);
        return NULL;
    }
    if (++i->count > i->bucket_count)
        grow(i);
    LL_PREPEND2(*slot_of(i, e->hash), e, hash_next);
    return e;
}

static void drop(struct interest *i, struct entry *e)
{
    const char *filter = filter_of(i, e);
    if (topic_is_pattern(filter, e->len))
        pattern_tree_remove(i->patterns, filter, e->len);
    LL_DELETE2(*slot_of(i, e->hash), e, hash_next);
    i->count--;
    free(e);
}

static bool is_empty(const struct interest *i, const struct entry *e)
{
    for (unsigned t = 0; t < i->transports; t++)
        if (e->count[t])
            return false;
    return true;
}

/* --- what comes and goes, and what is asked --- */

static bool is_watched(const struct interest *i, const char *filter, size_t n)
{
    return i->watcher.came && !topic_is_pattern(filter, n);
}

/* The entry of its first subscriber. */
static enum err begin(struct interest *i, const char *filter, size_t n, struct entry **ret)
{
    struct entry *e = create(i, filter, n);
    if (!e)
        return ERR_NOMEM;
    enum err told = is_watched(i, filter, n) ? i->watcher.came(i->watcher.ctx, filter, n) : ERR_OK;
    if (told == ERR_OK)
        *ret = e;
    else
        drop(i, e);
    return told;
}

static void end(struct interest *i, struct entry *e)
{
    if (is_watched(i, filter_of(i, e), e->len))
        i->watcher.went(i->watcher.ctx, filter_of(i, e), e->len);
    drop(i, e);
}

enum err interest_add(struct interest *i, const char *filter, size_t n, unsigned transport)
{
    enum err result = ERR_OK;
    pthread_mutex_lock(&i->lock);
    struct entry *e = find(i, filter, n);
    if (!e)
        result = begin(i, filter, n, &e);
    if (result == ERR_OK)
        e->count[transport]++;
    pthread_mutex_unlock(&i->lock);
    return result;
}

void interest_remove(struct interest *i, const char *filter, size_t n, unsigned transport)
{
    pthread_mutex_lock(&i->lock);
    struct entry *e = find(i, filter, n);
    if (e && e->count[transport] && --e->count[transport] == 0 && is_empty(i, e))
        end(i, e);
    pthread_mutex_unlock(&i->lock);
}

struct counts {
    const struct interest *interest;
    uint32_t *by_transport;
};

static void add_counts(void *ctx, void *value)
{
    const struct counts *counts = ctx;
    const struct entry *e = value;
    for (unsigned t = 0; t < counts->interest->transports; t++)
        counts->by_transport[t] += e->count[t];
}

void interest_count(struct interest *i, const char *topic, size_t n,
                    uint32_t ret[INTEREST_TRANSPORTS])
{
    struct counts counts = {i, ret};
    memset(ret, 0, sizeof(uint32_t) * INTEREST_TRANSPORTS);
    pthread_mutex_lock(&i->lock);
    struct entry *exact = find(i, topic, n);
    if (exact)
        add_counts(&counts, exact);
    pattern_tree_match(i->patterns, topic, n, add_counts, &counts);
    pthread_mutex_unlock(&i->lock);
}

bool interest_has(struct interest *i, const char *filter, size_t n)
{
    pthread_mutex_lock(&i->lock);
    bool has = find(i, filter, n) != NULL;
    pthread_mutex_unlock(&i->lock);
    return has;
}

size_t interest_filters(struct interest *i)
{
    pthread_mutex_lock(&i->lock);
    size_t count = i->count;
    pthread_mutex_unlock(&i->lock);
    return count;
}

uint64_t interest_steps(struct interest *i)
{
    pthread_mutex_lock(&i->lock);
    uint64_t steps = i->steps + pattern_tree_steps(i->patterns);
    pthread_mutex_unlock(&i->lock);
    return steps;
}

/* --- memory --- */

bool interest_take(struct interest *i, size_t bytes, bool must)
{
    uint64_t before = atomic_fetch_add_explicit(&i->bytes, bytes, memory_order_relaxed);
    if (must || before + bytes <= i->max_bytes)
        return true;
    interest_give_back(i, bytes);
    return false;
}

void interest_give_back(struct interest *i, size_t bytes)
{
    atomic_fetch_sub_explicit(&i->bytes, bytes, memory_order_relaxed);
}

uint64_t interest_bytes(const struct interest *i)
{
    return atomic_load_explicit(&i->bytes, memory_order_relaxed);
}
