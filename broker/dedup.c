#include "broker/dedup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "broker/clock.h"
#include "xxhash.h"

/* Out of memory is reported, not fatal: the number of keys is a peer's choice. */
#define HASH_NONFATAL_OOM        1
#define uthash_nonfatal_oom(elt) ((elt)->offset = 0)
/* Keys are hashes with a secret seed already. */
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)XXH3_64bits((keyptr), (keylen)))
#include "uthash.h"

struct entry {
    XXH128_hash_t id; /* of seed, topic and key: 128 bits stand for the key itself */
    uint64_t offset;
    uint64_t time_ms;
    uint32_t topic_id;
    UT_hash_handle hh; /* uthash keeps the order of addition, which is the order of age */
};

struct dedup {
    struct entry *entries;
    uint64_t window_ms;
    size_t max_keys;
    uint64_t seed;
    dedup_forgotten *forgotten; /* NULL = nobody is told */
    void *ctx;
};

struct dedup *dedup_create(uint64_t window_ms, size_t max_keys)
{
    struct dedup *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->window_ms = window_ms;
    d->max_keys = max_keys;
    if (getrandom(&d->seed, sizeof(d->seed), 0) < 0)
        d->seed = (uintptr_t)d;
    return d;
}

void dedup_watch(struct dedup *d, dedup_forgotten *forgotten, void *ctx)
{
    d->forgotten = forgotten;
    d->ctx = ctx;
}

static void forget(struct dedup *d, struct entry *e)
{
    uint32_t topic_id = e->topic_id;
    HASH_DEL(d->entries, e);
    free(e);
    if (d->forgotten)
        d->forgotten(d->ctx, topic_id);
}

void dedup_destroy(struct dedup *d)
{
    if (!d)
        return;
    d->forgotten = NULL;
    while (d->entries)
        forget(d, d->entries);
    free(d);
}

static XXH128_hash_t id_of(const struct dedup *d, uint32_t topic_id, const char *key, size_t n)
{
    return XXH3_128bits_withSeed(key, n, d->seed ^ ((uint64_t)topic_id << 32 | topic_id));
}

static struct entry *find(struct dedup *d, XXH128_hash_t id)
{
    struct entry *e;
    HASH_FIND(hh, d->entries, &id, sizeof(id), e);
    return e;
}

static bool is_over(const struct dedup *d, const struct entry *e, uint64_t now_ms)
{
    return e->time_ms + d->window_ms < now_ms;
}

uint64_t dedup_expire(struct dedup *d, uint64_t now_ms, size_t max)
{
    for (; max > 0 && d->entries && is_over(d, d->entries, now_ms); max--)
        forget(d, d->entries);
    return d->entries ? d->entries->time_ms + d->window_ms + 1 : UINT64_MAX;
}

uint64_t dedup_find(struct dedup *d, uint32_t topic_id, const char *key, size_t n, uint64_t now_ms)
{
    dedup_expire(d, now_ms, SIZE_MAX);
    struct entry *e = find(d, id_of(d, topic_id, key, n));
    return e ? e->offset : 0;
}

bool dedup_remembers(const struct dedup *d)
{
    return d->window_ms > 0 && d->max_keys > 0;
}

enum err dedup_add(struct dedup *d, uint32_t topic_id, const char *key, size_t n, uint64_t offset,
                   uint64_t now_ms)
{
    if (!dedup_remembers(d))
        return ERR_OK;
    XXH128_hash_t id = id_of(d, topic_id, key, n);
    struct entry *e = find(d, id);
    if (e)
        forget(d, e);
    else if (HASH_COUNT(d->entries) >= d->max_keys)
        forget(d, d->entries);
    e = calloc(1, sizeof(*e));
    if (!e)
        return ERR_NOMEM;
    e->id = id;
    e->topic_id = topic_id;
    e->offset = offset;
    e->time_ms = now_ms;
    HASH_ADD(hh, d->entries, id, sizeof(e->id), e);
    if (e->offset == 0) {
        free(e);
        return ERR_NOMEM;
    }
    return ERR_OK;
}

void dedup_forget_above(struct dedup *d, uint64_t offset)
{
    while (d->entries) {
        struct entry *newest = ELMT_FROM_HH(d->entries->hh.tbl, d->entries->hh.tbl->tail);
        if (newest->offset <= offset)
            return;
        forget(d, newest);
    }
}

void dedup_step_clock(struct dedup *d, int64_t off_ms)
{
    for (struct entry *e = d->entries; e; e = e->hh.next)
        e->time_ms = clock_moved(e->time_ms, off_ms);
}

size_t dedup_count(const struct dedup *d)
{
    return HASH_COUNT(d->entries);
}
