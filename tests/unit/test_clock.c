/*
 * Clocks that are set, in either direction: what is believed, and that messages and keys are as old
 * as they are, whatever the clock told when they came, also after restarts.
 */
#include "broker/broker_clock.h"
#include "broker/clock.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/broker_fixture.h"

#define SECOND UINT64_C(1000)
#define YEAR   (UINT64_C(31557600) * SECOND)
#define NOW    (CLOCK_EARLIEST_MS + YEAR)

static struct clock hub_clock;
static int64_t off;

static enum clock_event tell(uint64_t unix_ms, uint64_t steady)
{
    return clock_tell(&hub_clock, unix_ms, steady, &off);
}

START_TEST(an_ordinary_clock_is_followed)
{
    clock_init(&hub_clock, NOW, 5, 0);
    ck_assert_uint_eq(hub_clock.now_ms, NOW);
    for (uint64_t s = 1; s < 1000; s++) {
        /* Slewed, and a little back and forth. */
        uint64_t unix_ms = NOW + s * SECOND + s % 7 * 100, before = hub_clock.now_ms;
        ck_assert_int_eq(tell(unix_ms, 5 + s * SECOND), CLOCK_SAME);
        ck_assert_uint_eq(hub_clock.now_ms, unix_ms > before ? unix_ms : before);
    }
    uint64_t now = hub_clock.now_ms;
    ck_assert_int_eq(tell(now - 9 * SECOND, 5 + 999 * SECOND), CLOCK_SAME);
    ck_assert_uint_eq(hub_clock.now_ms, now);
    ck_assert_int_eq(tell(now + 9 * SECOND, 5 + 999 * SECOND), CLOCK_SAME);
    ck_assert_uint_eq(hub_clock.now_ms, now + 9 * SECOND);
}
END_TEST

/* Years, and little more than nothing, ahead and back. */
static const int64_t steps[] = {5 * (int64_t)YEAR, -1 * (int64_t)YEAR / 2, CLOCK_STEP_MS + 1,
                                -CLOCK_STEP_MS - 1};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

START_TEST(a_clock_that_is_wrong_for_a_moment_changes_nothing)
{
    int64_t by = steps[_i];
    clock_init(&hub_clock, NOW, 0, 0);
    ck_assert_int_eq(tell(clock_moved(NOW + SECOND, by), SECOND), CLOCK_DOUBTED);
    ck_assert_int_eq(off, by);
    ck_assert_uint_eq(hub_clock.now_ms, NOW + SECOND);
    ck_assert_int_eq(tell(clock_moved(NOW + 50 * SECOND, by), 50 * SECOND), CLOCK_SAME);
    ck_assert_uint_eq(hub_clock.now_ms, NOW + 50 * SECOND);
    ck_assert_int_eq(tell(NOW + 60 * SECOND, 60 * SECOND), CLOCK_BACK);
    ck_assert_uint_eq(hub_clock.now_ms, NOW + 60 * SECOND);
    ck_assert_int_eq(tell(NOW + 61 * SECOND, 61 * SECOND), CLOCK_SAME);
}
END_TEST

START_TEST(a_clock_that_stays_there_is_followed)
{
    int64_t by = steps[_i];
    clock_init(&hub_clock, NOW, 0, 0);
    ck_assert_int_eq(tell(clock_moved(NOW, by), 0), CLOCK_DOUBTED);
    uint64_t last = CLOCK_CONFIRM_MS - 1;
    ck_assert_int_eq(tell(clock_moved(NOW + last, by), last), CLOCK_SAME);
    ck_assert_uint_eq(hub_clock.now_ms, NOW + last);
    ck_assert_int_eq(tell(clock_moved(NOW + last + 1, by), last + 1), CLOCK_STEPPED);
    ck_assert_int_eq(off, by);
    ck_assert_uint_eq(hub_clock.now_ms, clock_moved(NOW + last + 1, by));
    ck_assert_int_eq(tell(clock_moved(NOW + 2 * last, by), 2 * last), CLOCK_SAME);
}
END_TEST

START_TEST(a_clock_that_jumps_about_is_not_followed)
{
    clock_init(&hub_clock, NOW, 0, 0);
    for (uint64_t s = 1; s < 600; s++) {
        enum clock_event e = tell(NOW + s * SECOND + (1 + s / 30) * YEAR, s * SECOND);
        ck_assert_int_eq(e, s == 1 || s % 30 == 0 ? CLOCK_DOUBTED : CLOCK_SAME);
        ck_assert_uint_eq(hub_clock.now_ms, NOW + s * SECOND);
    }
}
END_TEST

