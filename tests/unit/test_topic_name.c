/* Topic names, patterns, and which pattern matches which name. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

/* The name lies at the end of its allocation, so that a read beyond it is seen. */
static bool name_valid(const char *name, size_t n)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, name, n);
    bool valid = topic_name_valid(copy, n);
    free(copy);
    return valid;
}

static bool pattern_valid(const char *pattern, size_t n)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, pattern, n);
    bool valid = topic_pattern_valid(copy, n);
    free(copy);
    return valid;
}

static const char *const names[] = {
    "a",
    "prices/AAPL",
    "a/",
    "a//b",
    "a b",
    ".",
    "..",
    "a/../b",
    "$",
    "a$",
    "a/$SYS",
    "\xC3\xBC",
    "\xC2\xA0", /* the first above C1 */
    "\xE2\x82\xAC/\xF0\x9F\x98\x80",
    "%2F",
    "a?b=c&d",
    "~",
    "\"\\'",
};

START_TEST(accepts_names)
{
    const char *name = names[_i];
    bool dollar = name[0] == '$';
    ck_assert_msg(name_valid(name, strlen(name)) == !dollar, "'%s'", name);
    ck_assert_msg(pattern_valid(name, strlen(name)) == !dollar, "'%s'", name);
    ck_assert(!topic_is_pattern(name, strlen(name)));
}
END_TEST

static const struct {
    const char *text;
    size_t n;
} bad[] = {
    {"", 0},
    {"/", 1},
    {"/a", 2},
    {"$SYS/a", 6},
    {"a\0b", 3},
    {"\0", 1},
    {"a\nb", 3},
    {"a\x1F", 2},
    {"a\x7F", 2},
    {"a\xC2\x80", 3}, /* C1 */
    {"\xC2\x9F"
     "b",
     3},
    {"a\xC2", 2}, /* cut short */
    {"\x80", 1},
    {"\xC0\xAF", 2},         /* overlong '/' */
    {"\xED\xA0\x80", 3},     /* surrogate */
    {"\xF4\x90\x80\x80", 4}, /* above U+10FFFF */
    {"a\xFF", 2},
};

START_TEST(refuses_text)
{
    ck_assert(!name_valid(bad[_i].text, bad[_i].n));
    ck_assert(!pattern_valid(bad[_i].text, bad[_i].n));
}
END_TEST

START_TEST(limits_the_length)
{
    char text[TOPIC_NAME_MAX + 1];
    memset(text, 'x', sizeof(text));
    ck_assert(name_valid(text, TOPIC_NAME_MAX));
    ck_assert(pattern_valid(text, TOPIC_NAME_MAX));
    ck_assert(!name_valid(text, TOPIC_NAME_MAX + 1));
    ck_assert(!pattern_valid(text, TOPIC_NAME_MAX + 1));
}
END_TEST

static const char *const patterns[] = {
    "+",   "#",    "+/#",  "a/#", "a/+",   "+/a",        "a/+/b",
    "+/+", "a//+", "+//#", "+/",  "a/+/#", "\xC3\xBC/+",
};

START_TEST(accepts_patterns)
{
    const char *pattern = patterns[_i];
    ck_assert_msg(pattern_valid(pattern, strlen(pattern)), "'%s'", pattern);
    ck_assert(topic_is_pattern(pattern, strlen(pattern)));
    ck_assert(!name_valid(pattern, strlen(pattern)));
}
END_TEST

static const char *const not_patterns[] = {
    "a+",   "+a", "a/+b", "a/b+",  "a+/b", "++",   "+#", "#+", "##",     "a#",  "#a",
    "a/#b", "#/", "#/a",  "a/#/b", "a/#/", "a/b#", "/+", "/#", "$SYS/#", "+\n",
};

START_TEST(refuses_patterns)
{
    const char *pattern = not_patterns[_i];
    ck_assert_msg(!pattern_valid(pattern, strlen(pattern)), "'%s'", pattern);
    ck_assert(!name_valid(pattern, strlen(pattern)));
}
END_TEST

