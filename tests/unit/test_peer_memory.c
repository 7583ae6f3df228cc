/* The budget of memory: what is counted, who is the largest, and when it presses. */
#include "net/peer_memory.h"

#include <check.h>
#include <stdlib.h>

#include "broker/message.h"

enum { LIMIT = 8 << 20, KIB = 1 << 10 };

static struct peer_memory memory;
static struct peer_book books[2];

/* Connections are names here. */
static char names[8];
static struct peer_load *loads[8];

static struct conn *name(unsigned i)
{
    return (struct conn *)&names[i];
}

static void setup(void)
{
    memory = (struct peer_memory){.limit = LIMIT};
    peer_book_init(&books[0], &memory, 0);
    peer_book_init(&books[1], &memory, 1);
}

static void teardown(void)
{
    for (unsigned i = 0; i < 8; i++)
        peer_book_remove(&books[i % 2], &loads[i]);
    ck_assert_uint_eq(peer_memory_held(&memory), 0);
    ck_assert_uint_eq(memory.holders, 0);
    ck_assert_uint_eq(memory.largest[0], 0);
    ck_assert_uint_eq(memory.largest[1], 0);
}

/* Connection I is worker I % 2's. */
static void hold(unsigned i, bool local, size_t bytes)
{
    ck_assert_int_eq(peer_book_set(&books[i % 2], &loads[i], name(i), local, bytes, bytes), ERR_OK);
}

START_TEST(the_floor_is_free)
{
    hold(0, false, PEER_MEMORY_FLOOR);
    ck_assert_ptr_null(loads[0]);
    hold(0, false, PEER_MEMORY_FLOOR + 100);
    ck_assert_ptr_nonnull(loads[0]);
    ck_assert_uint_eq(peer_memory_held(&memory), 100);
    hold(0, false, 10);
    ck_assert_ptr_null(loads[0]);
    ck_assert_uint_eq(peer_memory_held(&memory), 0);
    ck_assert_uint_eq(memory.peak, 100);
}
END_TEST

START_TEST(the_largest_goes_first)
{
    hold(0, false, 100 * KIB);
    hold(2, false, 400 * KIB);
    hold(4, false, 20 * KIB);
    ck_assert_ptr_eq(peer_book_largest(&books[0])->conn, name(2));
    hold(2, false, 30 * KIB);
    ck_assert_ptr_eq(peer_book_largest(&books[0])->conn, name(0));
    hold(4, false, 900 * KIB);
    ck_assert_ptr_eq(peer_book_largest(&books[0])->conn, name(4));
    peer_book_remove(&books[0], &loads[4]);
    peer_book_remove(&books[0], &loads[0]);
    ck_assert_ptr_eq(peer_book_largest(&books[0])->conn, name(2));
    peer_book_remove(&books[0], &loads[2]);
    ck_assert_ptr_null(peer_book_largest(&books[0]));
}
END_TEST

START_TEST(of_the_same_size_the_oldest)
{
    hold(0, false, 100 * KIB);
    hold(2, false, 101 * KIB);
    hold(0, false, 102 * KIB);
    ck_assert_ptr_eq(peer_book_largest(&books[0])->conn, name(0));
}
END_TEST

START_TEST(local_ones_weigh_less)
{
    hold(0, true, 1000 * KIB);
    hold(2, false, 100 * KIB);
    ck_assert_ptr_eq(peer_book_largest(&books[0])->conn, name(2));
    hold(2, false, 40 * KIB);
    ck_assert_ptr_eq(peer_book_largest(&books[0])->conn, name(0));
    ck_assert_uint_eq(peer_memory_held(&memory), 1040 * KIB - 2 * PEER_MEMORY_FLOOR);
}
END_TEST

START_TEST(workers_know_whose_is_the_largest)
{
    hold(0, false, 100 * KIB);
    hold(1, false, 200 * KIB);
    ck_assert_uint_eq(peer_book_whose(&books[0]), 1);
    ck_assert_uint_eq(peer_book_whose(&books[1]), 1);
    hold(0, false, 201 * KIB); /* as large: each takes its own */
    ck_assert_uint_eq(peer_book_whose(&books[0]), 0);
    ck_assert_uint_eq(peer_book_whose(&books[1]), 1);
}
END_TEST

