#include "net/readiness.h"

#include <stdint.h>
#include <unistd.h>

enum err readiness_open(struct readiness *r)
{
    r->told = r->count = 0;
    r->fd = epoll_create1(EPOLL_CLOEXEC);
    return r->fd < 0 ? ERR_IO : ERR_OK;
}

void readiness_close(struct readiness *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

static uint32_t events_of(unsigned what)
{
    return (what & READY_READ ? (uint32_t)EPOLLIN : 0) |
           (what & READY_WRITE ? (uint32_t)EPOLLOUT : 0);
}

enum err readiness_watch(struct readiness *r, int fd, void *item, unsigned was, unsigned wanted)
{
    struct epoll_event e = {.events = events_of(wanted), .data.ptr = item};
    /* Not one with no events: that would still be told when the connection breaks, and for ever. */
    int op = !was ? EPOLL_CTL_ADD : wanted ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    if (was == wanted)
        return ERR_OK;
    return epoll_ctl(r->fd, op, fd, &e) == 0 ? ERR_OK : ERR_NOMEM;
}

static unsigned what_of(uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP))
        return READY_READ | READY_WRITE;
    return (events & EPOLLIN ? READY_READ : 0U) | (events & EPOLLOUT ? READY_WRITE : 0U);
}

void readiness_collect(struct readiness *r)
{
    if (readiness_pending(r))
        return;
    int n = epoll_wait(r->fd, r->events, READINESS_AT_ONCE, 0);
    r->told = 0;
    r->count = n > 0 ? (size_t)n : 0;
}

bool readiness_tell(struct readiness *r, void (*ready)(void *item, unsigned what))
{
    while (readiness_pending(r)) {
        const struct epoll_event *e = &r->events[r->told++];
        if (!e->data.ptr)
            continue; /* forgotten */
        ready(e->data.ptr, what_of(e->events));
        return true;
    }
    return false;
}

void readiness_forget(struct readiness *r, const void *item)
{
    for (size_t i = r->told; i < r->count; i++)
        if (r->events[i].data.ptr == item)
            r->events[i].data.ptr = NULL;
}
