#include "broker/pattern_tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buckets.h"
#include "broker/topic_name.h"
#include "utlist.h"
#include "xxhash.h"

enum { BUCKETS_FIRST = 64 };

/* One level of one pattern or more; there as long as one needs it. */
struct node {
    struct node *parent; /* NULL: the root */
    struct node *hash_next;
    struct node *plus; /* its child of the level "+" */
    void *here;        /* the value of the pattern that ends here, or NULL */
    void *rest;        /* the same of the one that goes on with "#" alone */
    uint32_t children; /* with `plus` */
    uint32_t hash;
    uint8_t len;
    char level[];
};

struct pattern_tree {
    struct node *root;
    struct node **buckets; /* of all nodes but the root, by parent and level */
    size_t bucket_count, bucket_cap;
    size_t nodes; /* without the root */
    bool sees_all;
    uint64_t steps;
};

struct pattern_tree *pattern_tree_create(void)
{
    struct pattern_tree *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->root = calloc(1, sizeof(*t->root));
    t->bucket_count = t->bucket_cap = BUCKETS_FIRST;
    t->buckets = calloc(BUCKETS_FIRST, sizeof(*t->buckets));
    if (!t->root || !t->buckets) {
        free(t->root);
        free(t->buckets);
        free(t);
        return NULL;
    }
    return t;
}

void pattern_tree_see_all(struct pattern_tree *t)
{
    t->sees_all = true;
}

/* --- levels --- */

/* What is left of a pattern or topic: levels, or nothing. */
struct path {
    const char *at, *end; /* AT is NULL behind the last level */
};

static struct path path_of(const char *text, size_t n)
{
    return (struct path){text, text + n};
}

static bool is_done(const struct path *p)
{
    return !p->at;
}

/* Takes the next level off. */
static const char *next_level(struct path *p, size_t *ret_len)
{
    const char *level = p->at, *slash = memchr(level, '/', (size_t)(p->end - level));
    *ret_len = (size_t)((slash ? slash : p->end) - level);
    p->at = slash ? slash + 1 : NULL;
    return level;
}

static bool is_level(const struct path *p, char wildcard)
{
    return p->at && p->at < p->end && *p->at == wildcard;
}

size_t pattern_levels(const char *pattern, size_t n)
{
    size_t levels = 1;
    for (size_t i = 0; i < n; i++)
        levels += pattern[i] == '/';
    return levels;
}

/* --- nodes --- */

static struct node **slot_of(const struct pattern_tree *t, uint32_t hash)
{
    return &t->buckets[bucket_of(hash, t->bucket_count)];
}

/* Patterns come from peers, who do not know where nodes lie in memory. */
static uint32_t hash_of(const struct node *parent, const char *level, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(level, n, (uintptr_t)parent);
}

static struct node *child(struct pattern_tree *t, const struct node *parent, const char *level,
                          size_t n)
{
    uint32_t hash = hash_of(parent, level, n);
    struct node *c = *slot_of(t, hash);
    t->steps++;
    while (c && (c->hash != hash || c->parent != parent || c->len != n ||
                 memcmp(c->level, level, n) != 0))
        c = c->hash_next;
    return c;
}

/* One more, of which there are never less; when memory is out the chains get longer instead. */
static void grow(struct pattern_tree *t)
{
    size_t from = bucket_of(t->bucket_count, t->bucket_count);
    struct node **buckets = buckets_reserve(t->buckets, t->bucket_count, &t->bucket_cap);
    if (!buckets)
        return;
    struct node *c, *all = buckets[from];
    buckets[from] = buckets[t->bucket_count++] = NULL;
    t->buckets = buckets;
    while ((c = all)) {
        all = c->hash_next;
        LL_PREPEND2(*slot_of(t, c->hash), c, hash_next);
        t->steps++;
    }
}

