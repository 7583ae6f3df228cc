/*
 * Publishers: connecting, sending, and counting answers. What is sent and what an answer looks like
 * is the affair of a protocol (bench_publisher_resp.c, _http.c, _ws.c). All of them are pipelined
 * alike, so that their rates can be compared: a command is sent when it is due and fewer than
 * `pipeline` before it have no answer. Answers come in the order of the publishes.
 */
#include "tools/bench/bench_publisher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_progress.h"

enum {
    ANSWERS_SIZE = 64 << 10, /* bytes read at once */
    REST_MAX = 32 << 10,     /* more than any protocol leaves over */
    SAYING_MAX = 160,        /* bytes of the hub's text that are shown */
};

#define STALL (10 * BENCH_SECOND) /* no answer to the greeting for so long: give up */

void publisher_put_payload(struct buf *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buf_putc(out, (char)('a' + i % 26));
}

void publisher_publish(struct bench_publisher *p, uint32_t topic, const struct bench_mark *m)
{
    struct bench_publishers *set = p->set;
    char *to = buf_reserve(&p->out, set->command.len);
    if (!to) {
        set->loop->failed = true;
        return;
    }
    memcpy(to, set->command.data, set->command.len);
    mark_hex32(to + set->topic_at, topic);
    mark_write(to + set->mark_at, set->tag, m);
    if (set->protocol->seal)
        set->protocol->seal(set, to, m);
    p->out.len += set->command.len;
    p->times[(p->oldest + p->unanswered++) % set->pipeline] = m->time;
}

void publisher_fail(struct bench_publisher *p, const char *what)
{
    bench_say("publisher %zu: %s", (size_t)(p - p->set->items), what);
    p->set->loop->failed = true;
}

/* --- sending --- */

static void watch(struct bench_publisher *p, bool for_room)
{
    if (p->watching == for_room)
        return;
    p->watching = for_room;
    loop_change(p->set->loop, p->wire.fd, EPOLLIN | (for_room ? EPOLLOUT : 0), &p->source);
}

static void flush(struct bench_publisher *p)
{
    size_t left = p->out.len - p->out_sent;
    ssize_t n = wire_send(&p->wire, p->out.data + p->out_sent, left);
    /* A peer that reads no more may have said why; the reader finds out. */
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EPIPE && errno != ECONNRESET) {
        publisher_fail(p, strerror(errno));
        return;
    }
    if (n > 0)
        p->out_sent += (size_t)n;
    if (p->out_sent == p->out.len) {
        buf_clear(&p->out);
        p->out_sent = 0;
    }
    watch(p, p->out.len > 0);
}

void publishers_flush(struct bench_publishers *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->items[i].out.len && !set->items[i].watching)
            flush(&set->items[i]);
    }
}

/* --- answers --- */

/* When the publish was due that is being answered; false: there is none. */
static bool take_oldest(struct bench_publisher *p, uint64_t *ret_due)
{
    if (p->unanswered == 0) {
        publisher_fail(p, "an answer to nothing");
        return false;
    }
    *ret_due = p->times[p->oldest];
    p->oldest = (p->oldest + 1) % p->set->pipeline;
    p->unanswered--;
    return true;
}

void publisher_answered(struct bench_publisher *p)
{
    struct bench_publishers *set = p->set;
    uint64_t due;
    if (!take_oldest(p, &due))
        return;
    set->answered++;
    histogram_add(&set->latency, set->now > due ? set->now - due : 0);
}

void publisher_refused(struct bench_publisher *p, const char *saying, size_t n)
{
    char plain[SAYING_MAX];
    uint64_t due;
    if (!take_oldest(p, &due))
        return;
    if (p->set->refused++ == 0)
        bench_say("the hub answers %s", log_escape(plain, sizeof(plain), saying, n));
}

void publisher_ready(struct bench_publisher *p)
{
    p->ready = true;
    p->set->ready++;
}

/* --- connecting --- */

static bool open_wire(struct bench_publisher *p)
{
    const struct bench_publishers *set = p->set;
    if (!set->protocol->local)
        return wire_open(&p->wire, set->place);
    p->wire.fd = bench_connect_local(set->socket);
    if (p->wire.fd < 0)
        bench_say("cannot connect to %s: %s", set->socket, strerror(errno));
    return p->wire.fd >= 0;
}

static enum bench_exit connect_publisher(struct bench_publisher *p)
{
    struct bench_publishers *set = p->set;
    p->watching = false;
    if (!open_wire(p))
        return BENCH_LOST;
    if (loop_add(set->loop, p->wire.fd, EPOLLIN, &p->source)) {
        bench_say("%s", err_text(ERR_NOMEM));
        return BENCH_FAILED;
    }
    if (set->protocol->greet)
        set->protocol->greet(set, &p->out);
    else
        publisher_ready(p);
    return BENCH_OK;
}

