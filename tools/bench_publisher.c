/* Publishers: pipelined RESP PUBLISH on the local socket. */
#include "tools/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum {
    REPLIES_SIZE = 64 << 10, /* bytes read at once */
    SAYING_MAX = 160,        /* bytes of the hub's text that are shown */
};

int bench_connect_local(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof(to.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, n);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (fd >= 0 && connect(fd, (const void *)&to, len)) {
        int problem = errno;
        close(fd);
        errno = problem;
        fd = -1;
    }
    return fd;
}

static pid_t peer_of(int fd)
{
    struct ucred peer = {0};
    socklen_t n = sizeof(peer);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
    return peer.pid;
}

pid_t bench_server_of(const char *path)
{
    int fd = bench_connect_local(path);
    pid_t pid = fd >= 0 ? peer_of(fd) : 0;
    if (fd >= 0)
        close(fd);
    else
        bench_say("cannot connect to %s: %s", path, strerror(errno));
    return pid;
}

size_t publish_command(struct buf *out, size_t size, size_t *ret_topic_at, size_t *ret_mark_at)
{
    buf_printf(out, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n" BENCH_TOPIC_PREFIX, BENCH_TOPIC_LEN);
    *ret_topic_at = out->len;
    buf_printf(out, "%08x\r\n$%zu\r\n", 0, size);
    *ret_mark_at = out->len;
    for (size_t i = 0; i < size; i++)
        buf_putc(out, (char)('a' + i % 26));
    buf_puts(out, "\r\n");
    return out->len;
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
    p->out.len += set->command.len;
    p->times[(p->oldest + p->unanswered++) % set->pipeline] = m->time;
}

static void fail(struct bench_publisher *p, const char *what)
{
    bench_say("publisher %zu: %s", (size_t)(p - p->set->items), what);
    p->set->loop->failed = true;
}

static void watch(struct bench_publisher *p, bool for_room)
{
    if (p->watching == for_room)
        return;
    p->watching = for_room;
    loop_change(p->set->loop, p->fd, EPOLLIN | (for_room ? EPOLLOUT : 0), &p->source);
}

static void flush(struct bench_publisher *p)
{
    size_t left = p->out.len - p->out_sent;
    ssize_t n = send(p->fd, p->out.data + p->out_sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        fail(p, strerror(errno));
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

/* One reply line is complete. */
static void answered(struct bench_publisher *p, uint64_t now)
{
    struct bench_publishers *set = p->set;
    uint64_t due = p->times[p->oldest];
    p->oldest = (p->oldest + 1) % set->pipeline;
    p->unanswered--;
    if (p->reply == ':') {
        set->answered++;
        histogram_add(&set->latency, now > due ? now - due : 0);
    } else {
        set->refused++;
    }
}

static void tell_refusal(const struct bench_publisher *p, const char *line, const char *end)
{
    char plain[SAYING_MAX];
    if (p->set->refused == 0)
        bench_say("the hub answers %s",
                  log_escape(plain, sizeof(plain), line, (size_t)(end - line)));
}

static void read_replies(struct bench_publisher *p, const char *data, const char *end)
{
    uint64_t now = bench_now();
    while (data < end) {
        if (!p->reply) {
            p->reply = *data;
            const char *line_end = memchr(data, '\r', (size_t)(end - data));
            if (p->reply != ':')
                tell_refusal(p, data, line_end ? line_end : end);
        }
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        if (!newline)
            return;
        if (p->unanswered == 0) {
            fail(p, "an answer to nothing");
            return;
        }
        answered(p, now);
        p->reply = 0;
        data = newline + 1;
    }
}

static void on_ready(struct bench_source *source, uint32_t events)
{
    static char input[REPLIES_SIZE];
    struct bench_publisher *p = (struct bench_publisher *)(void *)source;
    if (events & EPOLLOUT)
        flush(p);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    ssize_t n = recv(p->fd, input, sizeof(input), MSG_DONTWAIT);
    if (n > 0)
        read_replies(p, input, input + n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        fail(p, n == 0 ? "the hub closed the connection" : strerror(errno));
}

static enum bench_exit open_publisher(struct bench_publishers *set, struct bench_publisher *p,
                                      const char *path)
{
    p->set = set;
    p->source.ready = on_ready;
    p->times = calloc(set->pipeline, sizeof(*p->times));
    p->fd = bench_connect_local(path);
    if (p->fd < 0) {
        bench_say("cannot connect to %s: %s", path, strerror(errno));
        return BENCH_LOST;
    }
    if (p->times && loop_add(set->loop, p->fd, EPOLLIN, &p->source) == ERR_OK)
        return BENCH_OK;
    bench_say("%s", err_text(ERR_NOMEM));
    return BENCH_FAILED;
}

enum bench_exit publishers_init(struct bench_publishers *set, struct bench_loop *loop,
                                const char *path, const struct bench_config *config, uint64_t tag)
{
    enum bench_exit status = BENCH_OK;
    set->loop = loop;
    set->tag = tag;
    set->pipeline = (uint32_t)config->pipeline;
    publish_command(&set->command, config->size, &set->topic_at, &set->mark_at);
    set->items = calloc(config->publishers, sizeof(*set->items));
    if (!set->items || set->command.failed) {
        bench_say("%s", err_text(ERR_NOMEM));
        return BENCH_FAILED;
    }
    while (set->count < config->publishers && status == BENCH_OK)
        status = open_publisher(set, &set->items[set->count++], path);
    if (status == BENCH_OK)
        set->server = peer_of(set->items[0].fd);
    return status;
}

void publishers_finish(struct bench_publishers *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        buf_finish(&set->items[i].out);
        free(set->items[i].times);
        if (set->items[i].fd >= 0)
            close(set->items[i].fd);
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
