#include "frontends/peer.h"

#include <stdlib.h>

#include "frontends/http/forwarded.h"
#include "frontends/http/http_request.h"
#include "frontends/http/proxy_header.h"
#include "frontends/worker.h"

static bool is_proxy(const struct conn *c, const struct ip *ip)
{
    const struct settings *s = c->worker->settings;
    return ip_in_nets(ip, s->trusted_proxies, s->trusted_proxy_count);
}

enum err peer_accept(struct conn *c, const struct ip_port *from)
{
    if (!is_proxy(c, &from->ip))
        return ERR_ACCESS;
    c->peer = malloc(sizeof(*c->peer));
    if (!c->peer)
        return ERR_NOMEM;
    *c->peer = (struct peer){.sender = *from, .client = *from, .trusted = c->trusted};
    return ERR_OK;
}

void peer_take_header(struct conn *c, const struct proxy_header *p)
{
    struct peer *peer = c->peer;
    if (p->source == PROXY_SOURCE_ITSELF)
        return;
    peer->hidden = p->source == PROXY_SOURCE_UNKNOWN;
    if (!peer->hidden)
        peer->sender = peer->client = p->client;
    peer->trusted = c->trusted && !peer->hidden && ip_is_loopback(&peer->sender.ip);
    c->trusted = peer->trusted;
}

typedef void adder(struct forwarded *f, const char *value, size_t n, const struct ip_net *trusted,
                   size_t count);

static struct forwarded read_fields(const struct conn *c, const struct http_request *r,
                                    const char *name, adder *add)
{
    const struct settings *s = c->worker->settings;
    struct forwarded f = {0};
    size_t n;
    const char *value = http_request_header(r, name, &n);
    for (; value; value = http_request_header_after(r, name, value, &n))
        add(&f, value, n, s->trusted_proxies, s->trusted_proxy_count);
    return f;
}

/* A proxy writes one of the two fields and passes the other one on as a client has written it, and
 * which one nobody knows here. So both count only when they agree. */
static struct forwarded read_forwarded(const struct conn *c, const struct http_request *r)
{
    struct forwarded standard = read_fields(c, r, "Forwarded", forwarded_add);
    struct forwarded list = read_fields(c, r, "X-Forwarded-For", forwarded_add_list);
    if (!standard.any || !list.any)
        return standard.any ? standard : list;
    list.known = forwarded_agree(&standard, &list);
    return list;
}

void peer_take_request(struct conn *c, const struct http_request *r)
{
    struct peer *peer = c->peer;
    if (!peer)
        return;
    peer->client = peer->sender;
    c->trusted = peer->trusted;
    if (peer->hidden || !is_proxy(c, &peer->sender.ip))
        return;
    struct forwarded f = read_forwarded(c, r);
    if (f.known)
        peer->client = f.client;
    if (f.any)
        c->trusted = peer->trusted && f.known && ip_is_loopback(&f.client.ip);
}
