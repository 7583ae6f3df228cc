#include "net/loop.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/now.h"
#include "net/link.h"
#include "net/submission.h"
#include "utlist.h"

enum {
    CPU_ASKED_MS = 100, /* no pause is shorter (CLOCK_PAUSE_MS) */
    LOOK_WORK = 20000,  /* of a turn: beside it, a look that finds nothing is no matter */
};

/* --- time --- */

/* How long this thread has run since that was last asked, which costs a system call: 0 when it was
 * asked a moment ago. */
static uint64_t ran_ms(struct loop *l, uint64_t real_ms)
{
    struct timespec t;
    if (real_ms - l->cpu_asked_ms < CPU_ASKED_MS)
        return 0;
    uint64_t before = l->cpu_ms;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    l->cpu_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    l->cpu_asked_ms = real_ms;
    return l->cpu_ms > before ? l->cpu_ms - before : 0;
}

void loop_update_clock(struct loop *l)
{
    uint64_t real_ms = now_monotonic_ms();
    uint64_t pause = turn_clock_read(&l->clock, real_ms, ran_ms(l, real_ms));
    l->now_ms = l->clock.now_ms;
    if (!l->round_ms)
        l->round_ms = l->now_ms;
    if (!pause)
        return;
    counter_add(&l->counters, COUNTER_pauses, 1);
    log_warn("worker %u did not run for %llu ms: that does not count for any client's time limit",
             l->index, (unsigned long long)pause);
}

void loop_set_timer(struct loop *l, uint64_t wait_ms)
{
    uint64_t at = wait_ms == UINT64_MAX ? UINT64_MAX : l->now_ms + wait_ms;
    if (at >= l->timer_at_ms)
        return;
    struct timeval tv = {.tv_sec = (time_t)(wait_ms / 1000),
                         .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    if (evtimer_add(&l->timer_event, &tv) == 0)
        l->timer_at_ms = at;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    (void)fd;
    (void)what;
    loop_update_clock(l);
    l->timer_at_ms = UINT64_MAX; /* deadlines are looked at when the sockets have been */
    l->timer_fired = true;
}

/* --- events --- */

static void on_conns(evutil_socket_t fd, short what, void *arg)
{
    struct readiness *r = arg;
    (void)fd;
    (void)what;
    r->ready = true;
}

enum err loop_watch(struct loop *l, struct event *e, int fd, short flags, event_callback_fn run,
                    void *ctx)
{
    if (event_assign(e, l->base, fd, (short)(EV_READ | flags), run, ctx) != 0 ||
        event_add(e, NULL) != 0)
        return ERR_IO;
    return ERR_OK;
}

static bool look_again(struct readiness *r)
{
    if (r->count > 0)
        readiness_collect(r);
    return readiness_pending(r);
}

bool loop_look_again(struct loop *l)
{
    if (l->now_ms != l->round_ms || l->work.done - l->work.turn_from < LOOK_WORK)
        return false;
    bool found = look_again(&l->readiness[1]);
    return look_again(&l->readiness[0]) || found;
}

void loop_wait(struct loop *l, bool more)
{
    turn_clock_sleep(&l->clock, more ? l->now_ms : l->timer_at_ms);
    event_base_loop(l->base, more ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
    l->round_ms = 0;
}

/* --- links that gather --- */

void loop_flush_later(struct loop *l, struct gathering *g)
{
    if (!g->prev)
        DL_APPEND(l->to_flush, g);
}

void loop_flush_never(struct loop *l, struct gathering *g)
{
    if (!g->prev)
        return;
    DL_DELETE(l->to_flush, g);
    g->prev = NULL;
}

/* --- links that await something --- */

void loop_await(struct loop *l, struct awaiting *a)
{
    loop_await_never(l, a);
    a->due_ms = l->now_ms + l->settings->head_timeout_ms;
    DL_APPEND(l->awaited, a);
}

void loop_await_never(struct loop *l, struct awaiting *a)
{
    if (!a->prev)
        return;
    DL_DELETE(l->awaited, a);
    a->prev = NULL;
}

uint64_t loop_awaited_ms(const struct loop *l)
{
    if (!l->awaited)
        return UINT64_MAX;
    return l->awaited->due_ms > l->now_ms ? l->awaited->due_ms - l->now_ms : 0;
}

/* --- life --- */

static enum err watch_conns(struct loop *l, struct readiness *r, struct event *e)
{
    enum err err = readiness_open(r);
    return err == ERR_OK ? loop_watch(l, e, r->fd, EV_PERSIST, on_conns, r) : ERR_IO;
}

static enum err create_events(struct loop *l)
{
    l->base = event_base_new();
    l->read_buffer = malloc(LOOP_READ_BYTES);
    if (!l->base || !l->read_buffer)
        return ERR_NOMEM;
    if (evtimer_assign(&l->timer_event, l->base, on_timer, l) != 0)
        return ERR_IO;
    l->timer_at_ms = UINT64_MAX;
    enum err e = watch_conns(l, &l->readiness[0], &l->conns_event);
    return e == ERR_OK ? watch_conns(l, &l->readiness[1], &l->local_conns_event) : e;
}

/* It is a matter of speed only. */
static void create_submission(struct loop *l)
{
    const char *why;
    l->submission = submission_create(SUBMISSION_ENTRIES, &why);
    if (!l->submission)
        log_warn("worker %u has no io_uring: %s", l->index, why);
}

enum err loop_init(struct loop *l, unsigned index, struct process *p, const struct net_settings *s)
{
    l->index = index;
    l->process = p;
    l->settings = s;
    l->readiness[0].fd = l->readiness[1].fd = -1;
    peer_book_init(&l->book, &p->memory, index);
    turn_clock_init(&l->clock, now_monotonic_ms());
    l->now_ms = l->clock.now_ms;
    wheel_init(&l->wheel, l->now_ms);
    p->loops[index] = l;
    if (p->loop_count <= index)
        p->loop_count = index + 1;
    if (p->io_uring)
        create_submission(l);
    return create_events(l);
}

void loop_finish(struct loop *l)
{
    backlog_finish(&l->backlog);
    if (l->base) {
        event_del(&l->conns_event);
        event_del(&l->local_conns_event);
        evtimer_del(&l->timer_event);
        event_base_free(l->base);
    }
    readiness_close(&l->readiness[0]);
    readiness_close(&l->readiness[1]);
    submission_destroy(l->submission);
    free(l->read_buffer);
}
