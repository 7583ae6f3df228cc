/* The loop: epoll, and the interrupt from the keyboard. */
#include "tools/bench/bench_loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_progress.h"

enum { EVENTS_MAX = 256 }; /* of one turn, so that publishing gets its turn too */

static volatile sig_atomic_t interrupted;

enum err loop_init(struct bench_loop *l, bool spin)
{
    l->spin = spin;
    l->failed = false;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    return l->epoll < 0 ? ERR_IO : ERR_OK;
}

void loop_finish(struct bench_loop *l)
{
    close(l->epoll);
}

enum err loop_add(struct bench_loop *l, int fd, uint32_t events, struct bench_source *s)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) ? ERR_IO : ERR_OK;
}

void loop_change(struct bench_loop *l, int fd, uint32_t events, struct bench_source *s)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e) == 0)
        return;
    bench_say("epoll_ctl: %s", strerror(errno));
    l->failed = true;
}

void loop_turn(struct bench_loop *l, uint64_t wait)
{
    struct epoll_event events[EVENTS_MAX];
    if (l->spin)
        wait = 0;
    struct timespec limit = {(time_t)(wait / BENCH_SECOND), (long)(wait % BENCH_SECOND)};
    int n = epoll_pwait2(l->epoll, events, EVENTS_MAX, &limit, NULL);
    if (n < 0 && errno != EINTR) {
        bench_say("epoll_pwait2: %s", strerror(errno));
        l->failed = true;
    }
    for (int i = 0; i < n; i++) {
        struct bench_source *s = events[i].data.ptr;
        s->ready(s, events[i].events);
    }
}

static void note_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void loop_catch_interrupt(void)
{
    /* A second one ends the program. */
    struct sigaction a = {.sa_handler = note_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &a, NULL);
}

bool loop_interrupted(void)
{
    return interrupted;
}
