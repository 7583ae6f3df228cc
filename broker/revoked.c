#include "broker/revoked.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/buckets.h"
#include "storage/store.h"

enum {
    CHAINS = 16, /* at first */
    DROPS = 8,   /* of what is over are forgotten with each that comes */
    NOTE_NAME_MAX = sizeof("revoked.jti.") + REVOCATION_NAME_MAX,
    NOTE_TEXT_MAX = 64,
};

static const char note_prefix[] = "revoked.";

struct entry {
    struct entry *next;
    enum revocation_kind kind;
    int64_t upto_s, until_s;
    char name[];
};

struct revoked {
    struct store *store;
    pthread_rwlock_t lock; /* the entries: who changes them writes */
    uint64_t seed;
    struct entry **chains;
    size_t count, cap; /* chains */
    _Atomic size_t entries;
    _Atomic uint64_t serial;
    enum err loaded; /* what went wrong while notes were visited */
    size_t swept;    /* the chain that is looked at next for what is over */
};

const char *revocation_kind_name(enum revocation_kind kind)
{
    return kind == REVOKE_JTI ? "jti" : "sub";
}

static bool is_over(const struct entry *e, int64_t now_s)
{
    return e->until_s && e->until_s < now_s;
}

/* --- the table; the lock is held --- */

static uint64_t hash_of(const struct revoked *r, enum revocation_kind kind, const char *name)
{
    return XXH3_64bits_withSeed(name, strlen(name), r->seed + (uint64_t)kind);
}

static struct entry **find(const struct revoked *r, enum revocation_kind kind, const char *name)
{
    struct entry **at = &r->chains[bucket_of(hash_of(r, kind, name), r->count)];
    while (*at && ((*at)->kind != kind || strcmp((*at)->name, name) != 0))
        at = &(*at)->next;
    return at;
}

/* Out of memory it stays as it is: chains are longer then. */
static void part_a_chain(struct revoked *r)
{
    struct entry **chains = buckets_reserve(r->chains, r->count, &r->cap);
    if (!chains)
        return;
    r->chains = chains;
    size_t fresh = r->count;
    struct entry *list = chains[bucket_of(fresh, fresh)];
    chains[bucket_of(fresh, fresh)] = chains[fresh] = NULL;
    r->count++;
    while (list) {
        struct entry *e = list, **to = &chains[bucket_of(hash_of(r, e->kind, e->name), r->count)];
        list = e->next;
        e->next = *to;
        *to = e;
    }
}

static struct entry *make(const struct revocation *v)
{
    struct entry *e = calloc(1, sizeof(*e) + strlen(v->name) + 1);
    if (!e)
        return NULL;
    e->kind = v->kind;
    e->upto_s = v->upto_s;
    e->until_s = v->until_s;
    memcpy(e->name, v->name, strlen(v->name) + 1);
    return e;
}

static void enter(struct revoked *r, struct entry *e)
{
    if (r->entries >= r->count)
        part_a_chain(r);
    struct entry **at = find(r, e->kind, e->name);
    struct entry *old = *at;
    e->next = old ? old->next : NULL;
    *at = e;
    r->entries += !old;
    free(old);
}

static void leave(struct revoked *r, struct entry **at)
{
    struct entry *e = *at;
    *at = e->next;
    r->entries--;
    free(e);
}

/* --- notes --- */

static void note_name(char out[NOTE_NAME_MAX], enum revocation_kind kind, const char *name)
{
    snprintf(out, NOTE_NAME_MAX, "%s%s.%s", note_prefix, revocation_kind_name(kind), name);
}

/* "UPTO UNTIL", in decimal. */
static enum err write_note(struct revoked *r, const struct entry *e)
{
    char name[NOTE_NAME_MAX], text[NOTE_TEXT_MAX];
    note_name(name, e->kind, e->name);
    int n = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, e->upto_s, e->until_s);
    return store_put_note(r->store, name, text, (size_t)n);
}

static enum err drop_note(struct revoked *r, enum revocation_kind kind, const char *name)
{
    char note[NOTE_NAME_MAX];
    note_name(note, kind, name);
    return store_put_note(r->store, note, NULL, 0);
}

static bool read_note(const char *name, const char *text, size_t n, struct revocation *ret)
{
    char copy[NOTE_TEXT_MAX], *end;
    size_t kind_len = strlen("jti.");
    name += sizeof(note_prefix) - 1;
    ret->kind = strncmp(name, "jti.", kind_len) == 0 ? REVOKE_JTI : REVOKE_SUB;
    if (n >= sizeof(copy) || (ret->kind == REVOKE_SUB && strncmp(name, "sub.", kind_len) != 0))
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    ret->name = name + kind_len;
    ret->upto_s = strtoll(copy, &end, 10);
    ret->until_s = strtoll(end, &end, 10);
    return *ret->name && *end == '\0';
}

/* What is over stays in the log until others come. */
static void load(void *ctx, const char *name, const void *value, size_t n)
{
    struct revoked *r = ctx;
    struct revocation v;
    if (!read_note(name, value, n, &v))
        return;
    struct entry *e = make(&v);
    if (e)
        enter(r, e);
    else
        r->loaded = ERR_NOMEM;
}

