#include "broker/feed.h"

#include <stdlib.h>
#include <string.h>

#include "utlist.h"
#include "xxhash.h"

enum {
    FILTER_BYTES =
        384, /* what a topic or pattern of a set takes with all that belongs to it, about */
    FEED_BUCKETS_FIRST = 64, /* a power of two */
    HIT_CHUNK = 1024,        /* hits in one chunk of the turn's arena */
};

struct filter {
    struct filter *next_pattern, *prev_pattern; /* all patterns (utlist) */
    struct filter *hash_next;
    struct feed **feeds; /* that contain it */
    uint32_t feed_count, feed_cap;
    uint32_t refs; /* feeds and specs */
    uint32_t hash;
    uint8_t len;
    bool pattern;
    char name[];
};

/* What one topic's messages are matched with. */
struct route {
    uint64_t serial; /* of the pattern list when `patterns` was filled; 0 = never */
    struct filter *exact;
    struct filter **patterns;
    uint32_t pattern_count;
};

struct hit_chunk {
    struct hit_chunk *next;
    size_t used;
    struct feed_hit hits[HIT_CHUNK];
};

struct feed_table {
    struct topic_table *topics;
    struct feed_watcher watcher;
    struct filter **filter_buckets;
    size_t filter_bucket_count, filter_count; /* buckets: a power of two */
    struct filter *patterns;
    uint64_t pattern_serial; /* changes when patterns come and go */
    struct feed **feed_buckets;
    size_t feed_bucket_count, feed_count;
    struct route *routes; /* by topic id - 1 */
    uint32_t route_count;
    struct feed *touched;
    struct hit_chunk *hits; /* the one being filled first */
};

struct feed_table *feed_table_create(struct topic_table *topics, const struct feed_watcher *watcher)
{
    struct feed_table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->topics = topics;
    t->watcher = *watcher;
    t->pattern_serial = 1;
    t->filter_bucket_count = t->feed_bucket_count = FEED_BUCKETS_FIRST;
    t->filter_buckets = calloc(FEED_BUCKETS_FIRST, sizeof(struct filter *));
    t->feed_buckets = calloc(FEED_BUCKETS_FIRST, sizeof(struct feed *));
    if (!t->filter_buckets || !t->feed_buckets) {
        feed_table_destroy(t);
        return NULL;
    }
    return t;
}

void feed_table_destroy(struct feed_table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->route_count; i++)
        free(t->routes[i].patterns);
    while (t->hits) {
        struct hit_chunk *next = t->hits->next;
        free(t->hits);
        t->hits = next;
    }
    free(t->routes);
    free(t->filter_buckets);
    free(t->feed_buckets);
    free(t);
}

/* --- filters --- */

static struct filter **filter_slot(const struct feed_table *t, uint32_t hash)
{
    return &t->filter_buckets[hash & (t->filter_bucket_count - 1)];
}

static struct filter *filter_find(const struct feed_table *t, const char *name, size_t n,
                                  uint32_t hash)
{
    struct filter *f = *filter_slot(t, hash);
    while (f && (f->hash != hash || f->len != n || memcmp(f->name, name, n) != 0))
        f = f->hash_next;
    return f;
}

/* Buckets only get more; when memory is out the chains get longer instead. */
static void filter_buckets_grow(struct feed_table *t)
{
    size_t old_count = t->filter_bucket_count;
    struct filter **old = t->filter_buckets, **buckets = calloc(old_count * 2, sizeof(*buckets));
    if (!buckets)
        return;
    t->filter_buckets = buckets;
    t->filter_bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++)
        while (old[i]) {
            struct filter *f = old[i];
            old[i] = f->hash_next;
            LL_PREPEND2(*filter_slot(t, f->hash), f, hash_next);
        }
    free(old);
}

/* Exact routes are set as filters come and go; pattern matches are found again on need. */
static void route_exact(struct feed_table *t, const struct filter *f, struct filter *value)
{
    struct topic *topic = topic_table_find(t->topics, f->name, f->len);
    if (topic && topic->id <= t->route_count)
        t->routes[topic->id - 1].exact = value;
}

