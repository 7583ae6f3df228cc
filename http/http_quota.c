#include "http/http_quota.h"

#include <stdio.h>

#include "delivery/worker.h"
#include "http/audit.h"
#include "http/bearer.h"
#include "net/client.h"

enum {
    NS_PER_S = 1000000000,
    TOPICS_MAX = (1 << 29) - 1,
    RETRY_S = 10, /* when who has too many is to try again: others have to go first */
};

/* Of a limit: its option, what it allows so many of, and what is counted when it is in the way. */
static const struct {
    const char *option, *allowed;
    enum counter counter;
} rules[QUOTA_WHATS] = {
    [QUOTA_CONNECTIONS] = {"connections", "connections at once", COUNTER_limited_connections},
    [QUOTA_SUBSCRIPTIONS] = {"subscriptions", "topics and patterns in all connections together",
                             COUNTER_limited_subscriptions},
    [QUOTA_PUBLISHES] = {"publishes_per_s", "messages a second", COUNTER_limited_publishes},
    [QUOTA_BYTES] = {"bytes_per_s", "bytes a second", COUNTER_limited_bytes},
};

static const char *const whose[QUOTA_KINDS] = {
    [QUOTA_ADDRESS] = "limits.address",
    [QUOTA_SUB] = "limits.sub",
    [QUOTA_TOKEN] = "limits.token",
};

/* One whose quota a connection uses. */
struct user {
    enum quota_kind kind;
    struct quota *quota;
    struct quota_limits limits;
};

/* What the token says of WHAT; 0 = nothing. */
static uint64_t said(const struct principal *p, enum quota_what what)
{
    switch (what) {
    case QUOTA_CONNECTIONS:
        return p->limits.connections;
    case QUOTA_SUBSCRIPTIONS:
        return p->limits.subscriptions;
    case QUOTA_PUBLISHES:
        return p->limits.publish_per_s;
    case QUOTA_BYTES:
        return p->limits.bytes_per_s;
    case QUOTA_WHATS:
        break;
    }
    return 0;
}

/* Whether what the token of C says of limits is said of KIND: of its sub, if it has one. */
static bool is_said_of(const struct principal *p, enum quota_kind kind)
{
    return kind == (*p->sub ? QUOTA_SUB : QUOTA_TOKEN);
}

/* That counts before the configuration does. */
static struct quota_limits limits_of(const struct conn *c, enum quota_kind kind)
{
    const struct settings *s = worker_settings(c);
    const struct principal *p = bearer_of(c);
    struct quota_limits l = kind == QUOTA_SUB ? s->sub_limits : s->token_limits;
    for (enum quota_what w = 0; w < QUOTA_WHATS && is_said_of(p, kind); w++)
        if (said(p, w))
            l.most[w] = said(p, w);
    return l;
}

/* By its principal. */
static unsigned add_bearer(struct conn *c, struct user *out, unsigned n)
{
    for (enum quota_kind kind = QUOTA_SUB; kind < QUOTA_KINDS; kind++) {
        struct quota *q = bearer_quota(c, kind);
        if (q)
            out[n++] = (struct user){kind, q, limits_of(c, kind)};
    }
    return n;
}

static unsigned users_of(struct conn *c, struct user out[QUOTA_KINDS])
{
    unsigned n = 0;
    if (c->client.quota)
        out[n++] = (struct user){QUOTA_ADDRESS, c->client.quota, worker_settings(c)->net.address};
    return add_bearer(c, out, n);
}

/* Whose topics are counted: of its principal, if the connection is. */
static unsigned counting(struct conn *c, struct user out[QUOTA_KINDS])
{
    unsigned n = users_of(c, out), address = c->client.quota != NULL;
    return c->client.held ? n : n < address ? n : address;
}

/* --- what is told --- */

static uint32_t retry_of(const struct quota_over *over)
{
    if (over->what < QUOTA_COUNTED)
        return RETRY_S;
    return (uint32_t)((over->wait_ns + NS_PER_S - 1) / NS_PER_S);
}

/* Which limit it is, and what it allows. */
static void put_text(const struct conn *c, const struct user *u, const struct quota_over *over,
                     char *out, size_t size)
{
    const struct principal *p = bearer_of(c);
    bool by_token = u->kind != QUOTA_ADDRESS && is_said_of(p, u->kind) && said(p, over->what);
    const char *more =
        over->what >= QUOTA_COUNTED && !over->wait_ns ? ", and this batch has more" : "";
    char option[64] = "The token";
    if (!by_token)
        snprintf(option, sizeof(option), "%s_%s", whose[u->kind], rules[over->what].option);
    snprintf(out, size, "%s allows %llu %s%s", option, (unsigned long long)over->limit,
             rules[over->what].allowed, more);
}

/* U is in the way. False. */
static bool refuse(struct conn *c, const struct user *u, const struct quota_over *over,
                   struct http_quota *ret)
{
    bool rate = over->what >= QUOTA_COUNTED;
    counter_add(&c->loop->counters, rules[over->what].counter, 1);
    *ret = (struct http_quota){.retry_s = retry_of(over)};
    put_text(c, u, over, ret->text, sizeof(ret->text));
    ret->fault = (struct fault){rate ? "rate_limited" : "too_many", ret->text};
    audit_limit(c, ret->text);
    return false;
}

