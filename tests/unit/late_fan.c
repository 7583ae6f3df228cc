/* A fan-out as the kernel might do it that is told all at the end: what was cut is told only then,
 * the last one first. Linked in place of net/fan.c. */
#include <check.h>
#include <errno.h>
#include <sys/socket.h>

#include "net/fan.h"

enum { CUTS_MAX = 1000 };

static struct late_cut {
    void *who;
    size_t taken;
    enum err why;
} cuts[CUTS_MAX];

void fan_begin(struct fan *f, struct submission *s, fan_cut *cut, void *ctx)
{
    (void)s;
    *f = (struct fan){.cut = cut, .ctx = ctx};
}

static enum err why_cut(ssize_t taken)
{
    if (taken >= 0 || errno == EAGAIN)
        return ERR_AGAIN;
    return errno == ETIMEDOUT ? ERR_TIMEOUT : ERR_CLOSED;
}

void fan_send(struct fan *f, int fd, const void *data, size_t n, void *who)
{
    ssize_t taken = send(fd, data, n, MSG_NOSIGNAL);
    f->sent++;
    if (taken == (ssize_t)n)
        return;
    ck_assert_uint_lt(f->cuts, CUTS_MAX);
    cuts[f->cuts++] = (struct late_cut){who, taken < 0 ? 0 : (size_t)taken, why_cut(taken)};
}

void fan_end(struct fan *f)
{
    for (uint32_t i = f->cuts; i-- > 0;)
        f->cut(f->ctx, cuts[i].who, cuts[i].taken, cuts[i].why);
}
