/*
 * Subscribers and publishers of longwire-bench with servers: what they send when they connect, what
 * they do when a server does not take, does not answer, closes, or takes only a part.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_http.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_subscriber.h"
#include "tools/bench/bench_transports.h"

enum { SUBSCRIBERS = 5, TOPICS = 2 };

static struct bench_loop loop;
static struct bench_plan plan;
static struct bench_subscribers set;
static struct bench_publishers publishers;
static struct http_place place;
static int listener = -1;
static int clients[SUBSCRIBERS]; /* the server's ends */
static size_t client_count;

/* A port of our own; nobody listens there yet. */
static int bind_tcp(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (void *)&at, sizeof(at)), 0);
    ck_assert_int_eq(getsockname(fd, (void *)&at, &n), 0);
    strcpy(place.host, "127.0.0.1");
    snprintf(place.port, sizeof(place.port), "%u", ntohs(at.sin_port));
    return fd;
}

static int listen_tcp(void)
{
    int fd = bind_tcp();
    ck_assert_int_eq(listen(fd, 16), 0);
    return fd;
}

static char local_name[64]; /* abstract */

static int listen_local(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(local_name, sizeof(local_name), "@longwire-test-%ld", (long)getpid());
    size_t n = strlen(local_name);
    memcpy(at.sun_path + 1, local_name + 1, n - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    ck_assert_int_eq(bind(fd, (void *)&at, size), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    return fd;
}

static void setup(void)
{
    memset(&set, 0, sizeof(set));
    memset(&publishers, 0, sizeof(publishers));
    memset(&place, 0, sizeof(place));
    client_count = 0;
    ck_assert_int_eq(loop_init(&loop, false), ERR_OK);
    ck_assert_int_eq(plan_init(&plan, TOPICS, 1), ERR_OK);
    set.loop = &loop;
    set.plan = &plan;
    set.place = &place;
}

static void teardown(void)
{
    subscribers_finish(&set);
    publishers_finish(&publishers);
    plan_finish(&plan);
    while (client_count)
        close(clients[--client_count]);
    if (listener >= 0)
        close(listener);
    listener = -1;
    loop_finish(&loop);
}

/* Accepts who is waiting; false: nobody is. */
static bool take_client(void)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return false;
    ck_assert_uint_lt(client_count, SUBSCRIBERS);
    clients[client_count++] = fd;
    return true;
}

static void answer(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* --- heads and URLs --- */

static const struct {
    const char *head;
    unsigned status;
} heads[] = {
    {"HTTP/1.1 204 No Content\r\n\r\n", 204},
    {"HTTP/1.0 200\r\n\r\n", 200},
    {"HTTP/1.1x204 No\r\n\r\n", 0},
    {"HTTP/2.1 204 No\r\n\r\n", 0},
    {"HTTP/1.1 2x4 No\r\n\r\n", 0},
    {"HTTP/1.1 20\r\n\r\n", 0},
    {"SSH-2.0 200\r\n\r\n", 0},
    {"200\r\n\r\n", 0},
};

START_TEST(a_status_is_read_from_an_http_1_answer_only)
{
    struct http_head h;
    ck_assert(http_read_head(heads[_i].head, strlen(heads[_i].head), &h));
    ck_assert_uint_eq(h.status, heads[_i].status);
    ck_assert_uint_eq(h.len, strlen(heads[_i].head));
    ck_assert(!http_read_head(heads[_i].head, strlen(heads[_i].head) - 1, &h));
}
END_TEST

START_TEST(a_head_has_its_fields)
{
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-length:  17\r\nLongwire-Cursor: 5-7\r\n"
                               "X-Connection: close\r\nConnection: close\r\n\r\nbody";
    struct http_head h;
    struct http_value v;
    ck_assert(http_read_head(head, strlen(head), &h));
    ck_assert_uint_eq(h.content_len, 17);
    ck_assert_uint_eq(h.cursor_len, 3);
    ck_assert_mem_eq(h.cursor, "5-7", 3);
    ck_assert(h.close);
    ck_assert(http_head_value(head, h.len, "longwire-cursor:", &v));
    ck_assert(v.n == 3 && v.text == h.cursor);
    ck_assert(http_head_value(head, h.len, "Connection:", &v));
    ck_assert_uint_eq(v.n, 5);
    ck_assert(!http_head_value(head, h.len, "Upgrade:", &v));
    static const char kept[] = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n";
    ck_assert(http_read_head(kept, strlen(kept), &h));
    ck_assert(!h.close && !h.cursor && h.content_len == 0);
}
END_TEST

START_TEST(a_head_without_an_end_is_given_up)
{
    static char text[HTTP_HEAD_MAX];
    struct http_head h;
    memset(text, 'x', sizeof(text));
    ck_assert(!http_read_head(text, HTTP_HEAD_MAX - 1, &h));
    ck_assert(http_read_head(text, HTTP_HEAD_MAX, &h));
    ck_assert_uint_eq(h.status, 0);
}
END_TEST

static const struct {
    const char *url, *host, *port; /* host NULL: refused */
} urls[] = {
    {"hub:80", "hub", "80"},
    {"http://hub:80/", "hub", "80"},
    {"http://[::1]:8420/x:y", "::1", "8420"},
    {"hub:123456789012345", "hub", "123456789012345"},
    {"hub:1234567890123456", NULL, NULL},
    {"hub", NULL, NULL},
    {"hub:", NULL, NULL},
    {":80", NULL, NULL},
    {"[]:80", NULL, NULL},
    {"hub/:80", NULL, NULL},
};

START_TEST(a_url_is_a_host_and_a_port)
{
    struct http_place p;
    bool taken = http_split_url(&p, urls[_i].url);
    ck_assert_int_eq(taken, urls[_i].host != NULL);
    if (!taken)
        return;
    ck_assert_str_eq(p.host, urls[_i].host);
    ck_assert_str_eq(p.port, urls[_i].port);
}
END_TEST

START_TEST(a_host_has_a_limit)
{
    struct http_place p;
    char url[300];
    for (size_t n = sizeof(p.host) - 1; n <= sizeof(p.host); n++) {
        memset(url, 'h', n);
        strcpy(url + n, ":80");
        ck_assert_int_eq(http_split_url(&p, url), n < sizeof(p.host));
    }
}
END_TEST

/* --- what subscribers send --- */

static void check_request(const struct bench_protocol *protocol, enum subscriber_state state,
                          const char *expected)
{
    struct buf out = {0};
    set.items[1].state = (uint8_t)state;
    protocol->request(&set, &set.items[1], &out);
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data, expected);
    buf_finish(&out);
}

START_TEST(subscribers_ask_for_their_topic)
{
    strcpy(place.host, "h");
    strcpy(place.port, "1");
    set.protocol = &bench_poll;
    ck_assert_int_eq(subscribers_init(&set, SUBSCRIBERS), ERR_OK);
    check_request(&bench_sse, SUBSCRIBER_ASKING,
                  "GET /t/bench/00000001?format=envelope HTTP/1.1\r\nHost: h:1\r\n"
                  "Accept: text/event-stream\r\n\r\n");
    set.raw = true;
    check_request(&bench_poll, SUBSCRIBER_ASKING,
                  "GET /t/bench/00000001?format=raw&wait=0 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    set.after = "earliest";
    check_request(&bench_poll, SUBSCRIBER_ASKING,
                  "GET /t/bench/00000001?format=raw&wait=0&after=earliest HTTP/1.1\r\n"
                  "Host: h:1\r\n\r\n");
    strcpy(set.cursors[1], "7-8");
    check_request(&bench_poll, SUBSCRIBER_LIVE,
                  "GET /t/bench/00000001?format=raw&wait=25&after=7-8 HTTP/1.1\r\n"
                  "Host: h:1\r\n\r\n");
    check_request(&bench_resp, SUBSCRIBER_ASKING,
                  "*2\r\n$9\r\nSUBSCRIBE\r\n$14\r\nbench/00000001\r\n");
}
END_TEST

START_TEST(a_websocket_is_asked_for)
{
    struct buf out = {0};
    set.protocol = &bench_ws;
    ck_assert_int_eq(subscribers_init(&set, 1), ERR_OK);
    bench_ws.request(&set, &set.items[0], &out);
    buf_putc(&out, '\0');
    ck_assert_ptr_eq(strstr(out.data, "GET /t/bench/00000000?format=envelope HTTP/1.1\r\n"),
                     out.data);
    ck_assert_ptr_nonnull(strcasestr(out.data, "\r\nUpgrade: websocket\r\n"));
    ck_assert_ptr_nonnull(strcasestr(out.data, "\r\nSec-WebSocket-Key: "));
    ck_assert_ptr_nonnull(strcasestr(out.data, "\r\nSec-WebSocket-Version: 13\r\n"));
    ck_assert_str_eq(out.data + strlen(out.data) - 4, "\r\n\r\n");
    buf_finish(&out);
}
END_TEST

START_TEST(further_topics_are_others_and_of_the_pool)
{
    struct buf out[2] = {{0}};
    set.further = 3;
    set.protocol = &bench_sse;
    ck_assert_int_eq(subscribers_init(&set, 2), ERR_OK);
    for (int i = 0; i < 2; i++) {
        unsigned found = 0;
        bench_sse.request(&set, &set.items[i], &out[i]);
        buf_putc(&out[i], '\0');
        for (char *p = out[i].data; (p = strstr(p, "&topic=bench/")); p++, found++) {
            unsigned long number = strtoul(p + 13, NULL, 16);
            ck_assert_uint_ge(number, BENCH_FURTHER_FIRST);
            ck_assert_uint_lt(number, BENCH_FURTHER_FIRST + BENCH_FURTHER_POOL);
        }
        ck_assert_uint_eq(found, 3);
    }
    ck_assert_str_ne(strchr(out[0].data, '&'), strchr(out[1].data, '&'));
    buf_finish(&out[0]);
    buf_finish(&out[1]);
}
END_TEST

/* --- subscribers and a server --- */

static unsigned ticks;

static void serve_sse(void *ctx)
{
    char request[512];
    (void)ctx;
    ticks++;
    while (take_client())
        ;
    for (size_t i = 0; i < client_count; i++) {
        ssize_t n = recv(clients[i], request, sizeof(request), MSG_DONTWAIT);
        if (n > 0 && request[n - 1] == '\n')
            answer(clients[i], "HTTP/1.1 200 OK\r\n\r\n");
    }
}

START_TEST(all_are_connected_and_subscribed)
{
    listener = listen_tcp();
    set.protocol = &bench_sse;
    set.holes[3].first = 1;
    ck_assert_int_eq(subscribers_init(&set, SUBSCRIBERS), ERR_OK);
    ck_assert_uint_eq(set.holes[3].first, 0);
    ck_assert_int_eq(subscribers_connect(&set, serve_sse, NULL), BENCH_OK);
    ck_assert_uint_eq(set.live, SUBSCRIBERS);
    ck_assert_uint_eq(set.connecting, 0);
    ck_assert_uint_eq(client_count, SUBSCRIBERS);
    ck_assert_uint_ge(ticks, 1);
    ck_assert_uint_eq(plan.audience[0], 3);
    ck_assert_uint_eq(plan.audience[1], 2);
    set.items[0].source.ready(&set.items[0].source, EPOLLIN); /* and nothing is there */
    ck_assert_int_eq(set.items[0].state, SUBSCRIBER_LIVE);
}
END_TEST

static void refuse(void *ctx)
{
    (void)ctx;
    while (take_client())
        answer(clients[client_count - 1], "HTTP/1.1 503 No\r\n\r\n");
}

START_TEST(one_that_is_refused_ends_the_run)
{
    listener = listen_tcp();
    set.protocol = &bench_sse;
    ck_assert_int_eq(subscribers_init(&set, 3), ERR_OK);
    ck_assert_int_eq(subscribers_connect(&set, refuse, NULL), BENCH_LOST);
    ck_assert(loop.failed);
    ck_assert_uint_ge(set.lost, 1);
}
END_TEST

START_TEST(nobody_listens)
{
    listener = bind_tcp();
    set.protocol = _i ? &bench_resp : &bench_sse;
    set.socket = "@longwire-test-nobody";
    ck_assert_int_eq(subscribers_init(&set, 3), ERR_OK);
    ck_assert_int_eq(subscribers_connect(&set, serve_sse, NULL), BENCH_LOST);
    ck_assert(loop.failed);
    ck_assert_uint_eq(set.live, 0);
}
END_TEST

START_TEST(a_name_that_nobody_has)
{
    set.protocol = &bench_sse;
    place = (struct http_place){.port = "no port"};
    ck_assert_int_eq(subscribers_init(&set, 1), ERR_OK);
    ck_assert_int_eq(subscribers_connect(&set, serve_sse, NULL), BENCH_LOST);
    ck_assert(!loop.failed);
}
END_TEST

static void serve_resp(void *ctx)
{
    (void)ctx;
    while (take_client())
        answer(clients[client_count - 1], "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
}

START_TEST(the_local_socket_will_do)
{
    listener = listen_local();
    set.protocol = &bench_resp;
    set.socket = local_name;
    ck_assert_int_eq(subscribers_init(&set, 2), ERR_OK);
    ck_assert_int_eq(subscribers_connect(&set, serve_resp, NULL), BENCH_OK);
    ck_assert_uint_eq(set.live, 2);
}
END_TEST

START_TEST(each_fault_is_one)
{
    uint64_t *const faults[] = {&set.missing, &set.repeated, &set.late, &set.foreign};
    ck_assert(subscribers_well(&set));
    for (size_t i = 0; i < 4; i++) {
        *faults[i] = 1;
        ck_assert(!subscribers_well(&set));
        *faults[i] = 0;
    }
    set.lost = 1;
    ck_assert(!subscribers_well(&set));
}
END_TEST

/* --- the answers of long-polls --- */

START_TEST(a_long_poll_without_a_message_asks_again)
{
    static const struct {
        const char *answer;
        bool good;
    } answers[] = {
        {"HTTP/1.1 204 No Content\r\nLongwire-Cursor: 9-8\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nLongwire-Cursor: 9-8\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 205 Reset\r\nLongwire-Cursor: 9-8\r\n\r\n", false},
        {"HTTP/1.1 204 No Content\r\n\r\n", false},
    };
    int pair[2];
    char request[256];
    strcpy(place.host, "h");
    strcpy(place.port, "1");
    set.protocol = &bench_poll;
    ck_assert_int_eq(subscribers_init(&set, 1), ERR_OK);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct bench_subscriber *s = &set.items[0];
    s->wire.fd = pair[0];
    s->state = SUBSCRIBER_ASKING;
    clients[client_count++] = pair[1];
    const char *text = answers[_i].answer;
    ck_assert_uint_eq(bench_poll.read(&set, s, text, strlen(text)), strlen(text));
    ck_assert_int_eq(s->state, answers[_i].good ? SUBSCRIBER_LIVE : SUBSCRIBER_LOST);
    ssize_t n = recv(pair[1], request, sizeof(request) - 1, MSG_DONTWAIT);
    ck_assert_int_eq(n > 0, answers[_i].good);
    if (n <= 0)
        return;
    request[n] = '\0';
    ck_assert_ptr_nonnull(strstr(request, "&after=9-8 "));
}
END_TEST

/* --- publishers and a hub --- */

static const struct bench_mark mark = {1, 2, 3};

/* Starts COUNT of them on the local socket. */
static enum bench_exit start_local(uint32_t count)
{
    struct bench_config config = {.publish_by = BENCH_BY_RESP, .publishers = count};
    config.pipeline = 4096;
    config.size = 1000;
    listener = listen_local();
    publishers.protocol = bench_publish_protocol_of(config.publish_by);
    return publishers_init(&publishers, &loop, local_name, NULL, &config, mark_tag());
}

START_TEST(publishers_of_the_local_socket_are_ready_at_once)
{
    ck_assert_int_eq(start_local(2), BENCH_OK);
    ck_assert_uint_eq(publishers.ready, 2);
    ck_assert_int_eq(publishers.server, getpid());
    ck_assert_int_eq(bench_server_of(local_name), getpid());
    ck_assert_int_eq(bench_server_of("@longwire-test-nobody"), 0);
}
END_TEST

START_TEST(a_path_has_a_limit)
{
    char path[200];
    struct sockaddr_un at;
    memset(path, 'p', sizeof(path));
    path[sizeof(at.sun_path)] = '\0';
    ck_assert_int_eq(bench_connect_local(path), -1);
    ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

START_TEST(what_does_not_fit_the_socket_leaves_later)
{
    enum { MESSAGES = 500 };
    static char chunk[1 << 16];
    ck_assert_int_eq(start_local(1), BENCH_OK);
    ck_assert(take_client());
    struct bench_publisher *p = &publishers.items[0];
    for (int i = 0; i < MESSAGES; i++)
        publisher_publish(p, 7, &mark);
    size_t size = publishers.command.len, whole = MESSAGES * size, got = 0;
    publishers_flush(&publishers);
    ck_assert_uint_gt(p->out_sent, 0);
    ck_assert_uint_lt(p->out_sent, whole);
    ck_assert(p->watching);
    size_t sent = p->out_sent;
    publishers_flush(&publishers); /* while it is full nothing is tried */
    ck_assert_uint_eq(p->out_sent, sent);
    p->watching = false;
    publishers_flush(&publishers); /* and if something is, that it is full is no fault */
    ck_assert(p->watching && p->out_sent == sent && !loop.failed);
    while (got < whole) {
        ssize_t n = recv(clients[0], chunk, sizeof(chunk), MSG_DONTWAIT);
        ck_assert(n > 0 || errno == EAGAIN);
        for (ssize_t i = 0; i < n; i++) { /* the commands, one behind the other */
            size_t at = (got + (size_t)i) % size;
            if (at < publishers.topic_at + 8 && at >= publishers.topic_at)
                ck_assert_int_eq(chunk[i], "00000007"[at - publishers.topic_at]);
            else if (at < publishers.mark_at || at >= publishers.mark_at + MARK_SIZE)
                ck_assert_int_eq(chunk[i], publishers.command.data[at]);
        }
        got += n > 0 ? (size_t)n : 0;
        loop_turn(&loop, 0);
    }
    loop_turn(&loop, 0);
    ck_assert_uint_eq(p->out.len, 0);
    ck_assert_uint_eq(p->out_sent, 0);
    ck_assert(!p->watching && !loop.failed);
    publisher_publish(p, 7, &mark);
    publishers_flush(&publishers);
    ck_assert_int_eq(recv(clients[0], chunk, sizeof(chunk), 0), (ssize_t)size);
}
END_TEST

START_TEST(answers_may_come_in_pieces)
{
    ck_assert_int_eq(start_local(1), BENCH_OK);
    ck_assert(take_client());
    for (int i = 0; i < 3; i++)
        publisher_publish(&publishers.items[0], 7, &mark);
    answer(clients[0], ":1\r\n-ERR n");
    loop_turn(&loop, BENCH_SECOND);
    ck_assert_uint_eq(publishers.answered, 1);
    ck_assert_uint_eq(publishers.items[0].rest.len, 6);
    answer(clients[0], "o\r\n:");
    loop_turn(&loop, BENCH_SECOND);
    ck_assert_uint_eq(publishers.refused, 1);
    answer(clients[0], "0\r\n");
    loop_turn(&loop, BENCH_SECOND);
    ck_assert_uint_eq(publishers.answered, 2);
    ck_assert_uint_eq(publishers_unanswered(&publishers), 0);
    ck_assert_uint_eq(publishers.items[0].rest.len, 0);
    ck_assert(!loop.failed);
}
END_TEST

START_TEST(an_answer_without_an_end_has_a_limit)
{
    char text[1026];
    memset(text, '-', sizeof(text));
    ck_assert_int_eq(start_local(1), BENCH_OK);
    struct bench_publisher *p = &publishers.items[0];
    ck_assert_uint_eq(publish_resp.read(p, text, 1024), 0);
    ck_assert(!loop.failed);
    ck_assert_uint_eq(publish_resp.read(p, text, 1025), 1025);
    ck_assert(loop.failed);
}
END_TEST

START_TEST(a_hub_that_closes_ends_the_run)
{
    ck_assert_int_eq(start_local(1), BENCH_OK);
    ck_assert(take_client());
    close(clients[--client_count]);
    loop_turn(&loop, BENCH_SECOND);
    ck_assert(loop.failed);
}
END_TEST

static enum bench_exit start_http(void)
{
    struct bench_config config = {.publish_by = BENCH_BY_HTTP, .publishers = 1, .pid = 77};
    config.pipeline = 4;
    config.size = MARK_SIZE;
    listener = listen_tcp();
    publishers.protocol = bench_publish_protocol_of(config.publish_by);
    return publishers_init(&publishers, &loop, NULL, &place, &config, mark_tag());
}

START_TEST(an_http_connection_may_end_when_nothing_is_unanswered)
{
    ck_assert_int_eq(start_http(), BENCH_OK);
    ck_assert_int_eq(publishers.server, 77);
    ck_assert(take_client());
    shutdown(clients[0], SHUT_RDWR);
    loop_turn(&loop, BENCH_SECOND);
    ck_assert(!loop.failed && publishers.ready == 1 && publishers.refused == 0);
    ck_assert(take_client()); /* it has come again */
    publisher_publish(&publishers.items[0], 7, &mark);
    shutdown(clients[1], SHUT_RDWR);
    loop_turn(&loop, BENCH_SECOND);
    ck_assert(loop.failed);
}
END_TEST

START_TEST(what_is_sent_behind_a_refusal_that_closes_is_refused)
{
    ck_assert_int_eq(start_http(), BENCH_OK);
    ck_assert(take_client());
    struct bench_publisher *p = &publishers.items[0];
    for (int i = 0; i < 3; i++)
        publisher_publish(p, 7, &mark);
    ck_assert(!publisher_full(p));
    answer(clients[0], "HTTP/1.1 201 C\r\n\r\nHTTP/1.1 503 N\r\nConnection: close\r\n\r\n");
    loop_turn(&loop, BENCH_SECOND);
    ck_assert_uint_eq(publishers.answered, 1);
    ck_assert_uint_eq(publishers.refused, 2);
    ck_assert_uint_eq(p->unanswered, 0);
    ck_assert_uint_eq(p->out.len, 0);
    ck_assert(!loop.failed && publishers.ready == 1);
    ck_assert(take_client());
}
END_TEST

/* A server of its own process; each connection is read from once and gets TEXT. */
static pid_t serve_in_child(const char *text, bool closes)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    char request[2048];
    fcntl(listener, F_SETFL, 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (read(fd, request, sizeof(request)) > 0 && write(fd, text, strlen(text)) < 0)
            _exit(1);
        if (closes)
            close(fd);
    }
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

START_TEST(publishers_of_websockets_wait_for_them)
{
    struct bench_config config = {.publish_by = BENCH_BY_WS, .publishers = 2, .pid = 77};
    config.pipeline = 4;
    config.size = MARK_SIZE;
    listener = listen_tcp();
    pid_t child = serve_in_child("HTTP/1.1 101 S\r\n\r\n", false);
    publishers.protocol = bench_publish_protocol_of(config.publish_by);
    ck_assert_int_eq(publishers_init(&publishers, &loop, NULL, &place, &config, mark_tag()),
                     BENCH_OK);
    ck_assert_uint_eq(publishers.ready, 2);
    ck_assert(publishers.items[0].ready && publishers.items[1].ready);
    end_child(child);
}
END_TEST

START_TEST(messages_are_looked_for)
{
    static const char *const texts[] = {"HTTP/1.1 200 OK\r\n\r\n{\"messages\":[{}]}",
                                        "HTTP/1.1 200 OK\r\n\r\n{\"messages\":[]}"};
    listener = listen_tcp();
    for (int i = 0; i < 2; i++) {
        pid_t child = serve_in_child(texts[i], true);
        ck_assert_int_eq(http_find_messages(&place, 1), i ? BENCH_FAILED : BENCH_OK);
        end_child(child);
    }
    close(listener);
    listener = bind_tcp();
    ck_assert_int_eq(http_find_messages(&place, 1), BENCH_LOST);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench_connect");
    TCase *t = tcase_create("heads");
    tcase_add_loop_test(t, a_status_is_read_from_an_http_1_answer_only, 0,
                        sizeof(heads) / sizeof(heads[0]));
    tcase_add_test(t, a_head_has_its_fields);
    tcase_add_test(t, a_head_without_an_end_is_given_up);
    tcase_add_loop_test(t, a_url_is_a_host_and_a_port, 0, sizeof(urls) / sizeof(urls[0]));
    tcase_add_test(t, a_host_has_a_limit);
    suite_add_tcase(s, t);
    t = tcase_create("subscribers");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, subscribers_ask_for_their_topic);
    tcase_add_test(t, a_websocket_is_asked_for);
    tcase_add_test(t, further_topics_are_others_and_of_the_pool);
    tcase_add_test(t, all_are_connected_and_subscribed);
    tcase_add_test(t, one_that_is_refused_ends_the_run);
    tcase_add_loop_test(t, nobody_listens, 0, 2);
    tcase_add_test(t, a_name_that_nobody_has);
    tcase_add_test(t, the_local_socket_will_do);
    tcase_add_test(t, each_fault_is_one);
    tcase_add_loop_test(t, a_long_poll_without_a_message_asks_again, 0, 4);
    suite_add_tcase(s, t);
    t = tcase_create("publishers");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, publishers_of_the_local_socket_are_ready_at_once);
    tcase_add_test(t, a_path_has_a_limit);
    tcase_add_test(t, what_does_not_fit_the_socket_leaves_later);
    tcase_add_test(t, answers_may_come_in_pieces);
    tcase_add_test(t, an_answer_without_an_end_has_a_limit);
    tcase_add_test(t, a_hub_that_closes_ends_the_run);
    tcase_add_test(t, an_http_connection_may_end_when_nothing_is_unanswered);
    tcase_add_test(t, what_is_sent_behind_a_refusal_that_closes_is_refused);
    tcase_add_test(t, publishers_of_websockets_wait_for_them);
    tcase_add_test(t, messages_are_looked_for);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
