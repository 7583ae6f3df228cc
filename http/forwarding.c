#include "http/forwarding.h"

#include "http/forwarded.h"
#include "http/http_fields.h"
#include "net/conn.h"
#include "net/loop.h"
#include "net/peer.h"

typedef void adder(struct forwarded *f, const char *value, size_t n, const struct ip_net *trusted,
                   size_t count);

static struct forwarded read_fields(const struct conn *c, const struct http_fields *fields,
                                    enum http_field which, adder *add)
{
    const struct net_settings *s = c->loop->settings;
    struct forwarded f = {0};
    size_t n;
    const char *value = http_fields_get(fields, which, &n);
    for (; value; value = http_fields_next(fields, which, value, &n))
        add(&f, value, n, s->trusted_proxies, s->trusted_proxy_count);
    return f;
}

bool forwarding_is_said(const struct http_fields *f)
{
    return http_fields_has(f, HTTP_FIELD_FORWARDED) || http_fields_has(f, HTTP_FIELD_VIA) ||
           http_fields_has(f, HTTP_FIELD_X_REAL_IP) ||
           http_fields_has(f, HTTP_FIELD_X_FORWARDED_FOR) ||
           http_fields_has(f, HTTP_FIELD_X_FORWARDED);
}

/* Adds what another field says. A proxy writes one of them and passes the others on as a client has
 * written them, and which one nobody knows here: so all of them count only when they agree. */
static void combine(struct forwarded *all, const struct forwarded *more)
{
    if (!more->any)
        return;
    if (!all->any) {
        *all = *more;
        return;
    }
    all->known = forwarded_agree(all, more);
    all->remote |= more->remote;
}

/* X-Real-IP has no chain: that a trusted proxy is the peer of another one contradicts nothing. */
static void combine_one(struct forwarded *all, const struct forwarded *one)
{
    if (one->untrusted || !all->any)
        combine(all, one);
    else
        all->remote |= one->remote;
}

static struct forwarded read_forwarded(const struct conn *c, const struct http_fields *fields)
{
    struct forwarded all = read_fields(c, fields, HTTP_FIELD_FORWARDED, forwarded_add);
    struct forwarded list = read_fields(c, fields, HTTP_FIELD_X_FORWARDED_FOR, forwarded_add_list);
    struct forwarded one = read_fields(c, fields, HTTP_FIELD_X_REAL_IP, forwarded_add_one);
    combine(&all, &list);
    combine_one(&all, &one);
    all.any |= forwarding_is_said(fields); /* by whom, and for nobody that it names */
    return all;
}

/* The request uses the quota of who is at IP; NULL: of nobody. Those whom a proxy does not name
 * have one together, the proxy's own, though that is exempt for itself. */
static void count_for(struct conn *c, const struct ip *ip)
{
    client_is(c->loop, &c->client, ip);
}

void forwarding_take(struct conn *c, const struct http_fields *fields)
{
    struct peer *peer = conn_peer(c);
    if (!peer)
        return;
    peer->client = peer->sender;
    c->trusted = peer->trusted;
    if (peer->hidden || !net_settings_trust(c->loop->settings, &peer->sender.ip)) {
        if (peer->hidden)
            count_for(c, &peer->sender.ip);
        return;
    }
    struct forwarded f = read_forwarded(c, fields);
    if (f.known)
        peer->client = f.client;
    if (f.any)
        c->trusted = peer->trusted && f.known && !f.remote;
    if (!f.known)
        count_for(c, f.any ? &peer->sender.ip : NULL);
    else
        count_for(c, net_settings_exempt(c->loop->settings, &f.client.ip) ? NULL : &f.client.ip);
}
