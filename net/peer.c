#include "net/peer.h"

#include <stdlib.h>
#include <string.h>

#include "net/proxy_header.h"

struct peer *peer_create(const struct ip_port *from, bool trusted)
{
    struct peer *p = calloc(1, sizeof(*p) + 1);
    if (p)
        *p = (struct peer){.sender = *from, .client = *from, .trusted = trusted, .proxied = true};
    return p;
}

struct peer *peer_copy(const struct peer *p)
{
    size_t n = sizeof(*p) + strlen(p->subject) + 1;
    struct peer *copy = malloc(n);
    return copy ? memcpy(copy, p, n) : NULL;
}

struct peer *peer_with_subject(struct peer *p, const struct ip_port *from, bool trusted,
                               const char *subject)
{
    size_t n = strlen(subject) + 1;
    struct peer *grown = realloc(p, sizeof(*p) + n);
    if (!grown)
        return NULL;
    if (!p)
        *grown = (struct peer){.sender = *from, .client = *from, .trusted = trusted};
    memcpy(grown->subject, subject, n);
    return grown;
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
