/* Offers of extensions, and the answers to them. */
#include "frontends/ws/ws_extension.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/ws/ws_deflate.h"

enum { DECLINED = -1, MALFORMED = -2 };

/* The window of the server's that the offer which was accepted asked for, or one of these. The list
 * lies in memory of exactly its size. */
static int read_list(const char *list, int least_window)
{
    struct ws_extension x = {0};
    size_t n = strlen(list);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, list, n);
    enum err e = ws_extension_read(copy, n, least_window, &x);
    free(copy);
    if (e != ERR_OK)
        return MALFORMED;
    return x.deflate ? x.window_bits : DECLINED;
}

#define DEFLATE "permessage-deflate"

START_TEST(offers)
{
    static const struct {
        const char *list;
        int result; /* with windows of any size */
    } cases[] = {
        {"", DECLINED},
        {" ", DECLINED},
        {",,\t,", DECLINED},
        {DEFLATE, 0},
        {" \t" DEFLATE " ", 0},
        {", " DEFLATE ",", 0},
        {DEFLATE "; server_no_context_takeover", 0},
        {DEFLATE "; client_no_context_takeover", 0},
        {DEFLATE "; client_max_window_bits", 0},
        {DEFLATE "; client_max_window_bits=8", 0},
        {DEFLATE "; client_max_window_bits=15", 0},
        {DEFLATE "; server_max_window_bits=8", 8},
        {DEFLATE "; server_max_window_bits=9", 9},
        {DEFLATE "; server_max_window_bits=10", 10},
        {DEFLATE "; server_max_window_bits=15", 15},
        {DEFLATE ";server_max_window_bits=12;client_max_window_bits", 12},
        {DEFLATE " ;\tserver_max_window_bits = 12", 12},
        {DEFLATE "; server_max_window_bits=\"12\"", 12},
        {DEFLATE "; server_max_window_bits=\"\\1\\2\"", 12},
        {"x, " DEFLATE, 0},
        {"x; a; b=c; d=\"e\", " DEFLATE "; server_max_window_bits=11", 11},
        {DEFLATE "; server_max_window_bits=10, " DEFLATE, 10},
        {DEFLATE "; x, " DEFLATE, 0},
        {"permessage-deflat", DECLINED},
        {"permessage-deflatee", DECLINED},
        {"Permessage-Deflate", DECLINED},
        {DEFLATE "; x", DECLINED},
        {DEFLATE "; Server_no_context_takeover", DECLINED},
        {DEFLATE "; server_no_context_takeover=1", DECLINED},
        {DEFLATE "; client_no_context_takeover=\"true\"", DECLINED},
        {DEFLATE "; server_no_context_takeover; server_no_context_takeover", DECLINED},
        {DEFLATE "; client_max_window_bits; client_max_window_bits", DECLINED},
        {DEFLATE "; client_max_window_bits=10; client_max_window_bits=10", DECLINED},
        {DEFLATE "; server_max_window_bits", DECLINED},
        {DEFLATE "; server_max_window_bits=7", DECLINED},
        {DEFLATE "; server_max_window_bits=16", DECLINED},
        {DEFLATE "; server_max_window_bits=08", DECLINED},
        {DEFLATE "; server_max_window_bits=1x", DECLINED},
        {DEFLATE "; server_max_window_bits=1/", MALFORMED},
        {DEFLATE "; server_max_window_bits=100", DECLINED},
        {DEFLATE "; server_max_window_bits=123456789012345", DECLINED},
        {DEFLATE "; server_max_window_bits=+9", DECLINED},
        {DEFLATE "; client_max_window_bits=0", DECLINED},
        {DEFLATE "; client_max_window_bits=16", DECLINED},
        {DEFLATE ";", MALFORMED},
        {DEFLATE "; ;client_max_window_bits", MALFORMED},
        {DEFLATE " client_max_window_bits", MALFORMED},
        {DEFLATE "; client_max_window_bits=", MALFORMED},
        {DEFLATE "; client_max_window_bits=, x", MALFORMED},
        {DEFLATE "; client_max_window_bits=\"\"", MALFORMED},
        {DEFLATE "; client_max_window_bits=\"12", MALFORMED},
        {DEFLATE "; client_max_window_bits=\"12\\", MALFORMED},
        {DEFLATE "; client_max_window_bits=\"12\"x", MALFORMED},
        {DEFLATE "; x=\"a b\"", MALFORMED},
        {DEFLATE "=1", MALFORMED},
        {"; x", MALFORMED},
        {"\"" DEFLATE "\"", MALFORMED},
        {DEFLATE ", /", MALFORMED},
        {DEFLATE "; server_max_window_bits=9/", MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int result = read_list(cases[i].list, WS_WINDOW_MIN);
        ck_assert_msg(result == cases[i].result, "%s: %d", cases[i].list, result);
    }
}
END_TEST

START_TEST(smaller_windows_are_declined)
{
    ck_assert_int_eq(read_list(DEFLATE, WS_WINDOW_MAX), 0);
    ck_assert_int_eq(read_list(DEFLATE "; client_max_window_bits=8", WS_WINDOW_MAX), 0);
    ck_assert_int_eq(read_list(DEFLATE "; server_max_window_bits=15", WS_WINDOW_MAX), 15);
    ck_assert_int_eq(read_list(DEFLATE "; server_max_window_bits=14", WS_WINDOW_MAX), DECLINED);
    ck_assert_int_eq(read_list(DEFLATE "; server_max_window_bits=9," DEFLATE, WS_WINDOW_MAX), 0);
}
END_TEST

START_TEST(fields_are_read_in_their_order)
{
    struct ws_extension x = {0};
    ck_assert_int_eq(ws_extension_read("x", 1, WS_WINDOW_MIN, &x), ERR_OK);
    ck_assert(!x.deflate);
    const char *first = DEFLATE "; server_max_window_bits=10";
    ck_assert_int_eq(ws_extension_read(first, strlen(first), WS_WINDOW_MIN, &x), ERR_OK);
    ck_assert_int_eq(ws_extension_read(DEFLATE, strlen(DEFLATE), WS_WINDOW_MIN, &x), ERR_OK);
    ck_assert(x.deflate);
    ck_assert_int_eq(x.window_bits, 10);
    ck_assert_int_eq(ws_extension_read("x y", 3, WS_WINDOW_MIN, &x), ERR_INVALID);
}
END_TEST

START_TEST(answers)
{
    struct buf out = {0};
    struct ws_extension x = {.deflate = true};
    ws_extension_answer(&x, &out);
    buf_puts(&out, "|");
    x.window_bits = 9;
    ws_extension_answer(&x, &out);
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data,
                     DEFLATE "; server_no_context_takeover; client_no_context_takeover|" DEFLATE
                             "; server_no_context_takeover; client_no_context_takeover"
                             "; server_max_window_bits=9");
    buf_finish(&out);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ws_extension");
    TCase *tc = tcase_create("ws_extension");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, offers);
    tcase_add_test(tc, smaller_windows_are_declined);
    tcase_add_test(tc, fields_are_read_in_their_order);
    tcase_add_test(tc, answers);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
