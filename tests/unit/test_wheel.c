/* The timer wheel: nothing early, nothing more than a tick late, nothing lost. */
#include "net/wheel.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tests/unit/random.h"

enum { TURN_MS = WHEEL_SLOTS * WHEEL_TICK_MS, ITEMS = 600 };

static const uint64_t start = 1000000007;
static struct wheel wheel;

static void setup(void)
{
    wheel_init(&wheel, start);
}

static uint64_t tick_of(uint64_t ms)
{
    return ms / WHEEL_TICK_MS;
}

/* The first moment at which an item of that deadline is due on the wheel. */
static uint64_t rounded_up(uint64_t due_ms)
{
    return (tick_of(due_ms) + 1) * WHEEL_TICK_MS;
}

START_TEST(an_empty_wheel_has_nothing_to_wait_for)
{
    struct wheel_item i = {0};
    ck_assert_ptr_null(wheel_pop_due(&wheel, start));
    ck_assert_uint_eq(wheel_wait_ms(&wheel, start), UINT64_MAX);
    wheel_remove(&wheel, &i);
    wheel_set(&wheel, &i, start + 5);
    wheel_remove(&wheel, &i);
    wheel_remove(&wheel, &i);
    ck_assert_uint_eq(wheel_wait_ms(&wheel, start), UINT64_MAX);
    ck_assert_ptr_null(wheel_pop_due(&wheel, start + 10 * TURN_MS));
}
END_TEST

/* Set between two looks, as a loop does: the look that found nothing has just been. */
START_TEST(deadlines_are_rounded_up_to_the_tick)
{
    struct wheel_item i = {0};
    uint64_t now = start;
    for (uint64_t ms = 0; ms < 3 * WHEEL_TICK_MS; ms++) {
        ck_assert_ptr_null(wheel_pop_due(&wheel, now));
        uint64_t due = now + ms, at = rounded_up(due);
        wheel_set(&wheel, &i, due);
        ck_assert_uint_eq(wheel_wait_ms(&wheel, now), at - now);
        ck_assert_ptr_null(wheel_pop_due(&wheel, at - 1));
        ck_assert_uint_eq(wheel_wait_ms(&wheel, at - 1), 1);
        ck_assert_ptr_eq(wheel_pop_due(&wheel, at), &i);
        ck_assert_ptr_null(i.prev);
        now = at + 1;
    }
}
END_TEST

START_TEST(a_deadline_in_the_past_is_due_at_the_next_tick)
{
    struct wheel_item i = {0};
    ck_assert_ptr_null(wheel_pop_due(&wheel, start));
    wheel_set(&wheel, &i, 0);
    ck_assert_ptr_eq(wheel_pop_due(&wheel, rounded_up(start)), &i);
}
END_TEST

/* Whoever sets a passed deadline again and again does not keep the loop from ending. */
START_TEST(looking_ends_although_items_come_back)
{
    struct wheel_item i = {0}, *found;
    int times = 0;
    uint64_t now = start + 10 * WHEEL_TICK_MS;
    wheel_set(&wheel, &i, start);
    while ((found = wheel_pop_due(&wheel, now))) {
        wheel_set(&wheel, found, start);
        ck_assert_int_le(++times, 11);
    }
    ck_assert_int_ge(times, 1);
}
END_TEST

START_TEST(far_deadlines_wait_their_turns)
{
    struct wheel_item near = {0}, far = {0}, never = {0};
    uint64_t far_due = start + 10 * TURN_MS + 12345, now = start;
    wheel_set(&wheel, &never, WHEEL_NEVER);
    wheel_set(&wheel, &far, far_due);
    wheel_set(&wheel, &near, start + TURN_MS - WHEEL_TICK_MS - 1);
    bool near_came = false;
    for (;;) {
        uint64_t wait = wheel_wait_ms(&wheel, now);
        ck_assert_uint_gt(wait, 0);
        ck_assert_uint_le(wait, TURN_MS);
        now += wait;
        struct wheel_item *i = wheel_pop_due(&wheel, now);
        if (i == &far)
            break;
        if (i == &near) {
            ck_assert_uint_eq(now, rounded_up(near.due_ms));
            near_came = true;
        } else {
            ck_assert_ptr_null(i);
        }
    }
    ck_assert(near_came);
    ck_assert_uint_eq(now, rounded_up(far_due));
    ck_assert_ptr_null(wheel_pop_due(&wheel, now + 100 * TURN_MS));
    ck_assert_ptr_nonnull(never.prev);
    wheel_remove(&wheel, &never);
    ck_assert_uint_eq(wheel_wait_ms(&wheel, now), UINT64_MAX);
}
END_TEST

/* Times are added up, and may come to more than an item can say. */
START_TEST(what_is_later_than_never_is_never)
{
    struct wheel_item i = {0};
    wheel_set(&wheel, &i, UINT64_MAX);
    ck_assert_uint_eq(i.due_ms, WHEEL_NEVER);
    ck_assert_ptr_null(wheel_pop_due(&wheel, start + 100 * TURN_MS));
    ck_assert_ptr_nonnull(i.prev);
    wheel_set(&wheel, &i, start + 200 * TURN_MS);
    ck_assert_ptr_eq(wheel_pop_due(&wheel, start + 201 * TURN_MS), &i);
}
END_TEST

