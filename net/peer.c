#include "net/peer.h"

#include <stdlib.h>

#include "net/proxy_header.h"

struct peer *peer_create(const struct ip_port *from, bool trusted)
{
    struct peer *p = malloc(sizeof(*p));
    if (p)
        *p = (struct peer){.sender = *from, .client = *from, .trusted = trusted};
    return p;
}

void peer_take_header(struct peer *p, const struct proxy_header *h)
{
    if (h->source == PROXY_SOURCE_ITSELF)
        return;
    p->hidden = h->source == PROXY_SOURCE_UNKNOWN;
    if (!p->hidden)
        p->sender = p->client = h->client;
    p->trusted = p->trusted && !p->hidden && ip_is_loopback(&p->sender.ip);
}
