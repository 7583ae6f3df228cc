#include "net/link.h"

/* --- none --- */

static struct link_io send_none(struct link *l, const void *data, size_t n)
{
    (void)l;
    (void)data;
    (void)n;
    return (struct link_io){0, ERR_CLOSED};
}

static struct link_io receive_none(struct link *l, void *data, size_t n)
{
    (void)l;
    (void)data;
    (void)n;
    return (struct link_io){0, ERR_CLOSED};
}

static enum err want_none(struct link *l, struct link *told, struct loop *loop, unsigned was,
                          unsigned wanted)
{
    (void)l;
    (void)told;
    (void)loop;
    (void)was;
    (void)wanted;
    return ERR_OK;
}

static bool shut_none(struct link *l)
{
    (void)l;
    return false;
}

static void close_none(struct link *l, struct link *told, struct loop *loop)
{
    (void)l;
    (void)told;
    (void)loop;
}

static const struct link_ops none = {
    .send = send_none,
    .receive = receive_none,
    .want = want_none,
    .shut = shut_none,
    .close = close_none,
};

struct link link_none(void)
{
    return (struct link){.ops = &none, .at.fd = -1};
}

bool link_is_none(const struct link *l)
{
    return l->ops == &none;
}

/* --- what not every link has --- */

bool link_is_ready(const struct link *l)
{
    return !l->ops->is_ready || l->ops->is_ready(l);
}

bool link_has_input(const struct link *l)
{
    return l->ops->has_input && l->ops->has_input(l);
}

size_t link_held(const struct link *l)
{
    return l->ops->held ? l->ops->held(l) : 0;
}

size_t link_keeps(const struct link *l)
{
    return l->ops->keeps ? l->ops->keeps(l) : 0;
}

int link_fan_fd(const struct link *l)
{
    return l->ops->fan_fd ? l->ops->fan_fd(l) : -1;
}

bool link_peer(const struct link *l, struct ip_port *ret)
{
    return l->ops->peer && l->ops->peer(l, ret);
}

bool link_here(const struct link *l, struct ip_port *ret)
{
    return l->ops->here && l->ops->here(l, ret);
}

bool link_is_secure(const struct link *l)
{
    return l->ops->is_secure && l->ops->is_secure(l);
}
