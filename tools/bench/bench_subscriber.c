/* The set of subscribers: connecting them, reading, and what each is owed. */
#include "tools/bench/bench_subscriber.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_report.h"

enum {
    CONNECTING_MAX = 128,   /* under way at once */
    ADDRESS_SHARE = 20000,  /* connections from one loopback address: there are 28,000 ports */
    SAYING_MAX = 160,       /* bytes of a peer's text that are shown */
    INPUT_SIZE = 256 << 10, /* bytes read at once */
    REST_MAX = HTTP_HEAD_MAX * 2, /* more than any protocol leaves over */
};

#define STALL (10 * BENCH_SECOND) /* no subscriber comes through for so long: give up */

enum err plan_init(struct bench_plan *p, uint32_t topics, uint32_t publishers)
{
    *p = (struct bench_plan){.tag = mark_tag(), .topics = topics, .publishers = publishers};
    p->sent = calloc((size_t)topics * publishers, sizeof(*p->sent));
    p->audience = calloc(topics, sizeof(*p->audience));
    return p->sent && p->audience ? ERR_OK : ERR_NOMEM;
}

void plan_finish(struct bench_plan *p)
{
    free(p->sent);
    free(p->audience);
}

/* --- what each is owed --- */

static uint32_t *numbers_of(struct bench_subscribers *set, const struct bench_subscriber *s)
{
    return &set->next[(size_t)(s - set->items) * set->plan->publishers];
}

static void add_hole(struct bench_subscribers *set, const uint32_t *next, uint32_t first,
                     uint32_t further)
{
    struct bench_hole hole = {next, first, further};
    if (first < further)
        set->holes[set->holes_next++ % BENCH_HOLES] = hole;
}

/* Whether NUMBER was missing until now; what is left of its hole are two, or one, or none. */
static bool fill_hole(struct bench_subscribers *set, const uint32_t *next, uint32_t number)
{
    for (size_t i = 0; i < BENCH_HOLES; i++) {
        struct bench_hole *h = &set->holes[i], was = *h;
        if (h->next != next || number < h->first || number >= h->further)
            continue;
        *h = (struct bench_hole){0};
        add_hole(set, next, was.first, number);
        add_hole(set, next, number + 1, was.further);
        return true;
    }
    return false;
}

static void take_old(struct bench_subscribers *set, const uint32_t *next, uint32_t number)
{
    if (!fill_hole(set, next, number)) {
        set->repeated++;
        return;
    }
    set->late++;
    set->missing--;
    set->delivered++;
}

void subscriber_odd(struct bench_subscribers *set, struct bench_subscriber *s,
                    const struct bench_mark *m)
{
    uint32_t publishers = set->plan->publishers;
    uint32_t publisher = m->stream - s->topic * publishers;
    if (publisher >= publishers) {
        set->foreign++;
        return;
    }
    uint32_t *next = &numbers_of(set, s)[publisher];
    if (m->number < *next) {
        take_old(set, next, m->number);
        return;
    }
    add_hole(set, next, *next, m->number);
    set->missing += m->number - *next;
    *next = m->number;
    subscriber_got(set, s, m);
}

bool subscriber_is_stuck(const struct bench_subscribers *set, const struct bench_subscriber *s)
{
    return (uint32_t)(s - set->items) >= set->count - set->stuck;
}

/* What was published for S and has not come never will. */
static void write_off(struct bench_subscribers *set, struct bench_subscriber *s)
{
    uint32_t publishers = subscriber_is_stuck(set, s) ? 0 : set->plan->publishers;
    const uint32_t *sent = &set->plan->sent[(size_t)s->topic * publishers];
    uint32_t *next = numbers_of(set, s);
    for (uint32_t i = 0; i < publishers; i++) {
        if (next[i] > sent[i])
            continue; /* has all, or even more: a log that was not filled for this run */
        set->missing += sent[i] + 1 - next[i];
        next[i] = sent[i] + 1;
    }
}

void subscribers_settle(struct bench_subscribers *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        write_off(set, &set->items[i]);
}

bool subscribers_well(const struct bench_subscribers *set)
{
    return !set->missing && !set->repeated && !set->late && !set->foreign && !set->lost;
}

