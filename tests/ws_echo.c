/*
 * longwire-ws-echo PORT: sends every WebSocket message back, over the hub's own handshake, framing
 * and compression, so that conformance suites can be run against these. Not installed.
 *
 * It listens on 127.0.0.1 (port 0 = any free one), says `ready ws=127.0.0.1:PORT` when it does, and
 * serves each connection in a thread of its own, with blocking reads and writes. Unlike the hub it
 * takes messages up to 64 MiB and compresses for any window that a client asks for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/deflate.h"
#include "base/std_fds.h"
#include "frontends/ws/ws_deflate.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_handshake.h"
#include "http/h1/http_request.h"
#include "http/h1/http_response.h"
#include "http/http_date.h"
#include "http/http_lines.h"

enum {
    MESSAGE_MAX = 64 << 20,
    READ_BYTES = 64 << 10,
    LINGER_S = 2, /* how long the peer may take to close, too */
};

static const struct http_limits limits = {
    .head_bytes = 16 << 10, .target_bytes = 8 << 10, .headers = 100, .body_bytes = 0};

struct peer {
    int fd;
    struct ws_handshake handshake;
    struct ws_deflate_rule rule;
    struct ws_reader reader;
    struct buf out;
    bool ended; /* nothing more is to be read */
    char input[READ_BYTES];
};

static void die(const char *what)
{
    fprintf(stderr, "longwire-ws-echo: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* --- bytes --- */

/* What has come; 0: nothing more will. */
static size_t receive(struct peer *p)
{
    ssize_t n;
    do
        n = recv(p->fd, p->input, sizeof(p->input), 0);
    while (n < 0 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

static void flush(struct peer *p)
{
    size_t at = 0;
    while (at < p->out.len && !p->ended) {
        ssize_t n = send(p->fd, p->out.data + at, p->out.len - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno != EINTR)
            p->ended = true;
    }
    p->ended |= p->out.failed;
    buf_finish(&p->out);
}

/* Says that nothing more will come, and waits for the peer to do the same (RFC 6455 section 7.1.1).
 */
static void linger(struct peer *p)
{
    struct timeval limit = {.tv_sec = LINGER_S};
    if (setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
        shutdown(p->fd, SHUT_WR) != 0)
        return;
    while (receive(p) > 0)
        continue;
}

/* --- frames --- */

static void echo(struct peer *p, const struct ws_event *e)
{
    enum ws_opcode opcode = e->text ? WS_TEXT : WS_BINARY;
    size_t plain, frame = ws_frame_begin(&p->out);
    buf_append(&p->out, e->data, e->len);
    if (p->handshake.extension.deflate)
        (void)ws_frame_end_deflated(&p->out, frame, opcode, &p->rule, &plain);
    else
        ws_frame_end(&p->out, frame, opcode);
}

static void answer(struct peer *p, const struct ws_event *e)
{
    char frame[WS_CONTROL_FRAME_MAX];
    switch (e->type) {
    case WS_EVENT_NONE:
    case WS_EVENT_PIECE:
    case WS_EVENT_PONG:
        break;
    case WS_EVENT_MESSAGE:
        echo(p, e);
        break;
    case WS_EVENT_PING:
        buf_append(&p->out, frame, ws_frame_control(frame, WS_PONG, e->data, e->len));
        break;
    case WS_EVENT_CLOSE:
    case WS_EVENT_ERROR:
        buf_append(&p->out, frame, ws_frame_close(frame, e->code, e->reason));
        break;
    }
    flush(p);
    p->ended |= e->type == WS_EVENT_CLOSE || e->type == WS_EVENT_ERROR;
}

static void take_frames(struct peer *p, char *data, size_t n)
{
    struct ws_event e;
    while (!p->ended && ws_reader_feed(&p->reader, &data, &n, &e) != WS_EVENT_NONE)
        answer(p, &e);
}

/* --- the handshake --- */

static void put_start(struct peer *p, unsigned status)
{
    struct timespec now;
    struct http_date date = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    http_response_start(&p->out, status, http_date(&date, (uint64_t)now.tv_sec * 1000));
}

static void refuse(struct peer *p, unsigned status)
{
    put_start(p, status);
    if (status == 426)
        http_lines_put(&p->out, "Sec-WebSocket-Version", "13");
    http_lines_put(&p->out, "Connection", "close");
    http_lines_put_u64(&p->out, "Content-Length", 0);
    http_response_end(&p->out);
    flush(p);
    p->ended = true;
}

static void accept_upgrade(struct peer *p)
{
    put_start(p, 101);
    http_lines_put(&p->out, "Upgrade", "websocket");
    http_lines_put(&p->out, "Connection", "Upgrade");
    ws_handshake_answer(&p->handshake, &p->out);
    http_response_end(&p->out);
    flush(p);
    int window = p->handshake.extension.window_bits;
    p->rule = (struct ws_deflate_rule){
        .min_bytes = 1, .level = 6, .window_bits = window ? window : WS_WINDOW_MAX};
    ws_reader_init(&p->reader, MESSAGE_MAX, p->handshake.extension.deflate);
}

static void handle_request(struct peer *p, const struct http_request *r)
{
    if (strcmp(r->method, "GET") != 0 || !http_request_upgrade(r, "websocket")) {
        refuse(p, 426);
        return;
    }
    switch (ws_handshake_read(r->fields, false, true, WS_WINDOW_MIN, &p->handshake)) {
    case WS_HANDSHAKE_OK:
        accept_upgrade(p);
        break;
    case WS_HANDSHAKE_VERSION:
        refuse(p, 426);
        break;
    default:
        refuse(p, 400);
        break;
    }
}

/* Reads the request, answers it, and takes the frames that came with it. */
static void shake_hands(struct peer *p)
{
    struct http_request r;
    enum http_read what = HTTP_READ_MORE;
    size_t n = 0, used = 0;
    http_request_init(&r, &limits);
    while (what == HTTP_READ_MORE && (n = receive(p)) > 0)
        what = http_request_feed(&r, p->input, n, &used);
    if (what == HTTP_READ_HEAD)
        handle_request(p, &r);
    else if (what == HTTP_READ_ERROR)
        refuse(p, r.status);
    else
        p->ended = true;
    http_request_finish(&r);
    if (!p->ended)
        take_frames(p, p->input + used, n - used);
}

/* --- connections --- */

static void *serve(void *arg)
{
    struct peer *p = arg;
    size_t n;
    shake_hands(p);
    while (!p->ended && (n = receive(p)) > 0)
        take_frames(p, p->input, n);
    linger(p);
    close(p->fd);
    ws_reader_finish(&p->reader);
    buf_finish(&p->out);
    free(p);
    deflate_finish_thread();
    return NULL;
}

static void start(int fd)
{
    pthread_t thread;
    int on = 1;
    struct peer *p = calloc(1, sizeof(*p));
    if (!p || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        die("setting up a connection");
    p->fd = fd;
    if ((errno = pthread_create(&thread, NULL, serve, p)) != 0)
        die("starting a thread");
    pthread_detach(thread);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(a);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        die("listening");
    printf("ready ws=127.0.0.1:%u\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    char *end;
    if (!std_fds_open())
        return 1;
    unsigned long port = argc == 2 ? strtoul(argv[1], &end, 10) : UINT16_MAX + 1UL;
    if (port > UINT16_MAX || *argv[1] < '0' || *argv[1] > '9' || *end) {
        fprintf(stderr, "usage: longwire-ws-echo PORT\n");
        return 2;
    }
    int listener = listen_on((uint16_t)port);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            start(fd);
        else if (errno != EINTR && errno != ECONNABORTED)
            die("accepting");
    }
}
