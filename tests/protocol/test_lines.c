/*
 * That adding a protocol is its own folder and one line: the protocol of lines.h on the hub's own
 * floors, which are linked as they are, over TCP, with a worker's thread and the broker's.
 */
#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/hub.h"
#include "broker/interest.h"
#include "broker/topic_table.h"
#include "delivery/worker_thread.h"
#include "net/listener.h"
#include "net/transport.h"
#include "tests/protocol/lines.h"
#include "tests/unit/broker_fixture.h"

enum { TIMEOUT_S = 120, LINE_SIZE = 8192 };

static const struct frontend *const frontends[] = {
    &lines_frontend,
    NULL,
};

static struct rig rig;
static struct hub *hub;
static struct settings *settings;
static struct process process;
static struct worker *worker;
static struct listen_address address;

/* --- a hub --- */

static void listen_for_lines(void)
{
    struct buf error = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd;
    address = (struct listen_address){.len = sizeof(in), .loopback = true};
    memcpy(&address.addr, &in, sizeof(in));
    ck_assert_int_eq(listen_tcp(&address, &fd, 1, &error), ERR_OK);
    ck_assert_int_eq(listener_add(&worker->loop, fd, &lines_service, false, true), ERR_OK);
}

static void set_up(void)
{
    struct store_reader *reader;
    log_set_level(LOG_ERROR);
    ck_assert_int_eq(frontend_register(frontends), ERR_OK);
    rig_init(&rig, false);
    rig.options.transports = transport_count();
    rig_start(&rig);
    struct hub_options o = {1, 64 << 20, 0, &rig.log};
    ck_assert_int_eq(hub_start(&o, rig.broker, &hub), ERR_OK);
    settings = settings_create();
    ck_assert_ptr_nonnull(settings);
    settings->net.write_timeout_ms = 60000;
    process.memory.limit = 256 << 20;
    process.conns_max = 100;
    ck_assert_int_eq(store_reader_create(rig.store, &reader), ERR_OK);
    ck_assert_int_eq(worker_create(hub, 0, settings, &process, frontends, reader, &worker), ERR_OK);
    listen_for_lines();
    ck_assert_int_eq(worker_start(worker), ERR_OK);
}

static void tear_down(void)
{
    worker_stop(worker, 10000);
    worker_join(worker);
    hub_stop(hub);
    worker_destroy(worker);
    hub_destroy(hub);
    settings_unref(settings);
    rig_finish(&rig);
}

/* --- clients --- */

static int connected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address.addr, address.len), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The next line, without its end; "" when the hub has ended the connection. */
static const char *hear(int fd)
{
    static char line[LINE_SIZE];
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ck_assert_int_eq(poll(&p, 1, TIMEOUT_S * 1000), 1);
        ck_assert_uint_lt(n, sizeof(line));
        if (recv(fd, line + n, 1, 0) <= 0 || line[n] == '\n')
            break;
        n++;
    }
    line[n] = '\0';
    return line;
}

/* WORD, CURSOR, and REST. */
static void expect(int fd, const char *word, const char *cursor, const char *rest)
{
    char text[LINE_SIZE];
    snprintf(text, sizeof(text), "%s %s%s", word, cursor, rest);
    ck_assert_str_eq(hear(fd), text);
}

/* A subscriber that has been told so. */
static int subscriber(const char *line)
{
    int fd = connected();
    say(fd, line);
    ck_assert_mem_eq(hear(fd), "OK ", 3);
    return fd;
}

static int live_subscriber(const char *line)
{
    int fd = subscriber(line);
    ck_assert_mem_eq(hear(fd), "LIVE ", 5);
    return fd;
}

/* RET_CURSOR: CURSOR_TEXT_SIZE bytes. */
static void publish(int fd, const char *line, char *ret_cursor)
{
    say(fd, line);
    const char *answer = hear(fd);
    ck_assert_mem_eq(answer, "ID ", 3);
    ck_assert_uint_lt(strlen(answer + 3), CURSOR_TEXT_SIZE);
    memcpy(ret_cursor, answer + 3, strlen(answer + 3) + 1);
}

/* --- tests --- */

START_TEST(who_is_live_gets_what_is_published)
{
    char id[CURSOR_TEXT_SIZE];
    int a = live_subscriber("SUB a/+\n"), b = live_subscriber("SUB a/+\n");
    int other = live_subscriber("SUB b\n"), source = connected();
    publish(source, "PUB a/x hello world\n", id);
    expect(a, "MSG", id, " a/x hello world");
    expect(b, "MSG", id, " a/x hello world");
    publish(source, "PUB b bye\n", id);
    expect(other, "MSG", id, " b bye");
    close(a);
    close(b);
    close(other);
    close(source);
}
END_TEST