START_TEST(a_shared_blob_counts_once)
{
    static char bytes[100 * KIB];
    struct blob *b = blob_create(bytes, sizeof(bytes));
    peer_memory_pin(&memory, b);
    ck_assert_uint_eq(peer_memory_share(b), sizeof(bytes));
    for (int i = 0; i < 3; i++)
        peer_memory_pin(&memory, b);
    ck_assert_uint_eq(peer_memory_held(&memory), sizeof(bytes));
    ck_assert_uint_eq(peer_memory_share(b), sizeof(bytes) / 4);
    for (int i = 0; i < 3; i++)
        peer_memory_unpin(&memory, b);
    ck_assert_uint_eq(peer_memory_held(&memory), sizeof(bytes));
    peer_memory_unpin(&memory, b);
    ck_assert_uint_eq(peer_memory_held(&memory), 0);
    blob_unref(b);
}
END_TEST

START_TEST(pressed_from_three_quarters_to_five_eighths)
{
    hold(0, false, LIMIT / 4 * 3 + PEER_MEMORY_FLOOR);
    ck_assert_int_eq(peer_memory_look(&memory), PEER_MEMORY_SAME);
    hold(0, false, LIMIT / 4 * 3 + PEER_MEMORY_FLOOR + 1);
    ck_assert_int_eq(peer_memory_look(&memory), PEER_MEMORY_PRESSED);
    ck_assert_int_eq(peer_memory_look(&memory), PEER_MEMORY_SAME);
    hold(0, false, LIMIT / 8 * 5 + PEER_MEMORY_FLOOR + 1);
    ck_assert_int_eq(peer_memory_look(&memory), PEER_MEMORY_SAME);
    ck_assert(peer_memory_is_pressed(&memory));
    hold(0, false, LIMIT / 8 * 5 + PEER_MEMORY_FLOOR);
    ck_assert_int_eq(peer_memory_look(&memory), PEER_MEMORY_RELIEVED);
    ck_assert(!peer_memory_is_pressed(&memory));
}
END_TEST

START_TEST(a_share_is_the_limit_by_the_holders)
{
    hold(0, false, LIMIT / 4);
    ck_assert(!peer_book_is_above_share(&books[0], loads[0]));
    for (unsigned i = 1; i < 8; i++)
        hold(i, false, 2 * PEER_MEMORY_FLOOR);
    ck_assert(peer_book_is_above_share(&books[0], loads[0]));
    ck_assert(!peer_book_is_above_share(&books[1], loads[1]));
}
END_TEST

static void count_one(struct peer_load *l, void *ctx)
{
    unsigned *seen = ctx;
    seen[(char *)l->conn - names]++;
}

START_TEST(each_is_visited_and_paused_ones_are_counted)
{
    unsigned seen[8] = {0};
    for (unsigned i = 0; i < 8; i += 2)
        hold(i, false, (i + 1) * 100 * KIB);
    peer_book_each(&books[0], count_one, seen);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_uint_eq(seen[i], i % 2 == 0);
    peer_book_pause(&books[0], loads[2], true);
    peer_book_pause(&books[0], loads[2], true);
    peer_book_pause(&books[0], loads[4], true);
    ck_assert_uint_eq(books[0].paused, 2);
    peer_book_pause(&books[0], loads[4], false);
    hold(2, false, 0); /* whoever leaves the book is not paused any more */
    ck_assert_uint_eq(books[0].paused, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("peer_memory");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_floor_is_free);
    tcase_add_test(t, the_largest_goes_first);
    tcase_add_test(t, of_the_same_size_the_oldest);
    tcase_add_test(t, local_ones_weigh_less);
    tcase_add_test(t, workers_know_whose_is_the_largest);
    tcase_add_test(t, a_shared_blob_counts_once);
    tcase_add_test(t, pressed_from_three_quarters_to_five_eighths);
    tcase_add_test(t, a_share_is_the_limit_by_the_holders);
    tcase_add_test(t, each_is_visited_and_paused_ones_are_counted);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
