#include "http/bearer.h"

#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "access/key_set.h"
#include "base/buckets.h"
#include "base/now.h"
#include "delivery/worker.h"
#include "utlist.h"

enum {
    CHAINS_FIRST = 16,
    SECONDS = 256, /* lists of those that have something to be told, by second */
    TOLD_MAX = 256 /* connections that are told in one turn */
};

/* In a ring of bearers, of which the first is nobody's. */
struct ring {
    struct ring *next, *prev;
};

struct bearer {
    struct bond bond; /* first */
    struct ring ring; /* the others of its principal */
    struct use *use;
    struct conn *conn;
};

/* A principal and who has it; mostly one connection, so it is kept small. */
struct use {
    struct use *chained;                           /* the next in its chain */
    struct principal *principal;                   /* a reference, and the key */
    struct quota *quotas[QUOTA_KINDS - QUOTA_SUB]; /* held; NULL: no limits */
    struct ring waiting;     /* all; while something is told, those who have still to be told */
    struct use *next, *prev; /* in one of the lists by second, or in `telling` (utlist) */
    int64_t due_s;           /* when it has something to be told */
    bool timed;              /* it is in such a list, number `slot` */
    bool telling;            /* EVENT is being told, or is in the line */
    bool soon_is_over;       /* RIGHTS_SOON was told, or comes too late */
    uint8_t slot;
    uint8_t event; /* enum rights_event */
};

struct bearers {
    struct use **chains; /* by principal (base/buckets.h) */
    size_t chain_count, chain_cap, count;
    struct use *slots[SECONDS]; /* by due_s, modulo */
    struct use *telling;        /* the first one is told: */
    struct ring told;           /* those of it who have been */
    uint64_t policy;            /* the serial of the one that all have been judged by */
    size_t timed;
    int64_t looked_s; /* Unix time up to which slots have been looked at */
    uint64_t look_ms; /* loop_now: when they are looked at next */
};

static int64_t now_s(void)
{
    return (int64_t)(now_unix_ms() / 1000);
}

/* --- rings --- */

static void ring_init(struct ring *r)
{
    r->next = r->prev = r;
}

static bool ring_is_empty(const struct ring *r)
{
    return r->next == r;
}

static void ring_remove(struct ring *r)
{
    r->next->prev = r->prev;
    r->prev->next = r->next;
}

static void ring_append(struct ring *all, struct ring *r)
{
    r->next = all;
    r->prev = all->prev;
    all->prev->next = r;
    all->prev = r;
}

static struct bearer *bearer_in(struct ring *r)
{
    return (struct bearer *)((char *)r - offsetof(struct bearer, ring));
}

/* All of FROM, of which there are some, come behind those of TO. */
static void ring_join(struct ring *to, struct ring *from)
{
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    ring_init(from);
}

/* --- when --- */

static void untime(struct bearers *b, struct use *u)
{
    if (!u->timed)
        return;
    u->timed = false;
    b->timed--;
    DL_DELETE(b->slots[u->slot], u);
}

/* What is due already is found in the next second that is looked at. */
static void time_at(struct bearers *b, struct use *u, int64_t due_s)
{
    int64_t found_s = due_s > b->looked_s ? due_s : b->looked_s + 1;
    u->due_s = due_s;
    u->timed = true;
    u->slot = (uint8_t)(found_s % SECONDS);
    DL_APPEND(b->slots[u->slot], u);
    if (b->timed++ == 0)
        b->look_ms = 0;
}

/*
 * Of what ends sooner than that, when half of its time is over: whoever brings another as soon as
 * it is told would bring one after the other if it was told at once.
 */
static int64_t soon_of(int64_t ends_s, int64_t now)
{
    int64_t soon_s = ends_s - BEARER_SOON_S;
    return soon_s > now ? soon_s : now + (ends_s - now) / 2;
}

/* Until it ends, or until that is to be announced. */
static void set_time(struct bearers *b, struct use *u)
{
    int64_t ends_s = u->principal->ends_s, now = now_s();
    if (!ends_s)
        return;
    if (ends_s <= now + 1)
        u->soon_is_over = true;
    time_at(b, u, u->soon_is_over ? ends_s : soon_of(ends_s, now));
}

/* --- quotas --- */

static bool has_limit(const struct quota_limits *l)
{
    for (size_t i = 0; i < QUOTA_WHATS; i++)
        if (l->most[i])
            return true;
    return false;
}

