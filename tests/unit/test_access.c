/* What clients may do. */
#include <check.h>
#include <stdlib.h>

#include "access/access.h"

static const enum access_right rights[] = {ACCESS_SUBSCRIBE, ACCESS_PUBLISH, ACCESS_STATUS};

START_TEST(the_trusted_may_everything)
{
    struct access_client c = {.trusted = true};
    for (int i = 0; i < 3; i++)
        ck_assert(access_may(NULL, &c, rights[i]));
    ck_assert(!access_is_none(NULL, &c));
}
END_TEST

START_TEST(others_may_what_anybody_may)
{
    for (unsigned anonymous = 0; anonymous < 8; anonymous++) {
        struct access_client c = {.anonymous = anonymous};
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(access_may(NULL, &c, rights[i]), (anonymous & rights[i]) != 0);
        ck_assert_int_eq(access_is_none(NULL, &c), anonymous == 0);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("access");
    TCase *t = tcase_create("access");
    tcase_add_test(t, the_trusted_may_everything);
    tcase_add_test(t, others_may_what_anybody_may);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
