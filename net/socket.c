#include "net/socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ip.h"
#include "net/loop.h"
#include "net/readiness.h"

/* The kernel gives up what the peer has not taken for http.write_timeout (TCP_USER_TIMEOUT): it may
 * notice before the connection's deadline does. */
static struct link_io failed(int error)
{
    if (error == EAGAIN || error == EWOULDBLOCK)
        return (struct link_io){0, ERR_AGAIN};
    return (struct link_io){0, error == ETIMEDOUT ? ERR_TIMEOUT : ERR_CLOSED};
}

/* Straight where all is taken: this is called for each delivery. */
static struct link_io socket_send(struct link *l, const void *data, size_t n)
{
    ssize_t m;
    while ((m = send(l->at.fd, data, n, MSG_NOSIGNAL)) != (ssize_t)n) {
        if (m >= 0)
            return (struct link_io){(size_t)m, ERR_AGAIN};
        if (errno != EINTR)
            return failed(errno);
    }
    return (struct link_io){n, ERR_OK};
}

static struct link_io socket_receive(struct link *l, void *data, size_t n)
{
    ssize_t m;
    do
        m = recv(l->at.fd, data, n, 0);
    while (m < 0 && errno == EINTR);
    return m < 0 ? failed(errno) : (struct link_io){(size_t)m, ERR_OK};
}

static bool socket_shut(struct link *l)
{
    return shutdown(l->at.fd, SHUT_WR) == 0;
}

static int socket_fan_fd(const struct link *l)
{
    return l->at.fd;
}

/* --- addresses --- */

static bool socket_peer(const struct link *l, struct ip_port *ret)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    return getpeername(l->at.fd, (struct sockaddr *)&a, &len) == 0 &&
           ip_from_sockaddr((struct sockaddr *)&a, ret);
}

static bool socket_here(const struct link *l, struct ip_port *ret)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    return getsockname(l->at.fd, (struct sockaddr *)&a, &len) == 0 &&
           ip_from_sockaddr((struct sockaddr *)&a, ret);
}

/* --- readiness: others, and those of the local socket --- */

static void close_watched(struct link *l, struct link *told, struct readiness *r)
{
    readiness_forget(r, told);
    close(l->at.fd); /* it is not watched any more then */
}

static enum err tcp_want(struct link *l, struct link *told, struct loop *loop, unsigned was,
                         unsigned wanted)
{
    return readiness_watch(&loop->readiness[0], l->at.fd, told, was, wanted);
}

static void tcp_close(struct link *l, struct link *told, struct loop *loop)
{
    close_watched(l, told, &loop->readiness[0]);
}

static enum err local_want(struct link *l, struct link *told, struct loop *loop, unsigned was,
                           unsigned wanted)
{
    return readiness_watch(&loop->readiness[1], l->at.fd, told, was, wanted);
}

static void local_close(struct link *l, struct link *told, struct loop *loop)
{
    close_watched(l, told, &loop->readiness[1]);
}

static const struct link_ops tcp = {
    .send = socket_send,
    .receive = socket_receive,
    .want = tcp_want,
    .shut = socket_shut,
    .close = tcp_close,
    .fan_fd = socket_fan_fd,
    .peer = socket_peer,
    .here = socket_here,
};

static const struct link_ops local_socket = {
    .send = socket_send,
    .receive = socket_receive,
    .want = local_want,
    .shut = socket_shut,
    .close = local_close,
    .fan_fd = socket_fan_fd,
};

struct link socket_link(int fd, bool local)
{
    return (struct link){.ops = local ? &local_socket : &tcp, .at.fd = fd};
}