START_TEST(a_clock_that_was_never_set_is_not_believed)
{
    clock_init(&hub_clock, 77, 0, NOW);
    ck_assert_uint_eq(hub_clock.now_ms, NOW);
    ck_assert_int_eq(tell(77 + SECOND, SECOND), CLOCK_DOUBTED);
    for (uint64_t s = 2; s < 600; s++)
        ck_assert_int_eq(tell(77 + s * SECOND, s * SECOND), CLOCK_SAME);
    ck_assert_uint_eq(hub_clock.now_ms, NOW + 599 * SECOND);
    ck_assert_int_eq(tell(NOW + 603 * SECOND, 600 * SECOND), CLOCK_BACK);
    clock_init(&hub_clock, 77, 0, 0); /* there is nothing better */
    ck_assert_uint_eq(hub_clock.now_ms, 77);
}
END_TEST

/* --- what becomes of messages --- */

static struct rig rig;
static struct retention_rules rules;

static void setup(void)
{
    rig_init(&rig, true);
    rules = (struct retention_rules){.otherwise.max_age_ms = 100 * SECOND};
    rig.options.retention = &rules;
    rig.options.dedup_window_ms = 50 * SECOND;
    rig.now_ms = NOW;
}

static void teardown(void)
{
    rig_finish(&rig);
}

static void pass(uint64_t ms)
{
    rig.now_ms += ms;
    rig_retain(&rig);
}

/* As hub.c does when the clock is to be followed. */
static void step(int64_t by)
{
    broker_step_clock(rig.broker, by);
    rig.now_ms = clock_moved(rig.now_ms, by);
    rig_retain(&rig);
}

static uint64_t kept(void)
{
    return rig_topic(&rig, "a")->messages;
}

static void restart(void)
{
    rig_stop(&rig);
    rig_start(&rig);
    rig_retain(&rig);
}

/* From 100 s on the first goes, from 110 s on the second; each second is looked at. */
static void check_ages(uint64_t first_s)
{
    for (uint64_t s = first_s; s < 120; s++) {
        ck_assert_uint_eq(kept(), s < 100 ? 2 : s < 110 ? 1 : 0);
        pass(SECOND);
    }
}

START_TEST(messages_are_as_old_as_they_are_when_the_clock_is_followed)
{
    rig_start(&rig);
    rig_publish_key(&rig, "a", "k");
    pass(10 * SECOND);
    rig_publish(&rig, "a");
    step(steps[_i]);
    pass(10 * SECOND);
    ck_assert_uint_eq(kept(), 2);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 1); /* known still */
    if (_i % 2)
        restart();
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 1);
    step(-steps[_i]); /* and back */
    if (_i / 2)
        restart();
    pass(10 * SECOND);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 1);
    check_ages(30);
}
END_TEST

START_TEST(keys_are_forgotten_in_time)
{
    rig_start(&rig);
    rig_publish_key(&rig, "a", "k");
    step(steps[_i]);
    uint64_t other = rig_publish_key(&rig, "a", "other");
    step(-steps[_i]);
    pass(40 * SECOND);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "other"), other);
    if (_i % 2)
        restart();
    pass(11 * SECOND);
    ck_assert_uint_gt(rig_publish_key(&rig, "a", "k"), other);
    ck_assert_uint_gt(rig_publish_key(&rig, "a", "other"), other);
}
END_TEST

START_TEST(times_of_a_log_that_comes_from_the_future_count_from_now)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_stop(&rig);
    rig.now_ms += 5 * YEAR; /* this hub was started under a wrong clock, */
    rules.otherwise.max_age_ms = 0;
    rig_start(&rig);
    rig_publish_key(&rig, "a", "k");
    rig_stop(&rig);
    rig.now_ms -= 5 * YEAR - 10 * SECOND; /* this one is not */
    rules.otherwise.max_age_ms = 100 * SECOND;
    rig_start(&rig);
    rig_retain(&rig);
    ck_assert_uint_eq(kept(), 2);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 2);
    rig_publish(&rig, "b");
    restart();
    pass(40 * SECOND);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 2);
    pass(49 * SECOND); /* 99 s after the first, 89 s after the start */
    ck_assert_uint_eq(kept(), 2);
    pass(2 * SECOND);
    ck_assert_uint_eq(kept(), 1);
    pass(10 * SECOND);
    ck_assert_uint_eq(kept(), 0);
    ck_assert_uint_gt(rig_publish_key(&rig, "a", "k"), 3);
}
END_TEST

