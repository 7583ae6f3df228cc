/*
 * Three hash tables: topics by name, members with a name by topic and sub, seats by topic and
 * connection. A member has its first seat in itself, since most have no other one: 72 bytes, and 8
 * to 16 for its place in each of the tables and in the topic's roster.
 */
#include "broker/presence.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buckets.h"
#include "broker/interest.h"
#include "broker/roster.h"
#include "utlist.h"
#include "xxhash.h"

enum {
    BUCKETS_FIRST = 16,
    /* What is counted for each: with the heap's own, and its places in tables. */
    MEMBER_BYTES = 112,
    SEAT_BYTES = 48,
    TOPIC_BYTES = 144, /* besides its name */
};

enum state { JOINING, HERE, LINGERING, LEAVING };

struct node {
    struct node *next;
};

/* Linear hashing (buckets.h); nodes are the first member of what is in it. */
struct table {
    struct node **buckets;
    size_t count, cap, nodes;
    uint64_t (*hash)(const struct presence *p, struct node *n);
};

struct seat {
    struct node node; /* first */
    uint64_t conn : PRESENCE_CONN_BITS;
    uint64_t subscriptions : 22;
    uint64_t inner : 1; /* it is a member's own */
    uint64_t listed : 1;
};

struct outer_seat {
    struct seat seat; /* first */
    struct member *member;
};

struct room {
    struct node node; /* first */
    struct roster members;
    uint64_t last_id;
    uint32_t here; /* members, but for those that are gone and only to be told so */
    uint32_t told; /* here, by what has been told */
    uint8_t name_len;
    char name[];
};

struct member {
    struct node node; /* first; of those with a name */
    struct room *room;
    const void *person;         /* held; NULL = not known */
    struct member *next, *prev; /* LINGERING, or to be told, or being told (utlist) */
    uint64_t since_ms : 44;
    uint64_t state : 2;  /* enum state; one writer: move() */
    uint64_t id : 36;    /* in its room */
    uint64_t seats : 28; /* of LINGERING: when that is over, ms by the clerk's clock */
    struct seat seat;    /* its first one; of who has no name, that of its connection */
};

struct presence {
    pthread_mutex_t lock;
    struct interest *interest;
    const struct presence_people *people;
    uint64_t salt;
    struct table rooms, named, seats;
    struct member *lingering, *untold, *telling; /* utlist; each in order */
    uint64_t linger_ms, lost_ms;
    uint64_t telling_head; /* the log's, before those who are being told */
    bool woken;            /* the clerk knows */
    _Atomic uint64_t members;
};

/* --- tables --- */

static bool table_init(struct table *t, uint64_t (*hash)(const struct presence *p, struct node *n))
{
    *t = (struct table){.count = BUCKETS_FIRST, .cap = BUCKETS_FIRST, .hash = hash};
    t->buckets = calloc(BUCKETS_FIRST, sizeof(struct node *));
    return t->buckets != NULL;
}

static struct node **chain_of(const struct table *t, uint64_t hash)
{
    return &t->buckets[bucket_of(hash, t->count)];
}

/* One more chain; when memory is out the chains get longer instead. */
static void table_grow(const struct presence *p, struct table *t)
{
    size_t from = bucket_of(t->count, t->count);
    struct node **buckets = buckets_reserve(t->buckets, t->count, &t->cap);
    if (!buckets)
        return;
    struct node *n, *all = buckets[from];
    buckets[from] = buckets[t->count++] = NULL;
    t->buckets = buckets;
    while ((n = all)) {
        all = n->next;
        LL_PREPEND(*chain_of(t, t->hash(p, n)), n);
    }
}

static void table_add(const struct presence *p, struct table *t, struct node *n)
{
    if (++t->nodes > t->count)
        table_grow(p, t);
    LL_PREPEND(*chain_of(t, t->hash(p, n)), n);
}

static void table_remove(const struct presence *p, struct table *t, struct node *n)
{
    LL_DELETE(*chain_of(t, t->hash(p, n)), n);
    t->nodes--;
}

static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 32;
}

/* --- rooms --- */

/* Names come from peers, who do not know where things lie in memory. */
static uint64_t name_hash(const char *name, size_t n, const void *seed)
{
    return XXH3_64bits_withSeed(name, n, (uintptr_t)seed);
}

