#include "net/remote.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/socket.h"

struct remote *remote_create(const char *host, size_t host_len, const char *path)
{
    struct remote *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->refs = 1;
    r->host = strndup(host, host_len);
    r->path = strdup(path);
    if (r->host && r->path)
        return r;
    remote_unref(r);
    return NULL;
}

struct remote *remote_ref(struct remote *r)
{
    if (r)
        r->refs++;
    return r;
}

void remote_unref(struct remote *r)
{
    if (!r || --r->refs > 0)
        return;
    free(r->host);
    free(r->path);
    free(r);
}

/* What is asked is short, and waited for. */
static void set_options(int fd, int family)
{
    static const int on = 1;
    if (family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A Unix socket whose backlog is full says EAGAIN, and there is nothing that could be awaited. */
static bool is_connecting(int fd, const struct remote_address *a)
{
    return connect(fd, (const struct sockaddr *)&a->at, a->len) == 0 || errno == EINPROGRESS;
}

enum err remote_connect(struct loop *l, const struct remote_address *a, const struct protocol *p,
                        struct conn **ret)
{
    int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    set_options(fd, a->at.ss_family);
    if (!is_connecting(fd, a)) {
        close(fd);
        return ERR_IO;
    }
    /* As those of the local socket: no stranger's input is before what comes from there. */
    return conn_create(l, socket_link(fd, true), true, false, p, ret);
}
