/* Streams that fall behind: how far they are, what limits do to them, and what joins them
 * meanwhile. */
#include "delivery/lagging.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/description.h"
#include "tests/unit/desk.h"

#define HOST      "Host: localhost\r\n"
#define SSE(path) "GET " path " HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"
#define WS(path)                                                                                   \
    "GET " path " HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"               \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Many messages of so many bytes are more than a socket takes. */
enum { MANY = 100, BYTES = 5000 };

static struct desk desk;
static struct client client, other;

static void setup(void)
{
    desk_open(&desk);
    client_open(&client, &desk, false);
    client_open(&other, &desk, false);
}

static void teardown(void)
{
    client_close(&client);
    client_close(&other);
    desk_close(&desk);
}

static void set_limits(uint64_t messages, uint64_t bytes, uint64_t age_ms, enum lag_policy policy)
{
    struct lag_limits limits = {messages, bytes, age_ms, policy};
    struct settings *s = settings_create();
    ck_assert_ptr_nonnull(s);
    lag_rules_set_others(&s->lag, &limits);
    s->heartbeat_ms = s->net.write_timeout_ms = 3600000;
    s->max_head_bytes = desk.settings->max_head_bytes;
    s->subscriptions = 1000;
    s->inflight = 256;
    worker_set_settings(desk.worker, s);
    settings_unref(s);
}

static struct lag_figures figures(const struct client *c)
{
    struct description d = {0};
    c->conn->protocol->describe(c->conn, &d);
    return d.lag;
}

/* Looks at the limits, as soon as they are looked at again. */
static void look(void)
{
    desk_wait(&desk, LAGGING_CHECK_MS + 20);
    lagging_check(desk.worker);
    desk_end_turn(&desk);
}

/* It has taken nothing of MANY messages but what fits into its socket. Returns how many do. */
static uint64_t fall_behind(struct client *c, const char *request)
{
    client_say(c, request);
    client_forget(c);
    uint64_t before = desk_count(&desk, COUNTER_deliveries);
    desk_publish(&desk, "a", MANY, BYTES);
    desk_catch_up(&desk);
    uint64_t taken = desk_count(&desk, COUNTER_deliveries) - before;
    ck_assert(taken > 0 && taken < MANY);
    return taken;
}

static void check_figures(const struct client *c, uint64_t messages)
{
    struct lag_figures f = figures(c);
    ck_assert_uint_eq(f.messages, messages);
    ck_assert_uint_eq(f.bytes, messages * BYTES);
}

/* Also when they come in several turns, and with others' between. */
START_TEST(what_has_not_been_sent_is_counted)
{
    uint64_t left = MANY - fall_behind(&client, SSE("/t/a"));
    check_figures(&client, left);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lags), 1);
    desk_publish(&desk, "b", 10, BYTES);
    desk_publish(&desk, "a", 10, BYTES);
    left += 10;
    check_figures(&client, left);
    for (int i = 0; i < 5; i++) {
        uint64_t before = desk_count(&desk, COUNTER_deliveries);
        for (int n = 0; n < 3; n++)
            client_hear(&client);
        desk_catch_up(&desk);
        left -= desk_count(&desk, COUNTER_deliveries) - before;
        check_figures(&client, left);
    }
    ck_assert_uint_lt(left, 100);
    client_hear_all(&client);
    check_figures(&client, 0);
    ck_assert_uint_eq(client_times(&client, "data: x"), MANY + 10);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lags), 1);
}
END_TEST

START_TEST(it_has_an_age)
{
    fall_behind(&client, SSE("/t/a"));
    desk_wait(&desk, 5000);
    ck_assert_uint_eq(figures(&client).age_ms, 5000);
    client_hear_all(&client);
    ck_assert_uint_eq(figures(&client).age_ms, 0);
}
END_TEST

START_TEST(what_it_asked_to_replay_is_not_counted)
{
    desk_publish(&desk, "a", MANY, BYTES);
    client_say(&client, SSE("/t/a?after=earliest"));
    desk_catch_up(&desk);
    check_figures(&client, 0);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lags), 0);
}
END_TEST

