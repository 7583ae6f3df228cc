#include "broker/roll.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "base/buckets.h"
#include "broker/interest.h"
#include "broker/presence_rules.h"
#include "xxhash.h"

enum { BUCKETS_FIRST = 64 };

static const char note_prefix[] = "hooks.here:";
const char roll_note_cursor[] = "hooks.cursor";
const char roll_note_next[] = "hooks.next";

enum state {
    COMING, /* to be told */
    HERE,
    LEFT,    /* just now; a topic, which may be taken up again */
    LINGERS, /* the same until a time */
    GOING,   /* to be told */
    TOLD_COMING,
    TOLD_GOING, /* it is being told */
    STATES
};

struct name {
    struct name *hash_next;
    struct name *next, *prev; /* utlist, of its state */
    uint64_t note;            /* its number */
    uint64_t due_ms;          /* of LINGERS */
    char *more;               /* owned; NULL: nothing */
    size_t more_len;
    uint32_t hash;
    uint16_t len;
    uint8_t state;
    bool member;
    bool here; /* it is, whatever has been told */
    char text[];
};

struct roll {
    pthread_mutex_t lock;
    const struct presence_rules *topics;
    uint64_t linger_ms;
    struct interest *interest;
    struct name **buckets;
    size_t bucket_count, bucket_cap;
    struct name *in[STATES]; /* utlist; HERE is none */
    uint64_t names;
    uint64_t note; /* the last number */
    struct roll_start start;
    void (*wake)(void *ctx);
    void *wake_ctx;
    bool awake;
    enum err loaded;
};

/* --- names; with the lock --- */

static size_t weight_of(const struct name *x)
{
    return sizeof(*x) + x->len + x->more_len;
}

/* Names come from peers, who do not know where the roll lies in memory. */
static uint32_t hash_of(const struct roll *r, bool member, const char *text, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(text, n, (uintptr_t)r + member);
}

static struct name **slot_of(const struct roll *r, uint32_t hash)
{
    return &r->buckets[bucket_of(hash, r->bucket_count)];
}

static struct name *find(const struct roll *r, bool member, const char *text, size_t n)
{
    uint32_t hash = hash_of(r, member, text, n);
    struct name *x = *slot_of(r, hash);
    while (x &&
           (x->hash != hash || x->member != member || x->len != n || memcmp(x->text, text, n) != 0))
        x = x->hash_next;
    return x;
}

/* One more bucket for one more name; when memory is out the chains get longer instead. */
static void grow(struct roll *r)
{
    size_t from = bucket_of(r->bucket_count, r->bucket_count);
    struct name **buckets = buckets_reserve(r->buckets, r->bucket_count, &r->bucket_cap);
    if (!buckets)
        return;
    struct name *x, *all = buckets[from];
    buckets[from] = buckets[r->bucket_count++] = NULL;
    r->buckets = buckets;
    while ((x = all)) {
        all = x->hash_next;
        LL_PREPEND2(*slot_of(r, x->hash), x, hash_next);
    }
}

static void set_state(struct roll *r, struct name *x, enum state to)
{
    if (x->state != HERE)
        DL_DELETE(r->in[x->state], x);
    x->state = (uint8_t)to;
    if (to != HERE)
        DL_APPEND(r->in[to], x);
}

/* MUST: it was granted before. */
static enum err create(struct roll *r, bool member, const char *text, size_t n, bool must,
                       struct name **ret)
{
    struct name *x = calloc(1, sizeof(*x) + n);
    if (!x)
        return ERR_NOMEM;
    x->len = (uint16_t)n;
    if (!interest_take(r->interest, weight_of(x), must)) {
        free(x);
        return ERR_FULL;
    }
    memcpy(x->text, text, n);
    x->hash = hash_of(r, member, text, n);
    x->member = member;
    x->note = ++r->note;
    x->state = HERE; /* in no list yet */
    if (++r->names > r->bucket_count)
        grow(r);
    LL_PREPEND2(*slot_of(r, x->hash), x, hash_next);
    *ret = x;
    return ERR_OK;
}

static void drop(struct roll *r, struct name *x)
{
    set_state(r, x, HERE);
    LL_DELETE2(*slot_of(r, x->hash), x, hash_next);
    interest_give_back(r->interest, weight_of(x));
    r->names--;
    free(x->more);
    free(x);
}

static void wake(struct roll *r)
{
    if (r->awake || !r->wake)
        return;
    r->awake = true;
    r->wake(r->wake_ctx);
}

/* --- coming and going; with the lock --- */

