/*
 * The raw limit: a server, in a process of its own, that does nothing but write ready frames. It
 * takes subscribers over TCP and PUBLISH commands on a local socket, like a hub; keeps nothing,
 * checks nothing, and trusts its only client, this program, to send each request with one call and
 * each command in the one form of publish_command().
 *
 * Subscribers' sockets block: a full one holds up the server until it has room, which is all the
 * back-pressure there is.
 *
 * In the mode replay it has COUNT messages of each topic, and each subscriber gets them all in
 * turn.
 */
#include "tools/bench/bench_raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_raw_poll.h"

enum {
    BACKLOG = 4096,
    REQUEST_MAX = 2048,
    INPUT_SIZE = 1 << 20, /* bytes of commands read at once */
    ACCEPTS_MAX = 64,     /* of one turn */
    TOPIC_UNKNOWN = -1,
    STORED_BYTES = 128 << 10, /* of payloads, written at once */
};

#define STORED_OFFSET UINT64_C(1000000) /* with as many digits as the hub's offsets have */

/* Indexed by descriptor. */
struct connection {
    struct bench_source source;
    int fd;
    int32_t
        topic; /* TOPIC_UNKNOWN until the request is there; of a long-poll that is answered too */
};

struct topic {
    uint32_t *fds; /* its subscribers */
    uint32_t count, room;
    struct buf
        frames; /* what has arrived for them and is not written yet; for long-polls nothing */
    struct raw_poll_log *polled; /* for long-polls instead */
    uint64_t written;            /* the offset of the last message that those who wait have got */
};

struct publisher {
    struct bench_source source;
    int fd;
    size_t kept; /* bytes of a command that is not complete */
    char *input; /* INPUT_SIZE */
};

/* The process has one of it, so that a connection needs no pointer to it. */
static struct server {
    const struct bench_config *config;
    struct bench_loop loop;
    struct bench_source http, local;
    int http_fd, local_fd;
    struct connection *connections;
    size_t connections_max;
    struct topic *topics;
    uint32_t *touched; /* topics with frames */
    uint32_t touched_count;
    size_t command_len, topic_at, mark_at;
    uint64_t offset; /* of the last message */
    uint32_t stored; /* replay: frames written at once */
    struct buf replies;
} server;

__attribute__((noreturn)) static void die(const char *what)
{
    bench_say("the server: %s: %s", what, strerror(errno));
    _exit(BENCH_FAILED);
}

/* --- frames: the same bytes that the hub sends --- */

static void put_envelope(struct buf *out, uint32_t topic, const char *payload)
{
    buf_printf(out,
               "{\"id\":\"%llu-3824910012\",\"topic\":\"" BENCH_TOPIC_PREFIX
               "%08x\",\"time\":\"2026-11-22T07:31:15.042Z\",\"data\":\"",
               (unsigned long long)server.offset, topic);
    buf_append(out, payload, server.config->size);
    buf_puts(out, "\"}");
}

static void put_ws_header(struct buf *out, size_t len)
{
    uint16_t n16 = htobe16((uint16_t)len);
    uint64_t n64 = htobe64(len);
    buf_putc(out, (char)0x81); /* text, whole */
    buf_putc(out, (char)(len < 126 ? len : len <= UINT16_MAX ? 126 : 127));
    if (len > UINT16_MAX)
        buf_append(out, &n64, sizeof(n64));
    else if (len >= 126)
        buf_append(out, &n16, sizeof(n16));
}

static void put_frame(struct buf *out, uint32_t topic, const char *payload)
{
    struct buf body = {0};
    server.offset++;
    if (server.config->raw)
        buf_append(&body, payload, server.config->size);
    else
        put_envelope(&body, topic, payload);
    if (server.config->transport == BENCH_WS)
        put_ws_header(out, body.len);
    else
        buf_printf(out, "id: %llu-3824910012\ndata: ", (unsigned long long)server.offset);
    buf_append(out, body.data, body.len);
    if (server.config->transport == BENCH_SSE)
        buf_puts(out, "\n\n");
    if (out->failed)
        die("frames");
    buf_finish(&body);
}

