#include "broker/topic_index.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buckets.h"
#include "broker/topic_name.h"
#include "utlist.h"
#include "xxhash.h"

enum {
    BUCKETS_FIRST = 64,
    /* Topics with more levels than that and one stand together with those that have not: each
     * directory has its whole path, and a name may be 127 levels. */
    DIR_LEVELS = 8,
};

/* There as long as a topic is in it or below. */
struct topic_dir {
    struct topic_dir *parent; /* NULL: the root, whose path is empty */
    struct topic_dir *dirs;   /* directly below */
    struct topic_dir *next, *prev;
    struct topic_dir *hash_next;
    struct topic *topics; /* directly in it */
    uint32_t total;       /* topics in it and below */
    uint32_t hash;
    uint8_t len;
    bool deepest; /* of DIR_LEVELS: its topics may have any number of further levels */
    char path[];  /* without the last '/' */
};

struct topic_index {
    pthread_rwlock_t lock;
    topic_index_lookup *lookup;
    void *ctx;
    struct topic_dir *root;
    struct topic_dir **buckets; /* by path, without the root */
    size_t bucket_count, bucket_cap;
    size_t dirs; /* without the root */
};

/* Those who look may be many: the broker, which waits for one of them at most, comes next. */
static bool init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    if (pthread_rwlockattr_init(&attr) != 0)
        return false;
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    bool done = pthread_rwlock_init(lock, &attr) == 0;
    pthread_rwlockattr_destroy(&attr);
    return done;
}

struct topic_index *topic_index_create(topic_index_lookup *lookup, void *ctx)
{
    struct topic_index *x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->lookup = lookup;
    x->ctx = ctx;
    x->bucket_count = x->bucket_cap = BUCKETS_FIRST;
    x->buckets = calloc(BUCKETS_FIRST, sizeof(struct topic_dir *));
    x->root = calloc(1, sizeof(*x->root));
    if (!x->buckets || !x->root || !init_lock(&x->lock)) {
        free(x->buckets);
        free(x->root);
        free(x);
        return NULL;
    }
    return x;
}

void topic_index_destroy(struct topic_index *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->bucket_count; i++)
        while (x->buckets[i]) {
            struct topic_dir *d = x->buckets[i];
            x->buckets[i] = d->hash_next;
            free(d);
        }
    pthread_rwlock_destroy(&x->lock);
    free(x->buckets);
    free(x->root);
    free(x);
}

/* --- directories --- */

/* Names come from peers, who do not know where the index lies in memory. */
static uint32_t hash_of(const struct topic_index *x, const char *path, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(path, n, (uintptr_t)x);
}

static struct topic_dir **slot_of(const struct topic_index *x, uint32_t hash)
{
    return &x->buckets[bucket_of(hash, x->bucket_count)];
}

static struct topic_dir *find_dir(const struct topic_index *x, const char *path, size_t n)
{
    uint32_t hash = hash_of(x, path, n);
    struct topic_dir *d = *slot_of(x, hash);
    while (d && (d->hash != hash || d->len != n || memcmp(d->path, path, n) != 0))
        d = d->hash_next;
    return d;
}

/* One more, of which there are never less; when memory is out the chains get longer instead. */
static void grow(struct topic_index *x)
{
    size_t from = bucket_of(x->bucket_count, x->bucket_count);
    struct topic_dir **buckets = buckets_reserve(x->buckets, x->bucket_count, &x->bucket_cap);
    if (!buckets)
        return;
    struct topic_dir *d, *all = buckets[from];
    buckets[from] = buckets[x->bucket_count++] = NULL;
    x->buckets = buckets;
    while ((d = all)) {
        all = d->hash_next;
        LL_PREPEND2(*slot_of(x, d->hash), d, hash_next);
    }
}