static enum err come(struct roll *r, bool member, const char *text, size_t n, struct name **ret)
{
    struct name *x = find(r, member, text, n);
    if (!x) {
        enum err e = create(r, member, text, n, false, &x);
        if (e != ERR_OK)
            return e;
        set_state(r, x, COMING);
        wake(r);
    } else if (x->state == LEFT || x->state == LINGERS || x->state == GOING) {
        set_state(r, x, HERE);
    }
    x->here = true;
    *ret = x;
    return ERR_OK;
}

/* X is known to be here, and is no more. */
static void leave(struct roll *r, struct name *x)
{
    set_state(r, x, x->member ? GOING : LEFT);
    wake(r);
}

static void go(struct roll *r, struct name *x)
{
    x->here = false;
    if (x->state == HERE)
        leave(r, x);
}

enum err roll_topic_came(void *roll, const char *topic, size_t n)
{
    struct roll *r = roll;
    struct name *x;
    if (!roll_has(r, topic, n))
        return ERR_OK;
    pthread_mutex_lock(&r->lock);
    enum err e = come(r, false, topic, n, &x);
    pthread_mutex_unlock(&r->lock);
    return e;
}

void roll_topic_went(void *roll, const char *topic, size_t n)
{
    struct roll *r = roll;
    if (!roll_has(r, topic, n))
        return;
    pthread_mutex_lock(&r->lock);
    struct name *x = find(r, false, topic, n);
    if (x)
        go(r, x);
    pthread_mutex_unlock(&r->lock);
}

/* What is told of X beside its name: nothing, where there is no memory for it. */
static void set_more(struct roll *r, struct name *x, const char *more, size_t n)
{
    interest_give_back(r->interest, x->more_len);
    free(x->more);
    x->more = NULL;
    x->more_len = 0;
    if (!n || !(x->more = malloc(n)))
        return;
    memcpy(x->more, more, n);
    x->more_len = n;
    (void)!interest_take(r->interest, n, true);
}

/* With a reason to tell it, while it is told. */
static bool is_told_of(const struct name *x)
{
    return x->state == COMING || x->state == GOING;
}

enum err roll_member(struct roll *r, const struct roll_change *c)
{
    if (c->len > ROLL_NAME_MAX)
        return ERR_TOO_LARGE;
    enum err e = ERR_OK;
    pthread_mutex_lock(&r->lock);
    struct name *x = find(r, true, c->name, c->len);
    if (!c->going)
        e = come(r, true, c->name, c->len, &x);
    else if (x)
        go(r, x);
    if (e == ERR_OK && x && is_told_of(x))
        set_more(r, x, c->more, c->more_len);
    pthread_mutex_unlock(&r->lock);
    return e;
}

/* --- telling --- */

void roll_set_wake(struct roll *r, void (*wake_clerk)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&r->lock);
    r->wake = wake_clerk;
    r->wake_ctx = ctx;
    pthread_mutex_unlock(&r->lock);
}

void roll_awake(struct roll *r)
{
    pthread_mutex_lock(&r->lock);
    r->awake = false;
    pthread_mutex_unlock(&r->lock);
}

static void move_on(struct roll *r, uint64_t now_ms)
{
    struct name *x;
    while ((x = r->in[LEFT])) {
        x->due_ms = now_ms + r->linger_ms;
        set_state(r, x, LINGERS);
    }
    while ((x = r->in[LINGERS]) && x->due_ms <= now_ms)
        set_state(r, x, GOING);
}

static bool tell(struct roll *r, struct name *x,
                 bool (*visit)(void *ctx, const struct roll_change *), void *ctx)
{
    char note[ROLL_NOTE_SIZE];
    snprintf(note, sizeof(note), "%s%016" PRIx64, note_prefix, x->note);
    struct roll_change c = {
        .name = x->text,
        .len = x->len,
        .more = x->more,
        .more_len = x->more_len,
        .member = x->member,
        .going = x->state == GOING,
        .note = note,
    };
    if (!visit(ctx, &c))
        return false;
    set_state(r, x, c.going ? TOLD_GOING : TOLD_COMING);
    return true;
}

uint32_t roll_take(struct roll *r, uint64_t now_ms, uint32_t max,
                   bool (*visit)(void *ctx, const struct roll_change *c), void *ctx,
                   uint64_t *ret_wait_ms)
{
    static const enum state due[] = {COMING, GOING};
    uint32_t taken = 0;
    bool enough = false;
    pthread_mutex_lock(&r->lock);
    move_on(r, now_ms);
    for (size_t i = 0; i < 2; i++)
        while (r->in[due[i]] && taken < max && !enough) {
            enough = !tell(r, r->in[due[i]], visit, ctx);
            taken += !enough;
        }
    bool more = r->in[COMING] || r->in[GOING];
    *ret_wait_ms = more ? 0 : r->in[LINGERS] ? r->in[LINGERS]->due_ms - now_ms : UINT64_MAX;
    pthread_mutex_unlock(&r->lock);
    return taken;
}