static struct node *node_create(struct pattern_tree *t, struct node *parent, const char *level,
                                size_t n)
{
    struct node *c = calloc(1, sizeof(*c) + n);
    if (!c)
        return NULL;
    c->parent = parent;
    c->hash = hash_of(parent, level, n);
    c->len = (uint8_t)n;
    memcpy(c->level, level, n);
    parent->children++;
    if (++t->nodes > t->bucket_count)
        grow(t);
    LL_PREPEND2(*slot_of(t, c->hash), c, hash_next);
    if (n == 1 && *level == '+')
        parent->plus = c;
    return c;
}

/* Frees C and what is above it, as far as nothing needs it any more. */
static void prune(struct pattern_tree *t, struct node *c)
{
    while (c->parent && !c->here && !c->rest && !c->children) {
        struct node *parent = c->parent;
        if (parent->plus == c)
            parent->plus = NULL;
        LL_DELETE2(*slot_of(t, c->hash), c, hash_next);
        parent->children--;
        t->nodes--;
        t->steps++;
        free(c);
        c = parent;
    }
}

void pattern_tree_destroy(struct pattern_tree *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->bucket_count; i++)
        while (t->buckets[i]) {
            struct node *c = t->buckets[i];
            t->buckets[i] = c->hash_next;
            free(c);
        }
    free(t->root);
    free(t->buckets);
    free(t);
}

/* --- patterns --- */

/* Goes down the levels of a pattern, up to "#" or its end: *PLACE is where its value stands, or
 * should stand; with CREATE, nodes that lack are made. NULL: out of memory. */
static struct node *descend(struct pattern_tree *t, struct path path, bool create, void ***place)
{
    struct node *at = t->root;
    while (!is_done(&path) && !is_level(&path, '#')) {
        size_t n;
        const char *level = next_level(&path, &n);
        struct node *next = child(t, at, level, n);
        if (!next && create)
            next = node_create(t, at, level, n);
        if (!next) {
            prune(t, at);
            return NULL;
        }
        at = next;
    }
    *place = is_done(&path) ? &at->here : &at->rest;
    return at;
}

enum err pattern_tree_add(struct pattern_tree *t, const char *pattern, size_t n, void *value)
{
    void **place;
    if (!descend(t, path_of(pattern, n), true, &place))
        return ERR_NOMEM;
    *place = value;
    return ERR_OK;
}

void pattern_tree_remove(struct pattern_tree *t, const char *pattern, size_t n)
{
    void **place;
    struct node *at = descend(t, path_of(pattern, n), false, &place);
    if (!at)
        return;
    *place = NULL;
    prune(t, at);
}

/* --- matching --- */

struct matching {
    struct pattern_tree *tree;
    pattern_tree_visit *visit;
    void *ctx;
};

static void match_below(const struct matching *m, const struct node *at, struct path topic)
{
    if (at->rest)
        m->visit(m->ctx, at->rest);
    if (is_done(&topic)) {
        if (at->here)
            m->visit(m->ctx, at->here);
        return;
    }
    if (!at->children)
        return;
    size_t n;
    const char *level = next_level(&topic, &n);
    const struct node *next = child(m->tree, at, level, n);
    if (next)
        match_below(m, next, topic);
    if (at->plus) {
        m->tree->steps++;
        match_below(m, at->plus, topic);
    }
}

/* Neither "#" nor what is below "+". */
static void match_private(const struct matching *m, struct path topic)
{
    size_t n;
    const char *level = next_level(&topic, &n);
    const struct node *next = child(m->tree, m->tree->root, level, n);
    if (next)
        match_below(m, next, topic);
}

void pattern_tree_match(struct pattern_tree *t, const char *topic, size_t n,
                        pattern_tree_visit *visit, void *ctx)
{
    struct matching m = {t, visit, ctx};
    if (!t->sees_all && topic_is_private(topic))
        match_private(&m, path_of(topic, n));
    else
        match_below(&m, t->root, path_of(topic, n));
}

size_t pattern_tree_nodes(const struct pattern_tree *t)
{
    return t->nodes;
}

uint64_t pattern_tree_steps(const struct pattern_tree *t)
{
    return t->steps;
}
