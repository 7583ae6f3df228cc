#include "tools/bench/bench_wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/bench_progress.h"

static void wait_for(const struct bench_wire *w, short events)
{
    struct pollfd p = {.fd = w->fd, .events = events};
    (void)!poll(&p, 1, -1); /* interrupted: whoever waits tries again */
}

enum err wire_begin_tls(struct bench_wire *w, const struct http_place *place)
{
    return tls_stream_create(place->tls, w->fd, place->host, &w->tls);
}

static bool shake_hands(struct bench_wire *w)
{
    enum tls_progress p;
    while ((p = tls_stream_handshake(w->tls)) == TLS_WANTS_READ || p == TLS_WANTS_WRITE)
        wait_for(w, p == TLS_WANTS_READ ? POLLIN : POLLOUT);
    if (p == TLS_FAILED)
        bench_say("%s", tls_stream_problem(w->tls));
    return p == TLS_DONE;
}

bool wire_open(struct bench_wire *w, const struct http_place *place)
{
    *w = (struct bench_wire){.fd = http_connect(place)};
    if (w->fd < 0)
        return false;
    if (!place->tls || (wire_begin_tls(w, place) == ERR_OK && shake_hands(w)))
        return true;
    wire_close(w);
    return false;
}

void wire_close(struct bench_wire *w)
{
    tls_stream_destroy(w->tls);
    w->tls = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

ssize_t wire_recv(struct bench_wire *w, void *data, size_t n)
{
    return w->tls ? tls_stream_recv(w->tls, data, n) : recv(w->fd, data, n, MSG_DONTWAIT);
}

ssize_t wire_send(struct bench_wire *w, const void *data, size_t n)
{
    return w->tls ? tls_stream_send(w->tls, data, n)
                  : send(w->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t wire_recv_wait(struct bench_wire *w, void *data, size_t n)
{
    ssize_t got;
    while ((got = wire_recv(w, data, n)) < 0 && (errno == EAGAIN || errno == EINTR))
        wait_for(w, POLLIN);
    return got;
}

bool wire_send_all(struct bench_wire *w, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t sent = wire_send(w, p, n);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0)
            wait_for(w, POLLOUT);
        else {
            p += sent;
            n -= (size_t)sent;
        }
    }
    return true;
}
