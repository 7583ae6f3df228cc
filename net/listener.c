#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ip.h"
#include "base/log.h"
#include "net/client.h"
#include "net/conn.h"
#include "net/loop.h"
#include "net/service.h"
#include "net/socket.h"

enum {
    ACCEPTS_PER_TURN = 128, /* a storm of connects must not starve the others */
    BACKLOG = 4096,
    QUIET_MS = 10000, /* who comes and goes at the limit must not fill the log */
};

struct listener {
    struct listener *next;
    struct loop *loop;
    struct event event;
    const struct service *service;
    bool local, loopback;
    bool paused;
};

/* --- addresses --- */

void listen_address_format(const struct listen_address *a, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (a->addr.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&a->addr;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
        snprintf(out, size, "[%s]:%u", host, ntohs(in->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a->addr;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, size, "%s:%u", host, ntohs(in->sin_port));
    }
}

/* --- binding --- */

static int open_tcp(const struct listen_address *a, bool share)
{
    static const int on = 1;
    int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (a->addr.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&a->addr, a->len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static enum err cannot_listen(const struct listen_address *a, struct buf *error)
{
    char text[INET6_ADDRSTRLEN + 16];
    int saved = errno;
    listen_address_format(a, text, sizeof(text));
    buf_printf(error, "cannot listen at %s: %s", text,
               saved == EADDRINUSE ? "another process listens there (see: ss -ltnp)"
                                   : strerror(saved));
    return saved == EACCES || saved == EPERM ? ERR_ACCESS : ERR_IO;
}

/* SO_REUSEPORT would quietly share the address with another hub of the same user; an exclusive bind
 * first finds that out, and the port when any will do. */
static enum err claim(struct listen_address *a, struct buf *error)
{
    int fd = open_tcp(a, false);
    if (fd < 0)
        return cannot_listen(a, error);
    a->len = sizeof(a->addr);
    getsockname(fd, (struct sockaddr *)&a->addr, &a->len);
    close(fd);
    return ERR_OK;
}

enum err listen_tcp(struct listen_address *a, int *fds, unsigned count, struct buf *error)
{
    enum err e = claim(a, error);
    if (e != ERR_OK)
        return e;
    for (unsigned i = 0; i < count; i++) {
        fds[i] = open_tcp(a, true);
        if (fds[i] >= 0)
            continue;
        e = cannot_listen(a, error);
        while (i-- > 0)
            close(fds[i]);
        return e;
    }
    return ERR_OK;
}

/* --- accepting --- */

enum { QUIET_LOCAL = 1, QUIET_CLIENTS = 2 };

/* Once for all workers, which come to the limit together. */
static bool may_log(const struct listener *l, unsigned which)
{
    _Atomic uint64_t *quiet_until = &l->loop->process->quiet_until_ms[which];
    uint64_t now = l->loop->now_ms, until = atomic_load(quiet_until);
    return now >= until && atomic_compare_exchange_strong(quiet_until, &until, now + QUIET_MS);
}

static void pause_listener(struct listener *l, const char *why)
{
    l->paused = true;
    event_del(&l->event);
    counter_add(&l->loop->counters, COUNTER_accept_paused, 1);
    if (!may_log(l, l->local ? QUIET_LOCAL : 0))
        return;
    log_warn("accepting no more %s connections for now: %s", l->local ? "local" : "TCP", why);
}

static void set_options(const struct loop *loop, int fd, bool local)
{
    static const int on = 1;
    const struct net_settings *s = loop->settings;
    unsigned timeout_ms = (unsigned)s->write_timeout_ms;
    if (local)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* A peer that is gone acknowledges nothing; a heartbeat is enough to find out. */
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    if (s->send_buffer)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &s->send_buffer, sizeof(int));
    if (s->notsent_lowat)
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &s->notsent_lowat, sizeof(int));
}

static bool budget_left(const struct listener *l)
{
    struct process *p = l->loop->process;
    return l->local || atomic_load(&p->conns) < p->conns_max;
}

/* As the settings are now. */
static const struct service *service_of(const struct listener *l)
{
    const struct service *s = l->service;
    return s->proxied && l->loop->settings->proxy_protocol ? s->proxied : s;
}

/* Its client has enough of them. A reset: what is closed in order would be remembered for a minute
 * by the kernel. */
static void turn_away(const struct listener *l, int fd, const struct ip_port *from)
{
    static const struct linger at_once = {.l_onoff = 1};
    char address[IP_TEXT_SIZE];
    ip_format(&from->ip, address);
    if (may_log(l, QUIET_CLIENTS))
        log_info("refused %s: it has as many connections as limits.address_connections allows",
                 address);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

static void adopt(struct listener *l, int fd, const struct ip_port *from)
{
    struct loop *loop = l->loop;
    const struct service *s = service_of(l);
    struct quota *client = NULL;
    struct conn *c;
    if (!l->local && !client_admit(loop, &from->ip, &client)) {
        turn_away(l, fd, from);
        return;
    }
    set_options(loop, fd, l->local);
    struct link link = socket_link(fd, l->local);
    if (conn_create(loop, link, l->local, l->local || l->loopback, s->protocol, &c) != ERR_OK) {
        client_dismiss(loop, client);
        pause_listener(l, "out of memory");
        return;
    }
    client_begin(&c->client, client);
    counter_add(&loop->counters, COUNTER_accepted, 1);
    if (s->accepted)
        s->accepted(c, s, from);
}

/* accept4(), with the peer's address in RET where it has one. */
static int accept_one(int listening, struct ip_port *ret)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof(a);
    int fd = accept4(listening, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 || !ip_from_sockaddr((struct sockaddr *)&a, ret))
        *ret = (struct ip_port){0};
    return fd;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;
    (void)what;
    loop_update_clock(l->loop);
    for (int i = 0; i < ACCEPTS_PER_TURN && !l->paused; i++) {
        if (!budget_left(l)) {
            pause_listener(l, "the limit of connections is reached");
            return;
        }
        struct ip_port from;
        int conn = accept_one(fd, &from);
        if (conn >= 0)
            adopt(l, conn, &from);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_listener(l, strerror(errno));
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

enum err listener_add(struct loop *loop, int fd, const struct service *s, bool local, bool loopback)
{
    struct listener *l = calloc(1, sizeof(*l));
    if (!l || event_assign(&l->event, loop->base, fd, EV_READ | EV_PERSIST, on_accept, l) != 0 ||
        event_add(&l->event, NULL) != 0) {
        free(l);
        close(fd);
        return ERR_NOMEM;
    }
    l->loop = loop;
    l->service = s;
    l->local = local;
    l->loopback = loopback;
    l->next = loop->listeners;
    loop->listeners = l;
    return ERR_OK;
}

static void close_listener(struct listener *l)
{
    event_del(&l->event);
    close(event_get_fd(&l->event));
    free(l);
}

void listener_close_all(struct loop *loop)
{
    while (loop->listeners) {
        struct listener *l = loop->listeners;
        loop->listeners = l->next;
        close_listener(l);
    }
}

/* Whoever has connected already gets in. */
static void accept_waiting(struct listener *l)
{
    struct ip_port from;
    int listening = event_get_fd(&l->event), fd;
    for (int i = 0; i < BACKLOG && (fd = accept_one(listening, &from)) >= 0; i++)
        adopt(l, fd, &from);
}

enum err listener_replace_local(struct loop *loop, int fd, const struct service *s)
{
    enum err e = listener_add(loop, fd, s, true, true);
    if (e != ERR_OK)
        return e;
    for (struct listener **at = &loop->listeners->next; *at;) {
        struct listener *l = *at;
        if (!l->local) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        accept_waiting(l);
        close_listener(l);
    }
    return ERR_OK;
}

bool listener_any_paused(const struct loop *loop)
{
    for (const struct listener *l = loop->listeners; l; l = l->next)
        if (l->paused)
            return true;
    return false;
}

void listener_resume_all(struct loop *loop)
{
    for (struct listener *l = loop->listeners; l; l = l->next)
        if (l->paused && budget_left(l) && event_add(&l->event, NULL) == 0)
            l->paused = false;
}
