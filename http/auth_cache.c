#include "http/auth_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A decision is looked for in one set, and takes the place of the one in it that was not asked for
 * longest. */
enum { WAYS = 4 };

struct auth_cache {
    size_t count; /* a multiple of WAYS */
    uint64_t uses;
    struct auth_cached places[];
};

struct auth_cache *auth_cache_create(size_t count)
{
    size_t whole = (count + WAYS - 1) / WAYS * WAYS;
    struct auth_cache *c = calloc(1, sizeof(*c) + whole * sizeof(c->places[0]));
    if (c)
        c->count = whole;
    return c;
}

void auth_cached_finish(struct auth_cached *d)
{
    principal_unref(d->who);
    free(d->challenge);
    *d = (struct auth_cached){0};
}

void auth_cache_destroy(struct auth_cache *c)
{
    for (size_t i = 0; c && i < c->count; i++)
        auth_cached_finish(&c->places[i]);
    free(c);
}

/* The place in the set of HASH that has it, or the one that it may take. */
static struct auth_cached *place_of(struct auth_cache *c, const unsigned char *hash)
{
    uint64_t word;
    memcpy(&word, hash, sizeof(word));
    struct auth_cached *set = c->places + word % (c->count / WAYS) * WAYS, *least = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].used && memcmp(set[i].hash, hash, PRINCIPAL_HASH_SIZE) == 0)
            return &set[i];
        if (set[i].used < least->used)
            least = &set[i];
    }
    return least;
}

static bool counts(const struct auth_cached *d, uint64_t conn, uint64_t now_ms)
{
    return now_ms < d->fresh_ms || (conn == d->conn && now_ms < d->conn_ms);
}

const struct auth_cached *auth_cache_find(struct auth_cache *c,
                                          const unsigned char hash[PRINCIPAL_HASH_SIZE],
                                          uint64_t conn, uint64_t now_ms)
{
    struct auth_cached *d = place_of(c, hash);
    if (!d->used || memcmp(d->hash, hash, PRINCIPAL_HASH_SIZE) != 0 || !counts(d, conn, now_ms))
        return NULL;
    d->used = ++c->uses;
    return d;
}

void auth_cache_keep(struct auth_cache *c, const struct auth_cached *d)
{
    struct auth_cached *place = place_of(c, d->hash);
    auth_cached_finish(place);
    *place = *d;
    place->used = ++c->uses;
}