static bool limits_itself(const struct principal *p)
{
    const struct principal_limits *l = &p->limits;
    return l->connections || l->subscriptions || l->publish_per_s || l->bytes_per_s;
}

/* What a token says of limits is said of its sub, if it has one: another token is no more room. */
static void find_quotas(struct worker *w, struct use *u)
{
    const struct principal *p = u->principal;
    struct quota_table *t = w->loop.process->quotas;
    bool sub = *p->sub && (limits_itself(p) || has_limit(&w->settings->sub_limits));
    bool token = has_limit(&w->settings->token_limits) || (!*p->sub && limits_itself(p));
    if (sub) {
        struct quota_key key = quota_key_of(t, QUOTA_SUB, p->sub, strlen(p->sub));
        u->quotas[QUOTA_SUB - QUOTA_SUB] = quota_get(t, &key);
    }
    if (token) {
        struct quota_key key = {.kind = QUOTA_TOKEN};
        memcpy(key.id, p->hash, sizeof(key.id));
        u->quotas[QUOTA_TOKEN - QUOTA_SUB] = quota_get(t, &key);
    }
}

static void give_quotas_back(struct worker *w, struct use *u)
{
    for (size_t i = 0; i < sizeof(u->quotas) / sizeof(u->quotas[0]); i++)
        quota_put(w->loop.process->quotas, u->quotas[i], loop_real_ns(&w->loop));
}

/* What C has counts for U, too; limits were asked before, or are those of who had it. */
static void hold(struct conn *c, struct use *u)
{
    for (size_t i = 0; i < sizeof(u->quotas) / sizeof(u->quotas[0]) && c->client.held; i++) {
        if (!u->quotas[i])
            continue;
        (void)quota_add(u->quotas[i], QUOTA_CONNECTIONS, 1, 0);
        (void)quota_add(u->quotas[i], QUOTA_SUBSCRIPTIONS, c->client.topics, 0);
    }
}

static void unhold(struct conn *c, struct use *u)
{
    for (size_t i = 0; i < sizeof(u->quotas) / sizeof(u->quotas[0]) && c->client.held; i++) {
        if (!u->quotas[i])
            continue;
        quota_remove(u->quotas[i], QUOTA_CONNECTIONS, 1);
        quota_remove(u->quotas[i], QUOTA_SUBSCRIPTIONS, c->client.topics);
    }
}

/* --- uses --- */

static struct use **chain_of(const struct bearers *b, const struct principal *p)
{
    uint64_t hash = ((uintptr_t)p >> 4) * 0x9E3779B97F4A7C15u;
    return &b->chains[bucket_of(hash >> 32, b->chain_count)];
}

/* One more; when memory is out the chains get longer instead. */
static void grow(struct bearers *b)
{
    size_t from = bucket_of(b->chain_count, b->chain_count);
    struct use **chains = buckets_reserve(b->chains, b->chain_count, &b->chain_cap);
    if (!chains)
        return;
    struct use *u, *all = chains[from];
    chains[from] = chains[b->chain_count++] = NULL;
    b->chains = chains;
    while ((u = all)) {
        all = u->chained;
        LL_PREPEND2(*chain_of(b, u->principal), u, chained);
    }
}

static struct bearers *bearers_create(const struct access_policy *policy)
{
    struct bearers *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->chains = calloc(CHAINS_FIRST, sizeof(struct use *));
    if (!b->chains) {
        free(b);
        return NULL;
    }
    b->chain_count = b->chain_cap = CHAINS_FIRST;
    ring_init(&b->told);
    b->looked_s = now_s();
    b->policy = access_policy_serial(policy);
    return b;
}

static struct bearers *bearers_of(struct worker *w)
{
    if (!w->bearers)
        w->bearers = bearers_create(w->settings->access);
    return w->bearers;
}

static struct use *use_create(struct worker *w, struct bearers *b, struct principal *p)
{
    struct use *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->principal = principal_ref(p);
    ring_init(&u->waiting);
    if (++b->count > b->chain_count)
        grow(b);
    LL_PREPEND2(*chain_of(b, p), u, chained);
    set_time(b, u);
    find_quotas(w, u);
    return u;
}

static struct use *use_of(struct worker *w, struct bearers *b, struct principal *p)
{
    struct use *u = *chain_of(b, p);
    while (u && u->principal != p)
        u = u->chained;
    return u ? u : use_create(w, b, p);
}