static struct filter *filter_get(struct feed_table *t, const char *name, size_t n)
{
    uint32_t hash = (uint32_t)XXH3_64bits_withSeed(name, n, (uintptr_t)t);
    struct filter *f = filter_find(t, name, n, hash);
    if (f)
        return f;
    f = calloc(1, sizeof(*f) + n + 1);
    if (!f)
        return NULL;
    f->hash = hash;
    f->len = (uint8_t)n;
    f->pattern = topic_is_pattern(name, n);
    memcpy(f->name, name, n);
    if (++t->filter_count > t->filter_bucket_count)
        filter_buckets_grow(t);
    LL_PREPEND2(*filter_slot(t, hash), f, hash_next);
    if (f->pattern) {
        DL_APPEND2(t->patterns, f, prev_pattern, next_pattern);
        t->pattern_serial++;
    } else {
        route_exact(t, f, f);
    }
    return f;
}

static void filter_unref(struct feed_table *t, struct filter *f)
{
    if (--f->refs)
        return;
    LL_DELETE2(*filter_slot(t, f->hash), f, hash_next);
    t->filter_count--;
    if (f->pattern) {
        DL_DELETE2(t->patterns, f, prev_pattern, next_pattern);
        t->pattern_serial++;
    } else {
        route_exact(t, f, NULL);
    }
    free(f->feeds);
    free(f);
}

size_t feed_share(const struct feed *f)
{
    if (!f)
        return 0;
    size_t bytes = f->filter_count * (size_t)FILTER_BYTES + f->topic_cap * sizeof(*f->topic_ids);
    return f->refs ? bytes / f->refs : bytes;
}

const char *filter_name(const struct filter *f, size_t *ret_len)
{
    *ret_len = f->len;
    return f->name;
}

static enum err filter_add_feed(struct filter *f, struct feed *feed)
{
    if (f->feed_count == f->feed_cap) {
        uint32_t cap = f->feed_cap ? f->feed_cap * 2 : 1;
        struct feed **feeds = realloc(f->feeds, cap * sizeof(*feeds));
        if (!feeds)
            return ERR_NOMEM;
        f->feeds = feeds;
        f->feed_cap = cap;
    }
    f->feeds[f->feed_count++] = feed;
    f->refs++;
    return ERR_OK;
}

static void filter_remove_feed(struct feed_table *t, struct filter *f, const struct feed *feed)
{
    for (uint32_t i = 0; i < f->feed_count; i++)
        if (f->feeds[i] == feed) {
            f->feeds[i] = f->feeds[--f->feed_count];
            break;
        }
    filter_unref(t, f);
}

/* --- filter sets --- */

void feed_spec_init(struct feed_spec *s, struct feed_table *t)
{
    memset(s, 0, sizeof(*s));
    s->table = t;
}

void feed_spec_finish(struct feed_spec *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        filter_unref(s->table, s->filters[i]);
    free(s->filters);
    feed_spec_init(s, s->table);
}

/* Where F stands, or should stand. */
static uint32_t spec_place(const struct feed_spec *s, const struct filter *f)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (s->filters[mid] < f)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static enum err spec_insert(struct feed_spec *s, struct filter *f)
{
    uint32_t at = spec_place(s, f);
    if (at < s->count && s->filters[at] == f)
        return ERR_OK;
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 4;
        struct filter **filters = realloc(s->filters, cap * sizeof(*filters));
        if (!filters)
            return ERR_NOMEM;
        s->filters = filters;
        s->cap = cap;
    }
    memmove(s->filters + at + 1, s->filters + at, (s->count - at) * sizeof(*s->filters));
    s->filters[at] = f;
    s->count++;
    f->refs++;
    return ERR_OK;
}

enum err feed_spec_add(struct feed_spec *s, const char *name, size_t n)
{
    struct filter *f = filter_get(s->table, name, n);
    if (!f)
        return ERR_NOMEM;
    f->refs++; /* so that a failed insert gives a new filter back */
    enum err e = spec_insert(s, f);
    filter_unref(s->table, f);
    return e;
}

enum err feed_spec_add_feed(struct feed_spec *s, const struct feed *f)
{
    enum err e = ERR_OK;
    for (uint32_t i = 0; f && i < f->filter_count && e == ERR_OK; i++)
        e = spec_insert(s, f->filters[i]);
    return e;
}

enum err feed_spec_remove(struct feed_spec *s, const char *name, size_t n)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct filter *f = s->filters[i];
        if (f->len != n || memcmp(f->name, name, n) != 0)
            continue;
        s->count--;
        memmove(s->filters + i, s->filters + i + 1, (s->count - i) * sizeof(*s->filters));
        filter_unref(s->table, f);
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

/* --- feeds --- */

static struct feed **feed_slot(const struct feed_table *t, uint32_t hash)
{
    return &t->feed_buckets[hash & (t->feed_bucket_count - 1)];
}

