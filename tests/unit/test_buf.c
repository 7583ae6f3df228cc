/* The byte buffer: growth, the sticky failure flag, and what each append leaves behind. */
#include "base/buf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct buf b;

static void setup(void)
{
    buf_init(&b);
}

static void teardown(void)
{
    buf_finish(&b);
}

static void expect(const char *text)
{
    ck_assert_uint_eq(b.len, strlen(text));
    ck_assert_mem_eq(b.data, text, b.len);
}

START_TEST(starts_empty)
{
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.cap, 0);
    ck_assert(!b.failed);
}
END_TEST

START_TEST(empty_appends_allocate_nothing)
{
    buf_append(&b, NULL, 0);
    buf_puts(&b, "");
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(appends_follow_each_other)
{
    buf_puts(&b, "data");
    buf_putc(&b, ':');
    buf_append(&b, " x\0y", 4);
    ck_assert_uint_eq(b.len, 9);
    ck_assert_mem_eq(b.data, "data: x\0y", 9);
}
END_TEST

/* Every length around every power of two: the byte before and after each growth must survive. */
START_TEST(growth_keeps_contents)
{
    for (size_t i = 0; i < 5000; i++) {
        buf_putc(&b, (char)(i * 7));
        ck_assert_uint_eq(b.len, i + 1);
        ck_assert_uint_ge(b.cap, b.len);
    }
    for (size_t i = 0; i < b.len; i++)
        ck_assert_int_eq(b.data[i], (char)(i * 7));
}
END_TEST

START_TEST(reserve_leaves_the_length)
{
    char *to = buf_reserve(&b, 100);
    ck_assert_ptr_nonnull(to);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_ge(b.cap, 100);
    memset(to, 'r', 100);
    b.len += 100;
    ck_assert_ptr_eq(buf_reserve(&b, 0), b.data + 100);
    buf_putc(&b, '.');
    ck_assert_int_eq(b.data[99], 'r');
    ck_assert_int_eq(b.data[100], '.');
}
END_TEST

static const struct {
    uint64_t n;
    const char *text;
} numbers[] = {
    {0, "0"},
    {9, "9"},
    {10, "10"},
    {4294967295u, "4294967295"},
    {9999999999u, "9999999999"},
    {UINT64_MAX, "18446744073709551615"},
};

START_TEST(numbers_in_decimal)
{
    buf_put_u64(&b, numbers[_i].n);
    expect(numbers[_i].text);
}
END_TEST

/* vsnprintf also writes a NUL, which needs room of its own and must not count. */
START_TEST(printf_of_every_length)
{
    static const char spaces[] = "%*s";
    for (int n = 0; n < 300; n++) {
        buf_finish(&b);
        buf_printf(&b, spaces, n, "");
        ck_assert(!b.failed);
        ck_assert_uint_eq(b.len, (size_t)n);
        ck_assert_uint_gt(b.cap, b.len);
    }
    buf_clear(&b);
    buf_puts(&b, "id: ");
    buf_printf(&b, "%d-%s", 42, "7");
    expect("id: 42-7");
}
END_TEST

START_TEST(consume_moves_the_rest_to_the_front)
{
    buf_puts(&b, "abcdef");
    buf_consume(&b, 0);
    expect("abcdef");
    buf_consume(&b, 2);
    expect("cdef");
    buf_consume(&b, 4);
    expect("");
    buf_puts(&b, "again");
    expect("again");
}
END_TEST

START_TEST(clear_keeps_the_storage)
{
    buf_puts(&b, "some text");
    size_t cap = b.cap;
    char *data = b.data;
    buf_clear(&b);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.cap, cap);
    ck_assert_ptr_eq(b.data, data);
}
END_TEST

/* More than the address space holds, once as a number that overflows LEN + N and once as one that
 * does not. */
static const size_t impossible[] = {SIZE_MAX, SIZE_MAX - 8, SIZE_MAX / 2 + 2};

START_TEST(failure_is_sticky_and_keeps_contents)
{
    buf_puts(&b, "kept");
    ck_assert_ptr_null(buf_reserve(&b, impossible[_i]));
    ck_assert(b.failed);
    buf_puts(&b, "lost");
    buf_putc(&b, 'x');
    buf_put_u64(&b, 1);
    buf_printf(&b, "%s", "lost too");
    ck_assert(b.failed);
    expect("kept");
    ck_assert_ptr_null(buf_reserve(&b, 0));
    buf_clear(&b);
    ck_assert(!b.failed);
    buf_puts(&b, "works");
    expect("works");
}
END_TEST

START_TEST(finish_leaves_a_usable_buffer)
{
    buf_puts(&b, "first life");
    ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
    buf_finish(&b);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.cap, 0);
    ck_assert(!b.failed);
    buf_finish(&b);
    buf_puts(&b, "second");
    expect("second");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("buf");
    TCase *t = tcase_create("buf");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, starts_empty);
    tcase_add_test(t, empty_appends_allocate_nothing);
    tcase_add_test(t, appends_follow_each_other);
    tcase_add_test(t, growth_keeps_contents);
    tcase_add_test(t, reserve_leaves_the_length);
    tcase_add_loop_test(t, numbers_in_decimal, 0, sizeof(numbers) / sizeof(numbers[0]));
    tcase_add_test(t, printf_of_every_length);
    tcase_add_test(t, consume_moves_the_rest_to_the_front);
    tcase_add_test(t, clear_keeps_the_storage);
    tcase_add_loop_test(t, failure_is_sticky_and_keeps_contents, 0,
                        sizeof(impossible) / sizeof(impossible[0]));
    tcase_add_test(t, finish_leaves_a_usable_buffer);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
