/* What a change of an event stream's topics costs: whoever asks, and the worker that has the
 * stream, are charged for each of them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/desk.h"

#define HOST "Host: localhost\r\n"

enum { TOPICS = 500 };

static struct desk desk;
static struct client stream, asker;

static void setup(void)
{
    desk_open(&desk);
    client_open(&stream, &desk, false);
    client_open(&asker, &desk, false);
}

static void teardown(void)
{
    client_close(&stream);
    client_close(&asker);
    desk_close(&desk);
}

/* The id of the session, from the stream's first events. */
static const char *session(void)
{
    static char id[64];
    client_say(&stream, "GET /t/first?format=envelope HTTP/1.1\r\n" HOST
                        "Accept: text/event-stream\r\n\r\n");
    const char *at = strstr(client_hear_all(&stream), "{\"session\":\"");
    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(sscanf(at, "{\"session\":\"%63[^\"]", id), 1);
    return id;
}

/* Asks to change COUNT topics, and returns what that took in work. */
static uint64_t change(const char *id, const char *what, unsigned count)
{
    struct buf body = {0}, text = {0};
    buf_printf(&body, "{\"%s\":[", what);
    for (unsigned i = 0; i < count; i++)
        buf_printf(&body, "%s\"t%u\"", i ? "," : "", i);
    buf_puts(&body, "]}");
    buf_printf(&text, "POST /session/%s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", id,
               body.len);
    buf_append(&text, body.data, body.len);
    uint64_t before = desk.worker->loop.work.done;
    client_forget(&asker);
    client_say_bytes(&asker, text.data, text.len);
    while (desk.worker->errands)
        desk_take_mail(&desk);
    ck_assert(client_heard(&asker, "HTTP/1.1 200 "));
    buf_finish(&body);
    buf_finish(&text);
    return desk.worker->loop.work.done - before;
}

START_TEST(each_topic_costs_something)
{
    const char *id = session();
    ck_assert_uint_ge(change(id, "subscribe", TOPICS), TOPICS * (WORK_TOPIC + WORK_SUBSCRIBE));
    ck_assert_uint_ge(change(id, "unsubscribe", TOPICS), TOPICS * 2 * WORK_TOPIC);
    ck_assert_uint_lt(change(id, "subscribe", 1), 100000);
}
END_TEST

/* Each of many topics that begin with -N is counted in slices, behind the others' turns. */
START_TEST(places_are_counted_in_slices)
{
    enum { MESSAGES = 10000, ENTRIES = 20 };
    const char *id = session();
    struct buf body = {0}, text = {0};
    desk_publish(&desk, "full", MESSAGES, 1);
    buf_puts(&body, "{\"subscribe\":[");
    for (int i = 0; i < ENTRIES; i++)
        buf_printf(&body, "%s{\"topic\":\"%s\",\"after\":\"-9000\"}", i ? "," : "",
                   (const char *[]){"full", "#", "+", "full/#"}[i % 4]);
    buf_puts(&body, "]}");
    buf_printf(&text, "POST /session/%s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%.*s", id,
               body.len, (int)body.len, body.data);
    ck_assert_int_eq(send(asker.fd, text.data, text.len, 0), (int)text.len);
    uint64_t before = desk.worker->replay.looked, most = 0;
    unsigned slices = 0;
    conn_ready(asker.conn, READY_READ);
    for (; backlog_count(&desk.worker->loop.backlog); slices++) {
        uint64_t looked = desk.worker->replay.looked;
        desk_go_on(&desk);
        looked = desk.worker->replay.looked - looked;
        most = looked > most ? looked : most;
    }
    ck_assert_uint_ge(desk.worker->replay.looked - before, ENTRIES * 9000);
    ck_assert_uint_le(most, 8000);
    ck_assert_uint_ge(slices, ENTRIES);
    uint64_t looked = desk.worker->replay.looked;
    while (desk.worker->errands)
        desk_take_mail(&desk);
    ck_assert_uint_lt(desk.worker->replay.looked - looked, 1000);
    ck_assert(client_heard(&asker, "HTTP/1.1 200 "));
    buf_finish(&body);
    buf_finish(&text);
}
END_TEST

/* Whoever goes meanwhile leaves nothing behind. */
START_TEST(one_that_counts_may_go)
{
    const char *id = session();
    struct buf text = {0};
    static const char body[] = "{\"subscribe\":[{\"topic\":\"#\",\"after\":\"-9000\"}]}";
    desk_publish(&desk, "full", 10000, 1);
    buf_printf(&text, "POST /session/%s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s", id,
               sizeof(body) - 1, body);
    ck_assert_int_eq(send(asker.fd, text.data, text.len, 0), (int)text.len);
    conn_ready(asker.conn, READY_READ);
    desk_go_on(&desk);
    ck_assert_uint_eq(backlog_count(&desk.worker->loop.backlog), 1);
    conn_refuse(asker.conn);
    desk_end_turn(&desk);
    ck_assert(client_heard(&asker, "HTTP/1.1 503 "));
    while (backlog_count(&desk.worker->loop.backlog))
        desk_go_on(&desk);
    ck_assert_uint_eq(desk.worker->errands, 0);
    buf_finish(&text);
}
END_TEST

static Suite *session_work_suite(void)
{
    Suite *s = suite_create("session_work");
    TCase *t = tcase_create("session_work");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, each_topic_costs_something);
    tcase_add_test(t, places_are_counted_in_slices);
    tcase_add_test(t, one_that_counts_may_go);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(session_work_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
