/* Who gives way when peers hold too much, and how many at once. */
#include "net/holding.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/desk.h"

enum {
    CLIENTS = 80,
    BODY = 24000, /* bytes of a body that does not end */
    AT_ONCE = 16,
};

static struct desk desk;
static struct client clients[CLIENTS];

static void setup(void)
{
    desk_open(&desk);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_open(&clients[i], &desk, false);
}

static void teardown(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    desk_close(&desk);
}

static void hold(struct client *c)
{
    static char body[BODY];
    client_say(c, "POST /t/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 800000\r\n\r\n");
    client_say_bytes(c, body, sizeof(body));
}

static uint64_t held(void)
{
    return peer_memory_held(&desk.process.memory);
}

static uint64_t refused(void)
{
    return desk_count(&desk, COUNTER_memory_refused);
}

static void let_all_hold(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        hold(&clients[i]);
    ck_assert_uint_eq(refused(), 0);
    ck_assert_uint_gt(held(), CLIENTS * (BODY - PEER_MEMORY_FLOOR));
}

static void look(void)
{
    holding_end_turn(&desk.worker->loop);
    desk_end_turn(&desk);
}

/* Each turn some of them, and then again at once. */
START_TEST(those_who_had_their_time_go_bit_by_bit)
{
    let_all_hold();
    struct peer_memory *m = &desk.process.memory;
    m->limit = held() * 8 / 7;
    look();
    ck_assert_uint_eq(refused(), 0);
    desk_wait(&desk, HOLDING_PATIENCE_MS);
    unsigned turns = 0;
    uint64_t before = 0;
    do {
        look();
        ck_assert_uint_le(refused() - before, AT_ONCE);
        before = refused();
        turns++;
    } while (holding_wait_ms(&desk.worker->loop) == 0);
    ck_assert_uint_ge(turns, 2);
    ck_assert_uint_gt(before, AT_ONCE);
    ck_assert_uint_le(held(), peer_memory_low(m));
    look();
    ck_assert(!peer_memory_is_pressed(m));
    ck_assert_uint_eq(refused(), before);
}
END_TEST

/* Whatever comes above the limit goes at once, and not much more than that. */
START_TEST(the_limit_holds_at_once)
{
    let_all_hold();
    struct peer_memory *m = &desk.process.memory;
    m->limit = held() - 1;
    holding_settle(clients[0].conn);
    desk_end_turn(&desk);
    ck_assert_uint_le(held(), peer_memory_brim(m));
    ck_assert_uint_gt(held(), peer_memory_brim(m) - 2 * BODY);
    ck_assert_uint_gt(refused(), 0);
    ck_assert_uint_le(refused(), CLIENTS / 8);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("holding");
    TCase *t = tcase_create("holding");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, those_who_had_their_time_go_bit_by_bit);
    tcase_add_test(t, the_limit_holds_at_once);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
