/* The budget of work: a slice for each, a part for each kind, and none for ever last. */
#include "net/budget.h"

#include <check.h>
#include <stdlib.h>

#include "net/backlog.h"

static struct budget budget;

static void setup(void)
{
    budget = (struct budget){0};
    budget_begin_turn(&budget);
}

/* How many connections that each take WORK a part of PART serves. */
static unsigned served(int64_t part, uint64_t work)
{
    unsigned n = 0;
    budget_begin_part(&budget, part);
    do {
        budget_begin_slice(&budget, BUDGET_SLICE);
        budget_charge(&budget, work);
        n++;
    } while (budget_has_left(&budget));
    return n;
}

START_TEST(a_slice_ends_when_its_work_is_done)
{
    budget_begin_slice(&budget, BUDGET_SLICE);
    ck_assert(budget_slice_left(&budget));
    budget_charge(&budget, BUDGET_SLICE - WORK_SLICE - 1);
    ck_assert(budget_slice_left(&budget));
    budget_charge(&budget, 1);
    ck_assert(!budget_slice_left(&budget));
    budget_begin_slice(&budget, BUDGET_SLICE);
    ck_assert(budget_slice_left(&budget));
}
END_TEST

START_TEST(who_asks_for_little_is_light)
{
    budget_begin_slice(&budget, BUDGET_SLICE);
    budget_charge(&budget, BUDGET_LIGHT - WORK_SLICE - 1);
    ck_assert(budget_slice_is_light(&budget));
    budget_charge(&budget, 1);
    ck_assert(!budget_slice_is_light(&budget));
    budget_begin_slice(&budget, BUDGET_LIGHT);
    ck_assert(budget_slice_is_light(&budget));
    budget_charge(&budget, BUDGET_LIGHT - WORK_SLICE);
    ck_assert(!budget_slice_is_light(&budget));
    ck_assert(!budget_slice_left(&budget));
}
END_TEST

START_TEST(looking_at_a_connection_costs_something)
{
    ck_assert_uint_eq(served(100 * WORK_SLICE, 0), 100);
}
END_TEST

START_TEST(what_a_part_leaves_is_for_the_next)
{
    budget_begin_part(&budget, BUDGET_LOCAL);
    ck_assert_uint_eq(served(BUDGET_TCP, BUDGET_SLICE - WORK_SLICE),
                      (BUDGET_LOCAL + BUDGET_TCP + BUDGET_SLICE - 1) / BUDGET_SLICE);
}
END_TEST

START_TEST(what_a_part_takes_too_much_the_rest_of_the_turn_lacks)
{
    ck_assert_uint_eq(served(BUDGET_LOCAL, 10 * BUDGET_TURN), 1);
    ck_assert_uint_eq(served(BUDGET_TCP, BUDGET_SLICE), 1); /* one all the same */
    budget_begin_turn(&budget);
    ck_assert_uint_gt(served(BUDGET_TCP, BUDGET_SLICE / 2), 1);
}
END_TEST

START_TEST(each_turn_has_its_own_answers)
{
    for (int turn = 0; turn < 3; turn++) {
        budget_begin_turn(&budget);
        ck_assert(budget_take_answer(&budget, BUDGET_ANSWERS - 1));
        ck_assert(budget_take_answer(&budget, 2 * BUDGET_ANSWERS)); /* the last one may be large */
        ck_assert(!budget_take_answer(&budget, 1));
    }
}
END_TEST

START_TEST(the_most_of_a_turn_is_kept)
{
    budget_charge(&budget, 7);
    budget_end_turn(&budget, 0, false);
    budget_begin_turn(&budget);
    budget_charge(&budget, 5);
    budget_end_turn(&budget, 0, false);
    ck_assert_uint_eq(budget.most, 7);
    ck_assert_uint_eq(budget.done, 12);
}
END_TEST

static enum budget_change end_turn(uint64_t now_ms, bool waits)
{
    enum budget_change change = budget_end_turn(&budget, now_ms, waits);
    budget_begin_turn(&budget);
    return change;
}

/* Begin and end are told once each, however often it is short of time for a moment. */
START_TEST(only_what_lasts_is_told)
{
    uint64_t now = 1000;
    ck_assert_int_eq(end_turn(now, true), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += BUDGET_TELL_MS - 1, true), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += 1, false), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += 1, true), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += BUDGET_TELL_MS, true), BUDGET_SHORT);
    ck_assert_int_eq(end_turn(now += BUDGET_TELL_MS, true), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += 1, false), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += 1, true), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += 1, false), BUDGET_SAME);
    ck_assert_int_eq(end_turn(now += BUDGET_TELL_MS, false), BUDGET_ENOUGH);
    ck_assert_int_eq(end_turn(now + BUDGET_TELL_MS, false), BUDGET_SAME);
}
END_TEST

/* --- the backlog --- */

static struct conn *conn(size_t n)
{
    static char places[1000];
    return (struct conn *)(void *)&places[n];
}

static void add(struct backlog *b, size_t n, unsigned ring)
{
    ck_assert_int_eq(backlog_add(b, conn(n), ring), ERR_OK);
}