/* As put_frame. */
static void keep_message(struct topic *t, uint32_t number, const char *payload)
{
    struct buf body = {0};
    server.offset++;
    put_envelope(&body, number, payload);
    if (body.failed)
        die("messages");
    raw_poll_keep(t->polled, server.offset, body.data, body.len);
    buf_finish(&body);
}

/* For the mode replay: as many frames as are sent at once. They are all the same length, so that
 * those of later messages are made by writing other numbers into the same place. */
static void put_stored(struct topic *t, uint32_t number)
{
    const struct bench_config *c = server.config;
    struct bench_mark mark = {.stream = number};
    char *payload = malloc(c->size);
    if (!payload)
        die("frames");
    memset(payload, 'a', c->size);
    mark_write(payload, mark_fill_tag(), &mark);
    for (uint32_t i = 0; i < server.stored; i++) {
        server.offset = STORED_OFFSET;
        put_frame(&t->frames, number, payload);
    }
    free(payload);
}

static void write_stored(int fd, struct topic *t)
{
    char *frames = t->frames.data;
    size_t len = t->frames.len / server.stored;
    uint64_t tag = mark_fill_tag();
    char *numbers = (char *)memmem(frames, len, &tag, sizeof(tag)) + MARK_NUMBER_AT;
    uint32_t number = 0, left = (uint32_t)server.config->count;
    while (left > 0) {
        uint32_t n = left < server.stored ? left : server.stored;
        for (uint32_t i = 0; i < n; i++)
            mark_hex32(numbers + i * len, ++number);
        if (send(fd, frames, n * len, MSG_NOSIGNAL) != (ssize_t)(n * len))
            return; /* the subscriber has gone */
        left -= n;
    }
}

/* --- fan-out --- */

static void write_frames(struct topic *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        /* A subscriber that has gone is found by its own event. */
        (void)!send((int)t->fds[i], t->frames.data, t->frames.len, MSG_NOSIGNAL);
    buf_clear(&t->frames);
}

/* Each has to ask again. */
static void answer_polls(struct topic *t)
{
    struct buf answer = {0};
    raw_poll_answer(t->polled, t->written, server.offset, &answer);
    if (answer.failed)
        die("answers");
    for (uint32_t i = 0; i < t->count; i++) {
        server.connections[t->fds[i]].topic = TOPIC_UNKNOWN;
        (void)!send((int)t->fds[i], answer.data, answer.len, MSG_NOSIGNAL);
    }
    t->count = 0;
    t->written = server.offset;
    buf_finish(&answer);
}

static void write_out(struct topic *t)
{
    if (t->polled)
        answer_polls(t);
    else
        write_frames(t);
}

static void take_command(const char *command)
{
    uint32_t number = mark_read_hex32(command + server.topic_at);
    if (number >= server.config->topics)
        die("a command that is not as expected");
    struct topic *t = &server.topics[number];
    bool first = t->polled ? !raw_poll_has(t->polled, t->written) : t->frames.len == 0;
    if (first)
        server.touched[server.touched_count++] = number;
    if (t->polled)
        keep_message(t, number, command + server.mark_at);
    else
        put_frame(&t->frames, number, command + server.mark_at);
    buf_printf(&server.replies, ":%u\r\n", t->count);
    if (!server.config->batched) {
        write_out(t);
        server.touched_count = 0;
    }
}

static void write_touched(void)
{
    for (uint32_t i = 0; i < server.touched_count; i++)
        write_out(&server.topics[server.touched[i]]);
    server.touched_count = 0;
}