void subscribers_report(const struct bench_subscribers *set, struct bench_report *r)
{
    report_number(r, "expected", "to be delivered", (double)set->plan->expected, 0, "");
    report_number(r, "delivered", "delivered in all", (double)set->delivered, 0, "");
    report_number(r, "missing", "missing", (double)set->missing, 0, "");
    report_number(r, "repeated", "repeated", (double)set->repeated, 0, "");
    report_number(r, "late", "out of order", (double)set->late, 0, "");
    report_number(r, "foreign", "of another topic", (double)set->foreign, 0, "");
    report_number(r, "lost", "subscribers lost", (double)set->lost, 0, "");
}

/* --- one subscriber --- */

/* Only the first failure is told: the others are mostly the same. */
void subscriber_fail(struct bench_subscribers *set, struct bench_subscriber *s, const char *fmt,
                     ...)
{
    char text[SAYING_MAX], plain[SAYING_MAX];
    va_list ap;
    if (s->state == SUBSCRIBER_LOST)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (set->lost++ == 0)
        bench_say("subscriber %zu: %s", (size_t)(s - set->items),
                  log_escape(plain, sizeof(plain), text, strlen(text)));
    if (s->state == SUBSCRIBER_LIVE) {
        set->live--;
        set->plan->audience[s->topic] -= !subscriber_is_stuck(set, s);
        write_off(set, s);
    } else {
        set->loop->failed = true;
    }
    wire_close(&s->wire);
    s->state = SUBSCRIBER_LOST;
}

void subscriber_ready(struct bench_subscribers *set, struct bench_subscriber *s)
{
    s->state = SUBSCRIBER_LIVE;
    set->connecting--;
    set->live++;
    set->plan->audience[s->topic] += !subscriber_is_stuck(set, s);
    if (subscriber_is_stuck(set, s) && !set->sharing)
        loop_change(set->loop, s->wire.fd, EPOLLRDHUP, &s->source);
}

void subscriber_send(struct bench_subscribers *set, struct bench_subscriber *s, const void *data,
                     size_t n)
{
    ssize_t sent = wire_send(&s->wire, data, n);
    if (sent != (ssize_t)n)
        subscriber_fail(set, s, "cannot send: %s", sent < 0 ? strerror(errno) : "no room");
}

size_t subscriber_pass(struct bench_subscribers *set, struct bench_subscriber *s, size_t n)
{
    size_t used = n < s->due ? n : (size_t)s->due;
    s->due -= used;
    if (s->due == 0 && s->mark.number) {
        subscriber_got(set, s, &s->mark);
        s->mark.number = 0;
    }
    return used;
}

/* --- reading --- */

/* Keeps N bytes for the next time. They are not in s->rest already. */
static void keep_rest(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                      size_t n)
{
    free(s->rest);
    s->rest = NULL;
    s->rest_len = 0;
    if (n == 0)
        return;
    s->rest = n <= REST_MAX ? malloc(n) : NULL;
    if (!s->rest) {
        subscriber_fail(set, s, n <= REST_MAX ? "out of memory" : "too much at once");
        return;
    }
    memcpy(s->rest, data, n);
    s->rest_len = (uint32_t)n;
}

/* N bytes have come to FRESH, in set->input, which has room for a rest before them. */
static void digest(struct bench_subscribers *set, struct bench_subscriber *s, char *fresh, size_t n)
{
    char *data = fresh - s->rest_len;
    size_t len = s->rest_len + n;
    if (s->rest_len)
        memcpy(data, s->rest, s->rest_len);
    size_t used = set->protocol->read(set, s, data, len);
    if (used < len || s->rest)
        keep_rest(set, s, data + used, len - used);
}

/* Whether there may be more that the socket does not show. */
static bool take_some(struct bench_subscribers *set, struct bench_subscriber *s)
{
    char *fresh = set->input + REST_MAX;
    ssize_t n = wire_recv(&s->wire, fresh, INPUT_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        subscriber_fail(set, s, "%s", n < 0 ? strerror(errno) : "the server closed");
        return false;
    }
    set->now = bench_now();
    digest(set, s, fresh, (size_t)n);
    return s->wire.tls && n == INPUT_SIZE;
}

