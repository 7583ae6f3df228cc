/*
 * The demo's way to the hub, against a listening socket that this test answers itself: what is not
 * acknowledged is sent again with the same key, whatever breaks in between.
 */
#include "demo/feed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char path[64];
static int listener = -1, hub = -1; /* the hub's side of the connection */
static struct feed *feed;
static uint64_t now_ms;

static void start_hub(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
}

static void hang_up(void)
{
    if (hub >= 0)
        close(hub);
    hub = -1;
}

static void stop_hub(void)
{
    hang_up();
    close(listener);
    listener = -1;
    unlink(path);
}

static void set_up(void)
{
    snprintf(path, sizeof(path), "/tmp/lw-test-feed.%d", (int)getpid());
    now_ms = 1000;
    feed = feed_create(path);
    ck_assert_ptr_nonnull(feed);
}

static void tear_down(void)
{
    feed_destroy(feed);
    hang_up();
    if (listener >= 0)
        close(listener);
    listener = -1;
    unlink(path);
}

static void accept_feed(void)
{
    hang_up();
    hub = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ck_assert_int_ge(hub, 0);
}

static void push(const char *payload, const char *key)
{
    struct buf b = {0};
    buf_puts(&b, payload);
    ck_assert_int_eq(feed_push(feed, "demo/x", &b, "sample", key), ERR_OK);
    buf_finish(&b);
}

/* One XADD as the hub must see it. */
static void put_xadd(struct buf *out, const char *payload, const char *key)
{
    buf_printf(out,
               "*9\r\n$4\r\nXADD\r\n$6\r\ndemo/x\r\n$1\r\n*\r\n$4\r\ndata\r\n$%zu\r\n%s\r\n"
               "$5\r\nevent\r\n$6\r\nsample\r\n$3\r\nkey\r\n$%zu\r\n%s\r\n",
               strlen(payload), payload, strlen(key), key);
}

/* The hub has received exactly these commands: pairs of payload and key, ended by NULL. */
static void assert_received(const char *const *pairs)
{
    static char got[65536];
    struct buf wanted = {0};
    for (; *pairs; pairs += 2)
        put_xadd(&wanted, pairs[0], pairs[1]);
    ssize_t n = recv(hub, got, sizeof(got), 0);
    ck_assert_int_eq(n, (ssize_t)wanted.len);
    ck_assert_mem_eq(got, wanted.data, wanted.len);
    buf_finish(&wanted);
}

static void reply(const char *text)
{
    ck_assert_int_eq(send(hub, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    feed_run(feed, now_ms);
}

START_TEST(messages_go_out_together_and_leave_when_acknowledged)
{
    start_hub();
    push("{\"a\":1}", "k1");
    push("{\"a\":2}", "k2");
    feed_run(feed, now_ms);
    accept_feed();
    assert_received((const char *[]){"{\"a\":1}", "k1", "{\"a\":2}", "k2", NULL});
    ck_assert_uint_eq(feed_waiting(feed), 2);
    reply("$3\r\n1-7\r\n$3\r");
    ck_assert_uint_eq(feed_waiting(feed), 1);
    reply("\n2-7\r\n");
    ck_assert_uint_eq(feed_waiting(feed), 0);
}
END_TEST

START_TEST(what_was_not_acknowledged_is_sent_again)
{
    start_hub();
    push("1", "k1");
    push("2", "k2");
    feed_run(feed, now_ms);
    accept_feed();
    reply("$3\r\n1-7\r\n");
    stop_hub();
    feed_run(feed, now_ms);
    ck_assert_int_eq(feed_fd(feed), -1);
    ck_assert_uint_eq(feed_waiting(feed), 1);
    push("3", "k3");

    start_hub();
    now_ms = feed_due_ms(feed);
    feed_run(feed, now_ms);
    accept_feed();
    assert_received((const char *[]){"2", "k2", "3", "k3", NULL});
    reply("$3\r\n2-8\r\n$3\r\n3-8\r\n");
    ck_assert_uint_eq(feed_waiting(feed), 0);
}
END_TEST

START_TEST(a_missing_hub_is_asked_less_and_less_often)
{
    uint64_t wait = 0;
    push("1", "k1");
    for (int i = 0; i < 10; i++) {
        feed_run(feed, now_ms);
        ck_assert_int_eq(feed_fd(feed), -1);
        ck_assert_uint_ge(feed_due_ms(feed) - now_ms, wait);
        wait = feed_due_ms(feed) - now_ms;
        feed_run(feed, now_ms); /* too early: does nothing */
        ck_assert_uint_eq(feed_due_ms(feed) - now_ms, wait);
        now_ms = feed_due_ms(feed);
    }
    ck_assert_uint_eq(wait, FEED_BACKOFF_MAX_MS);
    ck_assert_uint_eq(feed_waiting(feed), 1);
}
END_TEST

START_TEST(a_refused_message_is_kept)
{
    start_hub();
    push("1", "k1");
    feed_run(feed, now_ms);
    accept_feed();
    reply("-ERR no space left for the log\r\n");
    ck_assert_int_eq(feed_fd(feed), -1);
    now_ms = feed_due_ms(feed);
    feed_run(feed, now_ms);
    accept_feed();
    assert_received((const char *[]){"1", "k1", NULL});
    ck_assert_uint_eq(feed_waiting(feed), 1);
}
END_TEST

START_TEST(answers_that_make_no_sense_end_the_connection)
{
    static const char *const nonsense[] = {"hello\r\n", "$3\r\n1-7\r\n"};
    start_hub();
    for (size_t i = 0; i < 2; i++) {
        feed_run(feed, now_ms);
        accept_feed();
        reply(nonsense[i]);
        ck_assert_int_eq(feed_fd(feed), -1);
        now_ms = feed_due_ms(feed);
    }
}
END_TEST

START_TEST(the_queue_and_the_wire_have_limits)
{
    char key[16];
    struct buf b = {0};
    buf_puts(&b, "x");
    start_hub();
    for (int i = 0; i < FEED_QUEUE_MAX; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        push("x", key);
    }
    ck_assert_uint_eq(feed_room(feed), 0);
    ck_assert_int_eq(feed_push(feed, "demo/x", &b, "sample", "k"), ERR_LIMIT);
    buf_finish(&b);

    struct buf wanted = {0};
    for (int i = 0; i < FEED_WINDOW; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        put_xadd(&wanted, "x", key);
    }
    static char got[65536];
    feed_run(feed, now_ms);
    accept_feed();
    ck_assert_int_eq(recv(hub, got, sizeof(got), 0), (ssize_t)wanted.len);
    ck_assert_mem_eq(got, wanted.data, wanted.len);
    buf_finish(&wanted);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("feed");
    TCase *t = tcase_create("feed");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, messages_go_out_together_and_leave_when_acknowledged);
    tcase_add_test(t, what_was_not_acknowledged_is_sent_again);
    tcase_add_test(t, a_missing_hub_is_asked_less_and_less_often);
    tcase_add_test(t, a_refused_message_is_kept);
    tcase_add_test(t, answers_that_make_no_sense_end_the_connection);
    tcase_add_test(t, the_queue_and_the_wire_have_limits);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