static struct topic_dir *create_dir(struct topic_index *x, struct topic_dir *parent,
                                    const char *path, size_t n)
{
    struct topic_dir *d = calloc(1, sizeof(*d) + n);
    if (!d)
        return NULL;
    d->parent = parent;
    d->hash = hash_of(x, path, n);
    d->len = (uint8_t)n;
    memcpy(d->path, path, n);
    if (++x->dirs > x->bucket_count)
        grow(x);
    LL_PREPEND2(*slot_of(x, d->hash), d, hash_next);
    DL_APPEND(parent->dirs, d);
    return d;
}

/* Frees D and what is above it, as far as nothing is in it any more. */
static void prune(struct topic_index *x, struct topic_dir *d)
{
    while (d->parent && !d->topics && !d->dirs) {
        struct topic_dir *parent = d->parent;
        DL_DELETE(parent->dirs, d);
        LL_DELETE2(*slot_of(x, d->hash), d, hash_next);
        x->dirs--;
        free(d);
        d = parent;
    }
}

/* The directory of a topic, made if need be. */
static struct topic_dir *dir_for(struct topic_index *x, const char *name, size_t n)
{
    struct topic_dir *at = x->root;
    for (size_t i = 0, level = 0; i < n && level < DIR_LEVELS; i++) {
        if (name[i] != '/')
            continue;
        struct topic_dir *next = find_dir(x, name, i);
        if (!next)
            next = create_dir(x, at, name, i);
        if (!next) {
            prune(x, at);
            return NULL;
        }
        next->deepest = ++level == DIR_LEVELS;
        at = next;
    }
    return at;
}

/* --- what comes and goes --- */

enum err topic_index_add(struct topic_index *x, struct topic *t)
{
    pthread_rwlock_wrlock(&x->lock);
    struct topic_dir *dir = dir_for(x, t->name, t->name_len);
    t->place.dir = dir;
    if (dir)
        DL_APPEND2(dir->topics, t, place.prev, place.next);
    for (struct topic_dir *d = dir; d; d = d->parent)
        d->total++;
    pthread_rwlock_unlock(&x->lock);
    return dir ? ERR_OK : ERR_NOMEM;
}

void topic_index_remove(struct topic_index *x, struct topic *t)
{
    pthread_rwlock_wrlock(&x->lock);
    struct topic_dir *dir = t->place.dir;
    DL_DELETE2(dir->topics, t, place.prev, place.next);
    for (struct topic_dir *d = dir; d; d = d->parent)
        d->total--;
    prune(x, dir);
    pthread_rwlock_unlock(&x->lock);
}

size_t topic_index_dirs(struct topic_index *x)
{
    pthread_rwlock_rdlock(&x->lock);
    size_t dirs = x->dirs;
    pthread_rwlock_unlock(&x->lock);
    return dirs;
}

/* --- looking --- */

struct finding {
    const struct topic_index *index;
    const char *pattern;
    size_t len;
    bool passes_private; /* private topics are passed over, whatever they match */
    uint32_t *steps;
    topic_index_visit *visit;
    void *ctx;
};

static enum err step(const struct finding *f)
{
    if (*f->steps == 0)
        return ERR_LIMIT;
    --*f->steps;
    return ERR_OK;
}

static enum err visit(const struct finding *f, const struct topic *t)
{
    enum err e = step(f);
    if (e != ERR_OK || (f->passes_private && topic_is_private(t->name)))
        return e;
    return f->visit(f->ctx, t->id);
}

/* One step for D, whose topics may be looked at. */
static enum err step_into(const struct finding *f, const struct topic_dir *d, bool *ret_enter)
{
    *ret_enter = !(f->passes_private && topic_is_private(d->path));
    return step(f);
}

static enum err visit_topics(const struct finding *f, const struct topic_dir *d)
{
    const struct topic *t;
    enum err e = ERR_OK;
    DL_FOREACH2(d->topics, t, place.next)
    {
        if (e == ERR_OK)
            e = visit(f, t);
        if (e != ERR_OK)
            break;
    }
    return e;
}

