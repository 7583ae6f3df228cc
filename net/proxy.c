#include "net/proxy.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/loop.h"
#include "net/peer.h"
#include "net/proxy_header.h"
#include "net/service.h"

/* The state of a connection until its header is there. */
struct proxy {
    struct proxy_header header;
    const struct service *behind;
};

/* There is nothing that one could answer: what the client speaks is not known yet. */
static void refuse(struct conn *c, enum close_reason why)
{
    counter_add(&c->loop->counters, COUNTER_proxy_errors, 1);
    conn_close(c, why);
}

/* What its header says of it counts from here on. */
static void go_on(struct conn *c, const struct service *behind)
{
    const struct peer *peer = conn_peer(c);
    struct quota *client;
    c->trusted = peer->trusted;
    if (!client_admit(c->loop, &peer->sender.ip, &client)) {
        conn_close(c, CLOSE_CLIENT);
        return;
    }
    client_begin(&c->client, client);
    behind->adopt(c);
}

static size_t proxy_input(struct conn *c, char *data, size_t n)
{
    struct proxy *p = c->state;
    size_t used;
    switch (proxy_header_feed(&p->header, data, n, &used)) {
    case PROXY_READ_MORE:
        break;
    case PROXY_READ_DONE:
        peer_take_header(conn_peer(c), &p->header);
        go_on(c, p->behind);
        break;
    case PROXY_READ_ERROR:
        log_debug("connection %llu: %s", (unsigned long long)conn_number(c), p->header.reason);
        refuse(c, CLOSE_PROXY);
        break;
    }
    return used;
}

static void proxy_timeout(struct conn *c)
{
    refuse(c, CLOSE_HEAD_TIMEOUT);
}

static void proxy_finish(struct conn *c)
{
    free(c->state);
    c->state = NULL;
}

const struct protocol proxy_protocol = {
    .name = "proxy",
    .input = proxy_input,
    .timeout = proxy_timeout,
    .finish = proxy_finish,
};

void proxy_accepted(struct conn *c, const struct service *s, const struct ip_port *from)
{
    enum err e = conn_accepted(c, from);
    struct proxy *p = e == ERR_OK ? malloc(sizeof(*p)) : NULL;
    if (e == ERR_ACCESS) {
        refuse(c, CLOSE_PROXY);
    } else if (!p) {
        conn_close(c, CLOSE_NOMEM);
    } else {
        proxy_header_init(&p->header);
        p->behind = s->behind;
        conn_count_as(c, s->behind->protocol->transport);
        c->state = p;
        conn_set_deadline(c, loop_now(c->loop) + c->loop->settings->head_timeout_ms);
    }
}
