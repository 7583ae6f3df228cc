/* Values of a JSON text that was read once. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_span.h"

static void check_bytes(struct buf *b, const char *expected)
{
    buf_putc(b, '\0');
    ck_assert(!b->failed);
    ck_assert_str_eq(b->data, expected);
    buf_finish(b);
}

static struct ctl_span span(const char *text)
{
    return (struct ctl_span){text, strlen(text)};
}

static const char ANSWER[] = "{ \"cursor\" : \"3-9\",\"messages\":[ {\"id\":\"1-9\",\"data\":"
                             "{\"a]}\":[\"\\\\\\\"]\",1.10]}} ,{\"id\":\"2-9\",\"data\":1e400},"
                             "{\"id\":\"3-9\",\"data\":\"\"}], \"live\":true }";

static void check_member(struct ctl_span object, const char *name, const char *expected)
{
    struct ctl_span value;
    ck_assert_msg(ctl_span_member(object, name, &value), "no %s", name);
    ck_assert_msg(ctl_span_is(value, expected), "%s is %.*s", name, (int)value.n, value.text);
}

START_TEST(spans_find_values)
{
    struct ctl_span answer = span(ANSWER), list, item;
    check_member(answer, "cursor", "\"3-9\"");
    check_member(answer, "live", "true");
    ck_assert(!ctl_span_member(answer, "gap", &item));
    ck_assert(ctl_span_member(answer, "messages", &list));
    static const char *const data[] = {"{\"a]}\":[\"\\\\\\\"]\",1.10]}", "1e400", "\"\""};
    for (size_t i = 0; i < 3; i++) {
        ck_assert(ctl_span_item(&list, &item));
        check_member(item, "data", data[i]);
    }
    ck_assert(!ctl_span_item(&list, &item));
}
END_TEST

START_TEST(spans_of_nothing)
{
    struct ctl_span value, rest = span("[]");
    ck_assert(!ctl_span_item(&rest, &value));
    ck_assert(!ctl_span_member(span("{}"), "a", &value));
    ck_assert(!ctl_span_member(span("[1]"), "a", &value));
    ck_assert(!ctl_span_member(span(""), "a", &value));
    ck_assert(!ctl_span_member(span("{\"a\" 1}"), "a", &value));
    ck_assert(!ctl_span_member(span("{1:1,\"a\":2}"), "b", &value));
    rest = span("{\"a\":1}");
    ck_assert(!ctl_span_item(&rest, &value));
}
END_TEST

/* An answer that is cut off anywhere: nothing is read behind its end (a copy of its very size lets
 * the sanitizer see), and no value is found that is not whole. */
START_TEST(spans_cut_at_every_byte)
{
    struct ctl_span list, item, live;
    for (size_t n = 0; n + 3 < sizeof(ANSWER); n++) {
        char *copy = malloc(n + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy + 1, ANSWER, n);
        struct ctl_span cut = {copy + 1, n};
        if (ctl_span_member(cut, "messages", &list))
            while (ctl_span_item(&list, &item))
                ck_assert(item.text + item.n <= copy + 1 + n);
        ck_assert(!ctl_span_member(cut, "live", &live) || !ctl_span_is(live, "true") ||
                  n >= (size_t)(strstr(ANSWER, "true") - ANSWER) + 4);
        free(copy);
    }
}
END_TEST

START_TEST(span_strings_are_decoded)
{
    struct buf out = {0};
    ck_assert(ctl_span_string(span("\"a\\u0000\\n\\u00c4\""), &out));
    ck_assert_uint_eq(out.len, 5);
    ck_assert_mem_eq(out.data, "a\0\n\xC3\x84", 5);
    buf_finish(&out);
    ck_assert(!ctl_span_string(span("12"), &out));
    ck_assert(!ctl_span_string(span("\"\\x\""), &out));
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* Names and values, each followed by a blank; then a bar and what is left, if it does not end well.
 */
static void check_members(const char *object, const char *expected)
{
    struct ctl_span rest = span(object), name, value;
    struct buf out = {0};
    while (ctl_span_next(&rest, &name, &value)) {
        buf_append(&out, name.text, name.n);
        buf_putc(&out, ' ');
        buf_append(&out, value.text, value.n);
        buf_putc(&out, ' ');
    }
    if (rest.text)
        buf_putc(&out, '|');
    buf_append(&out, rest.text, rest.n);
    check_bytes(&out, expected);
}

START_TEST(spans_step_through_objects)
{
    check_members("{}", "");
    check_members(" { } ", "");
    check_members("{\"a\":1,\"b\" : [\"}\"] , \"c\":{}}", "\"a\" 1 \"b\" [\"}\"] \"c\" {} ");
    check_members("{\"a\":1} x", "\"a\" 1 |x");
    check_members("{\"a\":1", "\"a\" 1 |");
    check_members("{\"a\":1,}", "\"a\" 1 |,}");
    check_members("{\"a\" 1}", "|{\"a\" 1}");
    check_members("{1:1}", "|{1:1}");
    check_members("[1]", "|[1]");
    check_members("{\"a\":1 \"b\":2}", "\"a\" 1 | \"b\":2}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_span");
    TCase *tc = tcase_create("ctl_span");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, spans_find_values);
    tcase_add_test(tc, spans_of_nothing);
    tcase_add_test(tc, spans_cut_at_every_byte);
    tcase_add_test(tc, span_strings_are_decoded);
    tcase_add_test(tc, spans_step_through_objects);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
