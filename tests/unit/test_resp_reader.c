/*
 * The RESP reader. Each input is fed whole, split at every byte, and byte by byte, and must give
 * the same commands; what it gave is written down as "[SET|key|value][PING]!error".
 */
#include "frontends/resp/resp_reader.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct resp_limits limits = {.args = 8, .bulk = 64, .command = 200, .line = 40};

static void write_command(const struct resp_reader *r, struct buf *out)
{
    for (size_t i = 0; i < r->argc; i++) {
        buf_putc(out, i ? '|' : '[');
        buf_append(out, r->argv[i].data, r->argv[i].len);
    }
    buf_putc(out, ']');
}

/* Writes down the first error. */
static void write_error(const struct resp_reader *r, enum resp_result result, struct buf *out)
{
    if (result != RESP_ERROR || (out->len && memchr(out->data, '!', out->len)))
        return;
    buf_putc(out, '!');
    buf_puts(out, r->error);
}

/* Feeds one piece from memory of exactly its size. When KEEP, stops after each command and lets
 * the reader keep the rest. */
static void feed(struct resp_reader *r, const char *data, size_t n, bool keep, struct buf *out)
{
    char *piece = malloc(n ? n : 1);
    memcpy(piece, data, n);
    enum resp_result result;
    resp_reader_feed(r, piece, n);
    while ((result = resp_reader_next(r)) == RESP_COMMAND) {
        write_command(r, out);
        if (keep && piece) {
            resp_reader_keep(r);
            free(piece);
            piece = NULL;
        }
    }
    free(piece);
    write_error(r, result, out);
}

/* The same for a caller who takes back what follows each command and feeds it again. */
static void feed_again(struct resp_reader *r, const char *data, size_t n, struct buf *out)
{
    enum resp_result result;
    size_t rest = n;
    do {
        char *piece = malloc(rest ? rest : 1);
        memcpy(piece, data + n - rest, rest);
        resp_reader_feed(r, piece, rest);
        result = resp_reader_next(r);
        if (result == RESP_COMMAND) {
            size_t fed = rest;
            write_command(r, out);
            rest = resp_reader_give_back(r);
            ck_assert_uint_le(rest, fed);
        }
        free(piece);
    } while (result == RESP_COMMAND);
    write_error(r, result, out);
}

static void check_result(struct resp_reader *r, struct buf *out, const char *expected)
{
    buf_putc(out, '\0');
    ck_assert_str_eq(out->data, expected);
    buf_finish(out);
    resp_reader_finish(r);
}

static void check_split(const char *input, size_t n, const char *expected, bool keep)
{
    for (size_t at = 0; at <= n; at++) {
        struct resp_reader r;
        struct buf out = {0};
        resp_reader_init(&r, &limits);
        feed(&r, input, at, keep, &out);
        feed(&r, input + at, n - at, keep, &out);
        check_result(&r, &out, expected);
    }
}

static void check_given_back(const char *input, size_t n, const char *expected)
{
    for (size_t at = 0; at <= n; at++) {
        struct resp_reader r;
        struct buf out = {0};
        resp_reader_init(&r, &limits);
        feed_again(&r, input, at, &out);
        feed_again(&r, input + at, n - at, &out);
        check_result(&r, &out, expected);
    }
}

static void check_bytes(const char *input, size_t n, const char *expected)
{
    struct resp_reader r;
    struct buf out = {0};
    resp_reader_init(&r, &limits);
    for (size_t i = 0; i < n; i++)
        feed(&r, input + i, 1, false, &out);
    check_result(&r, &out, expected);
}

static void check_n(const char *input, size_t n, const char *expected)
{
    check_split(input, n, expected, false); /* at 0: whole */
    check_split(input, n, expected, true);
    check_given_back(input, n, expected);
    check_bytes(input, n, expected);
}

static void check(const char *input, const char *expected)
{
    check_n(input, strlen(input), expected);
}

START_TEST(arrays)
{
    check("*1\r\n$4\r\nPING\r\n", "[PING]");
    check("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", "[SET|k|]");
    check("*2\r\n$4\r\nECHO\r\n$4\r\n\r\n*1\r\n", "[ECHO|\r\n*1]");
    check("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*2\r\n$1\r\nc\r\n$1\r\nd\r\n", "[a][b][c|d]");
    check("*1\r\n$4\r\nPING", "");
    check_n("*1\r\n$3\r\na\0b\r\n", 13, "[a");
}
END_TEST

START_TEST(empty_arrays_and_lines_are_skipped)
{
    check("*0\r\n*-1\r\n*1\r\n$1\r\na\r\n*0\r\n", "[a]");
    check("\r\n\n   \r\n PING \r\n\r\n", "[PING]");
    check("", "");
}
END_TEST

