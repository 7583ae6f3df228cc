/*
 * Whose turn it is: what is left of a connection's input when a turn has no room for it.
 *
 * Connections of a protocol of this file's own: each call of input() takes one line, which costs as
 * much work as the test says, and says it again.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/loop.h"
#include "net/socket.h"
#include "net/turn.h"

enum { MANY = 20 };

static struct process process;
static struct loop loop;
static const struct net_settings settings;
static uint64_t line_work; /* what the next lines cost */

static size_t take_line(struct conn *c, char *data, size_t n)
{
    const char *end = n ? memchr(data, '\n', n) : NULL;
    if (!end)
        return 0;
    size_t len = (size_t)(end + 1 - data);
    budget_charge(&loop.work, line_work);
    conn_write(c, data, len);
    if (conn_may_go_on(c))
        conn_resume(c); /* the next one, if there is any */
    return len;
}

static const struct protocol lines = {
    .name = "lines",
    .input = take_line,
};

/* The peer's end of a connection. */
struct peer_end {
    struct conn *conn;
    int fd;
};

static struct peer_end quiet, others[MANY];

static void open_end(struct peer_end *p)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    ck_assert_int_eq(conn_create(&loop, socket_link(fds[0], false), false, true, &lines, &p->conn),
                     ERR_OK);
    p->fd = fds[1];
}

static void set_up(void)
{
    memset(&process, 0, sizeof(process));
    memset(&loop, 0, sizeof(loop));
    process.memory.limit = 1 << 20;
    ck_assert_int_eq(loop_init(&loop, 0, &process, &settings), ERR_OK);
    line_work = 0;
    open_end(&quiet);
    for (int i = 0; i < MANY; i++)
        open_end(&others[i]);
}

static void tear_down(void)
{
    turn_close_all(&loop, CLOSE_SHUTDOWN);
    turn_drop_backlog(&loop);
    turn_end(&loop);
    close(quiet.fd);
    for (int i = 0; i < MANY; i++)
        close(others[i].fd);
    loop_finish(&loop);
}

static void say(const struct peer_end *p, const char *text)
{
    ck_assert_int_eq(send(p->fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* What came. */
static const char *heard(const struct peer_end *p)
{
    static char got[64];
    ssize_t n = recv(p->fd, got, sizeof(got) - 1, MSG_DONTWAIT);
    got[n > 0 ? n : 0] = '\0';
    return got;
}

static void begin_turn(void)
{
    loop_wait(&loop, true);
    budget_begin_turn(&loop.work);
    turn_collect(&loop);
    turn_serve(&loop);
}

/* As of a turn in which others asked for very much. */
static void use_up_turn(void)
{
    budget_charge(&loop.work, 2 * BUDGET_TURN);
}

static void turn(void)
{
    begin_turn();
    turn_go_on(&loop);
    turn_end(&loop);
}

/* Each of the others wants more than it may have at once, and waits. */
static void let_others_wait(void)
{
    line_work = BUDGET_SLICE;
    for (int i = 0; i < MANY; i++)
        say(&others[i], "1\n2\n3\n4\n");
    for (int i = 0; i < MANY && backlog_count(&loop.backlog) < MANY; i++) {
        begin_turn();
        turn_end(&loop);
    }
    ck_assert_uint_eq(backlog_count(&loop.backlog), MANY);
    for (int i = 0; i < MANY; i++)
        heard(&others[i]);
    line_work = 0;
}

/* Looking whether there is more is for everybody: it is not behind all those who have more. */
START_TEST(who_has_no_more_to_say_does_not_wait)
{
    let_others_wait();
    say(&quiet, "hello\n");
    begin_turn();
    use_up_turn();
    turn_end(&loop);
    ck_assert_str_eq(heard(&quiet), "hello\n");
    ck_assert(!quiet.conn->yielded);
    ck_assert_uint_eq(backlog_count(&loop.backlog), MANY);
    say(&quiet, "again\n");
    turn();
    ck_assert_str_eq(heard(&quiet), "again\n");
}
END_TEST

/* One who asked for little has a ring of its own, of which each turn serves one at least. */
START_TEST(who_asked_for_little_is_not_behind_those_who_ask_for_much)
{
    let_others_wait();
    say(&quiet, "one\ntwo\n");
    begin_turn();
    use_up_turn();
    turn_end(&loop);
    ck_assert_str_eq(heard(&quiet), "one\n");
    ck_assert(quiet.conn->yielded);
    line_work = BUDGET_TURN;
    turn();
    ck_assert_str_eq(heard(&quiet), "two\n");
    ck_assert_uint_ge(backlog_count(&loop.backlog), MANY - 1);
}
END_TEST

START_TEST(who_asked_for_much_is_behind_the_others_who_do)
{
    let_others_wait();
    line_work = BUDGET_SLICE;
    say(&quiet, "one\ntwo\n");
    begin_turn();
    turn_end(&loop);
    ck_assert_str_eq(heard(&quiet), "one\n");
    unsigned turns = 0;
    for (const char *text = ""; !*text && turns < 10 * MANY; turns++) {
        turn();
        text = heard(&quiet);
    }
    ck_assert_uint_gt(turns, 1);
    ck_assert_uint_le(turns, MANY);
}
END_TEST

static Suite *turns_suite(void)
{
    Suite *s = suite_create("turns");
    TCase *t = tcase_create("turns");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, who_has_no_more_to_say_does_not_wait);
    tcase_add_test(t, who_asked_for_little_is_not_behind_those_who_ask_for_much);
    tcase_add_test(t, who_asked_for_much_is_behind_the_others_who_do);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(turns_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