static bool is_told_now(const struct bearers *b, const struct use *u)
{
    return u->telling && b->telling == u;
}

static void stop_telling(struct bearers *b, struct use *u)
{
    if (is_told_now(b, u) && !ring_is_empty(&b->told))
        ring_join(&u->waiting, &b->told);
    if (u->telling)
        DL_DELETE(b->telling, u);
    u->telling = false;
}

static void free_unused(struct worker *w, struct use *u)
{
    struct bearers *b = w->bearers;
    if (!ring_is_empty(&u->waiting) || (is_told_now(b, u) && !ring_is_empty(&b->told)))
        return;
    give_quotas_back(w, u);
    stop_telling(b, u);
    untime(b, u);
    LL_DELETE2(*chain_of(b, u->principal), u, chained);
    b->count--;
    principal_unref(u->principal);
    free(u);
}

/* --- connections --- */

/* NULL: it has no principal. */
static struct bearer *of(const struct conn *c)
{
    return (struct bearer *)conn_bond(c);
}

struct principal *bearer_of(const struct conn *c)
{
    const struct bearer *b = of(c);
    return b ? b->use->principal : NULL;
}

bool bearer_ends_soon(const struct conn *c)
{
    const struct principal *p = bearer_of(c);
    return p && p->ends_s && p->ends_s - BEARER_SOON_S <= now_s();
}

struct quota *bearer_quota(const struct conn *c, enum quota_kind kind)
{
    const struct bearer *b = of(c);
    return b ? b->use->quotas[kind - QUOTA_SUB] : NULL;
}

static void leave(struct bearer *b)
{
    ring_remove(&b->ring);
    unhold(b->conn, b->use);
    b->conn->client.held = false;
    free_unused(worker_of(b->conn), b->use);
}

static void end(struct conn *c, struct bond *bond)
{
    struct bearer *b = (struct bearer *)bond;
    (void)c;
    leave(b);
    free(b);
}

static struct bearer *bearer_create(struct conn *c)
{
    struct bearer *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->bond.end = end;
    b->conn = c;
    ring_init(&b->ring);
    return b;
}

/* C has that of U. */
static enum err join(struct conn *c, struct use *u)
{
    struct bearer *b = of(c);
    if (!b)
        b = bearer_create(c);
    if (!b)
        return ERR_NOMEM;
    ring_remove(&b->ring);
    hold(c, u);
    if (b->use) {
        unhold(c, b->use);
        free_unused(worker_of(c), b->use);
    }
    b->use = u;
    ring_append(&u->waiting, &b->ring);
    conn_set_bond(c, &b->bond);
    return ERR_OK;
}

enum err bearer_set(struct conn *c, struct principal *p)
{
    if (bearer_of(c) == p)
        return ERR_OK;
    if (!p) {
        end(c, &of(c)->bond);
        conn_set_bond(c, NULL);
        return ERR_OK;
    }
    struct bearers *b = bearers_of(worker_of(c));
    struct use *u = b ? use_of(worker_of(c), b, p) : NULL;
    enum err e = u ? join(c, u) : ERR_NOMEM;
    if (u && e != ERR_OK)
        free_unused(worker_of(c), u);
    return e;
}

/* --- telling --- */

static bool is_over(const struct use *u)
{
    return u->event == RIGHTS_EXPIRED || u->event == RIGHTS_REVOKED;
}

/* Nothing is told behind the end. */
static void begin_telling(struct bearers *b, struct use *u, enum rights_event e)
{
    if (is_over(u))
        return;
    stop_telling(b, u);
    untime(b, u);
    u->event = (uint8_t)e;
    u->telling = true;
    DL_APPEND(b->telling, u);
}

static void come_due(struct bearers *b, struct use *u)
{
    bool ended = u->principal->ends_s <= now_s();
    u->soon_is_over = true;
    begin_telling(b, u, ended ? RIGHTS_EXPIRED : RIGHTS_SOON);
}

/* All have been told: until the next time, if there is one. */
static void finish_telling(struct bearers *b, struct use *u)
{
    stop_telling(b, u);
    if (!is_over(u))
        set_time(b, u);
}

static void look_at_slot(struct bearers *b, struct use *first, int64_t now)
{
    struct use *u, *next;
    DL_FOREACH_SAFE (first, u, next)
        if (u->due_s <= now)
            come_due(b, u);
}