static uint64_t hash_room(const struct presence *p, struct node *n)
{
    const struct room *r = (struct room *)n;
    return name_hash(r->name, r->name_len, p);
}

static struct room *find_room(const struct presence *p, const char *name, size_t n)
{
    struct node *at = *chain_of(&p->rooms, name_hash(name, n, p));
    for (; at; at = at->next) {
        struct room *r = (struct room *)at;
        if (r->name_len == n && memcmp(r->name, name, n) == 0)
            return r;
    }
    return NULL;
}

static uint64_t number_of(const void *thing)
{
    return ((const struct member *)thing)->id;
}

static enum err make_room(struct presence *p, const char *name, size_t n, struct room **ret)
{
    if (!interest_take(p->interest, TOPIC_BYTES + n, false))
        return ERR_FULL;
    struct room *r = calloc(1, sizeof(*r) + n);
    if (!r) {
        interest_give_back(p->interest, TOPIC_BYTES + n);
        return ERR_NOMEM;
    }
    roster_init(&r->members, number_of);
    r->name_len = (uint8_t)n;
    memcpy(r->name, name, n);
    table_add(p, &p->rooms, &r->node);
    *ret = r;
    return ERR_OK;
}

static void drop_room_if_empty(struct presence *p, struct room *r)
{
    if (roster_count(&r->members))
        return;
    table_remove(p, &p->rooms, &r->node);
    interest_give_back(p->interest, TOPIC_BYTES + r->name_len);
    roster_finish(&r->members);
    free(r);
}

/* --- seats --- */

static struct member *member_of(struct seat *s)
{
    return s->inner ? (struct member *)((char *)s - offsetof(struct member, seat))
                    : ((struct outer_seat *)s)->member;
}

static uint64_t seat_hash(const struct room *r, uint64_t conn)
{
    return mix((uintptr_t)r ^ conn * UINT64_C(0x9E3779B97F4A7C15));
}

static uint64_t hash_seat(const struct presence *p, struct node *n)
{
    struct seat *s = (struct seat *)n;
    (void)p;
    return seat_hash(member_of(s)->room, s->conn);
}

/* The seat that the connection has taken, or (TAKEN false) has left but is known by. It may have
 * both: one has a name by now that the other had not. */
static struct seat *find_seat(const struct presence *p, const struct room *r, uint64_t conn,
                              bool taken)
{
    struct node *at = r ? *chain_of(&p->seats, seat_hash(r, conn)) : NULL;
    for (; at; at = at->next) {
        struct seat *s = (struct seat *)at;
        if (s->conn == conn && member_of(s)->room == r && taken == (s->subscriptions > 0))
            return s;
    }
    return NULL;
}

/* A seat of M that is in no table; NULL: no memory, and why. */
static struct seat *take_seat(struct presence *p, struct member *m, enum err *ret_why)
{
    if (!m->seat.listed)
        return &m->seat;
    *ret_why = ERR_FULL;
    if (!interest_take(p->interest, SEAT_BYTES, false))
        return NULL;
    struct outer_seat *s = calloc(1, sizeof(*s));
    *ret_why = ERR_NOMEM;
    if (!s) {
        interest_give_back(p->interest, SEAT_BYTES);
        return NULL;
    }
    s->member = m;
    return &s->seat;
}

static void list_seat(struct presence *p, struct seat *s, uint64_t conn)
{
    s->conn = conn;
    s->listed = true;
    table_add(p, &p->seats, &s->node);
}

static void unlist_seat(struct presence *p, struct seat *s)
{
    table_remove(p, &p->seats, &s->node);
    s->listed = false;
}

static void drop_seat(struct presence *p, struct seat *s)
{
    unlist_seat(p, s);
    if (s->inner)
        return;
    interest_give_back(p->interest, SEAT_BYTES);
    free(s);
}

/* --- people --- */

static const char *sub_of(const struct presence *p, const void *person, size_t *ret_len)
{
    return person && p->people ? p->people->sub(person, ret_len) : NULL;
}

static bool has_name(const struct presence *p, const struct member *m)
{
    size_t n;
    return sub_of(p, m->person, &n) != NULL;
}