static void feed_buckets_grow(struct feed_table *t)
{
    size_t old_count = t->feed_bucket_count;
    struct feed **old = t->feed_buckets, **buckets = calloc(old_count * 2, sizeof(*buckets));
    if (!buckets)
        return;
    t->feed_buckets = buckets;
    t->feed_bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++)
        while (old[i]) {
            struct feed *f = old[i];
            old[i] = f->hash_next;
            LL_PREPEND2(*feed_slot(t, f->hash), f, hash_next);
        }
    free(old);
}

static uint32_t spec_hash(const struct feed_spec *s, const struct encoding *e, unsigned transport)
{
    uint64_t h = XXH3_64bits_withSeed(s->filters, s->count * sizeof(*s->filters), (uintptr_t)e);
    return (uint32_t)(h ^ h >> 32) + transport;
}

static struct feed *feed_find(const struct feed_table *t, const struct feed_spec *s,
                              const struct encoding *e, unsigned transport, uint32_t hash)
{
    struct feed *f = *feed_slot(t, hash);
    for (; f; f = f->hash_next)
        if (f->hash == hash && f->encoding == e && f->transport == transport &&
            f->filter_count == s->count &&
            (s->count == 0 || memcmp(f->filters, s->filters, s->count * sizeof(*s->filters)) == 0))
            return f;
    return NULL;
}

static void feed_free(struct feed_table *t, struct feed *f)
{
    for (uint32_t i = 0; i < f->filter_count; i++)
        filter_remove_feed(t, f->filters[i], f);
    free(f->filters);
    free(f->topic_ids);
    free(f);
}

static struct feed *feed_create(struct feed_table *t, const struct feed_spec *s,
                                const struct encoding *e, unsigned transport, uint32_t hash)
{
    struct feed *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->encoding = e;
    f->transport = transport;
    f->hash = hash;
    f->filters = malloc((s->count ? s->count : 1) * sizeof(*f->filters));
    if (!f->filters) {
        free(f);
        return NULL;
    }
    for (; f->filter_count < s->count; f->filter_count++) {
        struct filter *filter = s->filters[f->filter_count];
        if (filter_add_feed(filter, f) != ERR_OK) {
            feed_free(t, f);
            return NULL;
        }
        f->filters[f->filter_count] = filter;
        f->all |= filter->len == 1 && filter->name[0] == '#';
    }
    if (++t->feed_count > t->feed_bucket_count)
        feed_buckets_grow(t);
    LL_PREPEND2(*feed_slot(t, hash), f, hash_next);
    return f;
}

static void feed_unref(struct feed_table *t, struct feed *f)
{
    if (--f->refs)
        return;
    LL_DELETE2(*feed_slot(t, f->hash), f, hash_next);
    t->feed_count--;
    feed_free(t, f);
}

static void tell_unsubscribed(struct feed_table *t, const struct feed *f, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        t->watcher.unsubscribed(t->watcher.ctx, f->filters[i]->name, f->filters[i]->len,
                                f->transport);
}

static enum err tell_subscribed(struct feed_table *t, const struct feed *f)
{
    for (uint32_t i = 0; i < f->filter_count; i++) {
        enum err e = t->watcher.subscribed(t->watcher.ctx, f->filters[i]->name, f->filters[i]->len,
                                           f->transport);
        if (e != ERR_OK) {
            tell_unsubscribed(t, f, i);
            return e;
        }
    }
    return ERR_OK;
}

enum err feed_join(struct subscriber *sub, const struct feed_spec *s,
                   const struct encoding *encoding, unsigned transport)
{
    struct feed_table *t = s->table;
    uint32_t hash = spec_hash(s, encoding, transport);
    struct feed *f = feed_find(t, s, encoding, transport, hash);
    if (!f)
        f = feed_create(t, s, encoding, transport, hash);
    if (!f)
        return ERR_NOMEM;
    f->refs++;
    enum err e = tell_subscribed(t, f);
    if (e != ERR_OK) {
        feed_unref(t, f);
        return e;
    }
    feed_leave(sub, t);
    sub->feed = f;
    return ERR_OK;
}

void feed_leave(struct subscriber *sub, struct feed_table *t)
{
    struct feed *f = sub->feed;
    if (!f)
        return;
    if (feed_is_live(sub))
        feed_go_idle(sub);
    sub->feed = NULL;
    tell_unsubscribed(t, f, f->filter_count);
    feed_unref(t, f);
}

void feed_hold(struct feed *f)
{
    f->refs++;
}