void publisher_reopen(struct bench_publisher *p)
{
    struct bench_publishers *set = p->set;
    set->refused += p->unanswered;
    set->ready--;
    p->unanswered = 0;
    p->ready = false;
    buf_clear(&p->out);
    p->out_sent = 0;
    wire_close(&p->wire);
    if (connect_publisher(p))
        set->loop->failed = true;
}

/* --- reading --- */

/* Whether there may be more that the socket does not show. */
static bool take_some(struct bench_publisher *p)
{
    static char input[REST_MAX + ANSWERS_SIZE];
    struct bench_publishers *set = p->set;
    size_t kept = p->rest.len;
    ssize_t n = wire_recv(&p->wire, input + REST_MAX, ANSWERS_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n == 0 && p->unanswered == 0 && set->protocol->reopens) {
        publisher_reopen(p);
        return false;
    }
    if (n <= 0) {
        publisher_fail(p, n == 0 ? "the hub closed the connection" : strerror(errno));
        return false;
    }
    set->now = bench_now();
    char *data = input + REST_MAX - kept;
    size_t len = kept + (size_t)n;
    if (kept)
        memcpy(data, p->rest.data, kept);
    size_t used = set->protocol->read(p, data, len);
    buf_clear(&p->rest);
    if (len - used > REST_MAX)
        publisher_fail(p, "too long an answer");
    else
        buf_append(&p->rest, data + used, len - used);
    return p->wire.tls && n == ANSWERS_SIZE && !set->loop->failed;
}

static void take_input(struct bench_publisher *p)
{
    while (take_some(p))
        ;
}

static void on_ready(struct bench_source *source, uint32_t events)
{
    struct bench_publisher *p = (struct bench_publisher *)(void *)source;
    if (events & EPOLLOUT)
        flush(p);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        take_input(p);
}

/* --- all of them --- */

static enum bench_exit open_publisher(struct bench_publishers *set, struct bench_publisher *p)
{
    p->set = set;
    p->source.ready = on_ready;
    p->wire.fd = -1;
    p->times = calloc(set->pipeline, sizeof(*p->times));
    if (p->times)
        return connect_publisher(p);
    bench_say("%s", err_text(ERR_NOMEM));
    return BENCH_FAILED;
}

static enum bench_exit await_greetings(struct bench_publishers *set)
{
    uint64_t end = bench_now() + STALL;
    publishers_flush(set);
    while (set->ready < set->count && !set->loop->failed && !loop_interrupted()) {
        if (bench_now() > end) {
            bench_say("the hub does not answer publishers");
            return BENCH_LOST;
        }
        loop_turn(set->loop, 100 * BENCH_MS);
    }
    return set->ready == set->count ? BENCH_OK : BENCH_LOST;
}

static pid_t find_server(const struct bench_publishers *set, const struct bench_config *config)
{
    if (config->pid)
        return (pid_t)config->pid;
    return set->protocol->local ? bench_peer_of(set->items[0].wire.fd)
                                : bench_server_of(set->socket);
}

enum bench_exit publishers_init(struct bench_publishers *set, struct bench_loop *loop,
                                const char *path, const struct http_place *place,
                                const struct bench_config *config, uint64_t tag)
{
    enum bench_exit status = BENCH_OK;
    set->loop = loop;
    set->socket = path;
    set->place = place;
    set->tag = tag;
    set->pipeline = (uint32_t)config->pipeline;
    set->protocol->form(set, config->size);
    set->items = calloc(config->publishers, sizeof(*set->items));
    if (!set->items || set->command.failed) {
        bench_say("%s", err_text(ERR_NOMEM));
        return BENCH_FAILED;
    }
    while (set->count < config->publishers && status == BENCH_OK)
        status = open_publisher(set, &set->items[set->count++]);
    if (status == BENCH_OK)
        status = await_greetings(set);
    if (status == BENCH_OK)
        set->server = find_server(set, config);
    return status || set->server ? status : BENCH_LOST;
}

void publishers_finish(struct bench_publishers *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        buf_finish(&set->items[i].out);
        buf_finish(&set->items[i].rest);
        free(set->items[i].times);
        wire_close(&set->items[i].wire);
    }
    free(set->items);
    buf_finish(&set->command);
}

uint64_t publishers_unanswered(const struct bench_publishers *set)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < set->count; i++)
        n += set->items[i].unanswered;
    return n;
}
