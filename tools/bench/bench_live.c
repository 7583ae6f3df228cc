/*
 * A live subscriber beside what is measured, and its publisher: how much later does a message come
 * because of the others?
 *
 * Both are in a process of their own, which does nothing else and is run before this one where that
 * is allowed. It answers each byte that it is sent with what it has seen since the last one.
 */
#include "tools/bench/bench_live.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_subscriber.h"
#include "tools/bench/bench_transports.h"

#define LONGEST_TURN (100 * BENCH_MS)

/* What the child sends. */
struct seen {
    struct bench_histogram latency;
    uint64_t wrong; /* messages that should not be, or are not */
};

/* The child has one of it. */
static struct live {
    struct bench_source parent;
    struct bench_config config;
    struct bench_loop loop;
    struct bench_plan plan;
    struct bench_publishers publishers;
    struct bench_subscribers subscribers;
    struct seen seen;
    uint32_t topic;
    int fd; /* to the parent */
} live;

/* --- the child --- */

static void tell(void)
{
    struct bench_subscribers *set = &live.subscribers;
    live.seen.latency = set->latency;
    live.seen.wrong =
        set->missing + set->repeated + set->late + set->foreign + live.publishers.refused;
    if (send(live.fd, &live.seen, sizeof(live.seen), MSG_NOSIGNAL) != (ssize_t)sizeof(live.seen))
        _exit(BENCH_FAILED);
    histogram_clear(&set->latency);
}

static void on_parent(struct bench_source *source, uint32_t events)
{
    char byte;
    (void)source;
    (void)events;
    if (recv(live.fd, &byte, 1, 0) != 1)
        _exit(BENCH_OK);
    tell();
}

static void publish_until(uint64_t now, uint64_t *due)
{
    struct bench_publisher *p = &live.publishers.items[0];
    for (; *due <= now && !publisher_full(p); *due += BENCH_SECOND / live.config.live) {
        struct bench_mark mark = {live.topic, ++live.plan.sent[live.topic], *due};
        publisher_publish(p, live.topic, &mark);
    }
    publishers_flush(&live.publishers);
}

static void run(void)
{
    uint64_t due = bench_now();
    while (!live.loop.failed && live.subscribers.live) {
        uint64_t now = bench_now();
        publish_until(now, &due);
        uint64_t wait = due > now ? due - now : 0;
        loop_turn(&live.loop, wait < LONGEST_TURN ? wait : LONGEST_TURN);
    }
}

static void no_tick(void *ctx)
{
    (void)ctx;
}

static enum bench_exit connect_both(const struct http_place *place)
{
    struct bench_subscribers *set = &live.subscribers;
    set->loop = &live.loop;
    set->plan = &live.plan;
    set->protocol = bench_protocol_of(live.config.transport);
    set->place = place;
    set->raw = live.config.raw;
    live.parent.ready = on_parent;
    if (loop_init(&live.loop, false) || plan_init(&live.plan, live.topic + 1, 1) ||
        subscribers_init(set, 1) || loop_add(&live.loop, live.fd, EPOLLIN, &live.parent))
        return BENCH_FAILED;
    set->items[0].topic = live.topic;
    live.publishers.protocol = bench_publish_protocol_of(live.config.publish_by);
    enum bench_exit status = publishers_init(&live.publishers, &live.loop, live.config.socket, NULL,
                                             &live.config, live.plan.tag);
    return status ? status : subscribers_connect(set, no_tick, NULL);
}

__attribute__((noreturn)) static void run_child(const struct bench_config *config,
                                                const struct http_place *place, int fd)
{
    struct sched_param first = {.sched_priority = 1};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    process_exact_timers();
    sched_setscheduler(0, SCHED_FIFO, &first); /* not allowed to all */
    live.config = *config;
    live.config.publishers = 1;
    live.config.pipeline = BENCH_PIPELINE_MAX;
    live.topic = (uint32_t)config->topics;
    live.fd = fd;
    enum bench_exit status = connect_both(place);
    if (status == BENCH_OK) {
        tell();
        run();
        status = BENCH_FAILED;
    }
    _exit((int)status);
}

/* --- the parent --- */

static bool receive(const struct bench_live *l, struct seen *ret)
{
    return recv(l->fd, ret, sizeof(*ret), MSG_WAITALL) == (ssize_t)sizeof(*ret) && ret->wrong == 0;
}

static enum bench_exit status_of(struct bench_live *l)
{
    int status = 0;
    waitpid(l->pid, &status, 0);
    l->pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) ? (enum bench_exit)WEXITSTATUS(status)
                                                    : BENCH_FAILED;
}

enum bench_exit live_start(struct bench_live *l, const struct bench_config *config,
                           const struct http_place *place)
{
    static struct seen first;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        bench_say("socketpair: %s", strerror(errno));
        return BENCH_FAILED;
    }
    l->pid = fork();
    if (l->pid == 0) {
        close(pair[0]);
        run_child(config, place, pair[1]);
    }
    close(pair[1]);
    l->fd = pair[0];
    if (l->pid > 0 && receive(l, &first))
        return BENCH_OK;
    close(l->fd);
    return l->pid > 0 ? status_of(l) : BENCH_FAILED;
}

bool live_take(struct bench_live *l, struct bench_histogram *ret)
{
    static struct seen seen;
    bool well = send(l->fd, "", 1, MSG_NOSIGNAL) == 1 && receive(l, &seen);
    *ret = seen.latency;
    return well;
}

void live_stop(struct bench_live *l)
{
    if (l->pid <= 0)
        return;
    close(l->fd);
    waitpid(l->pid, NULL, 0);
    l->pid = 0;
}