START_TEST(a_jump_of_the_clock_finds_all_that_is_due)
{
    static struct wheel_item items[2 * WHEEL_SLOTS];
    enum { COUNT = 2 * WHEEL_SLOTS };
    for (uint64_t i = 0; i < COUNT; i++)
        wheel_set(&wheel, &items[i], start + i * 2 * WHEEL_TICK_MS);
    uint64_t now = start + 3 * TURN_MS;
    size_t found = 0;
    struct wheel_item *i;
    while ((i = wheel_pop_due(&wheel, now))) {
        ck_assert_uint_le(i->due_ms, now);
        found++;
    }
    for (size_t n = 0; n < COUNT; n++)
        ck_assert(!items[n].prev || rounded_up(items[n].due_ms) > now);
    ck_assert_uint_ge(found, 3 * WHEEL_SLOTS / 2);
    while ((i = wheel_pop_due(&wheel, now + 5 * TURN_MS)))
        found++;
    ck_assert_uint_eq(found, COUNT);
}
END_TEST

START_TEST(a_clock_that_goes_back_loses_nothing)
{
    struct wheel_item a = {0}, b = {0};
    wheel_set(&wheel, &a, start + 40 * WHEEL_TICK_MS);
    ck_assert_ptr_null(wheel_pop_due(&wheel, start + 30 * WHEEL_TICK_MS));
    ck_assert_ptr_null(wheel_pop_due(&wheel, start));
    wheel_set(&wheel, &b, start + 20 * WHEEL_TICK_MS);
    ck_assert_ptr_eq(wheel_pop_due(&wheel, rounded_up(b.due_ms)), &b);
    ck_assert_ptr_null(wheel_pop_due(&wheel, rounded_up(a.due_ms) - 1));
    ck_assert_ptr_eq(wheel_pop_due(&wheel, rounded_up(a.due_ms)), &a);
}
END_TEST

/* --- many items against a plain list --- */

static struct {
    struct wheel_item item;
    bool in;
    uint64_t since; /* the tick of the last look before it was set */
} model[ITEMS];
static uint64_t now_ms, looked; /* the tick of the last look */

static uint64_t random_due(void)
{
    switch (random_below(8)) {
    case 0:
        return WHEEL_NEVER;
    case 1:
        return now_ms + random_below(20 * TURN_MS);
    case 2:
        return now_ms - random_below(1000);
    case 3:
        return now_ms + random_below(2 * WHEEL_TICK_MS);
    default:
        return now_ms + random_below(TURN_MS + 1000);
    }
}

static uint64_t random_step(void)
{
    switch (random_below(20)) {
    case 0:
        return random_below(15 * TURN_MS);
    case 1:
        return random_below(TURN_MS);
    default:
        return random_below(3 * WHEEL_TICK_MS);
    }
}

/* When the model item must come, at the latest. */
static uint64_t latest_tick(size_t n)
{
    uint64_t tick = tick_of(model[n].item.due_ms) + 1;
    return tick > model[n].since ? tick : model[n].since + 1;
}

static void set_and_remove_some(void)
{
    for (int changes = random_below(10); changes > 0; changes--) {
        size_t n = random_below(ITEMS);
        model[n].in = random_below(4) != 0;
        model[n].since = looked;
        if (model[n].in)
            wheel_set(&wheel, &model[n].item, random_due());
        else
            wheel_remove(&wheel, &model[n].item);
    }
}

static uint64_t earliest_ms(void)
{
    uint64_t tick = UINT64_MAX;
    for (size_t n = 0; n < ITEMS; n++)
        if (model[n].in && model[n].item.due_ms != WHEEL_NEVER && latest_tick(n) < tick)
            tick = latest_tick(n);
    return tick == UINT64_MAX ? tick : tick * WHEEL_TICK_MS;
}

static void look(void)
{
    struct wheel_item *i;
    while ((i = wheel_pop_due(&wheel, now_ms))) {
        size_t n = (size_t)((char *)i - (char *)model) / sizeof(model[0]);
        ck_assert(model[n].in);
        ck_assert_uint_le(i->due_ms, now_ms);
        model[n].in = false;
    }
    looked = tick_of(now_ms);
    for (size_t n = 0; n < ITEMS; n++)
        if (model[n].in && model[n].item.due_ms != WHEEL_NEVER)
            ck_assert_uint_gt(latest_tick(n), looked);
}

static void count_item(struct wheel_item *i, void *ctx)
{
    (void)i;
    ++*(size_t *)ctx;
}

START_TEST(many_items_come_as_from_a_plain_list)
{
    random_seed();
    now_ms = start;
    looked = tick_of(start);
    for (int round = 0; round < 4000; round++) {
        size_t in = 0, found = 0;
        set_and_remove_some();
        uint64_t wait = wheel_wait_ms(&wheel, now_ms), first = earliest_ms();
        ck_assert_uint_gt(wait, 0);
        if (first != UINT64_MAX)
            ck_assert_uint_le(now_ms + wait, first);
        now_ms += random_step();
        look();
        for (size_t n = 0; n < ITEMS; n++)
            in += model[n].in;
        wheel_each(&wheel, count_item, &found);
        ck_assert_uint_eq(found, in);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("wheel");
    TCase *t = tcase_create("wheel");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, an_empty_wheel_has_nothing_to_wait_for);
    tcase_add_test(t, deadlines_are_rounded_up_to_the_tick);
    tcase_add_test(t, a_deadline_in_the_past_is_due_at_the_next_tick);
    tcase_add_test(t, looking_ends_although_items_come_back);
    tcase_add_test(t, far_deadlines_wait_their_turns);
    tcase_add_test(t, what_is_later_than_never_is_never);
    tcase_add_test(t, a_jump_of_the_clock_finds_all_that_is_due);
    tcase_add_test(t, a_clock_that_goes_back_loses_nothing);
    tcase_add_test(t, many_items_come_as_from_a_plain_list);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