static uint64_t hash_member(const struct presence *p, struct node *n)
{
    const struct member *m = (struct member *)n;
    size_t len;
    const char *sub = p->people->sub(m->person, &len);
    return name_hash(sub, len, m->room);
}

static struct member *find_named(const struct presence *p, const struct room *r, const char *sub,
                                 size_t n)
{
    struct node *at = *chain_of(&p->named, name_hash(sub, n, r));
    for (; at; at = at->next) {
        struct member *m = (struct member *)at;
        size_t len;
        const char *other = p->people->sub(m->person, &len);
        if (m->room == r && len == n && memcmp(other, sub, n) == 0)
            return m;
    }
    return NULL;
}

/* Whether M is, or would be, PERSON: a name is who one is, and without one the connection is. */
static bool is_person(const struct presence *p, const struct member *m, const void *person)
{
    size_t n = 0, len = 0;
    const char *sub = sub_of(p, person, &n), *own = sub_of(p, m->person, &len);
    return sub && own ? n == len && memcmp(sub, own, n) == 0 : !sub && !own;
}

/* --- life of a member --- */

/* The list that members of STATE are in; NULL: none. */
static struct member **list_of(struct presence *p, enum state state)
{
    return state == LINGERING ? &p->lingering : state == HERE ? NULL : &p->untold;
}

/* M, which is in no list, becomes STATE. */
static void move(struct presence *p, struct member *m, enum state state)
{
    struct member **list = list_of(p, state);
    m->state = state;
    if (list)
        DL_APPEND(*list, m);
}

static enum err make_member(struct presence *p, struct room *r, const struct presence_place *at,
                            struct member **ret)
{
    size_t n;
    if (!interest_take(p->interest, MEMBER_BYTES, false))
        return ERR_FULL;
    struct member *m = calloc(1, sizeof(*m));
    if (m) {
        m->room = r;
        m->id = r->last_id + 1;
        m->seat.inner = true;
    }
    if (!m || roster_add(&r->members, m) != ERR_OK) {
        free(m);
        interest_give_back(p->interest, MEMBER_BYTES);
        return ERR_NOMEM;
    }
    r->last_id++;
    m->person = p->people ? at->person : NULL;
    if (m->person)
        p->people->hold(m->person);
    if (sub_of(p, m->person, &n))
        table_add(p, &p->named, &m->node);
    atomic_fetch_add_explicit(&p->members, 1, memory_order_relaxed);
    *ret = m;
    return ERR_OK;
}

/* M is in no list, and has no seats but its own. */
static void drop_member(struct presence *p, struct member *m)
{
    struct room *r = m->room;
    if (m->seat.listed)
        unlist_seat(p, &m->seat);
    if (has_name(p, m))
        table_remove(p, &p->named, &m->node);
    if (m->person)
        p->people->release(m->person);
    roster_remove(&r->members, m);
    free(m);
    interest_give_back(p->interest, MEMBER_BYTES);
    atomic_fetch_sub_explicit(&p->members, 1, memory_order_relaxed);
    drop_room_if_empty(p, r);
}

/* M has one seat more. */
static void sit_down(struct presence *p, struct member *m, uint64_t unix_ms)
{
    if (m->state == LINGERING) {
        DL_DELETE(p->lingering, m);
        m->seats = 0;
        move(p, m, HERE);
    }
    if (m->state == LEAVING && m->seats == 0) {
        m->room->here++;
        m->since_ms = unix_ms;
    }
    m->seats++;
}

static void linger(struct presence *p, struct member *m, uint64_t now_ms)
{
    m->seats = now_ms + p->linger_ms;
    move(p, m, LINGERING);
}

/* M has one seat less. NOW_MS is by the clerk's clock. */
static void stand_up(struct presence *p, struct member *m, uint64_t now_ms)
{
    if (--m->seats)
        return;
    if (m->state == HERE)
        linger(p, m, now_ms);
    else if (m->state == LEAVING)
        m->room->here--;
}

/* M's linger is over. */
static void decide_gone(struct presence *p, struct member *m)
{
    DL_DELETE(p->lingering, m);
    m->seats = 0;
    m->room->here--;
    move(p, m, LEAVING);
}

/* --- coming and going; with the lock --- */

/* M, whose seat was left, is somebody else now: nobody will come back as M. */
static void go_at_once(struct presence *p, struct member *m)
{
    if (m->state == LINGERING)
        decide_gone(p, m);
}

