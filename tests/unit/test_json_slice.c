/*
 * Strict JSON: what is valid and what is not (compared with jansson, where it is exact), members as
 * they are written, strings unquoted in place. Every text lies in memory of exactly its size, and
 * every prefix of a valid object is tried.
 */
#include "base/json_slice.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *exact(const char *text, size_t n)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    return copy;
}

static bool valid_n(const char *text, size_t n)
{
    char *copy = exact(text, n);
    bool valid = json_valid(copy, n);
    free(copy);
    return valid;
}

static bool jansson_valid(const char *text, size_t n)
{
    json_t *v = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(v);
    return v != NULL;
}

static const char *const good[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "12",
    "-1.5",
    "1e5",
    "1E+05",
    "1.25e-7",
    "\"\"",
    "\"a b\"",
    "[]",
    "{}",
    " [ ] ",
    "\t{\r\n}\n",
    "[1,\"2\",[3],{\"a\":null}]",
    "{\"a\":1,\"b\":{\"c\":[true,false]}}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0000\\u00e9\\uABCD\\ud83d\\ude00\"",
    "\"caf\xC3\xA9 \xF0\x9F\x98\x80 \x7F\"",
    "{\"\":0}",
};

static const char *const bad[] = {
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1.e1",
    "1e",
    "1e+",
    "0x1",
    "1 2",
    "NaN",
    "Infinity",
    "\"",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\\"\\",
    "\"a\nb\"",
    "\"\t\"",
    "'a'",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{",
    "}",
    "{1:2}",
    "{a:1}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1]",
    "[] []",
    "[]x",
    "\xEF\xBB\xBF[]",
    "\"\xFF\"",
    "\"\xC3\"",
    "\"\xED\xA0\x80\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83d\\ud83d\"",
    "\xC2\xA0[]",
    "/**/1",
    "\v1",
};

START_TEST(valid_texts)
{
    const char *text = good[_i];
    ck_assert_msg(valid_n(text, strlen(text)), "%s", text);
    ck_assert_msg(jansson_valid(text, strlen(text)), "%s", text);
}
END_TEST

START_TEST(invalid_texts)
{
    const char *text = bad[_i];
    ck_assert_msg(!valid_n(text, strlen(text)), "%s", text);
    ck_assert_msg(!jansson_valid(text, strlen(text)), "%s", text);
}
END_TEST

/* Strings are looked at in words of eight bytes, and so are blanks: wherever a byte stands that
 * counts, it is seen. */
START_TEST(bytes_that_count_anywhere)
{
    enum { LONG = 40 };
    char text[LONG + 3];
    for (size_t at = 1; at < LONG; at++) {
        for (int c = 0; c < 256; c++) {
            memset(text, 'a', sizeof(text));
            text[0] = text[LONG + 1] = '"';
            text[at] = (char)c;
            ck_assert_int_eq(valid_n(text, LONG + 2),
                             c >= 0x20 && c < 0x80 && c != '"' && c != '\\');
            memset(text, ' ', sizeof(text));
            text[LONG + 1] = '1';
            text[at] = (char)c;
            ck_assert_int_eq(valid_n(text, LONG + 2),
                             c == ' ' || c == '\t' || c == '\n' || c == '\r');
        }
    }
}
END_TEST

START_TEST(escapes_anywhere)
{
    char text[48];
    for (int before = 0; before < 20; before++) {
        for (int behind = 0; behind < 20; behind++) {
            int n = snprintf(text, sizeof(text), "\"%.*s\\n%.*s\"", before, "aaaaaaaaaaaaaaaaaaaa",
                             behind, "aaaaaaaaaaaaaaaaaaaa");
            ck_assert(valid_n(text, (size_t)n));
            ck_assert(!valid_n(text, (size_t)n - 1));
        }
    }
}
END_TEST

START_TEST(nul_bytes)
{
    ck_assert(!valid_n("1\0", 2));
    ck_assert(!valid_n("\0", 1));
    ck_assert(!valid_n("\"\0\"", 3));
    ck_assert(!valid_n("\"\\\0\"", 4));
    ck_assert(!valid_n("[1,\0]", 5));
}
END_TEST

/* What jansson refuses: no limits on numbers. */
START_TEST(numbers_of_any_size)
{
    static const char *const texts[] = {"18446744073709551616", "-99999999999999999999999999",
                                        "1e400", "[1e-400]"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        ck_assert(valid_n(texts[i], strlen(texts[i])));
}
END_TEST

START_TEST(depth_is_limited)
{
    char text[2 * (JSON_DEPTH_MAX + 1) + 1];
    for (unsigned depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        ck_assert_int_eq(valid_n(text, 2 * depth), depth == JSON_DEPTH_MAX);
    }
    char *open = malloc(1000000);
    memset(open, '[', 1000000);
    ck_assert(!json_valid(open, 1000000));
    free(open);
}
END_TEST

/* Many arrays beside each other are not deep. */
START_TEST(depth_is_not_a_count)
{
    char text[3002] = "[";
    for (size_t i = 0; i < 1000; i++)
        memcpy(text + 1 + 3 * i, "[],", 3);
    text[3000] = ']';
    ck_assert(valid_n(text, 3001));
}
END_TEST

START_TEST(every_prefix_of_an_object_is_invalid)
{
    static const char text[] = "{\"a\":[1.5e3,\"\\ud83d\\ude00\\n\",{\"b\":null}],\"c\":true}";
    for (size_t n = 0; n < sizeof(text) - 1; n++)
        ck_assert_msg(!valid_n(text, n), "%zu", n);
    ck_assert(valid_n(text, sizeof(text) - 1));
}
END_TEST

static struct json_member members[3];

static enum err find(char *text, size_t n)
{
    static const struct json_member names[] = {
        {.name = "a"}, {.name = "data"}, {.name = "\xC3\xA9"}};
    memcpy(members, names, sizeof(names));
    return json_slice_members(text, n, members, 3);
}

static void expect_slice(const struct json_slice *s, const char *text)
{
    ck_assert_ptr_nonnull(s->data);
    ck_assert_uint_eq(s->len, strlen(text));
    ck_assert_mem_eq(s->data, text, s->len);
}

START_TEST(members_are_verbatim)
{
    char text[] =
        " { \"x\" : {\"a\":1} , \"data\" :\t[ 1.50 , 18446744073709551616,\n{\"b\":0}] ,\"a\":"
        "\"s \\u0041\"}\n";
    ck_assert_int_eq(find(text, sizeof(text) - 1), ERR_OK);
    expect_slice(&members[0].value, "\"s \\u0041\"");
    expect_slice(&members[1].value, "[ 1.50 , 18446744073709551616,\n{\"b\":0}]");
    ck_assert_ptr_null(members[2].value.data);
}
END_TEST

START_TEST(escaped_names_are_found)
{
    char text[] = "{\"\\u0064ata\":1,\"\\u00e9\":2,\"aa\":3,\"dat\":4,\"A\":5}";
    ck_assert_int_eq(find(text, sizeof(text) - 1), ERR_OK);
    expect_slice(&members[1].value, "1");
    expect_slice(&members[2].value, "2");
    ck_assert_ptr_null(members[0].value.data);
}
END_TEST

START_TEST(names_with_a_nul_are_others)
{
    char text[] = "{\"a\\u0000\":1,\"\\u0000\":2,\"\":3}";
    ck_assert_int_eq(find(text, sizeof(text) - 1), ERR_OK);
    ck_assert_ptr_null(members[0].value.data);
}
END_TEST

START_TEST(members_errors)
{
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {
        {"", ERR_INVALID},
        {"{\"a\":1,\"a\":2}", ERR_INVALID},
        {"{\"a\":1,\"\\u0061\":2}", ERR_INVALID},
        {"{\"b\":1,\"b\":2}", ERR_OK}, /* nobody's business */
        {"{\"data\":{\"a\":1,\"a\":2},\"a\":3}", ERR_OK},
        {"[1]", ERR_FORMAT},
        {"\"a\"", ERR_FORMAT},
        {"[1", ERR_INVALID},
        {"{\"a\":1}x", ERR_INVALID},
        {"{\"a\":1", ERR_INVALID},
        {"{\"a\":\"\xFF\"}", ERR_INVALID},
        {"{}", ERR_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        size_t n = strlen(cases[i].text);
        char *copy = exact(cases[i].text, n);
        ck_assert_msg(find(copy, n) == cases[i].err, "%s", cases[i].text);
        free(copy);
    }
}
END_TEST

START_TEST(types)
{
    char text[] = "\"1\"-27nfalse";
    struct json_slice string = {text, 3}, number = {text + 3, 3}, digit = {text + 4, 1};
    struct json_slice null = {text + 6, 1}, literal = {text + 7, 5}, none = {NULL, 0};
    ck_assert(json_slice_is_string(&string) && !json_slice_is_number(&string));
    ck_assert(json_slice_is_number(&number) && json_slice_is_number(&digit));
    ck_assert(json_slice_is_null(&null) && !json_slice_is_null(&literal));
    ck_assert(!json_slice_is_string(&none) && !json_slice_is_number(&none));
    ck_assert(!json_slice_is_null(&none));
}
END_TEST

/* As jansson reads the same strings. */
START_TEST(strings_are_unquoted)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        size_t n = strlen(good[i]);
        if (good[i][0] != '"')
            continue;
        json_t *v = json_loadb(good[i], n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        struct json_slice s = {exact(good[i], n), n};
        json_slice_unquote(&s);
        ck_assert_uint_eq(s.len, json_string_length(v));
        ck_assert_mem_eq(s.data, json_string_value(v), s.len);
        free(s.data);
        json_decref(v);
    }
}
END_TEST

START_TEST(every_code_unit_is_unquoted)
{
    for (unsigned unit = 0; unit < 0x10000; unit++) {
        char text[16];
        bool surrogate = unit >= 0xD800 && unit < 0xE000;
        int n = snprintf(text, sizeof(text), "\"\\u%04x\"", unit);
        ck_assert_int_eq(json_valid(text, (size_t)n), !surrogate);
        if (surrogate || unit % 7 != 0)
            continue;
        json_t *v = json_loadb(text, (size_t)n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        struct json_slice s = {text, (size_t)n};
        json_slice_unquote(&s);
        ck_assert_uint_eq(s.len, json_string_length(v));
        ck_assert_mem_eq(s.data, json_string_value(v), s.len);
        json_decref(v);
    }
}
END_TEST

/* Elements as they are written, separated by '|'. */
static void expect_elements(const char *array, const char *expected)
{
    size_t n = strlen(array);
    char found[128] = "";
    struct json_slice rest = {exact(array, n), n}, element;
    char *text = rest.data;
    ck_assert(json_slice_is_array(&rest));
    while (json_slice_next(&rest, &element)) {
        strncat(found, element.data, element.len);
        strcat(found, "|");
        if (json_slice_is_string(&element))
            json_slice_unquote(&element); /* leaves those behind it alone */
    }
    ck_assert(!json_slice_next(&rest, &element));
    ck_assert_str_eq(found, expected);
    free(text);
}

START_TEST(arrays_are_taken_apart)
{
    expect_elements("[]", "");
    expect_elements("[ \n]", "");
    expect_elements("[1]", "1|");
    expect_elements("[ \"a,]\\u0041\" ,[1,[2]],{\"b\":[3]} ,null, -0.5e1 ]",
                    "\"a,]\\u0041\"|[1,[2]]|{\"b\":[3]}|null|-0.5e1|");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("json_slice");
    TCase *tc = tcase_create("json_slice");
    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, valid_texts, 0, sizeof(good) / sizeof(*good));
    tcase_add_loop_test(tc, invalid_texts, 0, sizeof(bad) / sizeof(*bad));
    tcase_add_test(tc, nul_bytes);
    tcase_add_test(tc, bytes_that_count_anywhere);
    tcase_add_test(tc, escapes_anywhere);
    tcase_add_test(tc, numbers_of_any_size);
    tcase_add_test(tc, depth_is_limited);
    tcase_add_test(tc, depth_is_not_a_count);
    tcase_add_test(tc, every_prefix_of_an_object_is_invalid);
    tcase_add_test(tc, members_are_verbatim);
    tcase_add_test(tc, escaped_names_are_found);
    tcase_add_test(tc, names_with_a_nul_are_others);
    tcase_add_test(tc, members_errors);
    tcase_add_test(tc, types);
    tcase_add_test(tc, strings_are_unquoted);
    tcase_add_test(tc, every_code_unit_is_unquoted);
    tcase_add_test(tc, arrays_are_taken_apart);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