/* All the seconds that have passed; a clock that was set back is followed. */
static void look(struct bearers *b, int64_t now)
{
    int64_t from = b->looked_s + 1;
    if (now < b->looked_s || now - from >= SECONDS)
        from = now - SECONDS + 1;
    b->looked_s = now;
    for (; from <= now; from++)
        look_at_slot(b, b->slots[from % SECONDS], now);
}

/* Those who come while something is told are told it, too. */
static unsigned tell_some(struct bearers *b, struct use *u, unsigned max)
{
    unsigned count = 0;
    for (; count < max && !ring_is_empty(&u->waiting); count++) {
        struct bearer *bearer = bearer_in(u->waiting.next);
        struct conn *c = bearer->conn;
        ring_remove(&bearer->ring);
        ring_append(&b->told, &bearer->ring);
        if (conn_is_open(c) && c->protocol->rights)
            c->protocol->rights(c, (enum rights_event)u->event);
    }
    if (ring_is_empty(&u->waiting))
        finish_telling(b, u);
    return count;
}

static void revoke(struct bearers *b, struct use *u)
{
    begin_telling(b, u, RIGHTS_REVOKED);
}

/* Calls VISIT for each use; VISIT frees none. */
static void each_use(struct bearers *b, void (*visit)(struct bearers *b, struct use *u, void *ctx),
                     void *ctx)
{
    for (size_t i = 0; b && i < b->chain_count; i++)
        for (struct use *u = b->chains[i]; u; u = u->chained)
            visit(b, u, ctx);
}

static size_t ring_count(const struct ring *all)
{
    size_t count = 0;
    for (const struct ring *r = all->next; r != all; r = r->next)
        count++;
    return count;
}

struct revoking {
    bearer_visit *visit;
    void *ctx;
    size_t count; /* connections */
};

static void revoke_if(struct bearers *b, struct use *u, void *ctx)
{
    struct revoking *r = ctx;
    if (!r->visit(r->ctx, u->principal))
        return;
    r->count += ring_count(&u->waiting) + (is_told_now(b, u) ? ring_count(&b->told) : 0);
    revoke(b, u);
}

size_t bearer_revoke(struct worker *w, bearer_visit *visit, void *ctx)
{
    struct revoking r = {visit, ctx, 0};
    each_use(w->bearers, revoke_if, &r);
    return r.count;
}

/* --- other rules --- */

/* A key that is gone takes its tokens with it; what the others grant is judged again. */
static void follow(struct bearers *b, struct use *u, void *ctx)
{
    const struct access_policy *policy = ctx;
    const struct key_set *keys = access_policy_keys(policy);
    bool known = *u->principal->kid == '\0' || (keys && key_set_has(keys, u->principal->kid));
    if (known && access_policy_has_tokens(policy))
        begin_telling(b, u, RIGHTS_CHANGED);
    else
        revoke(b, u);
}

static void follow_policy(struct bearers *b, struct access_policy *policy)
{
    each_use(b, follow, policy);
    b->policy = access_policy_serial(policy);
}

/* --- turns --- */

static void end_turn(struct worker *w)
{
    struct bearers *b = w->bearers;
    uint64_t now = b && b->timed && w->loop.now_ms >= b->look_ms ? now_unix_ms() : 0;
    unsigned left = TOLD_MAX;
    if (b && b->policy != access_policy_serial(w->settings->access))
        follow_policy(b, w->settings->access);
    if (now) {
        look(b, (int64_t)(now / 1000));
        b->look_ms = w->loop.now_ms + 1000 - now % 1000;
    }
    while (b && b->telling && left)
        left -= tell_some(b, b->telling, left);
}

static uint64_t wait_ms(const struct worker *w)
{
    const struct bearers *b = w->bearers;
    if (b && b->telling)
        return 0;
    if (!b || !b->timed)
        return UINT64_MAX;
    return b->look_ms > w->loop.now_ms ? b->look_ms - w->loop.now_ms : 0;
}

static void end_thread(struct worker *w)
{
    if (w->bearers)
        free(w->bearers->chains);
    free(w->bearers);
    w->bearers = NULL;
}

const struct frontend bearer_frontend = {
    .part = {.end_turn = end_turn, .wait_ms = wait_ms, .end_thread = end_thread}};
