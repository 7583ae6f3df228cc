/*
 * A loop with a listening socket and connections, and nothing else: no worker, no hub, and a
 * protocol of this file's own, which is all that adding one takes.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/service.h"
#include "net/turn.h"

static struct process process;
static struct loop loop;
static const struct net_settings settings;
static struct listen_address address;

/* --- a protocol that says the same again --- */

static size_t echo_input(struct conn *c, char *data, size_t n)
{
    conn_write(c, data, n);
    return n;
}

static const struct protocol echo = {
    .name = "echo",
    .transport = TRANSPORT_HTTP,
    .input = echo_input,
};

static void greet(struct conn *c, const struct service *s, const struct ip_port *from);

static const struct service behind_proxies = {.protocol = &echo, .accepted = greet};
static const struct service plain = {
    .protocol = &echo,
    .accepted = greet,
    .proxied = &behind_proxies,
};

static void greet(struct conn *c, const struct service *s, const struct ip_port *from)
{
    ck_assert(ip_is_loopback(&from->ip));
    conn_write(c, s == &plain ? "plain\n" : "proxy\n", 6);
}

/* --- its loop --- */

static void set_up(void)
{
    struct buf error = {0};
    int fd;
    memset(&process, 0, sizeof(process));
    memset(&loop, 0, sizeof(loop));
    process.conns_max = 10;
    process.memory.limit = 1 << 20;
    ck_assert_int_eq(loop_init(&loop, 0, &process, &settings), ERR_OK);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address = (struct listen_address){.len = sizeof(in), .loopback = true};
    memcpy(&address.addr, &in, sizeof(in));
    ck_assert_int_eq(listen_tcp(&address, &fd, 1, &error), ERR_OK);
    ck_assert_int_eq(listener_add(&loop, fd, &plain, false, true), ERR_OK);
}

static void tear_down(void)
{
    listener_close_all(&loop);
    turn_close_all(&loop, CLOSE_SHUTDOWN);
    turn_end(&loop);
    ck_assert_uint_eq(loop.conns, 0);
    ck_assert_uint_eq(process.conns, 0);
    loop_finish(&loop);
}

/* Waits until something happens, and does what it takes. */
static void turn(void)
{
    loop_wait(&loop, false);
    loop_update_clock(&loop);
    budget_begin_turn(&loop.work);
    turn_collect(&loop);
    turn_serve(&loop);
    turn_end(&loop);
}

static int client(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address.addr, address.len), 0);
    return fd;
}

static void expect(int fd, const char *text)
{
    char got[64] = "";
    size_t len = strlen(text), have = 0;
    while (have < len) {
        ssize_t n = recv(fd, got + have, len - have, MSG_DONTWAIT);
        if (n < 0) {
            turn();
            continue;
        }
        ck_assert_int_gt(n, 0);
        have += (size_t)n;
    }
    ck_assert_str_eq(got, text);
}

START_TEST(connections_speak_what_their_socket_was_given)
{
    int fd = client();
    expect(fd, "plain\n");
    ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
    expect(fd, "hello");
    ck_assert_uint_eq(loop.conns, 1);
    ck_assert_uint_eq(counter_get(&loop.counters, COUNTER_accepted), 1);
    ck_assert_uint_eq(counter_get(&loop.counters, COUNTER_bytes_in), 5);
    close(fd);
    while (loop.conns)
        turn();
}
END_TEST

/* As of each new connection; those that are there go on as they began. */
START_TEST(the_settings_say_whether_proxies_are_in_front)
{
    static const struct net_settings behind = {.proxy_protocol = true};
    int before = client();
    expect(before, "plain\n");
    loop.settings = &behind;
    int fd = client();
    expect(fd, "proxy\n");
    loop.settings = &settings;
    int after = client();
    expect(after, "plain\n");
    close(before);
    close(fd);
    close(after);
}
END_TEST

START_TEST(nobody_is_accepted_beyond_the_limit_until_somebody_goes)
{
    process.conns_max = 1;
    int first = client(), second = client();
    expect(first, "plain\n");
    while (!listener_any_paused(&loop))
        turn();
    ck_assert_uint_eq(loop.conns, 1);
    listener_resume_all(&loop);
    ck_assert(listener_any_paused(&loop));
    close(first);
    while (loop.conns)
        turn();
    listener_resume_all(&loop);
    ck_assert(!listener_any_paused(&loop));
    expect(second, "plain\n");
    close(second);
}
END_TEST

static Suite *loop_suite(void)
{
    Suite *s = suite_create("loop");
    TCase *t = tcase_create("loop");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, connections_speak_what_their_socket_was_given);
    tcase_add_test(t, the_settings_say_whether_proxies_are_in_front);
    tcase_add_test(t, nobody_is_accepted_beyond_the_limit_until_somebody_goes);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(loop_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