/* COUNT levels, the first PLUS of which are +; then END. */
static bool levels_bounded(size_t count, size_t plus, const char *end)
{
    char pattern[TOPIC_NAME_MAX + 1], *at = pattern;
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "%s%c", i ? "/" : "", i < plus ? '+' : 'a');
    strcpy(at, end);
    ck_assert(pattern_valid(pattern, strlen(pattern)));
    return topic_pattern_bounded(pattern, strlen(pattern));
}

START_TEST(the_more_plus_the_fewer_levels)
{
    static const struct {
        size_t plus, levels;
    } limits[] = {{1, 32}, {2, 16}, {3, 10}, {4, 10}, {9, 10}, {10, 10}};
    for (int i = 0; i < COUNT(limits); i++) {
        size_t plus = limits[i].plus, levels = limits[i].levels;
        ck_assert(levels_bounded(levels, plus, ""));
        ck_assert(levels_bounded(levels, plus, "/#"));
        ck_assert(!levels_bounded(levels + 1, plus, ""));
        ck_assert(!levels_bounded(levels + 1, plus, "/#"));
    }
    ck_assert(levels_bounded(127, 0, ""));
    ck_assert(levels_bounded(126, 0, "/#"));
    ck_assert(topic_pattern_bounded("#", 1));
    ck_assert(!levels_bounded(32, 1, "/")); /* one more, and empty */
    ck_assert(!levels_bounded(127, 127, ""));
}
END_TEST

static const struct {
    const char *pattern, *name;
    bool matches;
} matches[] = {
    {"a", "a", true},
    {"a", "b", false},
    {"a", "ab", false},
    {"ab", "a", false},
    {"a/b", "a/b", true},
    {"a/b", "a/b/c", false},
    {"a/b/c", "a/b", false},
    {"a", "A", false},
    {"#", "a", true},
    {"#", "a/b/c", true},
    {"a/#", "a", true},
    {"a/#", "a/", true},
    {"a/#", "a/b", true},
    {"a/#", "a/b/c", true},
    {"a/#", "ab", false},
    {"a/#", "ab/c", false},
    {"a/#", "b", false},
    {"a/b/#", "a", false},
    {"a/b/#", "a/b", true},
    {"a/b/#", "a/bc", false},
    {"+", "a", true},
    {"+", "a/b", false},
    {"+", "a/", false},
    {"+/", "a", false},
    {"+/", "a/", true},
    {"+/+", "a", false},
    {"+/+", "a/b", true},
    {"+/+", "a/", true},
    {"+/+", "a/b/c", false},
    {"a/+", "a", false},
    {"a/+", "a/", true},
    {"a/+", "a/b", true},
    {"a/+", "a/b/", false},
    {"a/+/c", "a/b/c", true},
    {"a/+/c", "a//c", true},
    {"a/+/c", "a/c", false},
    {"a/+/c", "a/b/d", false},
    {"+/b", "a/b", true},
    {"+/b", "a/c", false},
    {"+/b", "aa/b", true},
    {"+/#", "a", true},
    {"+/#", "a/b/c", true},
    {"a/+/#", "a", false},
    {"a/+/#", "a/b", true},
    {"a/+/#", "a/b/c/d", true},
    {"a/+/#", "b/b/c", false},
    {"a//+", "a//b", true},
    {"a//+", "a/b", false},
    {"\xC3\xBC/+", "\xC3\xBC/x", true},
    /* Private topics. */
    {"#", "_a", false},
    {"#", "_", false},
    {"#", "_a/b", false},
    {"+", "_a", false},
    {"+/#", "_a/b", false},
    {"+/b", "_a/b", false},
    {"_a", "_a", true},
    {"_a/#", "_a", true},
    {"_a/#", "_a/b", true},
    {"_a/+", "_a/b", true},
    {"#", "a/_b", true},
    {"a/+", "a/_b", true},
    {"a/#", "a/_b/c", true},
    {"+/_b", "a/_b", true},
};

