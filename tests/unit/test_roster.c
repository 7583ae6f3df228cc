/* Things in the order in which they came, against a plain list of them. */
#include "broker/roster.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/random.h"

enum { THINGS = 2000 };

struct thing {
    uint64_t number;
    bool there;
};

static struct thing things[THINGS];
static size_t thing_count;
static struct roster roster;

static uint64_t number_of(const void *thing)
{
    return ((const struct thing *)thing)->number;
}

static void setup(void)
{
    random_seed();
    memset(things, 0, sizeof(things));
    thing_count = 0;
    roster_init(&roster, number_of);
}

static void teardown(void)
{
    roster_finish(&roster);
}

static struct thing *add(uint64_t number)
{
    struct thing *t = &things[thing_count++];
    *t = (struct thing){number, true};
    ck_assert_int_eq(roster_add(&roster, t), ERR_OK);
    return t;
}

static void take_out(struct thing *t)
{
    roster_remove(&roster, t);
    t->there = false;
}

/* What should follow AFTER. */
static struct thing *next_of(uint64_t after)
{
    for (size_t i = 0; i < thing_count; i++)
        if (things[i].there && things[i].number > after)
            return &things[i];
    return NULL;
}

static void check_walk(uint64_t from)
{
    struct thing *expected = next_of(from), *found = roster_next(&roster, from);
    for (; expected || found; found = roster_next(&roster, found->number)) {
        ck_assert_ptr_eq(found, expected);
        expected = next_of(expected->number);
    }
}

START_TEST(an_empty_one_has_nothing)
{
    ck_assert_ptr_null(roster_next(&roster, 0));
    ck_assert_uint_eq(roster_count(&roster), 0);
    take_out(add(7));
    ck_assert_ptr_null(roster_next(&roster, 0));
    ck_assert_uint_eq(roster_count(&roster), 0);
}
END_TEST

START_TEST(numbers_may_be_as_large_as_they_may_be)
{
    uint64_t most = UINT64_MAX >> 1;
    struct thing *one = add(1), *last = add(most);
    ck_assert_ptr_eq(roster_next(&roster, 1), last);
    ck_assert_ptr_null(roster_next(&roster, most));
    take_out(one);
    take_out(last);
    ck_assert_ptr_null(roster_next(&roster, 0));
}
END_TEST

START_TEST(whoever_comes_and_goes_it_is_walked_in_order)
{
    uint64_t number = 0;
    size_t there = 0;
    while (thing_count < THINGS) {
        if (random_below(100) < 60) {
            add(number += 1 + random_below(3));
            there++;
        } else if (there) {
            struct thing *t = &things[random_below((uint32_t)thing_count)];
            there -= t->there;
            if (t->there)
                take_out(t);
        }
        ck_assert_uint_eq(roster_count(&roster), there);
        if (random_below(20) == 0)
            check_walk(random_below((uint32_t)number + 2));
    }
    check_walk(0);
}
END_TEST

START_TEST(those_who_came_first_may_all_go)
{
    for (uint64_t i = 1; i <= THINGS; i++)
        add(i);
    for (size_t i = 0; i < THINGS; i++) {
        take_out(&things[i]);
        ck_assert_ptr_eq(roster_next(&roster, 0), i + 1 < THINGS ? &things[i + 1] : NULL);
        ck_assert_uint_le(roster.gone, 16 + roster.count / 2);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("roster");
    TCase *t = tcase_create("roster");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, an_empty_one_has_nothing);
    tcase_add_test(t, numbers_may_be_as_large_as_they_may_be);
    tcase_add_test(t, whoever_comes_and_goes_it_is_walked_in_order);
    tcase_add_test(t, those_who_came_first_may_all_go);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
