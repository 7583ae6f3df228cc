/* The hot tail: batches in, batches out, and moving about in it. */
#include "broker/tail.h"

#include <check.h>
#include <stdlib.h>

static struct tail tail;

static void setup(void)
{
    tail_init(&tail);
}

static void teardown(void)
{
    tail_finish(&tail);
}

static struct message *message_at(uint64_t offset)
{
    struct message_init init = {.topic = "a", .topic_len = 1};
    struct message *m = message_create(&init);
    ck_assert_ptr_nonnull(m);
    m->offset = offset;
    return m;
}

/* A batch that settles first..last and holds COUNT messages, the last ones of them. */
static struct batch *batch_with(uint64_t first, uint64_t last, uint32_t count)
{
    struct batch *b = batch_create(count);
    ck_assert_ptr_nonnull(b);
    b->first = first;
    b->last = last;
    for (; b->count < count; b->count++)
        b->messages[b->count] = message_at(last - count + b->count + 1);
    return b;
}

static void push(uint64_t first, uint64_t last, uint32_t count)
{
    ck_assert_int_eq(tail_push(&tail, batch_with(first, last, count)), ERR_OK);
}

static uint64_t next(struct tail_iter *it)
{
    const struct message *m = tail_next(&tail, it);
    return m ? m->offset : 0;
}

static uint64_t prev(struct tail_iter *it)
{
    const struct message *m = tail_prev(&tail, it);
    return m ? m->offset : 0;
}

START_TEST(an_empty_tail_holds_nothing)
{
    struct tail_iter it = tail_seek(&tail, 0);
    ck_assert_uint_eq(tail_first(&tail, 42), 42);
    ck_assert_ptr_null(tail_oldest(&tail));
    ck_assert_uint_eq(next(&it), 0);
    ck_assert_uint_eq(prev(&it), 0);
    tail_drop_below(&tail, 100);
}
END_TEST

START_TEST(messages_come_in_order_up_and_down)
{
    push(1, 3, 3);
    push(4, 4, 1);
    push(5, 9, 5);
    struct tail_iter it = tail_seek(&tail, 0);
    for (uint64_t offset = 1; offset <= 9; offset++)
        ck_assert_uint_eq(next(&it), offset);
    ck_assert_uint_eq(next(&it), 0);
    ck_assert_uint_eq(next(&it), 0);
    for (uint64_t offset = 9; offset >= 1; offset--)
        ck_assert_uint_eq(prev(&it), offset);
    ck_assert_uint_eq(prev(&it), 0);
    ck_assert_uint_eq(prev(&it), 0);
    ck_assert_uint_eq(next(&it), 1);
    ck_assert_uint_eq(tail_first(&tail, 42), 1);
}
END_TEST

START_TEST(seeking_finds_every_place)
{
    push(11, 13, 3);
    push(14, 14, 1);
    push(15, 19, 5);
    for (uint64_t after = 0; after <= 25; after++) {
        struct tail_iter up = tail_seek(&tail, after), down = up;
        uint64_t above = after < 11 ? 11 : after < 19 ? after + 1 : 0;
        uint64_t below = after < 11 ? 0 : after < 19 ? after : 19;
        ck_assert_uint_eq(next(&up), above);
        ck_assert_uint_eq(prev(&down), below);
    }
}
END_TEST

/* Holes: offsets that a batch settles without a message, and batches without any. */
START_TEST(holes_and_empty_batches_are_stepped_over)
{
    push(1, 10, 2);  /* 9 10 */
    push(11, 20, 0); /* nothing */
    push(21, 30, 0); /* nothing */
    push(31, 40, 1); /* 40 */
    push(41, 50, 0); /* nothing */
    for (uint64_t after = 0; after <= 55; after++) {
        struct tail_iter up = tail_seek(&tail, after), down = up;
        uint64_t above = after < 9 ? 9 : after < 10 ? 10 : after < 40 ? 40 : 0;
        uint64_t below = after < 9 ? 0 : after < 10 ? 9 : after < 40 ? 10 : 40;
        ck_assert_uint_eq(next(&up), above);
        ck_assert_uint_eq(prev(&down), below);
    }
}
END_TEST

START_TEST(whole_batches_below_an_offset_are_dropped)
{
    push(1, 10, 10);
    push(11, 20, 0);
    push(21, 30, 10);
    tail_drop_below(&tail, 10);
    ck_assert_uint_eq(tail_first(&tail, 0), 1);
    tail_drop_below(&tail, 11);
    ck_assert_uint_eq(tail_first(&tail, 0), 11);
    tail_drop_below(&tail, 25);
    ck_assert_uint_eq(tail_first(&tail, 0), 21);
    ck_assert_uint_eq(tail_oldest(&tail)->count, 10);
    tail_drop_below(&tail, 31);
    ck_assert_uint_eq(tail_first(&tail, 42), 42);
    push(31, 31, 1);
    ck_assert_uint_eq(tail_first(&tail, 42), 31);
}
END_TEST

/* Long runs of pushes and pops turn the ring round and let it grow while it is turned. */
START_TEST(the_ring_turns_and_grows)
{
    uint64_t first = 1, last = 0;
    for (int round = 0; round < 300; round++) {
        int pushes = round % 7 + 3, drops = round < 150 ? round % 5 : round % 9 + 1;
        for (int i = 0; i < pushes; i++, last++)
            push(last + 1, last + 1, 1);
        for (int i = 0; i < drops && tail.count > 1; i++, first++)
            tail_pop(&tail);
        struct tail_iter it = tail_seek(&tail, 0);
        ck_assert_uint_eq(tail_first(&tail, 0), first);
        for (uint64_t offset = first; offset <= last; offset++)
            ck_assert_uint_eq(next(&it), offset);
        ck_assert_uint_eq(next(&it), 0);
        it = tail_seek(&tail, (first + last) / 2);
        ck_assert_uint_eq(next(&it), (first + last) / 2 + 1);
    }
    ck_assert_uint_gt(tail.cap, 64);
}
END_TEST

START_TEST(a_batch_lives_as_long_as_anybody_holds_it)
{
    struct batch *b = batch_with(1, 2, 2);
    struct message *kept = message_ref(b->messages[1]);
    ck_assert_int_eq(tail_push(&tail, batch_ref(b)), ERR_OK);
    tail_drop_below(&tail, 3);
    ck_assert_uint_eq(b->messages[0]->offset, 1);
    batch_unref(b);
    ck_assert_uint_eq(kept->offset, 2);
    message_unref(kept);
    batch_unref(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tail");
    TCase *t = tcase_create("tail");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, an_empty_tail_holds_nothing);
    tcase_add_test(t, messages_come_in_order_up_and_down);
    tcase_add_test(t, seeking_finds_every_place);
    tcase_add_test(t, holes_and_empty_batches_are_stepped_over);
    tcase_add_test(t, whole_batches_below_an_offset_are_dropped);
    tcase_add_test(t, the_ring_turns_and_grows);
    tcase_add_test(t, a_batch_lives_as_long_as_anybody_holds_it);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
