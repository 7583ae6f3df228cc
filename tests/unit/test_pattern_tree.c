/* Patterns by level: what matches is what a naive matcher says, and nothing else is looked at. */
#include "broker/pattern_tree.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "tests/unit/random.h"

static struct pattern_tree *tree;

static void setup(void)
{
    tree = pattern_tree_create();
    ck_assert_ptr_nonnull(tree);
}

static void teardown(void)
{
    pattern_tree_destroy(tree);
}

/* A value that is marked when it is visited. */
struct value {
    char pattern[80];
    bool in;
    int visits;
};

static void put(struct value *v, const char *pattern)
{
    strcpy(v->pattern, pattern);
    v->in = true;
    ck_assert(topic_pattern_valid(pattern, strlen(pattern)));
    ck_assert_int_eq(pattern_tree_add(tree, pattern, strlen(pattern), v), ERR_OK);
}

static void take(struct value *v)
{
    v->in = false;
    pattern_tree_remove(tree, v->pattern, strlen(v->pattern));
}

static void visit(void *ctx, void *value)
{
    (void)ctx;
    ((struct value *)value)->visits++;
}

static void check_match(struct value *values, size_t count, const char *topic)
{
    for (size_t i = 0; i < count; i++)
        values[i].visits = 0;
    pattern_tree_match(tree, topic, strlen(topic), visit, NULL);
    for (size_t i = 0; i < count; i++) {
        const char *p = values[i].pattern;
        int wanted = values[i].in && topic_matches(p, strlen(p), topic, strlen(topic));
        ck_assert_msg(values[i].visits == wanted, "%s and %s: %d", p, topic, values[i].visits);
    }
}

START_TEST(patterns_match_as_in_mqtt)
{
    static const char *const patterns[] = {"#",   "+",     "a/#",   "a/+",  "+/b",  "a/+/c",
                                           "+/#", "a/b/#", "+/+/#", "a//#", "a/+/", "+/"};
    static const char *const topics[] = {"a",    "b",   "a/b", "a/b/c", "a/b/c/d", "a/",  "a//",
                                         "a//c", "b/b", "aa",  "a/bb",  "b/",      "a/b/"};
    struct value values[sizeof(patterns) / sizeof(patterns[0])] = {0};
    enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };
    for (size_t i = 0; i < PATTERNS; i++)
        put(&values[i], patterns[i]);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        check_match(values, PATTERNS, topics[i]);
    for (size_t i = 0; i < PATTERNS; i += 2)
        take(&values[i]);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        check_match(values, PATTERNS, topics[i]);
}
END_TEST

START_TEST(nothing_is_left_of_what_was_taken_out)
{
    struct value values[4] = {0};
    put(&values[0], "a/b/c/+");
    put(&values[1], "a/b/+/#");
    put(&values[2], "#");
    put(&values[3], "a/+/c");
    ck_assert_uint_eq(pattern_tree_nodes(tree), 7); /* a b c + +, a's + and c */
    for (int i = 0; i < 4; i++)
        take(&values[i]);
    ck_assert_uint_eq(pattern_tree_nodes(tree), 0);
    check_match(values, 4, "a/b/c/d");
    pattern_tree_remove(tree, "x/+", 3); /* not there */
    ck_assert_uint_eq(pattern_tree_nodes(tree), 0);
}
END_TEST

/* Levels of few names, so that much matches; in patterns also + and, at the end, #. */
static void random_path(char *out, bool pattern)
{
    static const char *const names[] = {"a", "b", "_a", "ab", ""};
    int levels = (int)random_below(5) + 1;
    for (int i = 0; i < levels; i++) {
        uint32_t what = random_below(pattern ? 7 : 5);
        if (i)
            *out++ = '/';
        if (what == 6) {
            *out++ = '#';
            break;
        }
        const char *level = what == 5 ? "+" : names[i || what < 4 ? what : 0];
        out = stpcpy(out, level);
    }
    *out = '\0';
}

static bool is_in(const struct value *values, size_t count, const char *pattern)
{
    for (size_t i = 0; i < count; i++)
        if (values[i].in && strcmp(values[i].pattern, pattern) == 0)
            return true;
    return false;
}

START_TEST(random_patterns_match_as_a_naive_matcher_says)
{
    enum { PATTERNS = 60 };
    static struct value values[PATTERNS];
    char path[80];
    random_seed();
    memset(values, 0, sizeof(values));
    for (int round = 0; round < 5000; round++) {
        struct value *v = &values[random_below(PATTERNS)];
        random_path(path, true);
        if (v->in)
            take(v);
        else if (topic_is_pattern(path, strlen(path)) && !is_in(values, PATTERNS, path))
            put(v, path);
        random_path(path, false);
        check_match(values, PATTERNS, path);
    }
    for (int i = 0; i < PATTERNS; i++)
        if (values[i].in)
            take(&values[i]);
    ck_assert_uint_eq(pattern_tree_nodes(tree), 0);
}
END_TEST

/* --- work --- */

/* MOVED: with a new node, a chain more of the table's is made of one other. */
enum { MANY = 100000, MOVED = 20 };

