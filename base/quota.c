#include "base/quota.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/buckets.h"
#include "utlist.h"

enum {
    SHARDS = 16, /* workers are seldom at the same one */
    CHAINS = 64, /* of each, at first */
    LOOKS = 2,   /* entries of the list that each change looks at: it gets shorter than it grows */
};

/* A part of the table, by the hash of the key. */
struct shard {
    pthread_mutex_t lock;
    struct quota **chains;
    size_t count, cap; /* chains */
    size_t entries;
    struct quota *unheld; /* the oldest first */
    size_t unheld_count;
};

struct quota_table {
    uint64_t seed;
    struct shard shards[SHARDS];
};

static uint64_t hash_of(const struct quota_table *t, const struct quota_key *key)
{
    return XXH3_64bits_withSeed(key->id, sizeof(key->id), t->seed + (uint64_t)key->kind);
}

static struct shard *shard_of(struct quota_table *t, uint64_t hash)
{
    return &t->shards[hash >> 60];
}

/* --- entries of a shard, which is locked --- */

bool quota_is(const struct quota *q, const struct quota_key *key)
{
    return q->key.kind == key->kind && memcmp(q->key.id, key->id, sizeof(key->id)) == 0;
}

static struct quota **find(struct shard *s, uint64_t hash, const struct quota_key *key)
{
    struct quota **at = &s->chains[bucket_of(hash, s->count)];
    while (*at && !quota_is(*at, key))
        at = &(*at)->chain;
    return at;
}

/* Out of memory it stays as it is: chains are longer then. */
static void part_a_chain(const struct quota_table *t, struct shard *s)
{
    struct quota **chains = buckets_reserve(s->chains, s->count, &s->cap);
    if (!chains)
        return;
    s->chains = chains;
    size_t fresh = s->count;
    struct quota **from = &chains[bucket_of(fresh, fresh)], **to = &chains[fresh];
    *to = NULL;
    s->count++;
    while (*from) {
        struct quota *q = *from;
        if (bucket_of(hash_of(t, &q->key), s->count) != fresh) {
            from = &q->chain;
            continue;
        }
        *from = q->chain;
        *to = q;
        to = &q->chain;
        *to = NULL;
    }
}

static struct quota *add(const struct quota_table *t, struct shard *s, uint64_t hash,
                         const struct quota_key *key)
{
    struct quota *q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->key = *key;
    if (s->entries >= s->count)
        part_a_chain(t, s);
    *find(s, hash, key) = q;
    s->entries++;
    return q;
}

static void take_from_list(struct shard *s, struct quota *q)
{
    DL_DELETE(s->unheld, q);
    q->next = q->prev = NULL;
    s->unheld_count--;
}

/* Q is held by nobody and in no list. */
static void forget(const struct quota_table *t, struct shard *s, struct quota *q)
{
    struct quota **at = find(s, hash_of(t, &q->key), &q->key);
    *at = q->chain;
    s->entries--;
    free(q);
}

static void forget_oldest(const struct quota_table *t, struct shard *s)
{
    struct quota *q = s->unheld;
    take_from_list(s, q);
    forget(t, s, q);
}

static bool is_spent(const struct quota *q, uint64_t now_ns)
{
    for (size_t i = 0; i < QUOTA_WHATS - QUOTA_COUNTED; i++)
        if (!rate_is_full(&q->rates[i], now_ns))
            return true;
    return false;
}

/* Of the MOST oldest ones those that are full: whoever has waited longer has mostly more. */
static void forget_full(const struct quota_table *t, struct shard *s, size_t most, uint64_t now_ns)
{
    struct quota *q = s->unheld, *next;
    for (size_t i = 0; q && i < most; i++, q = next) {
        next = q->next;
        if (is_spent(q, now_ns))
            continue;
        take_from_list(s, q);
        forget(t, s, q);
    }
}

static void let_go(const struct quota_table *t, struct shard *s, struct quota *q, uint64_t now_ns)
{
    if (!is_spent(q, now_ns)) {
        forget(t, s, q);
        return;
    }
    DL_APPEND(s->unheld, q);
    if (++s->unheld_count > QUOTA_UNHELD_MAX / SHARDS)
        forget_oldest(t, s);
}

/* --- the table --- */

static bool shard_init(struct shard *s)
{
    s->count = s->cap = CHAINS;
    s->chains = calloc(CHAINS, sizeof(struct quota *));
    return s->chains && pthread_mutex_init(&s->lock, NULL) == 0;
}

struct quota_table *quota_table_create(uint64_t seed)
{
    struct quota_table *t = calloc(1, sizeof(*t));
    bool made = t != NULL;
    for (size_t i = 0; i < SHARDS && made; i++)
        made = shard_init(&t->shards[i]);
    if (made) {
        t->seed = seed;
        return t;
    }
    for (size_t i = 0; i < SHARDS && t; i++)
        free(t->shards[i].chains);
    free(t);
    return NULL;
}

