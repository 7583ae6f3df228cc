#include "net/fan.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net/submission.h"

/* RESULT: how many bytes, or -errno. */
static enum err why_cut(int result)
{
    if (result >= 0 || result == -EAGAIN || result == -EWOULDBLOCK || result == -EINTR)
        return ERR_AGAIN;
    return result == -ETIMEDOUT ? ERR_TIMEOUT : ERR_CLOSED;
}

static void tell_cut(void *ctx, void *who, int result)
{
    struct fan *f = ctx;
    f->cuts++;
    f->cut(f->ctx, who, result < 0 ? 0 : (size_t)result, why_cut(result));
}

void fan_begin(struct fan *f, struct submission *s, fan_cut *cut, void *ctx)
{
    *f = (struct fan){.cut = cut, .ctx = ctx, .submission = s};
    if (s)
        submission_begin(s, tell_cut, f);
}

static void send_alone(struct fan *f, int fd, const void *data, size_t n, void *who)
{
    ssize_t taken;
    do
        taken = send(fd, data, n, MSG_NOSIGNAL);
    while (taken < 0 && errno == EINTR);
    if (taken != (ssize_t)n)
        tell_cut(f, who, taken < 0 ? -errno : (int)taken);
}

static void send_together(struct fan *f, int fd, const void *data, size_t n, void *who)
{
    if (!submission_add(f->submission, fd, data, n, who))
        send_alone(f, fd, data, n, who);
}

void fan_send(struct fan *f, int fd, const void *data, size_t n, void *who)
{
    f->sent++;
    if (!f->submission) {
        send_alone(f, fd, data, n, who);
    } else if (f->sent == 1) {
        f->first = (struct fan_one){data, n, who, fd};
    } else {
        if (f->sent == 2)
            send_together(f, f->first.fd, f->first.data, f->first.n, f->first.who);
        send_together(f, fd, data, n, who);
    }
}

void fan_end(struct fan *f)
{
    if (!f->submission)
        return;
    if (f->sent == 1)
        send_alone(f, f->first.fd, f->first.data, f->first.n, f->first.who);
    else if (f->sent > 1)
        submission_end(f->submission);
}
