#include "http/http_quota.h"

#include <stdio.h>

#include "delivery/worker.h"
#include "net/client.h"

enum {
    NS_PER_S = 1000000000,
    TOPICS_MAX = (1 << 30) - 1,
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
    const struct quota_limits *limits;
};

static unsigned users_of(struct conn *c, struct user out[QUOTA_KINDS])
{
    unsigned n = 0;
    if (c->client.quota)
        out[n++] = (struct user){QUOTA_ADDRESS, c->client.quota, &worker_settings(c)->net.address};
    return n;
}

/* --- what is told --- */

static uint32_t retry_of(const struct quota_over *over)
{
    if (over->what < QUOTA_COUNTED)
        return RETRY_S;
    return (uint32_t)((over->wait_ns + NS_PER_S - 1) / NS_PER_S);
}

/* U is in the way. False. */
static bool refuse(struct conn *c, const struct user *u, const struct quota_over *over,
                   struct http_quota *ret)
{
    bool rate = over->what >= QUOTA_COUNTED;
    counter_add(&c->loop->counters, rules[over->what].counter, 1);
    *ret = (struct http_quota){.retry_s = retry_of(over)};
    snprintf(ret->text, sizeof(ret->text), "%s_%s allows %llu %s%s", whose[u->kind],
             rules[over->what].option, (unsigned long long)over->limit, rules[over->what].allowed,
             rate && !over->wait_ns ? ", and this batch has more" : "");
    ret->fault = (struct fault){rate ? "rate_limited" : "too_many", ret->text};
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
    while (i < n && quota_publish(users[i].quota, users[i].limits, messages, bytes, now_ns, &over))
        i++;
    if (i == n)
        return true;
    const struct user *in_the_way = &users[i];
    while (i-- > 0)
        quota_unpublish(users[i].quota, users[i].limits, messages, bytes);
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
    unsigned n = users_of(c, users);
    for (unsigned i = 0; i < n; i++) {
        uint64_t most = users[i].limits->most[QUOTA_SUBSCRIPTIONS];
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
    remove_topics(users, users_of(c, users), c->client.topics - topics);
    c->client.topics = topics & TOPICS_MAX;
}

bool http_quota_receive(struct conn *c, uint32_t topics, struct http_quota *ret)
{
    if (!client_count(c->loop, &c->client)) {
        struct user address = {.kind = QUOTA_ADDRESS};
        uint64_t most = worker_settings(c)->net.address.most[QUOTA_CONNECTIONS];
        return refuse(c, &address, &(struct quota_over){QUOTA_CONNECTIONS, most, 0}, ret);
    }
    if (http_quota_subscribe(c, topics, ret))
        return true;
    client_uncount(&c->client);
    return false;
}

void http_quota_leave(struct conn *c)
{
    http_quota_settle(c, 0);
    client_uncount(&c->client);
}