/* A day and more ahead, as if the log had rested. */
START_TEST(a_hub_whose_clock_is_set_back_after_its_start)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_stop(&rig);
    uint64_t wrong = _i ? 2 * CLOCK_REST_MS : 5 * YEAR;
    rig.now_ms += 10 * SECOND + wrong;
    rig_start(&rig);
    rig_retain(&rig);
    rig_publish(&rig, "a");
    ck_assert_uint_eq(kept(), 2);
    pass(CLOCK_CONFIRM_MS - SECOND); /* it is set, */
    broker_doubt_clock(rig.broker, rig.now_ms);
    pass(30 * SECOND);
    ck_assert_uint_eq(kept(), 2);
    step(-(int64_t)wrong); /* and followed */
    check_ages(99);
}
END_TEST

START_TEST(a_log_that_has_rested_ages_a_little_later)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_stop(&rig);
    rig.now_ms += YEAR;
    rig_start(&rig);
    rig_publish(&rig, "a");
    uint64_t due = rig_retain(&rig);
    ck_assert_uint_eq(due, rig.now_ms + CLOCK_CONFIRM_MS);
    pass(CLOCK_CONFIRM_MS - 1);
    ck_assert_uint_eq(kept(), 2);
    pass(1);
    ck_assert_uint_eq(kept(), 1);
    pass(40 * SECOND);
    ck_assert_uint_eq(kept(), 0);
}
END_TEST

START_TEST(a_place_in_time_is_found_over_steps)
{
    struct replay *r = &rig.replay;
    struct follower f = {0};
    struct after after = {.kind = AFTER_TIME};
    rules.otherwise.max_age_ms = 0;
    rig_start(&rig);
    for (unsigned i = 0; i < 40; i++) {
        rig_publish(&rig, "a");
        pass(SECOND);
        if (i % 10 == 9)
            step(i % 20 == 9 ? steps[_i] : -steps[_i]);
    }
    rig_flush_tail(&rig);
    restart();
    ck_assert_uint_gt(r->head, 40);
    for (unsigned back = 1; back < 40; back++) {
        after.time_ms = NOW + (40 - back) * SECOND;
        follower_start(&rig, &f, "a", &after);
        ck_assert_uint_eq(f.position.offset, 40 - back);
        follower_finish(&rig, &f);
        f = (struct follower){0};
    }
}
END_TEST

START_TEST(the_log_is_sound_behind_steps)
{
    rig_start(&rig);
    for (unsigned i = 0; i < 2 * 40; i++) { /* more steps than are remembered */
        rig_publish(&rig, "a");
        step(i % 2 ? -steps[0] : steps[0]);
    }
    restart();
    struct store_verify *v;
    bool done = false;
    ck_assert_int_eq(store_verify_create(rig.reader, &v), ERR_OK);
    while (!done)
        ck_assert_int_eq(store_verify_step(v, &done), ERR_OK);
    ck_assert_uint_eq(store_verify_report(v)->records, 80);
    ck_assert_uint_eq(store_report_damaged(store_verify_report(v)), 0);
    store_verify_destroy(v);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("clock");
    TCase *tc = tcase_create("clock");
    tcase_add_test(tc, an_ordinary_clock_is_followed);
    tcase_add_loop_test(tc, a_clock_that_is_wrong_for_a_moment_changes_nothing, 0, STEPS);
    tcase_add_loop_test(tc, a_clock_that_stays_there_is_followed, 0, STEPS);
    tcase_add_test(tc, a_clock_that_jumps_about_is_not_followed);
    tcase_add_test(tc, a_clock_that_was_never_set_is_not_believed);
    suite_add_tcase(s, tc);
    tc = tcase_create("log");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, messages_are_as_old_as_they_are_when_the_clock_is_followed, 0, STEPS);
    tcase_add_loop_test(tc, keys_are_forgotten_in_time, 0, STEPS);
    tcase_add_test(tc, times_of_a_log_that_comes_from_the_future_count_from_now);
    tcase_add_loop_test(tc, a_hub_whose_clock_is_set_back_after_its_start, 0, 2);
    tcase_add_test(tc, a_log_that_has_rested_ages_a_little_later);
    tcase_add_loop_test(tc, a_place_in_time_is_found_over_steps, 0, STEPS);
    tcase_add_test(tc, the_log_is_sound_behind_steps);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