void feed_release(struct feed *f, struct feed_table *t)
{
    feed_unref(t, f);
}

bool feed_is_live(const struct subscriber *sub)
{
    return sub->prev != NULL; /* utlist: the head's prev is the last member, never NULL */
}

void feed_go_live(struct subscriber *sub)
{
    DL_APPEND(sub->feed->live, sub);
}

void feed_go_idle(struct subscriber *sub)
{
    DL_DELETE(sub->feed->live, sub);
    sub->next = sub->prev = NULL;
}

bool feed_has(const struct feed *f, const char *name, size_t n)
{
    for (uint32_t i = 0; f && i < f->filter_count; i++)
        if (f->filters[i]->len == n && memcmp(f->filters[i]->name, name, n) == 0)
            return true;
    return false;
}

/* --- routes and turns --- */

static enum err routes_grow(struct feed_table *t, uint32_t id)
{
    uint32_t count = t->route_count ? t->route_count : 64;
    while (count < id)
        count *= 2;
    struct route *routes = realloc(t->routes, count * sizeof(*routes));
    if (!routes)
        return ERR_NOMEM;
    memset(routes + t->route_count, 0, (count - t->route_count) * sizeof(*routes));
    t->routes = routes;
    t->route_count = count;
    return ERR_OK;
}

static enum err route_add_pattern(struct route *r, struct filter *f)
{
    /* Doubling at powers of two needs no capacity field. */
    if ((r->pattern_count & (r->pattern_count - 1)) == 0) {
        uint32_t cap = r->pattern_count ? r->pattern_count * 2 : 1;
        struct filter **patterns = realloc(r->patterns, cap * sizeof(*patterns));
        if (!patterns)
            return ERR_NOMEM;
        r->patterns = patterns;
    }
    r->patterns[r->pattern_count++] = f;
    return ERR_OK;
}

static enum err route_refresh(struct feed_table *t, struct route *r, const struct topic *topic)
{
    if (r->serial == 0) {
        uint32_t hash = (uint32_t)XXH3_64bits_withSeed(topic->name, topic->name_len, (uintptr_t)t);
        r->exact = filter_find(t, topic->name, topic->name_len, hash);
    }
    r->pattern_count = 0;
    free(r->patterns);
    r->patterns = NULL;
    struct filter *f;
    DL_FOREACH2(t->patterns, f, next_pattern)
    {
        if (!topic_matches(f->name, f->len, topic->name, topic->name_len))
            continue;
        if (route_add_pattern(r, f) != ERR_OK)
            return ERR_NOMEM;
    }
    r->serial = t->pattern_serial;
    return ERR_OK;
}

/* NULL when out of memory. */
static const struct route *route_of(struct feed_table *t, const struct topic *topic)
{
    if (topic->id > t->route_count && routes_grow(t, topic->id) != ERR_OK)
        return NULL;
    struct route *r = &t->routes[topic->id - 1];
    if (r->serial != t->pattern_serial && route_refresh(t, r, topic) != ERR_OK)
        return NULL;
    return r;
}

static struct feed_hit *hit_alloc(struct feed_table *t)
{
    if (!t->hits || t->hits->used == HIT_CHUNK) {
        struct hit_chunk *c = malloc(sizeof(*c));
        if (!c)
            return NULL;
        c->used = 0;
        c->next = t->hits;
        t->hits = c;
    }
    return &t->hits->hits[t->hits->used++];
}

static enum err feed_hit(struct feed_table *t, struct feed *f, struct message *m)
{
    /* Counted before, it comes again: by another filter, or after a turn that could not be ended.
     */
    bool counted = f->last_hit == m->offset;
    if (counted && (f->hits || !f->live))
        return ERR_OK;
    struct feed_total before = f->total;
    f->last_hit = m->offset;
    f->total.messages += !counted;
    f->total.bytes += counted ? 0 : m->payload_len;
    if (!f->live)
        return ERR_OK;
    struct feed_hit *hit = hit_alloc(t);
    if (!hit)
        return ERR_NOMEM;
    hit->message = m;
    hit->next = NULL;
    if (f->hits) {
        f->hits_last->next = hit;
    } else {
        f->hits = hit;
        f->total_before = before;
        f->next_touched = t->touched;
        t->touched = f;
        f->refs++; /* stays while touched, whatever its subscribers do */
    }
    f->hits_last = hit;
    return ERR_OK;
}

static enum err filter_hit(struct feed_table *t, const struct filter *filter, struct message *m)
{
    for (uint32_t i = 0; i < filter->feed_count; i++)
        if (feed_hit(t, filter->feeds[i], m) != ERR_OK)
            return ERR_NOMEM;
    return ERR_OK;
}

