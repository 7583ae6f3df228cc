#include "access/token_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A table is made of sets: a token is looked for in one, and takes the place of the one in it that
 * was not asked for longest. */
enum { WAYS = 4 };

/* `used` is 0 where there is none. */
struct good {
    struct principal *principal;
    uint64_t used;
};

struct refused {
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    struct token_why why;
    int64_t since_s;
    uint64_t used;
};

struct token_cache {
    struct good *good;       /* NULL: nothing was ever kept */
    struct refused *refused; /* likewise */
    uint64_t serial;         /* of the policy that all are of */
    uint64_t uses;
};

struct token_cache *token_cache_create(void)
{
    return calloc(1, sizeof(struct token_cache));
}

void token_cache_clear(struct token_cache *c)
{
    for (size_t i = 0; c->good && i < TOKEN_CACHE_GOOD; i++)
        principal_unref(c->good[i].principal);
    free(c->good);
    free(c->refused);
    c->good = NULL;
    c->refused = NULL;
}

void token_cache_destroy(struct token_cache *c)
{
    if (!c)
        return;
    token_cache_clear(c);
    free(c);
}

static void be_of(struct token_cache *c, const struct access_policy *policy)
{
    uint64_t serial = access_policy_serial(policy);
    if (serial != c->serial)
        token_cache_clear(c);
    c->serial = serial;
}

/* Where the set of HASH begins in a table of N places. */
static size_t set_of(const unsigned char *hash, size_t n)
{
    uint64_t word;
    memcpy(&word, hash, sizeof(word));
    return word % (n / WAYS) * WAYS;
}

/* --- good ones --- */

static struct good *find_good(const struct token_cache *c, const unsigned char *hash)
{
    if (!c->good)
        return NULL;
    struct good *set = c->good + set_of(hash, TOKEN_CACHE_GOOD);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].principal && memcmp(set[i].principal->hash, hash, PRINCIPAL_HASH_SIZE) == 0)
            return &set[i];
    return NULL;
}

void token_cache_keep(struct token_cache *c, const struct access_policy *policy,
                      struct principal *p)
{
    be_of(c, policy);
    if (!c->good)
        c->good = calloc(TOKEN_CACHE_GOOD, sizeof(*c->good));
    if (!c->good)
        return;
    struct good *place = find_good(c, p->hash);
    if (!place) {
        place = c->good + set_of(p->hash, TOKEN_CACHE_GOOD);
        for (struct good *g = place + 1, *end = place + WAYS; g < end; g++)
            if (g->used < place->used)
                place = g;
    }
    principal_ref(p);
    principal_unref(place->principal);
    *place = (struct good){p, ++c->uses};
}

/* --- refused ones --- */

static struct refused *find_refused(const struct token_cache *c, const unsigned char *hash)
{
    if (!c->refused)
        return NULL;
    struct refused *set = c->refused + set_of(hash, TOKEN_CACHE_REFUSED);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].used && memcmp(set[i].hash, hash, PRINCIPAL_HASH_SIZE) == 0)
            return &set[i];
    return NULL;
}

void token_cache_refuse(struct token_cache *c, const struct access_policy *policy,
                        const unsigned char hash[PRINCIPAL_HASH_SIZE], struct token_why why,
                        int64_t now_s)
{
    be_of(c, policy);
    if (!c->refused)
        c->refused = calloc(TOKEN_CACHE_REFUSED, sizeof(*c->refused));
    if (!c->refused)
        return;
    struct refused *place = find_refused(c, hash);
    if (!place) {
        place = c->refused + set_of(hash, TOKEN_CACHE_REFUSED);
        for (struct refused *r = place + 1, *end = place + WAYS; r < end; r++)
            if (r->used < place->used)
                place = r;
    }
    *place = (struct refused){.why = why, .since_s = now_s, .used = ++c->uses};
    memcpy(place->hash, hash, PRINCIPAL_HASH_SIZE);
}

/* The clock may step back. */
static bool is_recent(const struct refused *r, int64_t now_s)
{
    return now_s >= r->since_s && now_s - r->since_s < TOKEN_CACHE_REFUSED_S;
}

/* --- both --- */

enum token_cached token_cache_find(struct token_cache *c, const struct access_policy *policy,
                                   const unsigned char hash[PRINCIPAL_HASH_SIZE], int64_t now_s,
                                   struct principal **ret, struct token_why *ret_why)
{
    be_of(c, policy);
    struct good *g = find_good(c, hash);
    if (g) {
        int64_t leeway_s = access_policy_claims(policy)->leeway_s;
        enum token_fault fault = claims_fault_at(g->principal, leeway_s, now_s);
        g->used = ++c->uses;
        *ret = g->principal;
        *ret_why = fault == TOKEN_FAULTS ? *ret_why : token_why_of(fault);
        return fault == TOKEN_FAULTS ? TOKEN_CACHED_GOOD : TOKEN_CACHED_REFUSED;
    }
    struct refused *r = find_refused(c, hash);
    if (!r || !is_recent(r, now_s))
        return TOKEN_CACHED_NOT;
    r->used = ++c->uses;
    *ret_why = r->why;
    return TOKEN_CACHED_REFUSED;
}