/* --- life --- */

static bool init(struct revoked *r, struct store *s)
{
    r->store = s;
    r->count = r->cap = CHAINS;
    r->chains = calloc(CHAINS, sizeof(struct entry *));
    return r->chains && getrandom(&r->seed, sizeof(r->seed), 0) >= 0 &&
           pthread_rwlock_init(&r->lock, NULL) == 0;
}

enum err revoked_create(struct store *s, struct revoked **ret)
{
    struct revoked *r = calloc(1, sizeof(*r));
    if (!r || !init(r, s)) {
        free(r ? r->chains : NULL);
        free(r);
        return ERR_NOMEM;
    }
    enum err e = store_notes(s, note_prefix, load, r);
    if (e == ERR_OK)
        e = r->loaded;
    if (e == ERR_OK)
        *ret = r;
    else
        revoked_destroy(r);
    return e;
}

void revoked_destroy(struct revoked *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        while (r->chains[i])
            leave(r, &r->chains[i]);
    pthread_rwlock_destroy(&r->lock);
    free(r->chains);
    free(r);
}

/* --- changes --- */

/* Of the next chains, what is over: each that comes takes more with it than it is. */
static void drop_some(struct revoked *r, int64_t now_s)
{
    size_t dropped = 0;
    for (size_t looked = 0; looked < DROPS * 4 && dropped < DROPS; looked++) {
        r->swept = r->swept + 1 < r->count ? r->swept + 1 : 0;
        struct entry **at = &r->chains[r->swept];
        while (*at && dropped < DROPS) {
            if (!is_over(*at, now_s)) {
                at = &(*at)->next;
                continue;
            }
            if (drop_note(r, (*at)->kind, (*at)->name) != ERR_OK)
                return;
            pthread_rwlock_wrlock(&r->lock);
            leave(r, at);
            pthread_rwlock_unlock(&r->lock);
            dropped++;
        }
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What OLD says counts, too. */
static void merge(struct entry *e, const struct entry *old)
{
    e->upto_s = later(e->upto_s, old->upto_s);
    e->until_s = e->until_s && old->until_s ? later(e->until_s, old->until_s) : 0;
}

static bool is_name(const char *name)
{
    size_t n = strlen(name);
    return n && n <= REVOCATION_NAME_MAX;
}

enum err revoked_add(struct revoked *r, const struct revocation *v, int64_t now_s)
{
    if (!is_name(v->name))
        return ERR_INVALID;
    drop_some(r, now_s);
    const struct entry *old = *find(r, v->kind, v->name);
    if (!old && r->entries >= REVOCATIONS_MAX)
        return ERR_LIMIT;
    struct entry *e = make(v);
    if (!e)
        return ERR_NOMEM;
    if (old && !is_over(old, now_s))
        merge(e, old);
    enum err result = write_note(r, e);
    if (result == ERR_OK)
        result = store_sync_now(r->store); /* whatever log.sync says */
    if (result != ERR_OK) {
        free(e);
        return result;
    }
    pthread_rwlock_wrlock(&r->lock);
    enter(r, e);
    pthread_rwlock_unlock(&r->lock);
    r->serial++;
    return ERR_OK;
}

enum err revoked_remove(struct revoked *r, enum revocation_kind kind, const char *name)
{
    struct entry **at = find(r, kind, name);
    if (!*at)
        return ERR_NOT_FOUND;
    enum err e = drop_note(r, kind, name);
    if (e != ERR_OK)
        return e;
    pthread_rwlock_wrlock(&r->lock);
    leave(r, at);
    pthread_rwlock_unlock(&r->lock);
    r->serial++;
    return ERR_OK;
}

/* --- asking --- */

static bool counts(const struct entry *e, int64_t now_s)
{
    return e && !is_over(e, now_s);
}

bool revoked_has(struct revoked *r, const char *jti, const char *sub, int64_t issued_s,
                 int64_t now_s)
{
    if (!atomic_load_explicit(&r->entries, memory_order_acquire))
        return false;
    pthread_rwlock_rdlock(&r->lock);
    bool has = *jti && counts(*find(r, REVOKE_JTI, jti), now_s);
    const struct entry *of_sub = *sub && !has ? *find(r, REVOKE_SUB, sub) : NULL;
    has |= counts(of_sub, now_s) && (!issued_s || issued_s <= of_sub->upto_s);
    pthread_rwlock_unlock(&r->lock);
    return has;
}

uint64_t revoked_serial(const struct revoked *r)
{
    return r->serial;
}

size_t revoked_count(struct revoked *r)
{
    return r->entries;
}

void revoked_each(struct revoked *r, int64_t now_s, revoked_visit *visit, void *ctx)
{
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        for (const struct entry *e = r->chains[i]; e; e = e->next)
            if (!is_over(e, now_s))
                visit(ctx, &(struct revocation){e->kind, e->name, e->upto_s, e->until_s});
    pthread_rwlock_unlock(&r->lock);
}
