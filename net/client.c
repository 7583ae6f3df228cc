#include "net/client.h"

#include <string.h>

#include "net/loop.h"

static struct quota_key key_of(const struct ip *ip)
{
    struct ip client = ip_of_client(ip);
    struct quota_key key = {.kind = QUOTA_ADDRESS};
    _Static_assert(sizeof(key.id) == sizeof(client.bytes), "an address is a key");
    memcpy(key.id, client.bytes, sizeof(key.id));
    return key;
}

bool client_admit(struct loop *l, const struct ip *ip, struct quota **ret)
{
    const struct net_settings *s = l->settings;
    *ret = NULL;
    if (net_settings_exempt(s, ip) || net_settings_trust(s, ip))
        return true;
    struct quota_key key = key_of(ip);
    struct quota *q = quota_get(l->process->quotas, &key);
    if (q && !quota_add(q, QUOTA_CONNECTIONS, 1, s->address.most[QUOTA_CONNECTIONS])) {
        quota_put(l->process->quotas, q, loop_real_ns(l));
        counter_add(&l->counters, COUNTER_limited_connections, 1);
        return false;
    }
    *ret = q;
    return true;
}

void client_dismiss(struct loop *l, struct quota *q)
{
    if (q)
        quota_remove(q, QUOTA_CONNECTIONS, 1);
    quota_put(l->process->quotas, q, loop_real_ns(l));
}

void client_begin(struct client_use *c, struct quota *q)
{
    c->quota = q;
    c->counted = c->accepted = q != NULL;
}

void client_begin_within(struct loop *l, struct client_use *c, const struct client_use *by)
{
    c->quota = quota_hold(l->process->quotas, by->quota);
}

static void set(struct loop *l, struct client_use *c, struct quota *q)
{
    client_uncount(c);
    quota_put(l->process->quotas, c->quota, loop_real_ns(l));
    c->quota = q;
}

void client_is(struct loop *l, struct client_use *c, const struct ip *ip)
{
    if (c->accepted)
        return;
    if (!ip) {
        set(l, c, NULL);
        return;
    }
    struct quota_key key = key_of(ip);
    if (!c->quota || !quota_is(c->quota, &key))
        set(l, c, quota_get(l->process->quotas, &key));
}

bool client_count(const struct loop *l, struct client_use *c)
{
    uint64_t most = l->settings->address.most[QUOTA_CONNECTIONS];
    if (c->counted || !c->quota)
        return true;
    c->counted = quota_add(c->quota, QUOTA_CONNECTIONS, 1, most);
    return c->counted;
}

void client_uncount(struct client_use *c)
{
    if (!c->counted || c->accepted)
        return;
    quota_remove(c->quota, QUOTA_CONNECTIONS, 1);
    c->counted = false;
}

void client_end(struct loop *l, struct client_use *c)
{
    if (c->quota)
        quota_remove(c->quota, QUOTA_SUBSCRIPTIONS, c->topics);
    c->topics = 0;
    c->accepted = false;
    set(l, c, NULL);
}