START_TEST(who_waits_longest_goes_on_first)
{
    struct backlog b = {0};
    backlog_begin_turn(&b, 1000);
    size_t in = 0, out = 0;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 13; i++)
            add(&b, in++, BACKLOG_FIRST);
        for (int i = 0; i < 7; i++)
            ck_assert_ptr_eq(backlog_take(&b), conn(out++));
        ck_assert_uint_eq(backlog_count(&b), in - out);
    }
    while (out < in)
        ck_assert_ptr_eq(backlog_take(&b), conn(out++));
    ck_assert_ptr_null(backlog_take(&b));
    backlog_finish(&b);
}
END_TEST

START_TEST(the_local_socket_is_not_behind_all_strangers)
{
    struct backlog b = {0};
    for (size_t i = 0; i < 100; i++)
        add(&b, i, BACKLOG_FIRST);
    add(&b, 500, BACKLOG_LOCAL);
    add(&b, 501, BACKLOG_LOCAL);
    backlog_begin_turn(&b, 1000);
    unsigned taken = 0, local = 0;
    while (local < 2 && ++taken)
        local += backlog_take(&b) >= conn(500);
    ck_assert_uint_le(taken, 4);
    ck_assert_uint_eq(backlog_count(&b), 102 - taken);
    backlog_finish(&b);
}
END_TEST

/* Beside many who never have enough, the one who wants a little more is the next; and those get
 * their share all the same. */
START_TEST(who_asks_for_less_is_before_who_asks_for_more)
{
    struct backlog b = {0};
    for (size_t i = 0; i < 100; i++)
        add(&b, i, BACKLOG_LAST);
    backlog_begin_turn(&b, 1000);
    ck_assert_ptr_eq(backlog_take(&b), conn(0));
    add(&b, 501, BACKLOG_FIRST);
    add(&b, 502, BACKLOG_FIRST);
    ck_assert(backlog_all_had_one(&b));
    ck_assert_ptr_eq(backlog_take(&b), conn(501));
    backlog_begin_turn(&b, 1000);
    ck_assert_ptr_eq(backlog_take(&b), conn(502));
    ck_assert(!backlog_all_had_one(&b));
    ck_assert_ptr_eq(backlog_take(&b), conn(1));
    ck_assert(backlog_all_had_one(&b));
    backlog_finish(&b);
}
END_TEST

/* However many want a little, each turn has something for each ring. */
START_TEST(no_ring_is_without_its_share)
{
    struct backlog b = {0};
    for (size_t i = 0; i < 300; i++)
        add(&b, i, BACKLOG_LOCAL);
    for (size_t i = 300; i < 600; i++)
        add(&b, i, BACKLOG_FIRST);
    add(&b, 700, BACKLOG_FIRST + 1);
    add(&b, 800, BACKLOG_LAST);
    backlog_begin_turn(&b, 1000);
    ck_assert_ptr_eq(backlog_take(&b), conn(0));
    ck_assert_ptr_eq(backlog_take(&b), conn(300));
    ck_assert_ptr_eq(backlog_take(&b), conn(700));
    ck_assert(!backlog_all_had_one(&b));
    ck_assert_ptr_eq(backlog_take(&b), conn(800));
    ck_assert(backlog_all_had_one(&b));
    struct conn *next = backlog_take(&b), *other = backlog_take(&b);
    ck_assert((next == conn(1) && other == conn(301)) || (next == conn(301) && other == conn(1)));
    backlog_finish(&b);
}
END_TEST

/* A large piece does not take what others wait for: its ring has nothing until it is paid for. */
START_TEST(a_ring_pays_for_a_large_piece)
{
    struct backlog b = {0};
    for (size_t i = 0; i < 10; i++)
        add(&b, i, BACKLOG_LAST);
    for (size_t i = 500; i < 520; i++)
        add(&b, i, BACKLOG_LIGHT);
    backlog_begin_turn(&b, 1000);
    ck_assert_ptr_eq(backlog_take(&b), conn(500));
    backlog_charge(&b, 10);
    ck_assert_ptr_eq(backlog_take(&b), conn(0));
    backlog_charge(&b, 3500);
    for (size_t turn = 0; turn < 2; turn++) {
        backlog_begin_turn(&b, 1000);
        ck_assert_ptr_eq(backlog_take(&b), conn(501 + 2 * turn));
        ck_assert(backlog_all_had_one(&b));
        ck_assert_ptr_eq(backlog_take(&b), conn(502 + 2 * turn));
    }
    backlog_begin_turn(&b, 1000);
    ck_assert_ptr_eq(backlog_take(&b), conn(505));
    ck_assert_ptr_eq(backlog_take(&b), conn(1));
    backlog_finish(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("budget");
    TCase *t = tcase_create("budget");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, a_slice_ends_when_its_work_is_done);
    tcase_add_test(t, who_asks_for_little_is_light);
    tcase_add_test(t, looking_at_a_connection_costs_something);
    tcase_add_test(t, what_a_part_leaves_is_for_the_next);
    tcase_add_test(t, what_a_part_takes_too_much_the_rest_of_the_turn_lacks);
    tcase_add_test(t, each_turn_has_its_own_answers);
    tcase_add_test(t, the_most_of_a_turn_is_kept);
    tcase_add_test(t, only_what_lasts_is_told);
    tcase_add_test(t, who_waits_longest_goes_on_first);
    tcase_add_test(t, the_local_socket_is_not_behind_all_strangers);
    tcase_add_test(t, who_asks_for_less_is_before_who_asks_for_more);
    tcase_add_test(t, no_ring_is_without_its_share);
    tcase_add_test(t, a_ring_pays_for_a_large_piece);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