/* A new member without a seat, about to get one: it is here, which is to be told. */
static enum err join(struct presence *p, struct room *r, const struct presence_place *at,
                     struct member **ret)
{
    enum err e = make_member(p, r, at, ret);
    if (e != ERR_OK)
        return e;
    (*ret)->since_ms = at->unix_ms;
    r->here++;
    move(p, *ret, JOINING);
    return ERR_OK;
}

static enum err find_member(struct presence *p, struct room *r, const struct presence_place *at,
                            struct member **ret)
{
    size_t n;
    const char *sub = sub_of(p, at->person, &n);
    *ret = sub ? find_named(p, r, sub, n) : NULL;
    return *ret ? ERR_OK : join(p, r, at, ret);
}

static enum err make_seat(struct presence *p, struct room *r, const struct presence_place *at,
                          struct seat **ret)
{
    struct member *m;
    enum err e = find_member(p, r, at, &m);
    struct seat *s = e == ERR_OK ? take_seat(p, m, &e) : NULL;
    if (!s)
        return e;
    list_seat(p, s, at->conn);
    *ret = s;
    return ERR_OK;
}

/* The seat of AT in R, made if need be, with no subscriptions then. Who sits there stays who it is.
 */
static enum err get_seat(struct presence *p, struct room *r, const struct presence_place *at,
                         struct seat **ret)
{
    size_t n;
    struct seat *left = find_seat(p, r, at->conn, false);
    *ret = find_seat(p, r, at->conn, true);
    if (*ret)
        return ERR_OK;
    if (!left || sub_of(p, at->person, &n)) {
        enum err e = make_seat(p, r, at, ret);
        if (e == ERR_OK && left)
            go_at_once(p, member_of(left));
        return e;
    }
    *ret = left;
    return ERR_OK;
}

static enum err get_place(struct presence *p, const struct presence_place *at, struct seat **ret)
{
    struct room *r = find_room(p, at->topic, at->topic_len);
    enum err e = r ? ERR_OK : make_room(p, at->topic, at->topic_len, &r);
    if (e != ERR_OK)
        return e;
    e = get_seat(p, r, at, ret);
    if (e != ERR_OK)
        drop_room_if_empty(p, r);
    return e;
}

static void occupy(struct presence *p, struct seat *s, uint32_t subscriptions, uint64_t unix_ms)
{
    if (!s->subscriptions)
        sit_down(p, member_of(s), unix_ms);
    s->subscriptions = subscriptions;
}

static void give_up(struct presence *p, struct seat *s, uint64_t now_ms)
{
    struct member *m = member_of(s);
    s->subscriptions = 0;
    stand_up(p, m, now_ms);
    if (has_name(p, m))
        drop_seat(p, s); /* who comes back is found by name */
}

static bool is_due(const struct presence *p)
{
    return p->untold && !p->telling;
}

static bool wakes(struct presence *p, bool was_lingering)
{
    bool wake = !p->woken && (is_due(p) || (p->lingering && !was_lingering));
    p->woken |= wake;
    return wake;
}

enum err presence_enter(struct presence *p, const struct presence_place *at, bool *ret_wake)
{
    struct seat *s;
    pthread_mutex_lock(&p->lock);
    bool lingering = p->lingering != NULL;
    enum err e = get_place(p, at, &s);
    if (e == ERR_OK)
        occupy(p, s, s->subscriptions + 1, at->unix_ms);
    *ret_wake = wakes(p, lingering);
    pthread_mutex_unlock(&p->lock);
    return e;
}

void presence_leave(struct presence *p, const char *topic, size_t n, uint64_t conn,
                    uint64_t real_ms, bool *ret_wake)
{
    pthread_mutex_lock(&p->lock);
    bool lingering = p->lingering != NULL;
    struct seat *s = find_seat(p, find_room(p, topic, n), conn, true);
    if (s && s->subscriptions > 1)
        s->subscriptions--;
    else if (s)
        give_up(p, s, real_ms - p->lost_ms);
    *ret_wake = wakes(p, lingering);
    pthread_mutex_unlock(&p->lock);
}

