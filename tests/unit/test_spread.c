/* What comes back for many who came together: on a wheel of the loop's kind, counted for each of
 * its ticks. */
#include "net/spread.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "net/wheel.h"

enum {
    CROWD = 10000,
    INTERVAL_MS = 15000,
    TICKS = INTERVAL_MS / WHEEL_TICK_MS,
    FAIR = CROWD / TICKS + 1, /* beats in a tick, were they spread by hand */
    ROUNDS = 4,
};

static const uint64_t start = 1000000000;

static struct member {
    struct wheel_item item; /* first */
    unsigned beats;
} crowd[CROWD];

static struct wheel wheel;
static struct spread spread;

static void setup(void)
{
    memset(crowd, 0, sizeof(crowd));
    memset(&spread, 0, sizeof(spread));
    wheel_init(&wheel, start);
}

static void come(struct member *m, uint64_t now_ms)
{
    uint64_t due = now_ms + INTERVAL_MS - spread_early(&spread, now_ms, INTERVAL_MS);
    ck_assert_uint_gt(due, now_ms);
    ck_assert_uint_le(due, now_ms + INTERVAL_MS);
    wheel_set(&wheel, &m->item, due);
}

/* Those that are due beat, and are due again; returns how many. */
static unsigned keep_beats(uint64_t now_ms)
{
    struct member *m;
    unsigned beats = 0;
    while ((m = (struct member *)wheel_pop_due(&wheel, now_ms))) {
        uint64_t next = spread_next(m->item.due_ms, INTERVAL_MS, now_ms);
        ck_assert_uint_eq(next, m->item.due_ms + INTERVAL_MS);
        wheel_set(&wheel, &m->item, next);
        m->beats++;
        beats++;
    }
    return beats;
}

START_TEST(a_crowd_of_one_moment_beats_all_the_time)
{
    for (int i = 0; i < CROWD; i++)
        come(&crowd[i], start);
    uint64_t now_ms = start;
    for (int round = 1; round <= ROUNDS; round++) {
        unsigned most = 0, ticks = 0;
        for (; now_ms <= start + (uint64_t)round * INTERVAL_MS + WHEEL_TICK_MS;
             now_ms += WHEEL_TICK_MS) {
            unsigned beats = keep_beats(now_ms);
            most = beats > most ? beats : most;
            ticks += beats > 0;
        }
        ck_assert_uint_le(most, FAIR + SPREAD_FEW + FAIR / 2);
        ck_assert_uint_ge(ticks, TICKS - 1);
        for (int i = 0; i < CROWD; i++)
            ck_assert_uint_ge(crowd[i].beats, (unsigned)round);
    }
    for (int i = 0; i < CROWD; i++)
        ck_assert_uint_le(crowd[i].beats, ROUNDS + 1);
}
END_TEST

/* At the speed at which a hub accepts. */
START_TEST(so_does_a_crowd_that_comes_in_some_seconds)
{
    unsigned most = 0;
    uint64_t now_ms = start;
    for (int came = 0; now_ms < start + ROUNDS * INTERVAL_MS; now_ms += WHEEL_TICK_MS) {
        for (int i = 0; i < 100 && came < CROWD; i++)
            come(&crowd[came++], now_ms);
        unsigned beats = keep_beats(now_ms);
        most = beats > most ? beats : most;
    }
    ck_assert_uint_le(most, FAIR + SPREAD_FEW + FAIR / 2);
}
END_TEST

START_TEST(the_first_few_of_a_moment_keep_their_time)
{
    for (uint64_t tick = 0; tick < 3; tick++) {
        for (int i = 0; i < SPREAD_FEW; i++)
            ck_assert_uint_eq(spread_early(&spread, start + tick * WHEEL_TICK_MS, 1000), 0);
        ck_assert_uint_gt(spread_early(&spread, start + tick * WHEEL_TICK_MS, 1000), 0);
    }
    ck_assert_uint_eq(spread_early(&spread, start, 0), 0);
}
END_TEST

/* The phase stays, whatever was left out. */
START_TEST(who_is_late_goes_on_where_it_would_have_been)
{
    ck_assert_uint_eq(spread_next(1000, 100, 1000), 1100);
    ck_assert_uint_eq(spread_next(1000, 100, 1099), 1100);
    ck_assert_uint_eq(spread_next(1000, 100, 1100), 1200);
    ck_assert_uint_eq(spread_next(1000, 100, 1350), 1400);
    ck_assert_uint_eq(spread_next(1000, 100, 900), 1000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("spread");
    TCase *t = tcase_create("spread");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_crowd_of_one_moment_beats_all_the_time);
    tcase_add_test(t, so_does_a_crowd_that_comes_in_some_seconds);
    tcase_add_test(t, the_first_few_of_a_moment_keep_their_time);
    tcase_add_test(t, who_is_late_goes_on_where_it_would_have_been);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