void quota_table_destroy(struct quota_table *t)
{
    for (size_t i = 0; t && i < SHARDS; i++) {
        struct shard *s = &t->shards[i];
        while (s->unheld)
            forget_oldest(t, s);
        pthread_mutex_destroy(&s->lock);
        free(s->chains);
    }
    free(t);
}

void quota_table_sweep(struct quota_table *t, uint64_t now_ns)
{
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &t->shards[i];
        pthread_mutex_lock(&s->lock);
        forget_full(t, s, SIZE_MAX, now_ns);
        pthread_mutex_unlock(&s->lock);
    }
}

size_t quota_table_count(struct quota_table *t)
{
    size_t count = 0;
    for (size_t i = 0; t && i < SHARDS; i++) {
        pthread_mutex_lock(&t->shards[i].lock);
        count += t->shards[i].entries;
        pthread_mutex_unlock(&t->shards[i].lock);
    }
    return count;
}

struct quota_key quota_key_of(const struct quota_table *t, enum quota_kind kind, const void *text,
                              size_t n)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(text, n, t->seed);
    struct quota_key key = {.kind = kind};
    memcpy(key.id, &hash, sizeof(key.id));
    return key;
}

/* --- references --- */

struct quota *quota_get(struct quota_table *t, const struct quota_key *key)
{
    uint64_t hash = hash_of(t, key);
    struct shard *s = shard_of(t, hash);
    pthread_mutex_lock(&s->lock);
    struct quota *q = *find(s, hash, key);
    if (!q)
        q = add(t, s, hash, key);
    else if (q->refs == 0)
        take_from_list(s, q);
    if (q)
        q->refs++;
    pthread_mutex_unlock(&s->lock);
    return q;
}

struct quota *quota_hold(struct quota_table *t, struct quota *q)
{
    if (!q)
        return NULL;
    struct shard *s = shard_of(t, hash_of(t, &q->key));
    pthread_mutex_lock(&s->lock);
    q->refs++;
    pthread_mutex_unlock(&s->lock);
    return q;
}

void quota_put(struct quota_table *t, struct quota *q, uint64_t now_ns)
{
    if (!q)
        return;
    struct shard *s = shard_of(t, hash_of(t, &q->key));
    pthread_mutex_lock(&s->lock);
    forget_full(t, s, LOOKS, now_ns);
    if (--q->refs == 0)
        let_go(t, s, q, now_ns);
    pthread_mutex_unlock(&s->lock);
}

/* --- what is used --- */

bool quota_add(struct quota *q, enum quota_what what, uint32_t n, uint64_t most)
{
    _Atomic uint32_t *at = &q->counts[what];
    uint32_t had = atomic_load_explicit(at, memory_order_relaxed);
    do
        if (most && (uint64_t)had + n > most)
            return false;
    while (!atomic_compare_exchange_weak_explicit(at, &had, had + n, memory_order_relaxed,
                                                  memory_order_relaxed));
    return true;
}

void quota_remove(struct quota *q, enum quota_what what, uint32_t n)
{
    atomic_fetch_sub_explicit(&q->counts[what], n, memory_order_relaxed);
}

uint32_t quota_count(const struct quota *q, enum quota_what what)
{
    return atomic_load_explicit(&q->counts[what], memory_order_relaxed);
}

static bool take(struct quota *q, enum quota_what what, const struct quota_limits *l, uint64_t n,
                 uint64_t now_ns, struct quota_over *ret)
{
    struct rate_rule rule = {l->most[what], l->burst_ns};
    if (!rule.per_s)
        return true;
    *ret = (struct quota_over){.what = what, .limit = rule.per_s};
    /* One message is of any size; how many messages a batch has, its sender chooses. */
    if (what == QUOTA_PUBLISHES && n > rate_room(&rule))
        return false;
    return rate_take(&q->rates[what - QUOTA_COUNTED], &rule, n, now_ns, &ret->wait_ns);
}

static void give_back(struct quota *q, enum quota_what what, const struct quota_limits *l,
                      uint64_t n)
{
    struct rate_rule rule = {l->most[what], l->burst_ns};
    if (rule.per_s)
        rate_give_back(&q->rates[what - QUOTA_COUNTED], &rule, n);
}

bool quota_publish(struct quota *q, const struct quota_limits *l, uint32_t messages, uint64_t bytes,
                   uint64_t now_ns, struct quota_over *ret)
{
    if (!take(q, QUOTA_PUBLISHES, l, messages, now_ns, ret))
        return false;
    if (take(q, QUOTA_BYTES, l, bytes, now_ns, ret))
        return true;
    give_back(q, QUOTA_PUBLISHES, l, messages);
    return false;
}

void quota_unpublish(struct quota *q, const struct quota_limits *l, uint32_t messages,
                     uint64_t bytes)
{
    give_back(q, QUOTA_PUBLISHES, l, messages);
    give_back(q, QUOTA_BYTES, l, bytes);
}