/* S is taken by somebody else than who is there now, it turns out. */
static void replace(struct presence *p, struct seat *s, uint64_t now_ms)
{
    struct member *m = member_of(s);
    bool named = has_name(p, m);
    give_up(p, s, now_ms);
    if (!named)
        go_at_once(p, m);
}

enum err presence_set(struct presence *p, const struct presence_place *at, uint32_t subscriptions,
                      uint64_t real_ms, bool *ret_wake)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&p->lock);
    bool lingering = p->lingering != NULL;
    uint64_t now_ms = real_ms - p->lost_ms;
    struct seat *s = find_seat(p, find_room(p, at->topic, at->topic_len), at->conn, true);
    if (s && !subscriptions)
        give_up(p, s, now_ms);
    else if (s && !is_person(p, member_of(s), at->person))
        replace(p, s, now_ms);
    if (subscriptions)
        e = get_place(p, at, &s);
    if (subscriptions && e == ERR_OK)
        occupy(p, s, subscriptions, at->unix_ms);
    *ret_wake = wakes(p, lingering);
    pthread_mutex_unlock(&p->lock);
    return e;
}

/* --- reading --- */

static void describe(const struct presence *p, const struct member *m, struct presence_member *ret)
{
    bool seated = m->state != LINGERING;
    *ret = (struct presence_member){
        .topic = m->room->name,
        .topic_len = m->room->name_len,
        .connection = mix(m->seat.conn ^ p->salt),
        .since_ms = m->since_ms,
        .seats = seated ? (uint32_t)m->seats : 0,
        .id = m->id,
    };
    ret->sub = sub_of(p, m->person, &ret->sub_len);
    if (m->person)
        ret->info = p->people->info(m->person, &ret->info_len);
}

/* Whether M is here, by what has been decided; or will be told so, behind having been told gone. */
static bool is_here(const struct member *m)
{
    return m->state != LEAVING || m->seats;
}

static const struct member *next_here(const struct room *r, uint64_t after)
{
    const struct member *m = roster_next(&r->members, after);
    while (m && !is_here(m))
        m = roster_next(&r->members, m->id);
    return m;
}

static bool visit_members(const struct presence *p, const struct room *r, struct presence_query *q)
{
    const struct member *m = next_here(r, q->after);
    bool goes_on = true;
    for (uint32_t i = 0; m && i < q->max && goes_on; i++) {
        struct presence_member described;
        describe(p, m, &described);
        goes_on = q->visit(q->ctx, &described);
        q->after = m->id;
        m = next_here(r, m->id);
    }
    return m != NULL;
}

uint32_t presence_list(struct presence *p, struct presence_query *q, uint64_t *head, bool *ret_more)
{
    pthread_mutex_lock(&p->lock);
    const struct room *r = find_room(p, q->topic, q->topic_len);
    uint32_t here = r ? r->here : 0;
    if (p->telling && p->telling_head < *head)
        *head = p->telling_head;
    *ret_more = r && visit_members(p, r, q);
    pthread_mutex_unlock(&p->lock);
    return here;
}

bool presence_has_members(struct presence *p, const char *topic, size_t n)
{
    pthread_mutex_lock(&p->lock);
    bool has = find_room(p, topic, n) != NULL;
    pthread_mutex_unlock(&p->lock);
    return has;
}

uint64_t presence_members(const struct presence *p)
{
    return atomic_load_explicit(&p->members, memory_order_relaxed);
}

/* --- the clerk --- */

void presence_awake(struct presence *p)
{
    pthread_mutex_lock(&p->lock);
    p->woken = false;
    pthread_mutex_unlock(&p->lock);
}

void presence_set_linger(struct presence *p, uint64_t ms)
{
    pthread_mutex_lock(&p->lock);
    p->linger_ms = ms;
    pthread_mutex_unlock(&p->lock);
}

/* How long M's linger still takes: its end has 28 bits of a time (three days). Who left when the
 * clerk had not yet told for how long its clock had stood still lingers from now on. */
static uint64_t linger_left(const struct presence *p, struct member *m, uint64_t now_ms)
{
    uint64_t left = (m->seats - now_ms) & ((1u << 28) - 1);
    if (left > 1u << 27)
        return 0;
    if (left > p->linger_ms)
        m->seats = now_ms + (left = p->linger_ms);
    return left;
}