void http_quota_fail(struct exchange *x, const struct http_quota *q)
{
    if (q->retry_s)
        exchange_fail_later(x, 429, q->retry_s, q->text);
    else
        exchange_fail(x, 429, q->text);
}

/* --- publishing --- */

bool http_quota_publish(struct conn *c, uint32_t messages, uint64_t bytes, struct http_quota *ret)
{
    struct user users[QUOTA_KINDS];
    struct quota_over over;
    uint64_t now_ns = loop_real_ns(c->loop);
    unsigned n = users_of(c, users), i = 0;
    while (i < n && quota_publish(users[i].quota, &users[i].limits, messages, bytes, now_ns, &over))
        i++;
    if (i == n)
        return true;
    const struct user *in_the_way = &users[i];
    while (i-- > 0)
        quota_unpublish(users[i].quota, &users[i].limits, messages, bytes);
    return refuse(c, in_the_way, &over, ret);
}

/* --- subscribing --- */

static void remove_topics(const struct user *users, unsigned n, uint32_t topics)
{
    for (unsigned i = 0; i < n; i++)
        quota_remove(users[i].quota, QUOTA_SUBSCRIPTIONS, topics);
}

bool http_quota_subscribe(struct conn *c, uint32_t topics, struct http_quota *ret)
{
    struct user users[QUOTA_KINDS];
    unsigned n = counting(c, users);
    for (unsigned i = 0; i < n; i++) {
        uint64_t most = users[i].limits.most[QUOTA_SUBSCRIPTIONS];
        if (quota_add(users[i].quota, QUOTA_SUBSCRIPTIONS, topics, most))
            continue;
        remove_topics(users, i, topics);
        return refuse(c, &users[i], &(struct quota_over){QUOTA_SUBSCRIPTIONS, most, 0}, ret);
    }
    c->client.topics += n ? topics & TOPICS_MAX : 0;
    return true;
}

void http_quota_settle(struct conn *c, uint32_t topics)
{
    struct user users[QUOTA_KINDS];
    if (c->client.topics <= topics)
        return;
    remove_topics(users, counting(c, users), c->client.topics - topics);
    c->client.topics = topics & TOPICS_MAX;
}

/* --- connections that receive --- */

static void drop(const struct user *users, unsigned n, uint32_t topics)
{
    remove_topics(users, n, topics);
    for (unsigned i = 0; i < n; i++)
        quota_remove(users[i].quota, QUOTA_CONNECTIONS, 1);
}

/* One connection more of U, with so many topics. False: it has too many of WHAT. */
static bool take(const struct user *u, uint32_t topics, enum quota_what *ret)
{
    *ret = QUOTA_CONNECTIONS;
    if (!quota_add(u->quota, QUOTA_CONNECTIONS, 1, u->limits.most[QUOTA_CONNECTIONS]))
        return false;
    *ret = QUOTA_SUBSCRIPTIONS;
    if (quota_add(u->quota, QUOTA_SUBSCRIPTIONS, topics, u->limits.most[QUOTA_SUBSCRIPTIONS]))
        return true;
    quota_remove(u->quota, QUOTA_CONNECTIONS, 1);
    return false;
}

bool http_quota_join(struct conn *c, uint32_t topics, struct http_quota *ret)
{
    struct user users[QUOTA_KINDS];
    enum quota_what what;
    unsigned n = c->client.held ? 0 : add_bearer(c, users, 0);
    if (!c->client.quota && n)
        c->client.topics = topics & TOPICS_MAX; /* nobody has counted them */
    for (unsigned i = 0; i < n; i++) {
        if (take(&users[i], c->client.topics, &what))
            continue;
        drop(users, i, c->client.topics);
        return refuse(c, &users[i], &(struct quota_over){what, users[i].limits.most[what], 0}, ret);
    }
    if (n)
        c->client.held = true;
    return true;
}

static void part(struct conn *c)
{
    struct user users[QUOTA_KINDS];
    if (c->client.held)
        drop(users, add_bearer(c, users, 0), 0);
    c->client.held = false;
}

bool http_quota_receive(struct conn *c, uint32_t topics, struct http_quota *ret)
{
    if (!client_count(c->loop, &c->client)) {
        struct user address = {.kind = QUOTA_ADDRESS};
        uint64_t most = worker_settings(c)->net.address.most[QUOTA_CONNECTIONS];
        return refuse(c, &address, &(struct quota_over){QUOTA_CONNECTIONS, most, 0}, ret);
    }
    if (http_quota_join(c, 0, ret) && http_quota_subscribe(c, topics, ret))
        return true;
    http_quota_leave(c);
    return false;
}

void http_quota_leave(struct conn *c)
{
    http_quota_settle(c, 0);
    part(c);
    client_uncount(&c->client);
}
