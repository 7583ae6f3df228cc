/* Marks: written and read, and found in what transports make of a payload. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/bench_mark.h"

static const struct bench_mark sample = {0x0012abcd, 0xfedcba98, 0x0123456789abcdef};

static void assert_sample(const struct bench_mark *m)
{
    ck_assert_uint_eq(m->stream, sample.stream);
    ck_assert_uint_eq(m->number, sample.number);
    ck_assert_uint_eq(m->time, sample.time);
}

START_TEST(what_is_written_is_read)
{
    char text[MARK_SIZE];
    struct bench_mark read;
    uint64_t tag = mark_tag();
    mark_write(text, tag, &sample);
    ck_assert(mark_read(text, tag, &read));
    assert_sample(&read);
}
END_TEST

START_TEST(hexadecimal_digits_are_read_each_for_itself)
{
    for (unsigned digit = 0; digit < 16; digit++) {
        for (unsigned place = 0; place < 8; place++) {
            char text[9];
            uint32_t n = (uint32_t)digit << (4 * place);
            snprintf(text, sizeof(text), "%08x", n);
            ck_assert_uint_eq(mark_read_hex32(text), n);
        }
    }
}
END_TEST

START_TEST(it_is_plain_text)
{
    char text[MARK_SIZE];
    mark_write(text, mark_tag(), &sample);
    ck_assert_int_eq(text[0], MARK_BYTE);
    for (size_t i = 1; i < MARK_SIZE; i++)
        ck_assert((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9'));
}
END_TEST

START_TEST(marks_of_other_runs_are_none)
{
    char text[MARK_SIZE];
    struct bench_mark read;
    uint64_t tag = mark_tag();
    mark_write(text, tag, &sample);
    for (size_t i = 0; i < MARK_TAG_SIZE; i++) {
        text[i] ^= 1;
        ck_assert(!mark_read(text, tag, &read));
        text[i] ^= 1;
    }
}
END_TEST

START_TEST(it_is_found_in_an_envelope_but_not_when_it_is_cut)
{
    char envelope[128] = "{\"id\":\"7-8\",\"data\":\"";
    size_t begin = strlen(envelope), whole = begin + MARK_SIZE;
    struct bench_mark read;
    uint64_t tag = mark_tag();
    mark_write(envelope + begin, tag, &sample);
    ck_assert(mark_find(envelope, whole, tag, &read));
    assert_sample(&read);
    for (size_t n = 0; n < whole; n++)
        ck_assert(!mark_find(envelope, n, tag, &read));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench_mark");
    TCase *t = tcase_create("bench_mark");
    tcase_add_test(t, what_is_written_is_read);
    tcase_add_test(t, hexadecimal_digits_are_read_each_for_itself);
    tcase_add_test(t, it_is_plain_text);
    tcase_add_test(t, marks_of_other_runs_are_none);
    tcase_add_test(t, it_is_found_in_an_envelope_but_not_when_it_is_cut);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
