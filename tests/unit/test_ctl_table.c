/* Tables. */
#include <check.h>
#include <stdlib.h>

#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_table.h"

static void check_bytes(struct buf *b, const char *expected)
{
    buf_putc(b, '\0');
    ck_assert(!b->failed);
    ck_assert_str_eq(b->data, expected);
    buf_finish(b);
}

START_TEST(tables_are_aligned)
{
    static const struct ctl_column columns[] = {{"NAME", false, CTL_STYLE_NAME},
                                                {"N", true, CTL_STYLE_PLAIN},
                                                {"LAST", false, CTL_STYLE_PLAIN}};
    struct ctl_table t;
    struct buf out = {0};
    ctl_table_init(&t, columns, 3);
    ctl_table_text(&t, "Ä€");
    ctl_table_number(&t, 1);
    ctl_table_text(&t, NULL);
    ctl_table_text(&t, "long\n");
    ctl_table_number(&t, 1000);
    ctl_table_text(&t, "x");
    ctl_table_put(&t, &out, false, 0, 0, "\n");
    check_bytes(&out, "NAME       N  LAST\nÄ€         1  -\nlong\\n  1000  x\n");
    ctl_table_put(&t, &out, false, 7, 1, "|");
    check_bytes(&out, "NAME   |Ä€     |");
    ctl_table_put(&t, &out, true, 1, 1, "|");
    check_bytes(&out, "\033[1mN\033[0m\033[1m\033[0m\033[1m\033[0m|\033[32mÄ\033[0m|");
    ctl_table_finish(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_table");
    TCase *tc = tcase_create("ctl_table");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, tables_are_aligned);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
