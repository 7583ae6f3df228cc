/* Memory that is kept for the next ones: by size, on one thread, and not too much of it. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/spare.h"

#if defined(__SANITIZE_ADDRESS__)
enum { KEEPS = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { KEEPS = 0 };
#else
enum { KEEPS = 1 };
#endif
#else
enum { KEEPS = 1 };
#endif

static void teardown(void)
{
    spare_finish_thread();
}

/* N bytes that are all written. */
static void *take(size_t n)
{
    void *p = spare_take(n);
    ck_assert_ptr_nonnull(p);
    memset(p, 0x55, n);
    return p;
}

START_TEST(every_size_has_room)
{
    for (size_t n = 1; n <= SPARE_SIZE_MAX + 40; n++) {
        void *first = take(n), *second = take(n);
        ck_assert_ptr_ne(first, second);
        spare_give(first, n);
        spare_give(second, n);
        void *again = take(n); /* of the largest that this size may have had */
        spare_give(again, n);
    }
    spare_give(NULL, 1);
}
END_TEST

START_TEST(is_zero_if_it_is_to_be)
{
    char *p = take(100);
    spare_give(p, 100);
    p = spare_take_zeroed(100);
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < 100; i++)
        ck_assert_int_eq(p[i], 0);
    spare_give(p, 100);
}
END_TEST

START_TEST(is_used_again)
{
    void *small = take(100), *large = take(200);
    spare_give(small, 100);
    spare_give(large, 200);
    if (!KEEPS)
        return;
    ck_assert_ptr_eq(spare_take(200), large);
    ck_assert_ptr_eq(spare_take(100), small);
    spare_give(small, 100);
    spare_give(large, 200);
}
END_TEST

/* COUNT objects of N bytes are given back: how many of the first MOST come again. Nothing is freed
 * meanwhile, or malloc might bring one of them. */
static size_t kept_of(void **all, size_t count, size_t most, size_t n)
{
    void **again = calloc(count, sizeof(*again));
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        all[i] = take(n);
    for (size_t i = 0; i < count; i++)
        spare_give(all[i], n);
    for (size_t i = 0; i < count; i++) {
        again[i] = spare_take(n);
        for (size_t j = 0; j < most; j++)
            kept += all[j] == again[i];
    }
    for (size_t i = 0; i < count; i++)
        free(again[i]);
    free(again);
    return kept;
}

START_TEST(keeps_so_much)
{
    enum { MOST = SPARE_KEPT_MAX / SPARE_SIZE_MAX };
    static void *all[2 * MOST];
    ck_assert(!KEEPS || kept_of(all, 2 * (size_t)MOST, MOST, SPARE_SIZE_MAX) == MOST);
}
END_TEST

static void *use(void *from_another)
{
    void *own = take(100);
    spare_give(own, 100);
    spare_give(from_another, 100);
    spare_finish_thread();
    return NULL;
}

/* It may be given back on any thread, which keeps it for itself. */
START_TEST(goes_to_another_thread)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, use, take(100)), 0);
    pthread_join(thread, NULL);
    spare_give(take(100), 100);
}
END_TEST

/* A buffer with N bytes in it, from where such come. */
static struct buf fill_buf(size_t n)
{
    struct buf b;
    spare_take_buf(&b);
    ck_assert_uint_eq(b.len, 0);
    ck_assert(!b.failed);
    memset(buf_reserve(&b, n), 0x55, n);
    b.len = n;
    return b;
}

START_TEST(keeps_the_largest_buffer)
{
    struct buf small = fill_buf(100), large = fill_buf(5000), next;
    ck_assert_uint_eq(large.cap, 8192); /* the other one was nobody's yet */
    spare_give_buf(&large);
    ck_assert_ptr_null(large.data);
    ck_assert_uint_eq(large.cap, 0);
    spare_give_buf(&small);
    spare_take_buf(&next);
    ck_assert_uint_eq(next.cap, KEEPS ? 8192 : 0);
    spare_take_buf(&small);
    ck_assert_uint_eq(small.cap, 0);
    spare_give_buf(&small); /* of no memory */
    buf_finish(&next);
}
END_TEST

START_TEST(keeps_no_buffer_that_is_too_large)
{
    struct buf large = fill_buf(SPARE_BUF_MAX + 1), next;
    spare_give_buf(&large);
    ck_assert_ptr_null(large.data);
    spare_take_buf(&next);
    ck_assert_uint_eq(next.cap, 0);
    next = fill_buf(SPARE_BUF_MAX);
    spare_give_buf(&next);
    spare_take_buf(&next);
    ck_assert_uint_eq(next.cap, KEEPS ? SPARE_BUF_MAX : 0);
    spare_give_buf(&next); /* which teardown frees */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("spare");
    TCase *t = tcase_create("spare");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, every_size_has_room);
    tcase_add_test(t, is_zero_if_it_is_to_be);
    tcase_add_test(t, is_used_again);
    tcase_add_test(t, keeps_so_much);
    tcase_add_test(t, goes_to_another_thread);
    tcase_add_test(t, keeps_the_largest_buffer);
    tcase_add_test(t, keeps_no_buffer_that_is_too_large);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