void subscriber_take(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                     size_t n)
{
    char *fresh = set->input + REST_MAX;
    memcpy(fresh, data, n);
    digest(set, s, fresh, n);
}

void subscriber_begin_stream(struct bench_subscribers *set, struct bench_subscriber *s)
{
    set->protocol->begin_stream(s);
    subscriber_ready(set, s);
}

static void take_input(struct bench_subscribers *set, struct bench_subscriber *s)
{
    while (take_some(set, s))
        ;
}

static void fail_connect(struct bench_subscribers *set, struct bench_subscriber *s, int error)
{
    if (set->protocol->local)
        subscriber_fail(set, s, "cannot connect to %s: %s", set->socket, strerror(error));
    else
        subscriber_fail(set, s, "cannot connect to %s port %s: %s", set->place->host,
                        set->place->port, strerror(error));
}

static void ask(struct bench_subscribers *set, struct bench_subscriber *s)
{
    struct buf request = {0};
    s->state = SUBSCRIBER_ASKING;
    loop_change(set->loop, s->wire.fd, EPOLLIN, &s->source);
    set->protocol->request(set, s, &request);
    subscriber_send(set, s, request.data, request.len);
    buf_finish(&request);
}

static void secure(struct bench_subscribers *set, struct bench_subscriber *s)
{
    switch (tls_stream_handshake(s->wire.tls)) {
    case TLS_WANTS_READ:
        loop_change(set->loop, s->wire.fd, EPOLLIN, &s->source);
        break;
    case TLS_WANTS_WRITE:
        loop_change(set->loop, s->wire.fd, EPOLLOUT, &s->source);
        break;
    case TLS_FAILED:
        subscriber_fail(set, s, "%s", tls_stream_problem(s->wire.tls));
        break;
    case TLS_DONE:
        set->resumed += tls_stream_resumed(s->wire.tls);
        ask(set, s);
        break;
    }
}

static void connected(struct bench_subscribers *set, struct bench_subscriber *s)
{
    int error = 0;
    socklen_t n = sizeof(error);
    getsockopt(s->wire.fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error) {
        fail_connect(set, s, error);
    } else if (set->protocol->local || !set->place->tls) {
        ask(set, s);
    } else if (wire_begin_tls(&s->wire, set->place)) {
        subscriber_fail(set, s, "%s", err_text(ERR_NOMEM));
    } else {
        s->state = SUBSCRIBER_SECURING;
        secure(set, s);
    }
}

static void on_ready(struct bench_source *source, uint32_t events)
{
    struct bench_subscriber *s = (struct bench_subscriber *)(void *)source;
    (void)events;
    if (s->state == SUBSCRIBER_CONNECTING)
        connected(s->set, s);
    else if (s->state == SUBSCRIBER_SECURING)
        secure(s->set, s);
    else if (s->state == SUBSCRIBER_LIVE && subscriber_is_stuck(s->set, s))
        subscriber_fail(s->set, s, "the server closed a connection that does not read");
    else if (s->state != SUBSCRIBER_LOST)
        take_input(s->set, s);
}

/* --- connecting --- */

/* One source address has ports for some 28,000 connections; on loopback there are many addresses.
 */
static void choose_source(const struct bench_subscribers *set, int fd, uint32_t index)
{
    const struct sockaddr_in *to = (const void *)&set->address;
    int one = 1;
    if (set->count <= ADDRESS_SHARE || to->sin_family != AF_INET ||
        ntohl(to->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        return;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index / ADDRESS_SHARE);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)(void *)&from, sizeof(from)))
        bench_say("bind: %s", strerror(errno)); /* then the kernel chooses */
}

static int open_tcp(const struct bench_subscribers *set, uint32_t index)
{
    int one = 1;
    int fd = socket(set->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    choose_source(set, fd, index);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (const void *)&set->address, set->address_len) == 0 || errno == EINPROGRESS)
        return fd;
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static void begin(struct bench_subscribers *set, struct bench_subscriber *s)
{
    uint32_t index = (uint32_t)(s - set->items);
    set->connecting++;
    s->state = SUBSCRIBER_CONNECTING;
    s->wire.fd = set->protocol->local ? bench_connect_local(set->socket) : open_tcp(set, index);
    if (s->wire.fd < 0)
        fail_connect(set, s, errno);
    else if (loop_add(set->loop, s->wire.fd, EPOLLOUT, &s->source))
        subscriber_fail(set, s, "epoll_ctl: %s", strerror(errno));
}

