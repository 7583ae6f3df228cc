#include "frontends/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ip.h"
#include "base/log.h"
#include "frontends/http/http.h"
#include "frontends/http/proxy.h"
#include "frontends/peer.h"
#include "frontends/resp/resp.h"

enum {
    ACCEPTS_PER_TURN = 64, /* a storm of connects must not starve the others */
    BACKLOG = 4096,
    QUIET_MS = 10000, /* who comes and goes at the limit must not fill the log */
};

struct listener {
    struct listener *next;
    struct worker *worker;
    struct event event;
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

static bool somebody_answers(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool answers = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN;
    close(fd);
    return answers;
}

static enum err set_access(const struct listen_local_options *o, struct buf *error)
{
    gid_t gid = (gid_t)-1;
    if (o->group) {
        const struct group *g = getgrnam(o->group);
        if (!g) {
            buf_printf(error, "socket.group = %s: there is no such group", o->group);
            return ERR_NOT_FOUND;
        }
        gid = g->gr_gid;
    }
    if ((o->group && chown(o->path, (uid_t)-1, gid) != 0) || chmod(o->path, o->mode) != 0) {
        buf_printf(error, "cannot set owner and mode of %s: %s", o->path, strerror(errno));
        return ERR_ACCESS;
    }
    return ERR_OK;
}

/* What may stand at the path already: nothing, or a socket that nobody answers at. */
static enum err clear_path(const struct sockaddr_un *a, struct buf *error)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return ERR_OK;
    if (!S_ISSOCK(st.st_mode)) {
        buf_printf(error, "%s exists and is not a socket", a->sun_path);
        return ERR_INVALID;
    }
    if (somebody_answers(a)) {
        buf_printf(error, "another hub is running at %s", a->sun_path);
        return ERR_LOCKED;
    }
    log_info("removing the stale socket %s", a->sun_path);
    unlink(a->sun_path);
    return ERR_OK;
}

enum err listen_local(const struct listen_local_options *o, int *ret_fd, struct buf *error)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(o->path) >= sizeof(a.sun_path)) {
        buf_printf(error, "socket.path: at most %zu bytes", sizeof(a.sun_path) - 1);
        return ERR_INVALID;
    }
    memcpy(a.sun_path, o->path, strlen(o->path) + 1);
    enum err e = clear_path(&a, error);
    if (e != ERR_OK)
        return e;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177); /* nobody else gets in before the mode is set */
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
    umask(mask);
    if (!bound || listen(fd, BACKLOG) != 0) {
        buf_printf(error, "cannot listen at %s: %s", o->path, strerror(errno));
        e = errno == EACCES ? ERR_ACCESS : ERR_IO;
    } else {
        e = set_access(o, error);
    }
    if (e != ERR_OK && fd >= 0)
        close(fd);
    *ret_fd = fd;
    return e;
}

/* --- accepting --- */

/* Once for all workers, which come to the limit together. */
static bool may_log_pause(const struct listener *l)
{
    _Atomic uint64_t *quiet_until = &l->worker->budget->quiet_until_ms[l->local];
    uint64_t now = l->worker->now_ms, until = atomic_load(quiet_until);
    return now >= until && atomic_compare_exchange_strong(quiet_until, &until, now + QUIET_MS);
}

static void pause_listener(struct listener *l, const char *why)
{
    l->paused = true;
    event_del(&l->event);
    counter_add(&l->worker->counters, COUNTER_accept_paused, 1);
    if (!may_log_pause(l))
        return;
    log_warn("accepting no more %s connections for now: %s", l->local ? "local" : "TCP", why);
}

static void set_options(const struct worker *w, int fd, bool local)
{
    static const int on = 1;
    const struct settings *s = w->settings;
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
    const struct conn_budget *b = l->worker->budget;
    return l->local || atomic_load(&b->used) < b->max;
}

static const struct protocol *protocol_of(const struct listener *l)
{
    if (l->local)
        return &resp_protocol;
    return l->worker->settings->proxy_protocol ? &proxy_protocol : &http_protocol;
}

/* C speaks what protocol_of said. */
static void begin(struct conn *c, const struct ip_port *from)
{
    if (c->protocol == &proxy_protocol)
        proxy_accepted(c, from);
    else if (peer_accept(c, from) == ERR_NOMEM)
        conn_close(c, CLOSE_NOMEM);
    else
        http_accepted(c);
}

static void adopt(struct listener *l, int fd, const struct ip_port *from)
{
    struct worker *w = l->worker;
    struct conn *c;
    set_options(w, fd, l->local);
    if (conn_create(w, fd, l->local, l->local || l->loopback, protocol_of(l), &c) != ERR_OK) {
        pause_listener(l, "out of memory");
        return;
    }
    counter_add(&w->counters, COUNTER_accepted, 1);
    if (!l->local)
        begin(c, from);
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
    worker_update_clock(l->worker);
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

enum err listener_add(struct worker *w, int fd, bool local, bool loopback)
{
    struct listener *l = calloc(1, sizeof(*l));
    if (!l || event_assign(&l->event, w->base, fd, EV_READ | EV_PERSIST, on_accept, l) != 0 ||
        event_add(&l->event, NULL) != 0) {
        free(l);
        close(fd);
        return ERR_NOMEM;
    }
    l->worker = w;
    l->local = local;
    l->loopback = loopback;
    l->next = w->listeners;
    w->listeners = l;
    return ERR_OK;
}

void listener_close_all(struct worker *w)
{
    while (w->listeners) {
        struct listener *l = w->listeners;
        w->listeners = l->next;
        event_del(&l->event);
        close(event_get_fd(&l->event));
        free(l);
    }
}

bool listener_any_paused(const struct worker *w)
{
    for (const struct listener *l = w->listeners; l; l = l->next)
        if (l->paused)
            return true;
    return false;
}

void listener_resume_all(struct worker *w)
{
    for (struct listener *l = w->listeners; l; l = l->next)
        if (l->paused && budget_left(l) && event_add(&l->event, NULL) == 0)
            l->paused = false;
}
