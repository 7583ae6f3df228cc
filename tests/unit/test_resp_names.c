/* The sorted sets of subscribed names, against a plain list that does the same the slow way. */
#include "frontends/resp/resp_names.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct resp_names *s, const char *name)
{
    ck_assert_int_eq(resp_names_add(s, name, strlen(name)), ERR_OK);
}

static bool has(const struct resp_names *s, const char *name)
{
    return resp_names_has(s, name, strlen(name));
}

static void take_out(struct resp_names *s, const char *name)
{
    resp_names_remove(s, name, strlen(name));
}

START_TEST(prefixes_are_different_names)
{
    struct resp_names s = {0};
    add(&s, "a/b");
    ck_assert(has(&s, "a/b"));
    ck_assert(!has(&s, "a"));
    ck_assert(!has(&s, "a/bc"));
    ck_assert(!has(&s, ""));
    add(&s, "a");
    add(&s, "a/bc");
    take_out(&s, "a/b");
    ck_assert(has(&s, "a"));
    ck_assert(!has(&s, "a/b"));
    ck_assert(has(&s, "a/bc"));
    resp_names_finish(&s);
}
END_TEST

START_TEST(a_name_that_holds_a_nul_is_never_there)
{
    struct resp_names s = {0};
    add(&s, "a");
    ck_assert(!resp_names_has(&s, "a\0", 2));
    ck_assert(!resp_names_has(&s, "a\0b", 3));
    resp_names_remove(&s, "a\0", 2);
    ck_assert_uint_eq(s.count, 1);
    resp_names_finish(&s);
}
END_TEST

START_TEST(names_are_there_once)
{
    struct resp_names s = {0};
    add(&s, "x");
    add(&s, "x");
    ck_assert_uint_eq(s.count, 1);
    take_out(&s, "x");
    take_out(&s, "x");
    ck_assert_uint_eq(s.count, 0);
    resp_names_finish(&s);
}
END_TEST

START_TEST(any_order_of_adding_and_removing)
{
    enum { NAMES = 64, STEPS = 20000 };
    struct resp_names s = {0};
    bool there[NAMES] = {false};
    size_t count = 0;
    srand(1);
    for (int step = 0; step < STEPS; step++) {
        char name[16];
        int i = rand() % NAMES;
        snprintf(name, sizeof(name), "n/%d", i * 37);
        ck_assert_int_eq(has(&s, name), there[i]);
        count += (size_t)!there[i] - there[i];
        if (there[i])
            take_out(&s, name);
        else
            add(&s, name);
        there[i] = !there[i];
        ck_assert_uint_eq(s.count, count);
    }
    for (size_t i = 1; i < s.count; i++)
        ck_assert_int_lt(strcmp(s.items[i - 1], s.items[i]), 0);
    resp_names_finish(&s);
    ck_assert_uint_eq(s.count, 0);
}
END_TEST

static void expect_other(const struct resp_names *s, const char *name, const char *other)
{
    const char *found = resp_names_other(s, name, strlen(name));
    if (other)
        ck_assert_str_eq(found, other);
    else
        ck_assert_ptr_null(found);
}

START_TEST(a_name_may_have_another_behind_it)
{
    struct resp_names s = {0};
    ck_assert_int_eq(resp_names_add_with(&s, "a/+/#", 5, "a/*"), ERR_OK);
    ck_assert_int_eq(resp_names_add_with(&s, "a/+/#", 5, "a/**"), ERR_OK);
    ck_assert_int_eq(resp_names_add_with(&s, "#", 1, "*"), ERR_OK);
    add(&s, "a");
    ck_assert_uint_eq(s.count, 3);
    expect_other(&s, "a/+/#", "a/*");
    expect_other(&s, "#", "*");
    expect_other(&s, "a", "");
    expect_other(&s, "a/", NULL);
    expect_other(&s, "a/*", NULL);
    take_out(&s, "a/+/#");
    expect_other(&s, "a/+/#", NULL);
    resp_names_finish(&s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("resp_names");
    TCase *tc = tcase_create("resp_names");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, prefixes_are_different_names);
    tcase_add_test(tc, a_name_that_holds_a_nul_is_never_there);
    tcase_add_test(tc, names_are_there_once);
    tcase_add_test(tc, a_name_may_have_another_behind_it);
    tcase_add_test(tc, any_order_of_adding_and_removing);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
