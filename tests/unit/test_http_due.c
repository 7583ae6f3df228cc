/* Answers that are due: their order, what they weigh, and that nothing of them stays behind. */
#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/http_due.h"

/* Opaque there: any address will do. */
static const struct publish *number(uintptr_t n)
{
    return (const struct publish *)(n * sizeof(void *));
}

static void add(struct http_due **d, uintptr_t n, size_t weight)
{
    ck_assert_ptr_nonnull(http_due_add(d, number(n), weight));
}

static void put_text(struct http_due **d, const char *text)
{
    struct buf *out = http_due_text(d);
    ck_assert_ptr_nonnull(out);
    buf_puts(out, text);
}

static void expect_text(struct http_due *d, const char *text)
{
    const struct http_due_answer *a = http_due_first(d);
    ck_assert_ptr_null(a->publish);
    ck_assert_uint_eq(a->text.len, strlen(text));
    ck_assert_mem_eq(a->text.data, text, a->text.len);
}

START_TEST(an_empty_queue_is_nothing)
{
    struct http_due *d = NULL;
    ck_assert_ptr_null(http_due_first(d));
    ck_assert(!http_due_is_full(d, 1));
    ck_assert_uint_eq(http_due_held(d), 0);
    http_due_clear(&d);
    add(&d, 1, 10);
    http_due_drop_first(&d);
    ck_assert_ptr_null(d);
}
END_TEST

START_TEST(texts_stay_between_their_publishes)
{
    struct http_due *d = NULL;
    add(&d, 1, 10);
    put_text(&d, "a");
    put_text(&d, "b");
    add(&d, 2, 10);
    put_text(&d, "c");
    ck_assert_ptr_eq(http_due_first(d)->publish, number(1));
    http_due_drop_first(&d);
    expect_text(d, "ab");
    http_due_drop_first(&d);
    ck_assert_ptr_eq(http_due_first(d)->publish, number(2));
    http_due_drop_first(&d);
    expect_text(d, "c");
    http_due_drop_first(&d);
    ck_assert_ptr_null(d);
}
END_TEST

/* The ring turns while it grows, wherever its beginning is. */
START_TEST(order_survives_growing)
{
    for (uintptr_t start = 0; start < 9; start++) {
        struct http_due *d = NULL;
        uintptr_t in = 1, out = 1;
        for (; in <= 300; in++) {
            add(&d, in, 1);
            bool drops = in <= start || in % 3 == 0;
            if (drops && in > out) {
                http_due_drop_first(&d);
                out++;
            }
            ck_assert_ptr_eq(http_due_first(d)->publish, number(out));
            ck_assert_ptr_eq(http_due_last(d)->publish, number(in));
        }
        http_due_clear(&d);
        ck_assert_ptr_null(d);
    }
}
END_TEST

START_TEST(number_and_bytes_are_bounded)
{
    struct http_due *d = NULL;
    add(&d, 1, 100);
    ck_assert(http_due_is_full(d, 1));
    ck_assert(!http_due_is_full(d, 2));
    add(&d, 2, HTTP_DUE_BYTES - 101);
    ck_assert(!http_due_is_full(d, 3));
    put_text(&d, "x");
    ck_assert(http_due_is_full(d, 9));
    ck_assert_uint_ge(http_due_held(d), HTTP_DUE_BYTES);
    http_due_drop_first(&d);
    http_due_drop_first(&d);
    ck_assert(!http_due_is_full(d, 9));
    http_due_clear(&d);
}
END_TEST

START_TEST(what_weighs_leaves_with_its_answer)
{
    struct http_due *d = NULL;
    add(&d, 1, 1000);
    size_t held = http_due_held(d);
    for (uintptr_t n = 2; n < 4; n++) {
        add(&d, n, 500);
        buf_puts(&http_due_last(d)->text, "Vary: Origin\r\n");
    }
    put_text(&d, "whole answers");
    ck_assert_uint_gt(http_due_held(d), held + 1000);
    for (int i = 0; i < 3; i++)
        http_due_drop_first(&d);
    ck_assert_uint_lt(http_due_held(d), held);
    http_due_clear(&d);
}
END_TEST

/* What was appended to an answer while it was the last weighs until it leaves, and no longer. */
START_TEST(a_text_weighs_as_long_as_it_is_there)
{
    struct http_due *d = NULL;
    add(&d, 1, 10);
    size_t held = http_due_held(d);
    buf_puts(&http_due_last(d)->text, "Vary: Origin\r\n");
    size_t cap = http_due_last(d)->text.cap;
    ck_assert_uint_eq(http_due_held(d), held + cap);
    add(&d, 2, 10);
    ck_assert_uint_eq(http_due_held(d), held + cap + 10);
    http_due_drop_first(&d);
    ck_assert_uint_eq(http_due_held(d), held);
    http_due_clear(&d);
}
END_TEST

START_TEST(nothing_stays_of_what_left)
{
    enum { TIMES = 1000, TEXT = 4096, BYTES_MAX = 1 << 20 };
    static const char text[TEXT];
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < TIMES; i++) {
        struct http_due *d = NULL;
        add(&d, 1, 10);
        buf_append(http_due_text(&d), text, sizeof(text));
        http_due_drop_first(&d);
        http_due_drop_first(&d);
        ck_assert_ptr_null(d);
    }
    ck_assert_uint_lt(mallinfo2().uordblks, before + BYTES_MAX);
}
END_TEST

START_TEST(all_but_the_first_can_be_dropped)
{
    struct http_due *d = NULL;
    for (uintptr_t n = 1; n < 20; n++) {
        add(&d, n, 10);
        put_text(&d, "text");
    }
    http_due_drop_others(d);
    ck_assert_uint_eq(d->count, 1);
    ck_assert_ptr_eq(http_due_first(d)->publish, number(1));
    http_due_drop_first(&d);
    ck_assert_ptr_null(d);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_due");
    TCase *t = tcase_create("all");
    tcase_add_test(t, an_empty_queue_is_nothing);
    tcase_add_test(t, texts_stay_between_their_publishes);
    tcase_add_test(t, order_survives_growing);
    tcase_add_test(t, number_and_bytes_are_bounded);
    tcase_add_test(t, what_weighs_leaves_with_its_answer);
    tcase_add_test(t, a_text_weighs_as_long_as_it_is_there);
    tcase_add_test(t, nothing_stays_of_what_left);
    tcase_add_test(t, all_but_the_first_can_be_dropped);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