enum err feed_turn_add(struct feed_table *t, struct message *m)
{
    const struct route *r = route_of(t, m->topic);
    enum err e = r ? ERR_OK : ERR_NOMEM;
    if (e == ERR_OK && r->exact)
        e = filter_hit(t, r->exact, m);
    for (uint32_t i = 0; e == ERR_OK && i < r->pattern_count; i++)
        e = filter_hit(t, r->patterns[i], m);
    return e;
}

struct feed *feed_turn_feeds(struct feed_table *t)
{
    return t->touched;
}

void feed_turn_end(struct feed_table *t)
{
    while (t->touched) {
        struct feed *f = t->touched;
        t->touched = f->next_touched;
        f->hits = f->hits_last = NULL;
        f->next_touched = NULL;
        feed_unref(t, f);
    }
    /* One chunk stays for the next turn. */
    while (t->hits && t->hits->next) {
        struct hit_chunk *next = t->hits->next;
        free(t->hits);
        t->hits = next;
    }
    if (t->hits)
        t->hits->used = 0;
}

/* --- matching one feed --- */

static bool has_filter(const struct feed *f, const struct filter *filter)
{
    uint32_t low = 0, high = f->filter_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (f->filters[mid] == filter)
            return true;
        if (f->filters[mid] < filter)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static const struct filter *matching(struct feed_table *t, const struct feed *f,
                                     struct topic *topic)
{
    const struct route *r = route_of(t, topic);
    if (!r)
        return NULL;
    if (r->exact && has_filter(f, r->exact))
        return r->exact;
    for (uint32_t i = 0; i < r->pattern_count; i++)
        if (has_filter(f, r->patterns[i]))
            return r->patterns[i];
    return NULL;
}

bool feed_wants(struct feed_table *t, const struct feed *f, struct topic *topic)
{
    return f->all || matching(t, f, topic) != NULL;
}

const char *feed_matching_filter(struct feed_table *t, const struct feed *f, struct topic *topic,
                                 size_t *ret_len, bool *ret_pattern)
{
    const struct filter *filter = matching(t, f, topic);
    if (!filter)
        return NULL;
    *ret_len = filter->len;
    *ret_pattern = filter->pattern;
    return filter->name;
}

static bool any_filter_matches(const struct feed *f, const struct topic *topic)
{
    for (uint32_t i = 0; i < f->filter_count; i++)
        if (topic_matches(f->filters[i]->name, f->filters[i]->len, topic->name, topic->name_len))
            return true;
    return false;
}

static enum err add_topic_id(struct feed *f, uint32_t id)
{
    if (f->topic_count == f->topic_cap) {
        uint32_t cap = f->topic_cap ? f->topic_cap * 2 : 4;
        uint32_t *ids = realloc(f->topic_ids, cap * sizeof(*ids));
        if (!ids)
            return ERR_NOMEM;
        f->topic_ids = ids;
        f->topic_cap = cap;
    }
    f->topic_ids[f->topic_count++] = id;
    return ERR_OK;
}

/* A feed of one plain topic, the usual one, is looked up instead of compared with all topics. */
static enum err find_single(struct feed_table *t, struct feed *f, uint32_t count)
{
    if (f->topic_count == 0) {
        struct topic *topic = topic_table_find(t->topics, f->filters[0]->name, f->filters[0]->len);
        if (topic && topic->id <= count)
            return add_topic_id(f, topic->id);
    }
    return ERR_OK;
}

enum err feed_topics(struct feed_table *t, struct feed *f, struct topic_set *ret)
{
    uint32_t count = topic_table_count(t->topics);
    enum err e = ERR_OK;
    if (f->all) {
        *ret = (struct topic_set){NULL, 0};
        return ERR_OK;
    }
    if (f->topics_seen != count && f->filter_count == 1 && !f->filters[0]->pattern) {
        e = find_single(t, f, count);
        if (e == ERR_OK)
            f->topics_seen = count;
    }
    while (f->topics_seen < count && e == ERR_OK) {
        const struct topic *topic = topic_table_get(t->topics, f->topics_seen + 1);
        if (any_filter_matches(f, topic))
            e = add_topic_id(f, topic->id);
        if (e == ERR_OK)
            f->topics_seen++;
    }
    static const uint32_t none[1];
    *ret = (struct topic_set){f->topic_ids ? f->topic_ids : none, f->topic_count};
    return e;
}
