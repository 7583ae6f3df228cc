/* Frames of HTTP/2 that nghttp2 lets pass and RFC 9113 does not, cut at every byte of their heads.
 */
#include "http/h2/h2_strict.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct h2_cut cut;
static struct h2_strict strict;

/* Behind the preface. */
static void setup(void)
{
    bool begins;
    strict = (struct h2_strict){0};
    h2_cut_init(&cut);
    ck_assert_uint_eq(h2_cut_next(&cut, h2_preface, H2_PREFACE_BYTES, &begins), H2_PREFACE_BYTES);
    ck_assert(!begins && h2_cut_in_head(&cut));
}

/* An empty frame of TYPE for STREAM, whose head comes in two parts, the first of AT bytes. */
static bool take(unsigned type, uint32_t stream, size_t at)
{
    const uint8_t head[H2_FRAME_HEAD] = {0,
                                         0,
                                         0,
                                         (uint8_t)type,
                                         H2_END_HEADERS,
                                         (uint8_t)(stream >> 24),
                                         (uint8_t)(stream >> 16),
                                         (uint8_t)(stream >> 8),
                                         (uint8_t)stream};
    bool begins = false;
    if (at) {
        ck_assert_uint_eq(h2_cut_next(&cut, head, at, &begins), at);
        ck_assert(!begins && h2_cut_in_head(&cut));
    }
    ck_assert_uint_eq(h2_cut_next(&cut, head + at, sizeof(head) - at, &begins), sizeof(head) - at);
    ck_assert(begins);
    ck_assert_uint_eq(h2_cut_stream(&cut), stream & 0x7fffffff);
    return h2_strict_take(&strict, &cut);
}

START_TEST(a_stream_that_was_left_out_stays_closed)
{
    size_t at = (size_t)_i;
    ck_assert(take(H2_HEADERS, 5, at));
    ck_assert(!take(H2_HEADERS, 3, at));
    ck_assert(!take(H2_HEADERS, 1, at));
    ck_assert(take(H2_HEADERS, 7, at));
    ck_assert(!take(H2_HEADERS, 3, at));
    ck_assert(take(H2_HEADERS, 0x7fffffff, at));
    ck_assert(!take(H2_HEADERS, 9, at));
    ck_assert(!take(H2_HEADERS, 0x7ffffffd, at));
}
END_TEST

START_TEST(trailers_may_come_for_a_stream_that_was_there)
{
    size_t at = (size_t)_i;
    ck_assert(take(H2_HEADERS, 1, at));
    ck_assert(take(H2_HEADERS, 3, at));
    ck_assert(take(H2_HEADERS, 1, at));
    ck_assert(take(H2_HEADERS, 7, at));
    ck_assert(take(H2_HEADERS, 3, at));
    ck_assert(take(H2_HEADERS, 7, at));
}
END_TEST

START_TEST(priority_is_that_of_a_stream)
{
    size_t at = (size_t)_i;
    ck_assert(take(H2_PRIORITY, 9, at));
    ck_assert(!take(H2_PRIORITY, 0, at));
    ck_assert(!take(H2_PRIORITY, 0x80000000, at));
}
END_TEST

START_TEST(others_are_no_business_of_it)
{
    for (unsigned type = 0; type < 256; type++) {
        if (type == H2_HEADERS || type == H2_PRIORITY)
            continue;
        ck_assert(take(type, 0, (size_t)_i));
        ck_assert(take(type, 3, (size_t)_i));
    }
    ck_assert_uint_eq(strict.last, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("h2_strict");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_loop_test(t, a_stream_that_was_left_out_stays_closed, 0, H2_FRAME_HEAD);
    tcase_add_loop_test(t, trailers_may_come_for_a_stream_that_was_there, 0, H2_FRAME_HEAD);
    tcase_add_loop_test(t, priority_is_that_of_a_stream, 0, H2_FRAME_HEAD);
    tcase_add_loop_test(t, others_are_no_business_of_it, 0, H2_FRAME_HEAD);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
