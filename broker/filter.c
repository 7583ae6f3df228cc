#include "broker/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/buckets.h"
#include "broker/pattern_tree.h"
#include "broker/topic_name.h"
#include "utlist.h"
#include "xxhash.h"

enum {
    BUCKETS_FIRST = 64,
    ROUTES = 64,           /* topics whose routes are kept; a power of two */
    ROUTES_ROOM = 1 << 16, /* patterns that all of them may name together before they are dropped */
    /* What a level of a pattern takes, here and in the interest table; about. */
    LEVEL_BYTES = 144,
};

struct filter_table {
    struct filter_budget budget;
    struct filter **buckets;
    size_t bucket_count, bucket_cap, count;
    struct pattern_tree *patterns;
    /* Change when patterns come and go, and when plain topics do. */
    uint64_t pattern_serial, exact_serial;
    uint64_t steps;
    bool generous, sees_all;
    size_t routes_room; /* places for patterns in all routes */
    struct route routes[ROUTES];
};

struct filter_table *filter_table_create(const struct filter_budget *budget)
{
    struct filter_table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->budget = *budget;
    t->bucket_count = t->bucket_cap = BUCKETS_FIRST;
    t->buckets = calloc(BUCKETS_FIRST, sizeof(struct filter *));
    t->patterns = pattern_tree_create();
    if (!t->buckets || !t->patterns) {
        filter_table_destroy(t);
        return NULL;
    }
    return t;
}

static void drop_routes(struct filter_table *t)
{
    for (size_t i = 0; i < ROUTES; i++)
        free(t->routes[i].patterns);
    memset(t->routes, 0, sizeof(t->routes));
    t->routes_room = 0;
}

void filter_table_destroy(struct filter_table *t)
{
    if (!t)
        return;
    drop_routes(t);
    pattern_tree_destroy(t->patterns);
    free(t->buckets);
    free(t);
}

void filter_see_all(struct filter_table *t)
{
    t->sees_all = true;
    pattern_tree_see_all(t->patterns);
}

bool filter_sees_all(const struct filter_table *t)
{
    return t->sees_all;
}

/* --- budget --- */

bool filter_take(struct filter_table *t, size_t bytes)
{
    return !t->budget.take || t->budget.take(t->budget.ctx, bytes, t->generous);
}

void filter_give_back(struct filter_table *t, size_t bytes)
{
    if (t->budget.give_back)
        t->budget.give_back(t->budget.ctx, bytes);
}

void filter_set_generous(struct filter_table *t, bool generous)
{
    t->generous = generous;
}

/* What F takes, here and in the interest table. */
static size_t bytes_of(const char *name, size_t n)
{
    size_t levels = topic_is_pattern(name, n) ? pattern_levels(name, n) : 0;
    return 2 * (sizeof(struct filter) + n) + levels * LEVEL_BYTES;
}

/* --- by name --- */

static struct filter **slot_of(const struct filter_table *t, uint32_t hash)
{
    return &t->buckets[bucket_of(hash, t->bucket_count)];
}

/* Names come from peers, who do not know where the table lies in memory. */
static uint32_t hash_of(const struct filter_table *t, const char *name, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(name, n, (uintptr_t)t);
}

static struct filter *find(struct filter_table *t, const char *name, size_t n, uint32_t hash)
{
    struct filter *f = *slot_of(t, hash);
    t->steps++;
    while (f && (f->hash != hash || f->len != n || memcmp(f->name, name, n) != 0))
        f = f->hash_next;
    return f;
}

/* One more, of which there are never less; when memory is out the chains get longer instead. */
static void grow(struct filter_table *t)
{
    size_t from = bucket_of(t->bucket_count, t->bucket_count);
    struct filter **buckets = buckets_reserve(t->buckets, t->bucket_count, &t->bucket_cap);
    if (!buckets)
        return;
    struct filter *f, *all = buckets[from];
    buckets[from] = buckets[t->bucket_count++] = NULL;
    t->buckets = buckets;
    while ((f = all)) {
        all = f->hash_next;
        LL_PREPEND2(*slot_of(t, f->hash), f, hash_next);
        t->steps++;
    }
}

/* F has come or is going: routes that it may be in are not right any more. */
static void changed(struct filter_table *t, const struct filter *f)
{
    if (f->pattern)
        t->pattern_serial++;
    else
        t->exact_serial++;
}

static enum err create(struct filter_table *t, const char *name, size_t n, uint32_t hash,
                       struct filter **ret)
{
    struct filter *f = calloc(1, sizeof(*f) + n + 1);
    if (!f)
        return ERR_NOMEM;
    f->hash = hash;
    f->len = (uint8_t)n;
    f->pattern = topic_is_pattern(name, n);
    memcpy(f->name, name, n);
    if (f->pattern && pattern_tree_add(t->patterns, name, n, f) != ERR_OK) {
        free(f);
        return ERR_NOMEM;
    }
    if (++t->count > t->bucket_count)
        grow(t);
    LL_PREPEND2(*slot_of(t, hash), f, hash_next);
    changed(t, f);
    *ret = f;
    return ERR_OK;
}