static void answer(const struct publisher *p)
{
    ssize_t n = send(p->fd, server.replies.data, server.replies.len, MSG_NOSIGNAL);
    if (n != (ssize_t)server.replies.len)
        _exit(BENCH_OK); /* the client has gone */
    buf_clear(&server.replies);
}

static void on_publisher(struct bench_source *source, uint32_t events)
{
    struct publisher *p = (struct publisher *)(void *)source;
    (void)events;
    ssize_t n = recv(p->fd, p->input + p->kept, INPUT_SIZE - p->kept, MSG_DONTWAIT);
    if (n <= 0)
        _exit(BENCH_OK);
    size_t have = p->kept + (size_t)n, used = 0;
    for (; have - used >= server.command_len; used += server.command_len)
        take_command(p->input + used);
    p->kept = have - used;
    memmove(p->input, p->input + used, p->kept);
    if (server.replies.len)
        answer(p);
    write_touched();
}

/* --- subscribers --- */

static void drop(struct connection *c)
{
    if (c->topic != TOPIC_UNKNOWN) {
        struct topic *t = &server.topics[c->topic];
        for (uint32_t i = 0; i < t->count; i++) {
            if (t->fds[i] == (uint32_t)c->fd)
                t->fds[i] = t->fds[--t->count];
        }
    }
    close(c->fd);
}

static void join(struct connection *c, uint32_t number)
{
    struct topic *t = &server.topics[number];
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 4;
        t->fds = realloc(t->fds, t->room * sizeof(*t->fds));
        if (!t->fds)
            die("subscribers");
    }
    t->fds[t->count++] = (uint32_t)c->fd;
    c->topic = (int32_t)number;
}

/* At once if there is something, or if it does not wait. */
static void serve_poll(struct connection *c, const char *request, uint32_t number)
{
    const struct raw_poll_log *l = server.topics[number].polled;
    struct buf answer = {0};
    uint64_t after = server.offset;
    if (raw_poll_waits(request, &after) && !raw_poll_has(l, after)) {
        join(c, number);
        return;
    }
    raw_poll_answer(l, after, server.offset, &answer);
    if (answer.failed)
        die("answers");
    (void)!send(c->fd, answer.data, answer.len, MSG_NOSIGNAL);
    buf_finish(&answer);
}

