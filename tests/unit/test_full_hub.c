/* A hub that takes no more publishes: what was read over several turns, or put by, waits as well.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/exchange.h"
#include "tests/unit/desk.h"

#define HOST "Host: localhost\r\n"

enum { LINES = 1500 };

static struct desk desk;
static struct client client;
static bool full;

bool __wrap_hub_is_full(const struct hub *h);

bool __wrap_hub_is_full(const struct hub *h)
{
    (void)h;
    return full;
}

static void setup(void)
{
    full = false;
    desk_open(&desk);
    client_open(&client, &desk, false);
}

static void teardown(void)
{
    client_close(&client);
    desk_close(&desk);
}

static void make_room(void)
{
    full = false;
    worker_resume_publishers(desk.worker);
    desk_end_turn(&desk);
}

static void go_on(void)
{
    while (backlog_count(&desk.worker->loop.backlog))
        desk_go_on(&desk);
}

/* Its body has been read, and some of its lines. */
static void begin_batch(void)
{
    static const char line[] = "{\"topic\":\"a\",\"data\":\"x\"}\n";
    struct buf text = {0};
    buf_printf(&text, "POST /t HTTP/1.1\r\n" HOST "Content-Type: application/x-ndjson\r\n");
    buf_printf(&text, "Content-Length: %zu\r\n\r\n", LINES * (sizeof(line) - 1));
    for (int i = 0; i < LINES; i++)
        buf_puts(&text, line);
    ck_assert_int_eq(send(client.fd, text.data, text.len, 0), (int)text.len);
    buf_finish(&text);
    conn_ready(client.conn, READY_READ);
    ck_assert_uint_eq(backlog_count(&desk.worker->loop.backlog), 1);
}

START_TEST(a_batch_that_is_being_read_waits)
{
    begin_batch();
    const struct exchange *x = exchange_of(client.conn);
    size_t held = x->waiter->held(x);
    full = true;
    go_on();
    ck_assert_uint_eq(x->waiter->held(x), held);
    ck_assert_ptr_null(desk.worker->publishes);
    ck_assert_uint_eq(desk.worker->paused_count, 1);
    make_room();
    go_on();
    ck_assert_ptr_null(x->waiter);
    ck_assert_ptr_nonnull(desk.worker->publishes);
    desk_commit(&desk);
    ck_assert(client_heard(&client, "HTTP/1.1 201 "));
}
END_TEST

/* Nobody is read from for longer than that, but whoever is gone goes. */
START_TEST(one_that_waits_may_end)
{
    begin_batch();
    full = true;
    go_on();
    conn_kick(client.conn);
    desk_end_turn(&desk);
    desk_wait(&desk, CONN_FAREWELL_MS + 400);
    ck_assert(client_ended(&client));
    make_room();
    ck_assert_ptr_null(desk.worker->publishes);
}
END_TEST

START_TEST(a_transaction_is_not_begun)
{
    struct client c;
    client_open_resp(&c, &desk);
    client_say(&c, "MULTI\r\nPUBLISH a 1\r\nPING\r\n");
    full = true;
    client_say(&c, "EXEC\r\n");
    ck_assert_ptr_null(desk.worker->publishes);
    make_room();
    ck_assert_ptr_nonnull(desk.worker->publishes);
    desk_commit(&desk);
    ck_assert(client_heard(&c, "*2\r\n:0\r\n+PONG\r\n"));
    client_close(&c);
}
END_TEST

static Suite *full_hub_suite(void)
{
    Suite *s = suite_create("full_hub");
    TCase *t = tcase_create("full_hub");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_batch_that_is_being_read_waits);
    tcase_add_test(t, one_that_waits_may_end);
    tcase_add_test(t, a_transaction_is_not_begun);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(full_hub_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