START_TEST(inline_commands)
{
    check("PING\r\nPING\n", "[PING][PING]");
    check("  set\tkey \v value  \r\n", "[set|key|value]");
    check("ECHO \"a b\\n\\r\\t\\b\\a\\\\\\\"\\q\\x41\\xg\"\r\n", "[ECHO|a b\n\r\t\b\a\\\"qAxg]");
    check("ECHO 'a \\n \\' \"'\r\n", "[ECHO|a \\n ' \"]");
    check("x \"\" ''\r\n", "[x||]");
    check("a\"b c\" d\r\n", "[ab c|d]");
    check("a\r\n*1\r\n$1\r\nb\r\nc\r\n", "[a][b][c]");
    check("a \"\\x4\" b\r\n", "[a|x4|b]");
    check("e \"\\\"\" x\n", "[e|\"|x]");
}
END_TEST

START_TEST(unbalanced_quotes)
{
    static const char text[] = "!Protocol error: unbalanced quotes in request";
    check("a \"b\r\n", text);
    check("a 'b\r\n", text);
    check("a \"b\"c\r\n", text);
    check("a 'b'c\r\n", text);
    check("a 'b\\'\r\n", text);
    check("a \"b\\\r\n", text);
    check("a \"\\", "");
}
END_TEST

START_TEST(bad_counts)
{
    static const char text[] = "[PING]!Protocol error: invalid multibulk length";
    check("PING\r\n*9\r\n", text);
    check("PING\r\n*x\r\n", text);
    check("PING\r\n*\r\n", text);
    check("PING\r\n*-\r\n", text);
    check("PING\r\n*01\r\n", text);
    check("PING\r\n*-0\r\n", text);
    check("PING\r\n*+1\r\n", text);
    check("PING\r\n*1 \r\n", text);
    check("PING\r\n*1\rx", text);
    check("PING\r\n*9223372036854775807\r\n", text);
    check("PING\r\n*18446744073709551617\r\n", text);
    check("PING\r\n*1111111111111111111111111111111\r\n",
          "[PING]!Protocol error: too big mbulk count string");
    check("*8\r\n", "");
}
END_TEST

START_TEST(bad_bulks)
{
    static const char text[] = "!Protocol error: invalid bulk length";
    check("*1\r\n$65\r\n", text);
    check("*1\r\n$-1\r\n", text);
    check("*1\r\n$\r\n", text);
    check("*1\r\n$1a\r\n", text);
    check("*1\r\n$00\r\n", text);
    check("*1\r\n$99999999999999999999999999\r\n", "!Protocol error: too big bulk count string");
    check("*1\r\nx", "!Protocol error: expected '$', got 'x'");
    check("*1\r\n*1\r\n", "!Protocol error: expected '$', got '*'");
    check("*1\r\n\r\n", "!Protocol error: expected '$', got '\\x0d'");
    check("*1\r\n\xFF", "!Protocol error: expected '$', got '\\xff'");
    check("*1\r\n$1\r\nab\r\n", "!Protocol error: bulk is longer than its length");
    check("*1\r\n$1\r\na\rb", "!Protocol error: bulk is longer than its length");
}
END_TEST

START_TEST(limits_hold)
{
    char input[256], expected[256];
    memset(input, 'a', sizeof(input));
    /* A line of exactly the limit, and one byte more, ended or not. */
    memcpy(input + 40, "\n", 2);
    snprintf(expected, sizeof(expected), "[%.40s]", input);
    check(input, expected);
    memcpy(input + 40, "a\n", 3);
    check(input, "!Protocol error: too big inline request");
    input[41] = '\0';
    check(input, "!Protocol error: too big inline request");
    check("a b c d e f g h\n", "[a|b|c|d|e|f|g|h]");
    check("a b c d e f g h i\n", "!Protocol error: too big inline request");
    /* Two words of 60 bytes make 138 bytes; a third one fits into 200 with 55, not with 60. */
    memset(input, 'a', sizeof(input));
    memcpy(input, "*3\r\n$60\r\n", 9);
    memcpy(input + 69, "\r\n$60\r\n", 7);
    memcpy(input + 136, "\r\n$60\r\n", 8);
    check(input, "!Protocol error: too big request");
    memcpy(input + 136, "\r\n$55\r\na", 8);
    memcpy(input + 143 + 55, "\r\n", 3);
    struct resp_reader r;
    struct buf out = {0};
    resp_reader_init(&r, &limits);
    feed(&r, input, strlen(input), false, &out);
    ck_assert_uint_eq(out.len, 60 + 60 + 55 + 4);
    buf_finish(&out);
    resp_reader_finish(&r);
}
END_TEST

