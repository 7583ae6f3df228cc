#include "broker/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/buckets.h"
#include "base/spare.h"
#include "broker/filter.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "utlist.h"

enum {
    FILTER_BYTES =
        384, /* what a topic or pattern of a set takes with all that belongs to it, about */
    FEED_BUCKETS_FIRST = 64,
    HIT_CHUNK = 1024, /* hits in one chunk of the turn's arena */
    /* What one filter takes in a set: in both directions, with room to grow. */
    MEMBER_BYTES = 40,
};

struct hit_chunk {
    struct hit_chunk *next;
    size_t used;
    struct feed_hit hits[HIT_CHUNK];
};

struct feed_table {
    struct topic_table *topics;
    struct feed_watcher watcher;
    struct filter_table *filters;
    struct feed **feed_buckets;
    size_t feed_bucket_count, feed_bucket_cap, feed_count;
    uint64_t steps;
    struct feed *touched;
    struct hit_chunk *hits; /* the one being filled first */
};

struct feed_table *feed_table_create(struct topic_table *topics, const struct feed_watcher *watcher)
{
    struct filter_budget budget = {watcher->take, watcher->give_back, watcher->ctx};
    struct feed_table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->topics = topics;
    t->watcher = *watcher;
    t->filters = filter_table_create(&budget);
    t->feed_bucket_count = t->feed_bucket_cap = FEED_BUCKETS_FIRST;
    t->feed_buckets = calloc(FEED_BUCKETS_FIRST, sizeof(struct feed *));
    if (!t->filters || !t->feed_buckets) {
        feed_table_destroy(t);
        return NULL;
    }
    return t;
}

void feed_table_destroy(struct feed_table *t)
{
    if (!t)
        return;
    while (t->hits) {
        struct hit_chunk *next = t->hits->next;
        free(t->hits);
        t->hits = next;
    }
    filter_table_destroy(t->filters);
    free(t->feed_buckets);
    free(t);
}

struct topic_table *feed_table_topics(const struct feed_table *t)
{
    return t->topics;
}

struct filter_table *feed_table_filters(const struct feed_table *t)
{
    return t->filters;
}