static void serve(struct connection *c, const char *request)
{
    static const char ws[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\n\r\n";
    static const char sse[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                              "Connection: close\r\n\r\n";
    const char *head = server.config->transport == BENCH_WS ? ws : sse;
    static const char prefix[] = "GET /t/" BENCH_TOPIC_PREFIX;
    uint32_t number = mark_read_hex32(request + sizeof(prefix) - 1);
    if (strncmp(request, prefix, sizeof(prefix) - 1) != 0 || number >= server.config->topics)
        die("a request that is not as expected");
    if (server.config->transport == BENCH_POLL) {
        serve_poll(c, request, number);
        return;
    }
    join(c, number);
    (void)!send(c->fd, head, strlen(head), MSG_NOSIGNAL);
    if (server.config->mode == BENCH_REPLAY)
        write_stored(c->fd, &server.topics[number]);
}

static void on_subscriber(struct bench_source *source, uint32_t events)
{
    struct connection *c = (struct connection *)(void *)source;
    char request[REQUEST_MAX + 1];
    (void)events;
    ssize_t n = recv(c->fd, request, REQUEST_MAX, MSG_DONTWAIT);
    if (n <= 0) {
        drop(c);
        return;
    }
    request[n] = '\0';
    if (c->topic == TOPIC_UNKNOWN)
        serve(c, request);
}

static void on_http(struct bench_source *source, uint32_t events)
{
    int one = 1;
    (void)source;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(server.http_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if ((size_t)fd >= server.connections_max)
            die("too many connections");
        struct connection *c = &server.connections[fd];
        *c = (struct connection){{on_subscriber}, fd, TOPIC_UNKNOWN};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (loop_add(&server.loop, fd, EPOLLIN, &c->source))
            die("epoll_ctl");
    }
}

static void on_local(struct bench_source *source, uint32_t events)
{
    (void)source;
    (void)events;
    struct publisher *p = calloc(1, sizeof(*p));
    if (!p || !(p->input = malloc(INPUT_SIZE)))
        die("a publisher");
    p->source.ready = on_publisher;
    p->fd = accept4(server.local_fd, NULL, NULL, SOCK_CLOEXEC);
    if (p->fd < 0 || loop_add(&server.loop, p->fd, EPOLLIN, &p->source))
        die("a publisher");
}

/* --- the process --- */

static void allocate(const struct bench_config *config)
{
    struct buf command = {0};
    server.config = config;
    server.command_len = publish_command(&command, config->size, &server.topic_at, &server.mark_at);
    buf_finish(&command);
    server.connections_max = config->subscribers + 1024;
    server.connections = calloc(server.connections_max, sizeof(*server.connections));
    server.topics = calloc(config->topics, sizeof(*server.topics));
    server.touched = calloc(config->topics, sizeof(*server.touched));
    if (!server.connections || !server.topics || !server.touched || server.command_len > INPUT_SIZE)
        die("allocation");
    server.stored = config->size < STORED_BYTES ? (uint32_t)(STORED_BYTES / config->size) : 1;
    for (uint32_t i = 0; config->transport == BENCH_POLL && i < config->topics; i++)
        if (!(server.topics[i].polled = calloc(1, sizeof(struct raw_poll_log))))
            die("allocation");
    for (uint32_t i = 0; config->mode == BENCH_REPLAY && i < config->topics; i++)
        put_stored(&server.topics[i], i);
}

static void choose_cpu(uint64_t cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu == BENCH_CPU_ANY)
        return;
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        die("sched_setaffinity");
}

/* Ends with the client: its connections, or at the latest its death, end this process. */
__attribute__((noreturn)) static void serve_for_ever(const struct bench_config *config)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    choose_cpu(config->server_cpu);
    server.http.ready = on_http;
    server.local.ready = on_local;
    if (loop_init(&server.loop, false) ||
        loop_add(&server.loop, server.http_fd, EPOLLIN, &server.http) ||
        loop_add(&server.loop, server.local_fd, EPOLLIN, &server.local) ||
        process_allow_files(config->subscribers + config->publishers + 64))
        die("epoll");
    while (!server.loop.failed)
        loop_turn(&server.loop, BENCH_SECOND);
    _exit(BENCH_FAILED);
}

static int listen_tcp(struct raw_server *r)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const void *)&at, n) || listen(fd, BACKLOG) ||
        getsockname(fd, (void *)&at, &n))
        return -1;
    snprintf(r->place.host, sizeof(r->place.host), "127.0.0.1");
    snprintf(r->place.port, sizeof(r->place.port), "%u", ntohs(at.sin_port));
    return fd;
}

static int listen_local(struct raw_server *r)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int n = snprintf(r->socket, sizeof(r->socket), "@longwire-bench-%d", (int)getpid());
    memcpy(at.sun_path + 1, r->socket + 1, (size_t)n - 1); /* abstract: begins with NUL */
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
    if (fd < 0 || bind(fd, (const void *)&at, len) || listen(fd, BACKLOG))
        return -1;
    return fd;
}

enum err raw_server_start(struct raw_server *r, const struct bench_config *config)
{
    server.http_fd = listen_tcp(r);
    server.local_fd = listen_local(r);
    if (server.http_fd < 0 || server.local_fd < 0)
        return ERR_IO;
    allocate(config); /* before it is measured */
    r->pid = fork();
    if (r->pid == 0)
        serve_for_ever(config);
    close(server.http_fd);
    close(server.local_fd);
    return r->pid < 0 ? ERR_IO : ERR_OK;
}

void raw_server_stop(struct raw_server *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
}
