/*
 * A loop with a listening socket and connections, and nothing else: no worker, no hub, and a
 * protocol of this file's own, which is all that adding one takes.
 */
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/now.h"
#include "base/workers.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/service.h"
#include "net/turn.h"

static struct process process;
static struct loop loop;
static const struct net_settings settings;
static struct listen_address address;

/* --- a protocol that says the same again, or does what a test wants --- */

static size_t say_again(struct conn *c, char *data, size_t n)
{
    conn_write(c, data, n);
    return n;
}

static size_t (*take)(struct conn *c, char *data, size_t n);

static size_t echo_input(struct conn *c, char *data, size_t n)
{
    return take(c, data, n);
}

static unsigned timeouts;

static void count_timeout(struct conn *c)
{
    (void)c;
    timeouts++;
}

static const struct protocol echo = {
    .name = "echo",
    .input = echo_input,
    .timeout = count_timeout,
};

static struct conn *newest;

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
    newest = c;
    conn_write(c, s == &plain ? "plain\n" : "proxy\n", 6);
}

/* --- its loop --- */

static uint64_t begun_ms;
static int files;

static int open_files(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static void set_up(void)
{
    struct buf error = {0};
    int fd;
    memset(&process, 0, sizeof(process));
    memset(&loop, 0, sizeof(loop));
    take = say_again;
    begun_ms = now_monotonic_ms();
    files = open_files();
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
    ck_assert_int_eq(open_files(), files);
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

static uint64_t work; /* that each piece of input takes */

static size_t work_and_say(struct conn *c, char *data, size_t n)
{
    budget_charge(&c->loop->work, work);
    conn_write(c, data, n);
    return n;
}

static void begin_to_work(int fd, uint64_t much)
{
    work = much;
    take = work_and_say;
    expect(fd, "plain\n");
    ck_assert_int_eq(send(fd, "once", 4, 0), 4);
    expect(fd, "once");
    ck_assert_int_eq(send(fd, "again", 5, 0), 5);
}

/* Past the event base, which has its round when the millisecond is over. */
START_TEST(after_much_work_the_connections_are_looked_at_again)
{
    int fd = client();
    begin_to_work(fd, BUDGET_LIGHT - 1);
    while (!loop_look_again(&loop))
        sched_yield();
    loop.now_ms++;
    ck_assert(!loop_look_again(&loop));
    loop.now_ms--;
    ck_assert(loop_look_again(&loop));
    turn_serve(&loop);
    turn_end(&loop);
    ck_assert(!loop_look_again(&loop)); /* there is nothing more */
    expect(fd, "again");
    close(fd);
}
END_TEST

START_TEST(after_little_work_they_are_not)
{
    struct pollfd told = {.events = POLLIN};
    int fd = client();
    begin_to_work(fd, 10);
    told.fd = loop.readiness[0].fd;
    ck_assert_int_eq(poll(&told, 1, -1), 1);
    ck_assert(!loop_look_again(&loop));
    expect(fd, "again");
    close(fd);
}
END_TEST

/* --- pauses --- */

static bool goes_on;

static size_t pause_input(struct conn *c, char *data, size_t n)
{
    conn_write(c, data, n);
    conn_pause(c);
    ck_assert_uint_eq(c->watched, READY_READ);
    if (goes_on)
        conn_resume(c);
    return n;
}

/* The kernel is told when the turn ends, if it has to be at all. */
START_TEST(who_goes_on_within_the_turn_is_watched_all_the_time)
{
    int fd = client();
    take = pause_input;
    expect(fd, "plain\n");
    struct conn *c = turn_find_conn(&loop, WORKERS_MAX);
    ck_assert_ptr_nonnull(c);
    for (int i = 0; i < 2; i++) {
        goes_on = i == 0;
        ck_assert_int_eq(send(fd, "more", 4, 0), 4);
        expect(fd, "more");
        ck_assert_uint_eq(c->watched, goes_on ? READY_READ : READY_NONE);
    }
    close(fd);
}
END_TEST

/* Those that have a number keep it, and there is an end of them. */
START_TEST(transports_get_numbers)
{
    static struct transport all[TRANSPORTS_MAX + 1];
    for (unsigned i = 0; i < TRANSPORTS_MAX; i++) {
        all[i].name = i ? "other" : "first";
        ck_assert_int_eq(transport_register(&all[i]), ERR_OK);
        ck_assert_int_eq(transport_register(&all[0]), ERR_OK);
        ck_assert_uint_eq(all[i].number, i);
        ck_assert_uint_eq(transport_count(), i + 1);
        ck_assert_ptr_eq(transports[i], &all[i]);
    }
    ck_assert_int_eq(transport_register(&all[TRANSPORTS_MAX]), ERR_LIMIT);
    ck_assert_uint_eq(transport_count(), TRANSPORTS_MAX);
    ck_assert_str_eq(transport_name(0), "first");
    ck_assert_str_eq(transport_name(TRANSPORT_NONE), "none");
}
END_TEST

/* Each counts as one of its protocol's, or of none, and of those that it is said to be one of. */
START_TEST(connections_are_counted_by_transport)
{
    static struct transport one = {.name = "one"}, two = {.name = "two"};
    static const struct protocol of_two = {.name = "two", .transport = &two, .input = echo_input};
    ck_assert_int_eq(transport_register(&one), ERR_OK);
    ck_assert_int_eq(transport_register(&two), ERR_OK);
    int fd = client();
    expect(fd, "plain\n");
    ck_assert_uint_eq(loop.conns_by_transport[TRANSPORT_NONE], 1);
    struct conn *c = turn_find_conn(&loop, WORKERS_MAX);
    ck_assert_ptr_nonnull(c);
    conn_count_as(c, &one);
    ck_assert_uint_eq(loop.conns_by_transport[TRANSPORT_NONE], 0);
    ck_assert_uint_eq(loop.conns_by_transport[one.number], 1);
    conn_set_protocol(c, &of_two, NULL);
    ck_assert_uint_eq(loop.conns_by_transport[one.number], 0);
    ck_assert_uint_eq(loop.conns_by_transport[two.number], 1);
    close(fd);
    while (loop.conns)
        turn();
    ck_assert_uint_eq(loop.conns_by_transport[two.number], 0);
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

/* --- what a turn does --- */

static uint64_t looked, inputs;

/* Reads records for whoever asks, */
static size_t look(struct conn *c, char *data, size_t n)
{
    (void)c;
    (void)data;
    looked += 1000;
    return n;
}

/* or never has enough, */
static uint64_t cost;

static size_t want_more(struct conn *c, char *data, size_t n)
{
    (void)n;
    inputs++;
    budget_charge(&c->loop->work, cost);
    if (*data == 'x')
        conn_yield(c);
    else
        conn_yield_for(c, CONN_NEEDS_MUCH); /* in a ring of its own */
    return 0;
}

/* or answers with much, in the second slice. */
enum { MUCH = 100000 };

static size_t answer_much(struct conn *c, char *data, size_t n)
{
    static char answer[MUCH];
    (void)data;
    if (inputs++ == 0) {
        conn_yield(c);
        return 0;
    }
    conn_write(c, answer, sizeof(answer));
    return n;
}

/* Its greeting is read, then it says something. */
static int talker_of(const char *word)
{
    int fd = client();
    expect(fd, "plain\n");
    ck_assert_int_eq(send(fd, word, 1, 0), 1);
    return fd;
}

static int talker(void)
{
    return talker_of("x");
}

/* Turns of which no backlog takes anything, until COUNT wait. */
static void wait_for_backlog(size_t count)
{
    while (backlog_count(&loop.backlog) < count)
        turn();
}

START_TEST(what_is_looked_at_is_charged_to_the_turn)
{
    looked = 0;
    loop.work.looked = &looked;
    take = look;
    int fd = talker();
    uint64_t before = loop.work.done;
    while (looked == 0)
        turn();
    ck_assert_uint_ge(loop.work.done - before, looked * WORK_RECORD);
    ck_assert_uint_eq(loop.work.paid, looked);
    close(fd);
}
END_TEST

START_TEST(what_is_answered_is_charged_to_the_turn)
{
    char many[2000] = {0};
    int fd = talker();
    expect(fd, "x");
    uint64_t before = loop.work.done, in = counter_get(&loop.counters, COUNTER_bytes_in);
    ck_assert_int_eq(send(fd, many, sizeof(many), 0), sizeof(many));
    while (counter_get(&loop.counters, COUNTER_bytes_in) - in < sizeof(many))
        turn();
    ck_assert_uint_ge(loop.work.done - before, WORK_SLICE + 2 * sizeof(many)); /* in and out */
    close(fd);
}
END_TEST

enum { CLIENTS = 4 };

/* Clients that wait in the backlog; two of them in a ring of their own if MIXED. */
static void fill_backlog(int fds[CLIENTS], bool mixed)
{
    take = want_more;
    cost = 0;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = talker_of(mixed && i % 2 ? "y" : "x");
    wait_for_backlog(CLIENTS);
}

static void empty_backlog(const int fds[CLIENTS])
{
    turn_end(&loop);
    turn_drop_backlog(&loop);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

/* Those of the backlog that went on in one more turn. */
static uint64_t go_on_in_turn(uint64_t spent)
{
    inputs = 0;
    budget_begin_turn(&loop.work);
    budget_charge(&loop.work, spent);
    turn_go_on(&loop);
    return inputs;
}

START_TEST(deadlines_have_a_part_of_the_turn)
{
    enum { CLIENTS_DUE = 3 };
    int fds[CLIENTS_DUE];
    for (int i = 0; i < CLIENTS_DUE; i++) {
        fds[i] = client();
        expect(fds[i], "plain\n");
        conn_set_deadline(newest, loop_now(&loop) + 1);
    }
    loop.now_ms += 10000;
    timeouts = 0;
    budget_begin_turn(&loop.work);
    budget_charge(&loop.work, BUDGET_TURN);
    ck_assert(turn_deadlines(&loop)); /* there are more */
    ck_assert_uint_eq(timeouts, 1);
    budget_begin_turn(&loop.work);
    uint64_t before = loop.work.done;
    ck_assert(!turn_deadlines(&loop));
    ck_assert_uint_eq(timeouts, CLIENTS_DUE);
    ck_assert_uint_ge(loop.work.done - before, (CLIENTS_DUE - 1) * WORK_SLICE);
    for (int i = 0; i < CLIENTS_DUE; i++)
        close(fds[i]);
}
END_TEST

/* Nobody has slept before it began. */
START_TEST(its_clock_begins_with_the_loop)
{
    loop_update_clock(&loop);
    ck_assert_uint_eq(loop.clock.lost_ms, 0);
    ck_assert_uint_ge(loop_now(&loop), begun_ms);
    ck_assert_uint_le(loop_now(&loop), now_monotonic_ms());
}
END_TEST

/* If the turn has nothing left, each ring gives one all the same, and no more. */
START_TEST(the_backlog_takes_what_the_turn_has_left)
{
    int fds[CLIENTS];
    fill_backlog(fds, _i);
    ck_assert_uint_ge(go_on_in_turn(0), BUDGET_BACKLOG / WORK_SLICE / 2);
    ck_assert_uint_eq(backlog_count(&loop.backlog), CLIENTS);
    ck_assert_uint_eq(go_on_in_turn(BUDGET_TURN), _i ? 2 : 1);
    ck_assert_uint_eq(backlog_count(&loop.backlog), CLIENTS);
    empty_backlog(fds);
}
END_TEST

/* Work that took more than a ring has in a turn is paid for in the next. */
START_TEST(a_ring_pays_for_what_it_has_had_too_much)
{
    int fds[CLIENTS];
    fill_backlog(fds, false);
    cost = 5 * BUDGET_BACKLOG / 2;
    ck_assert_uint_eq(go_on_in_turn(0), 1);
    ck_assert_uint_eq(go_on_in_turn(0), 0);
    ck_assert_uint_eq(go_on_in_turn(0), 1);
    empty_backlog(fds);
}
END_TEST

/* Not only when the turn ends: many may have an answer in it. */
START_TEST(what_the_backlog_answers_is_held_at_once)
{
    take = answer_much;
    inputs = 0;
    int fd = talker();
    wait_for_backlog(1);
    ck_assert_uint_eq(peer_memory_held(&process.memory), 0);
    budget_begin_turn(&loop.work);
    turn_go_on(&loop);
    ck_assert_uint_ge(peer_memory_held(&process.memory), MUCH - PEER_MEMORY_FLOOR);
    turn_end(&loop);
    close(fd);
}
END_TEST

/* Beyond the limit of memory nobody else of the backlog is answered in this turn. */
START_TEST(the_backlog_waits_when_too_much_is_held)
{
    int fds[CLIENTS];
    fill_backlog(fds, false);
    atomic_store(&process.memory.held, process.memory.limit + 1);
    ck_assert_uint_eq(go_on_in_turn(0), 1);
    atomic_store(&process.memory.held, 0);
    empty_backlog(fds);
}
END_TEST

static Suite *loop_suite(void)
{
    Suite *s = suite_create("loop");
    TCase *t = tcase_create("loop");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, connections_speak_what_their_socket_was_given);
    tcase_add_test(t, after_much_work_the_connections_are_looked_at_again);
    tcase_add_test(t, after_little_work_they_are_not);
    tcase_add_test(t, who_goes_on_within_the_turn_is_watched_all_the_time);
    tcase_add_test(t, transports_get_numbers);
    tcase_add_test(t, connections_are_counted_by_transport);
    tcase_add_test(t, the_settings_say_whether_proxies_are_in_front);
    tcase_add_test(t, nobody_is_accepted_beyond_the_limit_until_somebody_goes);
    tcase_add_test(t, what_is_looked_at_is_charged_to_the_turn);
    tcase_add_test(t, deadlines_have_a_part_of_the_turn);
    tcase_add_test(t, its_clock_begins_with_the_loop);
    tcase_add_test(t, what_is_answered_is_charged_to_the_turn);
    tcase_add_loop_test(t, the_backlog_takes_what_the_turn_has_left, 0, 2);
    tcase_add_test(t, a_ring_pays_for_what_it_has_had_too_much);
    tcase_add_test(t, what_the_backlog_answers_is_held_at_once);
    tcase_add_test(t, the_backlog_waits_when_too_much_is_held);
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