/* All that is in D and below; that there is too much is known beforehand. */
static enum err visit_all(const struct finding *f, const struct topic_dir *d)
{
    const struct topic_dir *below;
    enum err e = d->total > *f->steps ? ERR_LIMIT : visit_topics(f, d);
    DL_FOREACH (d->dirs, below) {
        bool enter = false;
        if (e == ERR_OK)
            e = step_into(f, below, &enter);
        if (e == ERR_OK && enter)
            e = visit_all(f, below);
        if (e != ERR_OK)
            break;
    }
    return e;
}

static enum err find_from(const struct finding *f, const struct topic_dir *d, size_t at);

/* The pattern's level at AT is a "+": LAST: topics in D match; BEYOND: it goes on at that place. */
static enum err find_any(const struct finding *f, const struct topic_dir *d, bool last,
                         size_t beyond)
{
    const struct topic_dir *below;
    enum err e = last ? visit_topics(f, d) : ERR_OK;
    if (e != ERR_OK || beyond > f->len)
        return e;
    DL_FOREACH (d->dirs, below) {
        bool enter;
        e = step_into(f, below, &enter);
        if (e == ERR_OK && enter)
            e = find_from(f, below, beyond);
        if (e != ERR_OK)
            break;
    }
    return e;
}

/* The same for a level that is a name. */
static enum err find_named(const struct finding *f, const struct topic_dir *d, size_t at, bool last,
                           size_t beyond)
{
    char path[TOPIC_NAME_MAX + 1];
    size_t n = beyond - 1 - at, before = d->parent ? d->len + 1u : 0;
    enum err e = step(f);
    if (e != ERR_OK || before + n > TOPIC_NAME_MAX)
        return e; /* a name of that length is none */
    memcpy(path, d->path, before ? before - 1 : 0);
    if (before)
        path[before - 1] = '/';
    memcpy(path + before, f->pattern + at, n);
    const struct topic *t = last ? f->index->lookup(f->index->ctx, path, before + n) : NULL;
    if (t)
        e = visit(f, t);
    const struct topic_dir *below = beyond <= f->len ? find_dir(f->index, path, before + n) : NULL;
    return e == ERR_OK && below ? find_from(f, below, beyond) : e;
}

/* D is one of the deepest: its topics are looked at one by one. */
static enum err visit_matching(const struct finding *f, const struct topic_dir *d)
{
    const struct topic *t;
    enum err e = ERR_OK;
    DL_FOREACH2(d->topics, t, place.next)
    {
        if (topic_matches_any(f->pattern, f->len, t->name, t->name_len))
            e = visit(f, t);
        else
            e = step(f);
        if (e != ERR_OK)
            break;
    }
    return e;
}

/* What of D matches the pattern from AT on. "a/#" matches "a" too. */
static enum err find_from(const struct finding *f, const struct topic_dir *d, size_t at)
{
    const char *level = f->pattern + at, *slash = memchr(level, '/', f->len - at);
    size_t beyond = slash ? (size_t)(slash - f->pattern) + 1 : f->len + 1;
    if (at < f->len && *level == '#')
        return visit_all(f, d);
    if (d->deepest)
        return visit_matching(f, d);
    bool last = !slash || (beyond + 1 == f->len && slash[1] == '#');
    if (at < f->len && *level == '+')
        return find_any(f, d, last, beyond);
    return find_named(f, d, at, last, beyond);
}

enum err topic_index_find(struct topic_index *x, const char *pattern, size_t n, bool all,
                          uint32_t *steps, topic_index_visit *visit_id, void *ctx)
{
    bool passes_private = !all && topic_is_wild(pattern);
    struct finding f = {x, pattern, n, passes_private, steps, visit_id, ctx};
    pthread_rwlock_rdlock(&x->lock);
    enum err e = find_from(&f, x->root, 0);
    pthread_rwlock_unlock(&x->lock);
    return e;
}
