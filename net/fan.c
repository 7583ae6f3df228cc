#include "net/fan.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

void fan_begin(struct fan *f, fan_cut *cut, void *ctx)
{
    *f = (struct fan){.cut = cut, .ctx = ctx};
}

static enum err why_cut(ssize_t taken)
{
    if (taken >= 0 || errno == EAGAIN || errno == EWOULDBLOCK)
        return ERR_AGAIN;
    return errno == ETIMEDOUT ? ERR_TIMEOUT : ERR_CLOSED;
}

static void tell_cut(struct fan *f, void *who, ssize_t taken)
{
    f->cuts++;
    f->cut(f->ctx, who, taken < 0 ? 0 : (size_t)taken, why_cut(taken));
}

void fan_send(struct fan *f, int fd, const void *data, size_t n, void *who)
{
    ssize_t taken;
    f->sent++;
    do
        taken = send(fd, data, n, MSG_NOSIGNAL);
    while (taken < 0 && errno == EINTR);
    if (taken != (ssize_t)n)
        tell_cut(f, who, taken);
}

void fan_end(struct fan *f)
{
    (void)f; /* the kernel knows all */
}