static void each_of_many(void (*what)(struct value *v, const char *pattern))
{
    static struct value any;
    char pattern[80];
    for (int i = 0; i < MANY; i++) {
        snprintf(pattern, sizeof(pattern), "user/%d/+/state", i);
        what(&any, pattern);
    }
}

static void remove_one(struct value *v, const char *pattern)
{
    (void)v;
    pattern_tree_remove(tree, pattern, strlen(pattern));
}

/* Its levels, and what moves. */
static void put_one(struct value *v, const char *pattern)
{
    uint64_t before = pattern_tree_steps(tree);
    put(v, pattern);
    ck_assert_uint_le(pattern_tree_steps(tree) - before, 4 + 3 * MOVED);
}

static uint64_t steps_of_match(const char *topic)
{
    uint64_t before = pattern_tree_steps(tree);
    pattern_tree_match(tree, topic, strlen(topic), visit, NULL);
    return pattern_tree_steps(tree) - before;
}

START_TEST(the_others_cost_nothing)
{
    struct value one = {0};
    each_of_many(put_one);
    /* No more than two nodes are looked for below each that is reached. */
    ck_assert_uint_le(steps_of_match("user/77/x/state"), 8);
    ck_assert_uint_le(steps_of_match("user/none/x/state"), 4);
    ck_assert_uint_le(steps_of_match("other/77"), 2);
    uint64_t before = pattern_tree_steps(tree);
    put(&one, "a/+/b/#");
    ck_assert_uint_le(pattern_tree_steps(tree) - before, 3 + 3 * MOVED);
    before = pattern_tree_steps(tree);
    take(&one);
    ck_assert_uint_le(pattern_tree_steps(tree) - before, 6);
    each_of_many(remove_one);
    ck_assert_uint_eq(pattern_tree_nodes(tree), 0);
}
END_TEST

/* Puts in the pattern of COUNT levels whose + are where MASK says. */
static void put_mask(uint64_t mask, int count)
{
    static struct value any;
    char pattern[TOPIC_NAME_MAX + 1], *at = pattern;
    for (int i = 0; i < count; i++)
        at = stpcpy(at, i < 64 && mask >> i & 1 ? "+/" : "a/");
    at[-1] = '\0';
    size_t n = strlen(pattern);
    ck_assert(topic_pattern_bounded(pattern, n));
    ck_assert_int_eq(pattern_tree_add(tree, pattern, n, &any), ERR_OK);
}

static void put_worst(void)
{
    for (uint64_t mask = 1; mask < 1 << TOPIC_LEVELS_MORE; mask++)
        put_mask(mask, TOPIC_LEVELS_MORE);
    for (int i = 0; i < TOPIC_LEVELS_ONE; i++)
        put_mask(UINT64_C(1) << i, TOPIC_LEVELS_ONE);
    for (int i = 0; i < TOPIC_LEVELS_TWO; i++)
        for (int j = 0; j < i; j++)
            put_mask(UINT64_C(1) << i | UINT64_C(1) << j, TOPIC_LEVELS_TWO);
    put_mask(0, 127);
}

static void count_visit(void *ctx, void *value)
{
    (void)value;
    ++*(unsigned *)ctx;
}

/* The patterns that a topic of any number of levels meets the most nodes of. */
START_TEST(the_worst_patterns_are_looked_up_in_bounded_work)
{
    char topic[TOPIC_NAME_MAX + 1], *at = topic;
    unsigned visits = 0;
    put_worst();
    for (int i = 0; i < 127; i++)
        at = stpcpy(at, "a/");
    pattern_tree_match(tree, topic, 2 * TOPIC_LEVELS_MORE - 1, count_visit, &visits);
    ck_assert_uint_eq(visits, (1 << TOPIC_LEVELS_MORE) - 1);
    for (size_t levels = 1; levels <= 127; levels++) {
        topic[2 * levels - 1] = '\0';
        ck_assert_uint_le(steps_of_match(topic), PATTERN_TREE_REACH);
        topic[2 * levels - 1] = '/';
    }
    ck_assert_uint_ge(pattern_tree_nodes(tree), PATTERN_TREE_REACH - 256);
}
END_TEST

START_TEST(what_is_left_goes_with_the_tree)
{
    struct value values[2] = {0};
    put(&values[0], "a/+/c");
    put(&values[1], "+/b/#");
    pattern_tree_destroy(NULL);
    ck_assert_uint_eq(pattern_levels("a", 1), 1);
    ck_assert_uint_eq(pattern_levels("a/+/#", 5), 3);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pattern_tree");
    TCase *t = tcase_create("pattern_tree");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, patterns_match_as_in_mqtt);
    tcase_add_test(t, nothing_is_left_of_what_was_taken_out);
    tcase_add_test(t, random_patterns_match_as_a_naive_matcher_says);
    tcase_add_test(t, the_others_cost_nothing);
    tcase_add_test(t, the_worst_patterns_are_looked_up_in_bounded_work);
    tcase_add_test(t, what_is_left_goes_with_the_tree);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
