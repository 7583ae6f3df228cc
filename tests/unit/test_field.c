/*
 * Which bytes may stand where, one by one and in blocks. test_field_scalar is the same for machines
 * without blocks.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/field.h"

enum { LENGTH_MAX = 67 };

typedef size_t spanner(const char *text, size_t n);

static bool may_value(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7F);
}

static bool may_target(unsigned char c)
{
    return c > 0x20 && c < 0x7F && c != '#';
}

static bool may_token(unsigned char c)
{
    return c && strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                       c);
}

static const struct {
    spanner *span;
    bool (*may)(unsigned char c);
} spans[] = {
    {field_value_span, may_value},
    {field_target_span, may_target},
    {field_token_span, may_token},
};

/* Exactly N bytes of memory, so that a sanitizer notices what is read behind them. */
static void check_span(spanner *span, const char *text, size_t n, size_t expected)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    ck_assert_uint_eq(span(copy, n), expected);
    free(copy);
}

START_TEST(knows_each_byte)
{
    char text[LENGTH_MAX];
    for (unsigned c = 0; c < 256; c++) {
        size_t may = spans[_i].may((unsigned char)c);
        memset(text, (int)c, sizeof(text));
        for (size_t n = 0; n <= LENGTH_MAX; n++)
            check_span(spans[_i].span, text, n, may ? n : 0);
    }
}
END_TEST

/* The first byte that may not stand there ends it, whatever comes behind. */
START_TEST(ends_at_the_first)
{
    static const char bad[] = {0, '\n', '\r', 0x1F, 0x7F};
    char text[LENGTH_MAX];
    for (size_t at = 0; at < LENGTH_MAX; at++)
        for (size_t i = 0; i < sizeof(bad); i++)
            for (size_t n = at; n <= LENGTH_MAX; n++) {
                memset(text, 'x', at);
                memset(text + at, bad[i], LENGTH_MAX - at);
                check_span(spans[_i].span, text, n, at);
                if (at + 1 < LENGTH_MAX)
                    memset(text + at + 1, 'x', LENGTH_MAX - at - 1);
                check_span(spans[_i].span, text, n, at);
            }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("field");
    TCase *t = tcase_create("field");
    const int count = sizeof(spans) / sizeof(spans[0]);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, knows_each_byte, 0, count);
    tcase_add_loop_test(t, ends_at_the_first, 0, count);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