/* X has been told to come. */
static void end_coming(struct roll *r, struct name *x)
{
    set_more(r, x, NULL, 0);
    set_state(r, x, HERE);
    if (!x->here)
        leave(r, x);
}

static void end_going(struct roll *r, struct name *x)
{
    if (!x->here) {
        drop(r, x);
        return;
    }
    set_state(r, x, COMING);
    wake(r);
}

/* As they were, before those that have come since. */
static void put_back(struct roll *r, enum state from, enum state to)
{
    struct name *x, *all = r->in[from];
    for (x = all; x; x = x->next)
        x->state = (uint8_t)to;
    DL_CONCAT(all, r->in[to]);
    r->in[to] = all;
    r->in[from] = NULL;
}

void roll_told(struct roll *r, bool done)
{
    pthread_mutex_lock(&r->lock);
    if (!done) {
        put_back(r, TOLD_COMING, COMING);
        put_back(r, TOLD_GOING, GOING);
    }
    while (r->in[TOLD_COMING])
        end_coming(r, r->in[TOLD_COMING]);
    while (r->in[TOLD_GOING])
        end_going(r, r->in[TOLD_GOING]);
    pthread_mutex_unlock(&r->lock);
}

/* --- life --- */

/* The value of a note is `t` or `m`, and the name. */
static void load(void *ctx, const char *name, const void *value, size_t n)
{
    struct roll *r = ctx;
    const char *text = value;
    uint64_t note;
    struct name *x;
    if (n < 2 || sscanf(name + sizeof(note_prefix) - 1, "%" SCNx64, &note) != 1 ||
        find(r, *text == 'm', text + 1, n - 1))
        return;
    enum err e = create(r, *text == 'm', text + 1, n - 1, true, &x);
    if (e != ERR_OK) {
        r->loaded = e;
        return;
    }
    x->note = note;
    set_state(r, x, LEFT);
}

static void load_number(void *ctx, const char *name, const void *value, size_t n)
{
    struct roll_start *s = ctx;
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)value);
    if (strcmp(name, roll_note_cursor) == 0)
        (void)sscanf(text, "%" SCNu64 " %" SCNu64, &s->cursor, &s->seq);
    else if (strcmp(name, roll_note_next) == 0)
        (void)sscanf(text, "%" SCNu64, &s->next);
}

static enum err load_all(struct roll *r, struct store *s)
{
    enum err e = store_notes(s, "hooks.", load_number, &r->start);
    if (r->start.next <= r->start.seq)
        r->start.next = r->start.seq + 1;
    if (e == ERR_OK)
        e = store_notes(s, note_prefix, load, r);
    return e == ERR_OK ? r->loaded : e;
}

static bool init(struct roll *r)
{
    r->bucket_count = r->bucket_cap = BUCKETS_FIRST;
    r->buckets = calloc(BUCKETS_FIRST, sizeof(struct name *));
    return r->buckets && getrandom(&r->note, sizeof(r->note), 0) == sizeof(r->note) &&
           pthread_mutex_init(&r->lock, NULL) == 0;
}

enum err roll_create(const struct roll_options *o, struct interest *interest, struct store *s,
                     struct roll **ret)
{
    struct roll *r = calloc(1, sizeof(*r));
    if (!r || !init(r)) {
        free(r ? r->buckets : NULL);
        free(r);
        return ERR_NOMEM;
    }
    r->interest = interest;
    r->topics = o->topics;
    r->linger_ms = o->linger_ms;
    enum err e = load_all(r, s);
    if (e == ERR_OK)
        *ret = r;
    else
        roll_destroy(r);
    return e;
}

void roll_destroy(struct roll *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->bucket_count; i++)
        while (r->buckets[i])
            drop(r, r->buckets[i]);
    pthread_mutex_destroy(&r->lock);
    free(r->buckets);
    free(r);
}

const struct roll_start *roll_start_of(const struct roll *r)
{
    return &r->start;
}

bool roll_has(const struct roll *r, const char *topic, size_t n)
{
    return presence_rules_have(r->topics, topic, n);
}

uint64_t roll_names(struct roll *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t n = r->names;
    pthread_mutex_unlock(&r->lock);
    return n;
}