static enum bench_exit resolve(struct bench_subscribers *set)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int rc = getaddrinfo(set->place->host, set->place->port, &hints, &found);
    if (rc) {
        bench_say("%s port %s: %s", set->place->host, set->place->port, gai_strerror(rc));
        return BENCH_LOST;
    }
    memcpy(&set->address, found->ai_addr, found->ai_addrlen);
    set->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return BENCH_OK;
}

/* How many may be under way at once: the others have nothing to resume before the first is there.
 */
static uint32_t connecting_max(const struct bench_subscribers *set)
{
    bool resumes = !set->protocol->local && set->place->resume;
    return resumes && set->live == 0 ? 1 : CONNECTING_MAX;
}

/* Begins with the one at FIRST, and those that share its connection; returns how many. */
static uint32_t begin_some(struct bench_subscribers *set, uint32_t first)
{
    uint32_t left = set->count - first, n = set->streams < left ? set->streams : left;
    if (!set->sharing) {
        begin(set, &set->items[first]);
        return 1;
    }
    if (!set->sharing->open(set, first, n, &set->carriers[set->carrier_count++]))
        set->loop->failed = true;
    return n;
}

enum bench_exit subscribers_connect(struct bench_subscribers *set, void (*tick)(void *ctx),
                                    void *ctx)
{
    uint32_t begun = 0, live = 0;
    uint64_t progress_at = bench_now();
    if (!set->protocol->local && resolve(set))
        return BENCH_LOST;
    while (set->live < set->count && !set->loop->failed && !loop_interrupted()) {
        while (begun < set->count && set->connecting < connecting_max(set) && !set->loop->failed)
            begun += begin_some(set, begun);
        loop_turn(set->loop, 100 * BENCH_MS);
        tick(ctx);
        if (set->live != live)
            progress_at = bench_now();
        live = set->live;
        if (bench_now() - progress_at > STALL) {
            bench_say("the server does not answer; %u of %u are subscribed", live, set->count);
            return BENCH_LOST;
        }
    }
    return set->live == set->count ? BENCH_OK : BENCH_LOST;
}

enum err subscribers_init(struct bench_subscribers *set, uint32_t count)
{
    size_t numbers = (size_t)count * set->plan->publishers;
    set->count = count;
    memset(set->holes, 0, sizeof(set->holes));
    set->items = calloc(count, sizeof(*set->items));
    set->next = malloc(numbers * sizeof(*set->next));
    set->input = malloc(REST_MAX + INPUT_SIZE);
    if (set->protocol->keeps_cursors)
        set->cursors = calloc(count, sizeof(*set->cursors));
    if (set->sharing) {
        set->carriers = calloc(count / set->streams + 1, sizeof(struct bench_carrier *));
        if (!set->carriers)
            return ERR_NOMEM;
    }
    if (!set->items || !set->next || !set->input || (set->protocol->keeps_cursors && !set->cursors))
        return ERR_NOMEM;
    for (size_t i = 0; i < numbers; i++)
        set->next[i] = 1;
    for (uint32_t i = 0; i < count; i++) {
        set->items[i].source.ready = on_ready;
        set->items[i].set = set;
        set->items[i].wire.fd = -1;
        set->items[i].topic = i % set->plan->topics;
    }
    return ERR_OK;
}

void subscribers_finish(struct bench_subscribers *set)
{
    for (uint32_t i = 0; set->items && i < set->count; i++) {
        free(set->items[i].rest);
        wire_close(&set->items[i].wire);
    }
    for (uint32_t i = 0; i < set->carrier_count; i++)
        set->sharing->close(set->carriers[i]);
    free(set->carriers);
    free(set->items);
    free(set->next);
    free(set->cursors);
    free(set->input);
}