static const struct {
    uint64_t messages, bytes, age_ms;
} limits[] = {{50, 0, 0}, {0, (uint64_t)50 * BYTES, 0}, {0, 0, 2000}};

START_TEST(beyond_a_limit_it_goes_on_at_the_head)
{
    set_limits(limits[_i].messages, limits[_i].bytes, limits[_i].age_ms, LAG_SKIP);
    fall_behind(&client, SSE("/t/a"));
    desk_wait(&desk, 3000);
    look();
    look();
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lag_limit_skips), 1);
    ck_assert(client_heard(&client, "event: longwire.gap\n"));
    ck_assert_uint_eq(client_times(&client, "\"reason\":\"lagged\""), 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_gaps_lagged), 1);
    check_figures(&client, 0);
    client_forget(&client);
    desk_publish(&desk, "a", 1, 5);
    ck_assert_uint_eq(client_times(&client, "data: xxxxx\n"), 1);
}
END_TEST

START_TEST(at_a_limit_it_does_not)
{
    uint64_t left = MANY - fall_behind(&client, SSE("/t/a"));
    set_limits(left, left * BYTES, 0, LAG_SKIP);
    look();
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lag_limit_skips), 0);
    client_hear_all(&client);
    ck_assert_uint_eq(client_times(&client, "data: x"), MANY);
}
END_TEST

/* It was beyond a limit, but is not when it can go on. */
START_TEST(a_limit_that_is_kept_again_skips_nothing)
{
    set_limits(10, 0, 0, LAG_SKIP);
    fall_behind(&client, SSE("/t/a"));
    look();
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lag_limit_skips), 1);
    set_limits(MANY, 0, 0, LAG_SKIP);
    ck_assert_uint_eq(client_times(&client, "data: x"), MANY);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_gaps_lagged), 0);
}
END_TEST

START_TEST(or_it_is_closed_or_only_counted)
{
    fall_behind(&client, SSE("/t/a"));
    set_limits(10, 0, 0, LAG_REPLAY);
    look();
    look();
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lag_limit_replays), 1);
    ck_assert_int_ne(conn_state(client.conn), CONN_CLOSED);
    fall_behind(&other, SSE("/t/a"));
    set_limits(10, 0, 0, LAG_CLOSE);
    look();
    ck_assert_int_eq(conn_state(other.conn), CONN_CLOSED);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lag_limit_closes), 1);
}
END_TEST

START_TEST(limits_are_looked_at_while_somebody_is_behind)
{
    set_limits(10, 0, 0, LAG_SKIP);
    ck_assert_uint_eq(lagging_wait_ms(desk.worker), UINT64_MAX);
    fall_behind(&client, SSE("/t/a"));
    ck_assert_uint_le(lagging_wait_ms(desk.worker), LAGGING_CHECK_MS);
    desk_wait(&desk, LAGGING_CHECK_MS);
    ck_assert_uint_eq(lagging_wait_ms(desk.worker), 0);
    lagging_check(desk.worker);
    ck_assert_uint_eq(lagging_wait_ms(desk.worker), LAGGING_CHECK_MS);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_lag_limit_skips), 1);
    client_hear_all(&client);
    ck_assert_uint_eq(lagging_wait_ms(desk.worker), UINT64_MAX);
    set_limits(0, 0, 0, LAG_SKIP);
    fall_behind(&other, SSE("/t/a"));
    ck_assert_uint_eq(lagging_wait_ms(desk.worker), UINT64_MAX);
}
END_TEST

/* --- changes of the set meanwhile --- */

/* A control object as a frame of a client, whose mask is zero. */
static void say(struct client *c, const char *object)
{
    char frame[200] = {(char)0x81, (char)(0x80 | strlen(object))};
    ck_assert_uint_lt(strlen(object), 126);
    memcpy(frame + 6, object, strlen(object));
    client_say_bytes(c, frame, 6 + strlen(object));
}