uint64_t feed_table_steps(const struct feed_table *t)
{
    return t->steps + filter_steps(t->filters);
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

/* --- filter sets --- */

void feed_spec_init(struct feed_spec *s, struct feed_table *t)
{
    memset(s, 0, sizeof(*s));
    s->table = t;
}

void feed_spec_finish(struct feed_spec *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        filter_unref(s->table->filters, s->filters[i]);
    spare_give(s->filters, s->cap * sizeof(struct filter *));
    feed_spec_init(s, s->table);
}

/* Where F stands among COUNT filters in order, or should stand. */
static uint32_t place_of(struct filter *const *filters, uint32_t count, const struct filter *f)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (filters[mid] < f)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Mostly they are few, and gone within the turn. */
static enum err spec_grow(struct feed_spec *s)
{
    uint32_t cap = s->cap ? s->cap * 2 : 4;
    struct filter **filters = spare_take(cap * sizeof(struct filter *));
    if (!filters)
        return ERR_NOMEM;
    if (s->count)
        memcpy(filters, s->filters, s->count * sizeof(struct filter *));
    spare_give(s->filters, s->cap * sizeof(struct filter *));
    s->filters = filters;
    s->cap = cap;
    return ERR_OK;
}

static enum err spec_insert(struct feed_spec *s, struct filter *f)
{
    uint32_t at = place_of(s->filters, s->count, f);
    if (at < s->count && s->filters[at] == f)
        return ERR_OK;
    if (s->count == s->cap && spec_grow(s) != ERR_OK)
        return ERR_NOMEM;
    memmove(s->filters + at + 1, s->filters + at, (s->count - at) * sizeof(*s->filters));
    s->filters[at] = f;
    s->count++;
    f->refs++;
    return ERR_OK;
}

enum err feed_spec_add(struct feed_spec *s, const char *name, size_t n)
{
    struct filter *f;
    enum err e = filter_get(s->table->filters, name, n, &f);
    if (e != ERR_OK)
        return e;
    e = spec_insert(s, f);
    filter_unref(s->table->filters, f);
    return e;
}

enum err feed_spec_add_feed(struct feed_spec *s, const struct feed *f)
{
    enum err e = ERR_OK;
    for (uint32_t i = 0; f && i < f->filter_count && e == ERR_OK; i++)
        e = spec_insert(s, f->filters[i]);
    return e;
}

/* The filter of that name among COUNT in order; NULL when it is not there. */
static struct filter *filter_among(const struct feed_table *t, struct filter *const *filters,
                                   uint32_t count, const char *name, size_t n)
{
    struct filter *f = filter_find(t->filters, name, n);
    uint32_t at = f ? place_of(filters, count, f) : 0;
    return f && at < count && filters[at] == f ? f : NULL;
}

enum err feed_spec_remove(struct feed_spec *s, const char *name, size_t n)
{
    struct filter *f = filter_among(s->table, s->filters, s->count, name, n);
    if (!f)
        return ERR_NOT_FOUND;
    uint32_t at = place_of(s->filters, s->count--, f);
    memmove(s->filters + at, s->filters + at + 1, (s->count - at) * sizeof(struct filter *));
    filter_unref(s->table->filters, f);
    return ERR_OK;
}

/* --- feeds --- */

static struct feed **feed_slot(const struct feed_table *t, uint64_t hash)
{
    return &t->feed_buckets[bucket_of(hash, t->feed_bucket_count)];
}

/* One more, of which there are never less; when memory is out the chains get longer instead. */
static void feed_buckets_grow(struct feed_table *t)
{
    size_t from = bucket_of(t->feed_bucket_count, t->feed_bucket_count);
    struct feed **feed_buckets =
        buckets_reserve(t->feed_buckets, t->feed_bucket_count, &t->feed_bucket_cap);
    if (!feed_buckets)
        return;
    struct feed *f, *all = feed_buckets[from];
    feed_buckets[from] = feed_buckets[t->feed_bucket_count++] = NULL;
    t->feed_buckets = feed_buckets;
    while ((f = all)) {
        all = f->hash_next;
        LL_PREPEND2(*feed_slot(t, f->hash), f, hash_next);
    }
}

/* A set's hash is the sum of its filters', so that it can follow a set that changes. */
static uint64_t filter_mix(const struct filter *f)
{
    uint64_t h = (uintptr_t)f * UINT64_C(0x9E3779B97F4A7C15);
    return (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
}

static uint64_t set_hash(struct filter *const *filters, uint32_t count)
{
    uint64_t h = count;
    for (uint32_t i = 0; i < count; i++)
        h += filter_mix(filters[i]);
    return h;
}

/* The first from F on in its chain that has that hash and so many filters, and is for the same. */
static struct feed *feed_alike(struct feed *f, uint64_t hash, uint32_t count,
                               const struct encoding *e, unsigned transport)
{
    while (f && (f->hash != hash || f->filter_count != count || f->encoding != e ||
                 f->transport != transport))
        f = f->hash_next;
    return f;
}

static struct feed *feed_find(const struct feed_table *t, const struct feed_spec *s,
                              const struct encoding *e, unsigned transport, uint64_t hash)
{
    struct feed *f = feed_alike(*feed_slot(t, hash), hash, s->count, e, transport);
    while (f && s->count && memcmp(f->filters, s->filters, s->count * sizeof(*s->filters)) != 0)
        f = feed_alike(f->hash_next, hash, s->count, e, transport);
    return f;
}

static size_t feed_bytes(uint32_t filters)
{
    return sizeof(struct feed) + (size_t)filters * MEMBER_BYTES;
}

/* Takes filter number I out of the notes of its filter, not out of the feed's. */
static void forget_member(struct feed_table *t, const struct feed *f, uint32_t i)
{
    struct filter *filter = f->filters[i];
    struct feed *moved = filter_remove_feed(t->filters, filter, f->places[i]);
    if (moved)
        moved->places[place_of(moved->filters, moved->filter_count, filter)] = f->places[i];
}

static void feed_free(struct feed_table *t, struct feed *f, uint32_t members)
{
    for (uint32_t i = 0; i < members; i++)
        forget_member(t, f, i);
    filter_give_back(t->filters, feed_bytes(f->filter_count) + f->topic_cap * sizeof(uint32_t));
    free(f->filters);
    free(f->places);
    free(f->topic_ids);
    live_finish(&f->live);
    free(f);
}

/* Room for COUNT filters; doubling at powers of two needs no capacity field. */
static enum err reserve(struct feed *f, uint32_t count)
{
    uint32_t cap = 1;
    while (cap < count)
        cap *= 2;
    struct filter **filters = realloc(f->filters, cap * sizeof(*filters));
    if (!filters)
        return ERR_NOMEM;
    f->filters = filters;
    uint32_t *places = realloc(f->places, cap * sizeof(*places));
    if (!places)
        return ERR_NOMEM;
    f->places = places;
    return ERR_OK;
}

/* A feed that contains nothing yet. */
static enum err feed_alloc(struct feed_table *t, uint32_t count, struct feed **ret)
{
    if (!filter_take(t->filters, feed_bytes(count)))
        return ERR_FULL;
    struct feed *f = calloc(1, sizeof(*f));
    if (!f) {
        filter_give_back(t->filters, feed_bytes(count));
        return ERR_NOMEM;
    }
    f->filter_count = count;
    *ret = f;
    if (reserve(f, count) == ERR_OK)
        return ERR_OK;
    feed_free(t, f, 0);
    return ERR_NOMEM;
}

static bool is_all(const struct filter *f)
{
    return f->len == 1 && f->name[0] == '#';
}

static void feed_enter(struct feed_table *t, struct feed *f, uint64_t hash)
{
    f->hash = hash;
    LL_PREPEND2(*feed_slot(t, hash), f, hash_next);
}

static enum err feed_create(struct feed_table *t, const struct feed_spec *s,
                            const struct encoding *encoding, unsigned transport, uint64_t hash,
                            struct feed **ret)
{
    struct feed *f;
    enum err e = feed_alloc(t, s->count, &f);
    if (e != ERR_OK)
        return e;
    f->encoding = encoding;
    f->transport = transport;
    for (uint32_t i = 0; i < s->count; i++) {
        f->filters[i] = s->filters[i];
        e = filter_add_feed(t->filters, s->filters[i], f, &f->places[i]);
        if (e != ERR_OK) {
            feed_free(t, f, i);
            return e;
        }
        f->pattern_count += s->filters[i]->pattern;
        f->all |= is_all(s->filters[i]);
    }
    if (++t->feed_count > t->feed_bucket_count)
        feed_buckets_grow(t);
    feed_enter(t, f, hash);
    *ret = f;
    return ERR_OK;
}

static void feed_unref(struct feed_table *t, struct feed *f)
{
    if (--f->refs)
        return;
    LL_DELETE2(*feed_slot(t, f->hash), f, hash_next);
    t->feed_count--;
    feed_free(t, f, f->filter_count);
}

/* --- joining and leaving --- */

static enum err tell_subscribed(struct feed_table *t, struct filter *f, unsigned transport,
                                void *who)
{
    t->steps++;
    const struct feed_watcher *w = &t->watcher;
    return w->subscribed ? w->subscribed(w->ctx, f, transport, who) : ERR_OK;
}

static void tell_unsubscribed(struct feed_table *t, struct filter *f, unsigned transport, void *who)
{
    t->steps++;
    const struct feed_watcher *w = &t->watcher;
    if (w->unsubscribed)
        w->unsubscribed(w->ctx, f, transport, who);
}

/* The next filter of F from *AT on that OTHER, which may be NULL, does not have; NULL behind the
 * last one. *OTHER_AT follows in OTHER; both are 0 at first. */
static struct filter *next_lacking(const struct feed *f, uint32_t *at, const struct feed *other,
                                   uint32_t *other_at)
{
    uint32_t others = other ? other->filter_count : 0;
    for (; *at < f->filter_count; ++*at) {
        struct filter *filter = f->filters[*at];
        while (*other_at < others && other->filters[*other_at] < filter)
            ++*other_at;
        if (*other_at == others || other->filters[*other_at] != filter)
            return f->filters[(*at)++];
    }
    return NULL;
}

/* Tells of what F has and BEFORE, which may be NULL, has not, up to filter number END. */
static void tell_lost(struct feed_table *t, const struct feed *f, const struct feed *after,
                      uint32_t end, void *who)
{
    uint32_t at = 0, other_at = 0;
    struct filter *filter;
    while ((filter = next_lacking(f, &at, after, &other_at)) && at <= end)
        tell_unsubscribed(t, filter, f->transport, who);
}

static enum err tell_gained(struct feed_table *t, const struct feed *f, const struct feed *before,
                            void *who)
{
    uint32_t at = 0, other_at = 0;
    struct filter *filter;
    while ((filter = next_lacking(f, &at, before, &other_at))) {
        enum err e = tell_subscribed(t, filter, f->transport, who);
        if (e != ERR_OK) {
            tell_lost(t, f, before, at - 1, who);
            return e;
        }
    }
    return ERR_OK;
}

/* SUB, which is not live there, leaves F, which may be NULL; what AFTER has, it keeps. */
static void leave(struct feed_table *t, struct feed *f, const struct feed *after, void *who)
{
    if (!f)
        return;
    tell_lost(t, f, after, f->filter_count, who);
    feed_unref(t, f);
}

/* What may fail: F gets room for a live member, if it is to be one, and tells what is new. */
static enum err prepare(struct feed_table *t, struct feed *f, const struct feed *before, bool live,
                        void *who)
{
    enum err e = live ? live_reserve(&f->live) : ERR_OK;
    return e == ERR_OK ? tell_gained(t, f, before, who) : e;
}

enum err feed_join(struct subscriber *sub, const struct feed_spec *s,
                   const struct encoding *encoding, unsigned transport, void *who)
{
    struct feed_table *t = s->table;
    uint64_t hash = set_hash(s->filters, s->count);
    struct feed *f = feed_find(t, s, encoding, transport, hash);
    /* A subscriber does not change its transport: what both sets have, it keeps. */
    struct feed *before = sub->feed && sub->feed->transport == transport ? sub->feed : NULL;
    enum err e = f ? ERR_OK : feed_create(t, s, encoding, transport, hash, &f);
    if (e != ERR_OK)
        return e;
    f->refs++;
    e = prepare(t, f, before, feed_is_live(sub), who);
    if (e != ERR_OK) {
        feed_unref(t, f);
        return e;
    }
    if (feed_is_live(sub))
        live_move(&sub->feed->live, &f->live, sub);
    leave(t, sub->feed, before ? f : NULL, who);
    sub->feed = f;
    return ERR_OK;
}

void feed_leave(struct subscriber *sub, struct feed_table *t, void *who)
{
    struct feed *f = sub->feed;
    if (feed_is_live(sub))
        feed_go_idle(sub);
    sub->feed = NULL;
    leave(t, f, NULL, who);
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
    return sub->at != 0;
}

struct live *feed_entry(const struct subscriber *sub)
{
    return live_entry(&sub->feed->live, sub);
}

enum err feed_go_live(struct subscriber *sub, const struct receiver_ops *kind, int32_t handle)
{
    return live_add(&sub->feed->live, sub, kind, handle);
}

void feed_go_idle(struct subscriber *sub)
{
    live_remove(&sub->feed->live, sub);
}

static struct filter *filter_of(const struct feed_table *t, const struct feed *f, const char *name,
                                size_t n)
{
    return filter_among(t, f->filters, f->filter_count, name, n);
}

bool feed_has(const struct feed_table *t, const struct feed *f, const char *name, size_t n)
{
    return f && filter_of(t, f, name, n);
}

/* --- a set that changes --- */

/* Whether F, which is one subscriber's alone, may become the set with that hash: there is none yet
 * that it could share. */
static bool is_own(const struct feed_table *t, const struct feed *f, uint64_t hash, uint32_t count)
{
    return f->refs == 1 && !feed_alike(*feed_slot(t, hash), hash, count, f->encoding, f->transport);
}

static void forget_set(struct feed *f)
{
    f->topic_count = f->topics_seen = 0;
    f->topics_many = false;
    f->lag_serial = 0;
}

static void feed_rehash(struct feed_table *t, struct feed *f, uint64_t hash)
{
    LL_DELETE2(*feed_slot(t, f->hash), f, hash_next);
    feed_enter(t, f, hash);
    forget_set(f);
}

/* Puts FILTER in place number AT; there is room. */
static enum err insert_member(struct feed_table *t, struct feed *f, uint32_t at,
                              struct filter *filter)
{
    uint32_t place, behind = f->filter_count - at;
    enum err e = filter_add_feed(t->filters, filter, f, &place);
    if (e != ERR_OK)
        return e;
    memmove(f->filters + at + 1, f->filters + at, behind * sizeof(struct filter *));
    memmove(f->places + at + 1, f->places + at, behind * sizeof(*f->places));
    f->filters[at] = filter;
    f->places[at] = place;
    f->filter_count++;
    f->pattern_count += filter->pattern;
    return ERR_OK;
}

static void remove_member(struct feed_table *t, struct feed *f, uint32_t at)
{
    f->pattern_count -= f->filters[at]->pattern;
    forget_member(t, f, at);
    uint32_t behind = --f->filter_count - at;
    memmove(f->filters + at, f->filters + at + 1, behind * sizeof(struct filter *));
    memmove(f->places + at, f->places + at + 1, behind * sizeof(*f->places));
}

static enum err grow_in_place(struct feed_table *t, struct feed *f, struct filter *filter,
                              uint64_t hash, void *who)
{
    uint32_t at = place_of(f->filters, f->filter_count, filter);
    if (!filter_take(t->filters, MEMBER_BYTES))
        return ERR_FULL;
    enum err e = ERR_OK;
    if ((f->filter_count & (f->filter_count - 1)) == 0)
        e = reserve(f, f->filter_count + 1);
    if (e == ERR_OK)
        e = insert_member(t, f, at, filter);
    if (e == ERR_OK) {
        e = tell_subscribed(t, filter, f->transport, who);
        if (e != ERR_OK)
            remove_member(t, f, at);
    }
    if (e != ERR_OK) {
        filter_give_back(t->filters, MEMBER_BYTES);
        return e;
    }
    f->all |= is_all(filter);
    feed_rehash(t, f, hash);
    return ERR_OK;
}

static void shrink_in_place(struct feed_table *t, struct feed *f, struct filter *filter,
                            uint64_t hash, void *who)
{
    uint32_t at = place_of(f->filters, f->filter_count, filter);
    f->all &= !is_all(filter);
    tell_unsubscribed(t, filter, f->transport, who);
    remove_member(t, f, at);
    filter_give_back(t->filters, MEMBER_BYTES);
    if (f->filter_count && (f->filter_count & (f->filter_count - 1)) == 0)
        (void)!reserve(f, f->filter_count); /* too much room is no error */
    feed_rehash(t, f, hash);
}

/* The same by a set of its own, to be changed by the caller. */
static enum err copy_set(struct feed_table *t, const struct subscriber *sub, struct feed_spec *ret)
{
    feed_spec_init(ret, t);
    return feed_spec_add_feed(ret, sub->feed);
}

static enum err join_again(struct subscriber *sub, const struct feed_spec *s, void *who)
{
    return feed_join(sub, s, sub->feed->encoding, sub->feed->transport, who);
}

static enum err add_filter(struct feed_table *t, struct subscriber *sub, struct filter *filter,
                           void *who)
{
    struct feed *f = sub->feed;
    struct feed_spec spec;
    uint64_t hash = f->hash + 1 + filter_mix(filter); /* of filter_count + 1 */
    if (is_own(t, f, hash, f->filter_count + 1))
        return grow_in_place(t, f, filter, hash, who);
    enum err e = copy_set(t, sub, &spec);
    if (e == ERR_OK)
        e = spec_insert(&spec, filter);
    if (e == ERR_OK)
        e = join_again(sub, &spec, who);
    feed_spec_finish(&spec);
    return e;
}

enum err feed_add(struct feed_table *t, struct subscriber *sub, const char *name, size_t n,
                  void *who)
{
    struct filter *filter;
    if (feed_has(t, sub->feed, name, n))
        return ERR_OK;
    enum err e = filter_get(t->filters, name, n, &filter);
    if (e != ERR_OK)
        return e;
    e = add_filter(t, sub, filter, who);
    filter_unref(t->filters, filter);
    return e;
}

void feed_table_see_all(struct feed_table *t)
{
    filter_see_all(t->filters);
}

void feed_table_set_generous(struct feed_table *t, bool generous)
{
    filter_set_generous(t->filters, generous);
}

enum err feed_take_over(struct feed_table *t, struct subscriber *sub, const char *name, size_t n,
                        void *who)
{
    filter_set_generous(t->filters, true);
    enum err e = feed_add(t, sub, name, n, who);
    filter_set_generous(t->filters, false);
    return e;
}

static enum err drop_by_copy(struct feed_table *t, struct subscriber *sub, const char *name,
                             size_t n, void *who)
{
    struct feed_spec spec;
    filter_set_generous(t->filters, true);
    enum err e = copy_set(t, sub, &spec);
    if (e == ERR_OK)
        e = feed_spec_remove(&spec, name, n);
    if (e == ERR_OK)
        e = join_again(sub, &spec, who);
    feed_spec_finish(&spec);
    filter_set_generous(t->filters, false);
    return e;
}

enum err feed_drop(struct feed_table *t, struct subscriber *sub, const char *name, size_t n,
                   void *who)
{
    struct feed *f = sub->feed;
    struct filter *filter = filter_of(t, f, name, n);
    if (!filter)
        return ERR_OK;
    uint64_t hash = f->hash - 1 - filter_mix(filter);
    if (!is_own(t, f, hash, f->filter_count - 1))
        return drop_by_copy(t, sub, name, n, who);
    shrink_in_place(t, f, filter, hash, who);
    return ERR_OK;
}

/* --- turns --- */

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
    if (counted && (f->hits || !f->live.count))
        return ERR_OK;
    struct feed_total before = f->total;
    f->last_hit = m->offset;
    f->total.messages += !counted;
    f->total.bytes += counted ? 0 : m->payload_len;
    if (!f->live.count)
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
    const struct route *r = filter_route(t->filters, m->topic);
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
    uint32_t at = place_of(f->filters, f->filter_count, filter);
    return at < f->filter_count && f->filters[at] == filter;
}

/* The same without a route, for which there was no memory. */
static const struct filter *compare_all(const struct feed_table *t, const struct feed *f,
                                        const struct topic *topic)
{
    bool (*matches_name)(const char *, size_t, const char *, size_t) =
        filter_sees_all(t->filters) ? topic_matches_any : topic_matches;
    const struct filter *found = NULL;
    for (uint32_t i = 0; i < f->filter_count && (!found || found->pattern); i++)
        if (matches_name(f->filters[i]->name, f->filters[i]->len, topic->name, topic->name_len))
            found = f->filters[i];
    return found;
}

static const struct filter *matching(struct feed_table *t, const struct feed *f,
                                     const struct topic *topic)
{
    const struct route *r = filter_route(t->filters, topic);
    if (!r)
        return compare_all(t, f, topic);
    if (r->exact && has_filter(f, r->exact))
        return r->exact;
    for (uint32_t i = 0; i < r->pattern_count; i++)
        if (has_filter(f, r->patterns[i]))
            return r->patterns[i];
    return NULL;
}

bool feed_wants(struct feed_table *t, const struct feed *f, const struct topic *topic)
{
    return (f->all && !topic_is_private(topic->name)) || matching(t, f, topic) != NULL;
}

const char *feed_matching_filter(struct feed_table *t, const struct feed *f,
                                 const struct topic *topic, size_t *ret_len, bool *ret_pattern)
{
    const struct filter *filter = matching(t, f, topic);
    if (!filter)
        return NULL;
    *ret_len = filter->len;
    *ret_pattern = filter->pattern;
    return filter->name;
}
