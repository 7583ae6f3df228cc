#include "broker/interest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic.h"
#include "xxhash.h"

/* Filters come from peers, who do not know where the program lies in memory. */
static const char seed;

#define HASH_NONFATAL_OOM        1
#define uthash_nonfatal_oom(elt) ((elt)->failed = true)
#define HASH_FUNCTION(keyptr, keylen, hashv)                                                       \
    ((hashv) = (unsigned)XXH3_64bits_withSeed((keyptr), (keylen), (uintptr_t)&seed))
#include "uthash.h"

struct entry {
    uint32_t count[INTEREST_TRANSPORTS];
    bool failed; /* set by uthash when it could not add the entry */
    UT_hash_handle hh;
    size_t len;
    char filter[];
};

struct interest {
    pthread_mutex_t lock;
    struct entry *topics;   /* exact names */
    struct entry *patterns; /* walked to match */
    _Atomic uint64_t serial;
};

struct interest *interest_create(void)
{
    struct interest *i = calloc(1, sizeof(*i));
    if (i && pthread_mutex_init(&i->lock, NULL) != 0) {
        free(i);
        return NULL;
    }
    return i;
}

static void clear(struct entry **table)
{
    struct entry *e, *next;
    HASH_ITER (hh, *table, e, next) {
        HASH_DEL(*table, e);
        free(e);
    }
}

void interest_destroy(struct interest *i)
{
    if (!i)
        return;
    clear(&i->topics);
    clear(&i->patterns);
    pthread_mutex_destroy(&i->lock);
    free(i);
}

static struct entry **table_of(struct interest *i, const char *filter, size_t n)
{
    return topic_is_pattern(filter, n) ? &i->patterns : &i->topics;
}

static struct entry *find(struct entry *table, const char *filter, size_t n)
{
    struct entry *e;
    HASH_FIND(hh, table, filter, n, e);
    return e;
}

static struct entry *create(struct entry **table, const char *filter, size_t n)
{
    struct entry *e = calloc(1, sizeof(*e) + n);
    if (!e)
        return NULL;
    e->len = n;
    memcpy(e->filter, filter, n);
    HASH_ADD_KEYPTR(hh, *table, e->filter, n, e);
    if (e->failed) {
        free(e);
        return NULL;
    }
    return e;
}

enum err interest_add(struct interest *i, const char *filter, size_t n, unsigned transport)
{
    pthread_mutex_lock(&i->lock);
    struct entry **table = table_of(i, filter, n);
    struct entry *e = find(*table, filter, n);
    if (!e)
        e = create(table, filter, n);
    if (e)
        e->count[transport]++;
    atomic_fetch_add(&i->serial, 1);
    pthread_mutex_unlock(&i->lock);
    return e ? ERR_OK : ERR_NOMEM;
}

static bool is_empty(const struct entry *e)
{
    for (unsigned t = 0; t < INTEREST_TRANSPORTS; t++)
        if (e->count[t])
            return false;
    return true;
}

void interest_remove(struct interest *i, const char *filter, size_t n, unsigned transport)
{
    pthread_mutex_lock(&i->lock);
    struct entry **table = table_of(i, filter, n);
    struct entry *e = find(*table, filter, n);
    if (e && e->count[transport] && --e->count[transport] == 0 && is_empty(e)) {
        HASH_DEL(*table, e);
        free(e);
    }
    atomic_fetch_add(&i->serial, 1);
    pthread_mutex_unlock(&i->lock);
}

uint64_t interest_serial(const struct interest *i)
{
    return atomic_load_explicit(&i->serial, memory_order_acquire);
}

static void add_counts(const struct entry *e, uint32_t ret[INTEREST_TRANSPORTS])
{
    for (unsigned t = 0; t < INTEREST_TRANSPORTS; t++)
        ret[t] += e->count[t];
}

void interest_count(struct interest *i, const char *topic, size_t n,
                    uint32_t ret[INTEREST_TRANSPORTS])
{
    memset(ret, 0, sizeof(uint32_t) * INTEREST_TRANSPORTS);
    pthread_mutex_lock(&i->lock);
    struct entry *exact = find(i->topics, topic, n), *e, *next;
    if (exact)
        add_counts(exact, ret);
    HASH_ITER (hh, i->patterns, e, next) {
        if (topic_matches(e->filter, e->len, topic, n))
            add_counts(e, ret);
    }
    pthread_mutex_unlock(&i->lock);
}