/* Somebody else has the set too, so a change makes another one. */
START_TEST(a_change_of_the_set_does_not_change_how_far_it_is_behind)
{
    client_say(&other, WS("/t?topic=a&topic=b"));
    fall_behind(&client, WS("/t?topic=a&topic=b"));
    uint64_t left = figures(&client).messages;
    check_figures(&client, left);
    say(&client, "{\"op\":\"unsubscribe\",\"topic\":\"b\"}");
    check_figures(&client, left);
    say(&client, "{\"op\":\"subscribe\",\"topic\":\"c\"}");
    check_figures(&client, left);
    desk_publish(&desk, "a", 7, BYTES);
    check_figures(&client, left + 7);
    client_hear_all(&client);
    check_figures(&client, 0);
    ck_assert_uint_eq(client_times(&client, "\"topic\":\"a\",\"time\""), MANY + 7);
}
END_TEST

static unsigned messages_of(const char *topic)
{
    char text[100];
    snprintf(text, sizeof(text), "\"topic\":\"%s\",\"time\"", topic);
    return client_times(&client, text);
}

/* What a joining one asked to replay it brings, though the set has brought it: up to where the set
 * stood, that message included. What is later comes once. */
START_TEST(what_joins_brings_what_it_was_asked_for)
{
    client_say(&client, WS("/t/a"));
    desk_publish(&desk, "a", 3, 10);
    ck_assert_uint_eq(messages_of("a"), 3);
    say(&client, "{\"op\":\"subscribe\",\"topic\":\"+\",\"after\":\"earliest\"}");
    ck_assert_uint_eq(messages_of("a"), 6);
    desk_publish(&desk, "a", 2, 10);
    desk_publish(&desk, "b", 2, 10);
    ck_assert_uint_eq(messages_of("a"), 8);
    ck_assert_uint_eq(messages_of("b"), 2);
}
END_TEST

/* Two that join at once: what both want, and the set does not, comes once of what is later than
 * both. */
START_TEST(what_several_bring_comes_once_when_it_is_new)
{
    client_say(&client, WS("/ws"));
    desk_publish(&desk, "a", MANY, BYTES);
    say(&client, "{\"op\":\"subscribe\",\"topic\":\"a\",\"after\":\"earliest\"}");
    say(&client, "{\"op\":\"subscribe\",\"topic\":\"+\",\"after\":\"earliest\"}");
    desk_catch_up(&desk);
    desk_publish(&desk, "a", 20, BYTES);
    desk_publish(&desk, "b", 20, BYTES);
    ck_assert_uint_eq(messages_of("b"), 20);
    ck_assert_uint_eq(messages_of("a"), 2 * MANY + 20);
}
END_TEST

/* The one that joins has begun at the head, and brings what is later; what is taken out meanwhile
 * brings nothing more. */
START_TEST(what_is_taken_out_leaves_the_rest_to_who_joins)
{
    uint64_t taken = fall_behind(&client, WS("/t/a"));
    say(&client, "{\"op\":\"subscribe\",\"topic\":\"+\"}");
    desk_publish(&desk, "a", 20, BYTES);
    say(&client, "{\"op\":\"unsubscribe\",\"topic\":\"a\"}");
    ck_assert_uint_eq(messages_of("a"), taken + 20);
    desk_publish(&desk, "a", 1, BYTES);
    ck_assert_uint_eq(messages_of("a"), taken + 21);
}
END_TEST

static Suite *lagging_suite(void)
{
    Suite *s = suite_create("lagging");
    TCase *t = tcase_create("lagging");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_has_not_been_sent_is_counted);
    tcase_add_test(t, it_has_an_age);
    tcase_add_test(t, what_it_asked_to_replay_is_not_counted);
    tcase_add_loop_test(t, beyond_a_limit_it_goes_on_at_the_head, 0, 3);
    tcase_add_test(t, at_a_limit_it_does_not);
    tcase_add_test(t, a_limit_that_is_kept_again_skips_nothing);
    tcase_add_test(t, or_it_is_closed_or_only_counted);
    tcase_add_test(t, limits_are_looked_at_while_somebody_is_behind);
    tcase_add_test(t, a_change_of_the_set_does_not_change_how_far_it_is_behind);
    tcase_add_test(t, what_joins_brings_what_it_was_asked_for);
    tcase_add_test(t, what_several_bring_comes_once_when_it_is_new);
    tcase_add_test(t, what_is_taken_out_leaves_the_rest_to_who_joins);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(lagging_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