enum err filter_get(struct filter_table *t, const char *name, size_t n, struct filter **ret)
{
    uint32_t hash = hash_of(t, name, n);
    struct filter *f = find(t, name, n, hash);
    if (!f) {
        size_t bytes = bytes_of(name, n);
        if (!filter_take(t, bytes))
            return ERR_FULL;
        enum err e = create(t, name, n, hash, &f);
        if (e != ERR_OK) {
            filter_give_back(t, bytes);
            return e;
        }
    }
    f->refs++;
    *ret = f;
    return ERR_OK;
}

struct filter *filter_find(struct filter_table *t, const char *name, size_t n)
{
    return find(t, name, n, hash_of(t, name, n));
}

void filter_unref(struct filter_table *t, struct filter *f)
{
    if (--f->refs)
        return;
    if (f->pattern)
        pattern_tree_remove(t->patterns, f->name, f->len);
    LL_DELETE2(*slot_of(t, f->hash), f, hash_next);
    t->count--;
    changed(t, f);
    filter_give_back(t, bytes_of(f->name, f->len));
    free(f->feeds);
    free(f);
}

/* --- by feed --- */

enum err filter_add_feed(struct filter_table *t, struct filter *f, struct feed *feed,
                         uint32_t *ret_place)
{
    if (f->feed_count == f->feed_cap) {
        uint32_t cap = f->feed_cap ? f->feed_cap * 2 : 1;
        struct feed **feeds = realloc(f->feeds, cap * sizeof(struct feed *));
        if (!feeds)
            return ERR_NOMEM;
        f->feeds = feeds;
        f->feed_cap = cap;
    }
    t->steps++;
    *ret_place = f->feed_count;
    f->feeds[f->feed_count++] = feed;
    f->refs++;
    return ERR_OK;
}

/* What was needed once is given back when much less is. */
static void shrink(struct filter *f)
{
    if (f->feed_cap < 8 || f->feed_count > f->feed_cap / 4)
        return;
    struct feed **feeds = realloc(f->feeds, f->feed_cap / 2 * sizeof(struct feed *));
    if (!feeds)
        return;
    f->feeds = feeds;
    f->feed_cap /= 2;
}

struct feed *filter_remove_feed(struct filter_table *t, struct filter *f, uint32_t place)
{
    struct feed *moved = f->feeds[--f->feed_count];
    t->steps++;
    f->feeds[place] = moved;
    if (place == f->feed_count)
        moved = NULL;
    shrink(f);
    filter_unref(t, f);
    return moved;
}

/* --- by topic --- */

struct finding {
    struct filter_table *table;
    struct route *route;
    bool failed;
};

static void note_pattern(void *ctx, void *value)
{
    struct finding *finding = ctx;
    struct route *r = finding->route;
    finding->table->steps++;
    if (r->pattern_count == r->pattern_cap) {
        uint32_t cap = r->pattern_cap ? r->pattern_cap * 2 : 4;
        struct filter **patterns = realloc(r->patterns, cap * sizeof(*patterns));
        if (!patterns) {
            finding->failed = true;
            return;
        }
        finding->table->routes_room += cap - r->pattern_cap;
        r->patterns = patterns;
        r->pattern_cap = cap;
    }
    r->patterns[r->pattern_count++] = value;
}

static void look_up_exact(struct filter_table *t, const struct topic *topic, struct route *r)
{
    r->exact = filter_find(t, topic->name, topic->name_len);
    r->exact_serial = t->exact_serial;
}

static bool look_up_patterns(struct filter_table *t, const struct topic *topic, struct route *r)
{
    struct finding finding = {t, r, false};
    r->topic_id = 0;
    r->pattern_count = 0;
    pattern_tree_match(t->patterns, topic->name, topic->name_len, note_pattern, &finding);
    if (finding.failed)
        return false;
    r->topic_id = topic->id;
    r->pattern_serial = t->pattern_serial;
    return true;
}

const struct route *filter_route(struct filter_table *t, const struct topic *topic)
{
    struct route *r = &t->routes[topic->id & (ROUTES - 1)];
    bool known = r->topic_id == topic->id && r->pattern_serial == t->pattern_serial;
    if (known && r->exact_serial == t->exact_serial)
        return r;
    if (!known && t->routes_room > ROUTES_ROOM)
        drop_routes(t);
    look_up_exact(t, topic, r);
    return known || look_up_patterns(t, topic, r) ? r : NULL;
}

uint64_t filter_steps(const struct filter_table *t)
{
    return t->steps + pattern_tree_steps(t->patterns);
}
