/* Shared bytes: what they hold, and that the last reference frees them (for sanitizers). */
#include "base/blob.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(bytes_are_copied)
{
    char text[] = "one\0two";
    struct blob *b = blob_create(text, sizeof(text));
    ck_assert_ptr_nonnull(b);
    memset(text, 'x', sizeof(text));
    ck_assert_uint_eq(b->len, sizeof(text));
    ck_assert_mem_eq(b->data, "one\0two", sizeof(text));
    blob_unref(b);
}
END_TEST

START_TEST(two_texts_become_one)
{
    static const struct {
        const char *a, *b, *both;
    } cases[] = {{"head", "body", "headbody"}, {"head", "", "head"}, {"", "body", "body"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct blob *b = blob_join(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b));
        ck_assert_uint_eq(b->len, strlen(cases[i].both));
        ck_assert_mem_eq(b->data, cases[i].both, b->len);
        blob_unref(b);
    }
    struct blob *none = blob_join(NULL, 0, NULL, 0);
    ck_assert_uint_eq(none->len, 0);
    blob_unref(none);
}
END_TEST

START_TEST(each_reference_keeps_them)
{
    struct blob *b = blob_create("x", 1);
    ck_assert_uint_eq(b->refs, 1);
    ck_assert_ptr_eq(blob_ref(b), b);
    blob_unref(b);
    ck_assert_uint_eq(b->refs, 1);
    ck_assert_mem_eq(b->data, "x", 1);
    blob_unref(b);
    blob_unref(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("blob");
    TCase *t = tcase_create("blob");
    tcase_add_test(t, bytes_are_copied);
    tcase_add_test(t, two_texts_become_one);
    tcase_add_test(t, each_reference_keeps_them);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
