/* Heartbeats, and the ends of long-polls, of many connections that came at one moment: counted for
 * each tick of the wheel. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop.h"
#include "tests/unit/desk.h"

#define HOST "Host: localhost\r\n"
#define WS                                                                                         \
    "GET /t/a HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"                   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

enum { CLIENTS = 80, INTERVAL_MS = 15000, TICK = WHEEL_TICK_MS, WAIT_MS = 16000, ROUNDS = 3 };

static const struct kind {
    const char *request;
    const char *beat; /* what each is, or has in it */
} kinds[] = {
    {"GET /t/a HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n", "id: "},
    {WS, "\x89"},
};

static struct desk desk;
static struct client clients[CLIENTS];
static bool came[CLIENTS];

static void open_all(const char *request)
{
    desk_open(&desk);
    memset(came, 0, sizeof(came));
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&clients[i], &desk, false);
        client_say(&clients[i], request);
        client_hear_all(&clients[i]);
        client_forget(&clients[i]);
    }
}

static void close_all(void)
{
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    desk_close(&desk);
}

/* To how many clients something has come in the next tick. */
static unsigned beats_of_a_tick(const char *what)
{
    unsigned beats = 0;
    desk_wait(&desk, TICK);
    for (int i = 0; i < CLIENTS; i++) {
        client_hear(&clients[i]);
        unsigned times = client_times(&clients[i], what);
        ck_assert_uint_le(times, 1);
        came[i] |= times > 0;
        beats += times;
        client_forget(&clients[i]);
    }
    return beats;
}

/* Of an interval, and the tick to which deadlines are rounded up: each client has had one then. */
static void check_interval(const struct kind *k)
{
    unsigned most = 0;
    memset(came, 0, sizeof(came));
    for (int at = 0; at < INTERVAL_MS + 2 * TICK; at += TICK) {
        unsigned beats = beats_of_a_tick(k->beat);
        most = beats > most ? beats : most;
    }
    ck_assert_uint_le(most, SPREAD_FEW + 2);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_msg(came[i], "client %d", i);
}

START_TEST(heartbeats_are_spread_over_their_interval)
{
    open_all(kinds[_i].request);
    for (int round = 0; round < ROUNDS; round++)
        check_interval(&kinds[_i]);
    close_all();
}
END_TEST

/* Whoever is alone is told when it is said. */
START_TEST(one_beats_at_the_end_of_its_interval)
{
    const struct kind *k = &kinds[_i];
    struct client one;
    desk_open(&desk);
    client_open(&one, &desk, false);
    client_say(&one, k->request);
    client_hear_all(&one);
    for (int round = 1; round <= ROUNDS; round++) {
        client_forget(&one);
        desk_wait(&desk, INTERVAL_MS - (round == 1 ? 1 : 0));
        client_hear(&one);
        ck_assert_uint_eq(client_times(&one, k->beat), round == 1 ? 0 : 1);
    }
    client_close(&one);
    desk_close(&desk);
}
END_TEST

/* None before seven eighths of its wait, and none behind the end of it. */
START_TEST(polls_that_came_together_end_at_several_times)
{
    unsigned most = 0, ended = 0, ticks = 0;
    char request[100];
    snprintf(request, sizeof(request), "GET /t/a?wait=%d HTTP/1.1\r\n" HOST "\r\n", WAIT_MS / 1000);
    open_all(request);
    desk_wait(&desk, WAIT_MS / 8 * 7 - 1);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert(!client_heard(&clients[i], "200 OK"));
    for (int at = 0; at < WAIT_MS / 8 + 2 * TICK; at += TICK) {
        unsigned ends = beats_of_a_tick("200 OK");
        most = ends > most ? ends : most;
        ended += ends;
        ticks += ends > 0;
    }
    ck_assert_uint_eq(ended, CLIENTS);
    ck_assert_uint_le(most, SPREAD_FEW + 3);
    ck_assert_uint_gt(ticks, CLIENTS / 3);
    close_all();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("beats");
    TCase *t = tcase_create("beats");
    int count = sizeof(kinds) / sizeof(kinds[0]);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, heartbeats_are_spread_over_their_interval, 0, count);
    tcase_add_loop_test(t, one_beats_at_the_end_of_its_interval, 0, count);
    tcase_add_test(t, polls_that_came_together_end_at_several_times);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