uint64_t presence_end_lingers(struct presence *p, uint64_t now_ms, uint64_t lost_ms, uint32_t max)
{
    uint64_t due_ms = UINT64_MAX;
    pthread_mutex_lock(&p->lock);
    p->lost_ms = lost_ms;
    while (p->lingering && max-- && linger_left(p, p->lingering, now_ms) == 0)
        decide_gone(p, p->lingering);
    if (p->lingering)
        due_ms = now_ms + linger_left(p, p->lingering, now_ms);
    pthread_mutex_unlock(&p->lock);
    return due_ms;
}

bool presence_is_due(struct presence *p)
{
    pthread_mutex_lock(&p->lock);
    bool due = is_due(p);
    pthread_mutex_unlock(&p->lock);
    return due;
}

/* Counts what is told of M, or (BACK) that it was not. */
static void count_told(struct member *m, bool back)
{
    m->room->told += (m->state == JOINING) != back ? 1 : -1u;
}

uint32_t presence_tell(struct presence *p, uint32_t max, uint64_t head,
                       bool (*tell)(void *ctx, const struct presence_member *m), void *ctx)
{
    uint32_t count = 0;
    pthread_mutex_lock(&p->lock);
    if (!p->telling)
        p->telling_head = head;
    else
        max = 0;
    while (p->untold && count < max) {
        struct member *m = p->untold;
        struct presence_member described;
        describe(p, m, &described);
        described.leaving = m->state == LEAVING;
        count_told(m, false);
        described.number = m->room->told;
        if (!tell(ctx, &described)) {
            count_told(m, true);
            break;
        }
        DL_DELETE(p->untold, m);
        DL_APPEND(p->telling, m);
        count++;
    }
    pthread_mutex_unlock(&p->lock);
    return count;
}

static void settle(struct presence *p, struct member *m, uint64_t now_ms)
{
    DL_DELETE(p->telling, m);
    if (m->state == JOINING && m->seats)
        move(p, m, HERE);
    else if (m->state == JOINING)
        linger(p, m, now_ms);
    else if (m->seats)
        move(p, m, JOINING);
    else
        drop_member(p, m);
}

void presence_told(struct presence *p, bool done, uint64_t now_ms)
{
    struct member *m;
    pthread_mutex_lock(&p->lock);
    if (!done) {
        DL_FOREACH (p->telling, m) {
            count_told(m, true);
        }
        DL_CONCAT(p->telling, p->untold);
        p->untold = p->telling;
        p->telling = NULL;
    }
    while (p->telling)
        settle(p, p->telling, now_ms);
    pthread_mutex_unlock(&p->lock);
}

/* --- life --- */

struct presence *presence_create(struct interest *interest, uint64_t salt)
{
    struct presence *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->interest = interest;
    p->salt = salt;
    bool whole = table_init(&p->rooms, hash_room) & table_init(&p->named, hash_member) &
                 table_init(&p->seats, hash_seat);
    if (whole && pthread_mutex_init(&p->lock, NULL) == 0)
        return p;
    free(p->rooms.buckets);
    free(p->named.buckets);
    free(p->seats.buckets);
    free(p);
    return NULL;
}

static void free_seats(struct presence *p)
{
    for (size_t i = 0; i < p->seats.count; i++)
        for (struct node *n = p->seats.buckets[i], *next; n; n = next) {
            next = n->next;
            if (!((struct seat *)n)->inner)
                drop_seat(p, (struct seat *)n);
        }
}

static void free_room(struct presence *p, struct room *r)
{
    uint64_t after = 0;
    for (uint32_t left = roster_count(&r->members); left; left--) {
        struct member *m = roster_next(&r->members, after);
        after = m->id;
        drop_member(p, m); /* the last one takes the room with it */
    }
}

void presence_destroy(struct presence *p)
{
    if (!p)
        return;
    free_seats(p);
    for (size_t i = 0; i < p->rooms.count; i++)
        while (p->rooms.buckets[i])
            free_room(p, (struct room *)p->rooms.buckets[i]);
    pthread_mutex_destroy(&p->lock);
    free(p->rooms.buckets);
    free(p->named.buckets);
    free(p->seats.buckets);
    free(p);
}

void presence_set_people(struct presence *p, const struct presence_people *people)
{
    p->people = people;
}