START_TEST(matches_as_mqtt)
{
    const char *pattern = matches[_i].pattern, *name = matches[_i].name;
    ck_assert(pattern_valid(pattern, strlen(pattern)));
    ck_assert(name_valid(name, strlen(name)));
    ck_assert_msg(topic_matches(pattern, strlen(pattern), name, strlen(name)) ==
                      matches[_i].matches,
                  "%s on %s", pattern, name);
}
END_TEST

START_TEST(who_sees_all_matches_private_topics_too)
{
    ck_assert(topic_matches_any("#", 1, "_a/b", 4));
    ck_assert(topic_matches_any("+/b", 3, "_a/b", 4));
    ck_assert(!topic_matches_any("+", 1, "_a/b", 4));
    ck_assert(topic_pattern_covers("#", 1, "_a/+", 4));
}
END_TEST

static const struct {
    const char *pattern, *other;
    bool covers;
} covers[] = {
    {"#", "#", true},          {"#", "a/+/b", true},     {"#", "+/#", true},
    {"+/#", "#", true},        {"+", "#", false},        {"a", "+", false},
    {"+", "+", true},          {"+", "a", true},         {"a", "a", true},
    {"a", "b", false},         {"a/#", "a", true},       {"a/#", "a/#", true},
    {"a/#", "a/b/#", true},    {"a/#", "a/+", true},     {"a/#", "#", false},
    {"a/#", "+/#", false},     {"a/b/#", "a/#", false},  {"a/+", "a/#", false},
    {"a/+", "a/+", true},      {"a/+", "a/b", true},     {"a/+", "a/+/c", false},
    {"a/b", "a/+", false},     {"a/+/c", "a/b/c", true}, {"a/+/c", "a/+/c", true},
    {"a/+/c", "a/+/+", false}, {"a/+/#", "a/b/#", true}, {"a/+/#", "a/#", false},
};

static const char *const levels[] = {"", "a", "b", "c"};

/* Whether the first covers the second for all names of up to three of these levels. */
static bool covers_all(const char *pattern, const char *other)
{
    char name[16];
    for (int i = 0; i < 4 * 5 * 5; i++) {
        const char *second = i / 4 % 5 ? levels[i / 4 % 5 - 1] : NULL;
        const char *third = i / 20 && second ? levels[i / 20 - 1] : NULL;
        snprintf(name, sizeof(name), "%s%s%s%s%s", levels[i % 4], second ? "/" : "",
                 second ? second : "", third ? "/" : "", third ? third : "");
        if (topic_matches(other, strlen(other), name, strlen(name)) &&
            !topic_matches(pattern, strlen(pattern), name, strlen(name)))
            return false;
    }
    return true;
}

START_TEST(a_pattern_covers_what_matches_less)
{
    const char *pattern = covers[_i].pattern, *other = covers[_i].other;
    ck_assert(pattern_valid(pattern, strlen(pattern)) && pattern_valid(other, strlen(other)));
    ck_assert_msg(topic_pattern_covers(pattern, strlen(pattern), other, strlen(other)) ==
                      covers[_i].covers,
                  "%s over %s", pattern, other);
    ck_assert_msg(covers_all(pattern, other) == covers[_i].covers, "%s over %s", pattern, other);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("topic_name");
    TCase *t = tcase_create("topic_name");
    tcase_add_loop_test(t, accepts_names, 0, COUNT(names));
    tcase_add_loop_test(t, refuses_text, 0, COUNT(bad));
    tcase_add_test(t, limits_the_length);
    tcase_add_test(t, who_sees_all_matches_private_topics_too);
    tcase_add_loop_test(t, accepts_patterns, 0, COUNT(patterns));
    tcase_add_loop_test(t, refuses_patterns, 0, COUNT(not_patterns));
    tcase_add_test(t, the_more_plus_the_fewer_levels);
    tcase_add_loop_test(t, matches_as_mqtt, 0, COUNT(matches));
    tcase_add_loop_test(t, a_pattern_covers_what_matches_less, 0, COUNT(covers));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