START_TEST(whole_commands_are_not_copied)
{
    char input[] = "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*1\r\n";
    struct resp_reader r;
    resp_reader_init(&r, &limits);
    resp_reader_feed(&r, input, sizeof(input) - 1);
    ck_assert_int_eq(resp_reader_next(&r), RESP_COMMAND);
    ck_assert_ptr_eq(r.argv[0].data, input + 8);
    ck_assert_ptr_eq(r.argv[1].data, input + 18);
    ck_assert_ptr_null(r.kept.data);
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    ck_assert_uint_eq(r.kept.len, 4);
    resp_reader_finish(&r);
}
END_TEST

START_TEST(an_idle_reader_holds_no_memory)
{
    char first[] = "*1\r\n$4\r\nPI", second[] = "NG\r\n";
    struct resp_reader r;
    resp_reader_init(&r, &limits);
    resp_reader_feed(&r, first, sizeof(first) - 1);
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    resp_reader_feed(&r, second, sizeof(second) - 1);
    ck_assert_int_eq(resp_reader_next(&r), RESP_COMMAND);
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    ck_assert_ptr_null(r.kept.data);
    ck_assert_ptr_null(r.argv);
    resp_reader_finish(&r);
}
END_TEST

/* A large command leaves no large buffer behind for a small rest. */
START_TEST(a_large_buffer_is_given_back)
{
    enum { BIG = 300000 };
    static const struct resp_limits wide = {.args = 8, .bulk = BIG, .command = 2 * BIG, .line = 40};
    char *input = malloc(BIG + 64);
    int head = sprintf(input, "*1\r\n$%d\r\n", BIG);
    memset(input + head, 'x', BIG);
    size_t n = (size_t)head + BIG;
    n += (size_t)sprintf(input + n, "\r\n*1\r\n$");
    struct resp_reader r;
    resp_reader_init(&r, &wide);
    resp_reader_feed(&r, input, n / 2);
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    resp_reader_feed(&r, input + n / 2, n - n / 2);
    ck_assert_int_eq(resp_reader_next(&r), RESP_COMMAND);
    ck_assert_uint_eq(r.argv[0].len, BIG);
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    ck_assert_uint_eq(r.kept.len, 5);
    ck_assert_uint_lt(r.kept.cap, 1024);
    resp_reader_finish(&r);
    free(input);
}
END_TEST

START_TEST(errors_stay)
{
    char bad[] = "*x\r\n", good[] = "PING\r\n";
    struct resp_reader r;
    resp_reader_init(&r, &limits);
    resp_reader_feed(&r, bad, sizeof(bad) - 1);
    ck_assert_int_eq(resp_reader_next(&r), RESP_ERROR);
    resp_reader_keep(&r);
    resp_reader_feed(&r, good, sizeof(good) - 1);
    ck_assert_int_eq(resp_reader_next(&r), RESP_ERROR);
    ck_assert_str_eq(r.error, "Protocol error: invalid multibulk length");
    resp_reader_finish(&r);
}
END_TEST

/* What is given back is gone from the reader: nothing of it is read again, whatever was kept. */
START_TEST(what_is_given_back_is_forgotten)
{
    char first[] = "*2\r\n$4\r\nEC", second[] = "HO\r\n$1\r\nx\r\nPING\r\nPI",
         third[] = "PING\r\nPI";
    struct resp_reader r;
    resp_reader_init(&r, &limits);
    resp_reader_feed(&r, first, strlen(first));
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    ck_assert_uint_gt(resp_reader_held(&r), 0);
    resp_reader_feed(&r, second, strlen(second));
    ck_assert_int_eq(resp_reader_next(&r), RESP_COMMAND);
    ck_assert_uint_eq(resp_reader_give_back(&r), strlen(third));
    ck_assert_uint_eq(resp_reader_held(&r), 0);
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    resp_reader_feed(&r, third, strlen(third));
    ck_assert_int_eq(resp_reader_next(&r), RESP_COMMAND);
    ck_assert_mem_eq(r.argv[0].data, "PING", 4);
    ck_assert_int_eq(resp_reader_next(&r), RESP_MORE);
    resp_reader_fail(&r, "no");
    ck_assert_uint_eq(resp_reader_give_back(&r), 0);
    resp_reader_finish(&r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("resp_reader");
    TCase *tc = tcase_create("resp_reader");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, what_is_given_back_is_forgotten);
    tcase_add_test(tc, arrays);
    tcase_add_test(tc, empty_arrays_and_lines_are_skipped);
    tcase_add_test(tc, inline_commands);
    tcase_add_test(tc, unbalanced_quotes);
    tcase_add_test(tc, bad_counts);
    tcase_add_test(tc, bad_bulks);
    tcase_add_test(tc, limits_hold);
    tcase_add_test(tc, whole_commands_are_not_copied);
    tcase_add_test(tc, an_idle_reader_holds_no_memory);
    tcase_add_test(tc, a_large_buffer_is_given_back);
    tcase_add_test(tc, errors_stay);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