/* A replay and what is live are one stream. */
START_TEST(who_comes_back_misses_nothing)
{
    char ids[4][CURSOR_TEXT_SIZE], line[LINE_SIZE];
    static const char *const texts[] = {"PUB t 0\n", "PUB t 1\n", "PUB t 2\n", "PUB t 3\n"};
    int source = connected();
    for (int i = 0; i < 3; i++)
        publish(source, texts[i], ids[i]);
    snprintf(line, sizeof(line), "SUB t %s\n", ids[0]);
    int back = subscriber(line), all = subscriber("SUB # earliest\n");
    expect(all, "MSG", ids[0], " t 0");
    for (int i = 1; i < 3; i++) {
        expect(back, "MSG", ids[i], i == 1 ? " t 1" : " t 2");
        expect(all, "MSG", ids[i], i == 1 ? " t 1" : " t 2");
    }
    expect(back, "LIVE", ids[2], "");
    expect(all, "LIVE", ids[2], "");
    publish(source, texts[3], ids[3]);
    expect(back, "MSG", ids[3], " t 3");
    expect(all, "MSG", ids[3], " t 3");
    close(source);
    close(back);
    close(all);
}
END_TEST

START_TEST(a_cursor_of_another_log_is_a_gap)
{
    char id[CURSOR_TEXT_SIZE];
    int source = connected();
    publish(source, "PUB t x\n", id);
    int fd = subscriber("SUB t 1-1\n");
    ck_assert_str_eq(hear(fd), "GAP epoch");
    close(source);
    close(fd);
}
END_TEST

/* The tail keeps the message with its encodings: there is one, however many get it. */
START_TEST(all_receivers_share_its_encoding)
{
    enum { SUBSCRIBERS = 5 };
    int fds[SUBSCRIBERS];
    char id[CURSOR_TEXT_SIZE];
    for (int i = 0; i < SUBSCRIBERS; i++)
        fds[i] = live_subscriber("SUB t\n");
    int source = connected();
    publish(source, "PUB t x\n", id);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        expect(fds[i], "MSG", id, " t x");
        close(fds[i]);
    }
    ck_assert_uint_eq(message_encoded_bytes(), strlen("MSG  t x\n") + strlen(id));
    close(source);
}
END_TEST

START_TEST(its_connections_and_subscribers_are_counted)
{
    uint32_t count[INTEREST_TRANSPORTS];
    unsigned number = lines_frontend.transport->number;
    int a = live_subscriber("SUB t\n"), b = live_subscriber("SUB #\n");
    ck_assert_str_eq(transport_name(number), "lines");
    ck_assert_uint_eq(worker->loop.conns_by_transport[number], 2);
    interest_count(hub_interest(hub), "t", 1, count);
    ck_assert_uint_eq(count[number], 2);
    close(a);
    close(b);
}
END_TEST

static const struct {
    const char *said, *heard;
} refusals[] = {
    {"HELLO\n", "ERR SUB topic [after], or PUB topic text"},
    {"SUB a/#/b\n", "ERR no topic and no pattern"},
    {"SUB a yesterday\n", "ERR no cursor"},
    {"PUB a/+ x\n", "ERR no topic"},
    {"PUB $a x\n", "ERR no topic"},
};

START_TEST(what_it_cannot_read_it_refuses)
{
    int fd = connected();
    say(fd, refusals[_i].said);
    ck_assert_str_eq(hear(fd), refusals[_i].heard);
    ck_assert_str_eq(hear(fd), "");
    close(fd);
}
END_TEST

START_TEST(a_second_set_is_refused)
{
    int fd = live_subscriber("SUB a\n");
    say(fd, "SUB b\n");
    ck_assert_str_eq(hear(fd), "ERR one SUB for a connection");
    ck_assert_str_eq(hear(fd), "");
    close(fd);
}
END_TEST

START_TEST(a_line_has_an_end)
{
    char line[LINES_MAX + 2];
    int fd = connected();
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    say(fd, line);
    ck_assert_str_eq(hear(fd), "ERR a line is at most 4096 bytes long");
    close(fd);
}
END_TEST

/* Said in the log, before anything has begun. */
START_TEST(more_than_there_is_room_for_are_refused)
{
    struct transport many[TRANSPORTS_MAX];
    struct frontend all[TRANSPORTS_MAX];
    const struct frontend *list[TRANSPORTS_MAX + 1] = {NULL};
    for (unsigned i = 0; i < TRANSPORTS_MAX; i++) {
        many[i] = (struct transport){.name = "many"};
        all[i] = (struct frontend){.transport = &many[i]};
        list[i] = &all[i];
    }
    log_set_level(LOG_ERROR);
    ck_assert_int_eq(frontend_register(frontends), ERR_OK);
    ck_assert_int_eq(frontend_register(list), ERR_LIMIT);
    ck_assert_uint_eq(transport_count(), TRANSPORTS_MAX);
    ck_assert_int_eq(frontend_register(frontends), ERR_OK);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lines");
    TCase *t = tcase_create("lines"), *room = tcase_create("room");
    tcase_set_timeout(t, TIMEOUT_S);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, who_is_live_gets_what_is_published);
    tcase_add_test(t, who_comes_back_misses_nothing);
    tcase_add_test(t, a_cursor_of_another_log_is_a_gap);
    tcase_add_test(t, all_receivers_share_its_encoding);
    tcase_add_test(t, its_connections_and_subscribers_are_counted);
    tcase_add_loop_test(t, what_it_cannot_read_it_refuses, 0, sizeof(refusals) / sizeof(*refusals));
    tcase_add_test(t, a_second_set_is_refused);
    tcase_add_test(t, a_line_has_an_end);
    tcase_add_test(room, more_than_there_is_room_for_are_refused);
    suite_add_tcase(s, t);
    suite_add_tcase(s, room);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
