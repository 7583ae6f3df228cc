/* Lag limits: which rule is a feed's, and who is beyond it. */
#include "broker/lag.h"
#include "broker/topic_table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static struct topic_table *topics;
static struct feed_table *feeds;
static struct lag_rules rules;

static enum err subscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    (void)ctx;
    (void)f;
    (void)who;
    (void)transport;
    return ERR_OK;
}

static void unsubscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    (void)ctx;
    (void)f;
    (void)who;
    (void)transport;
}

static void setup(void)
{
    struct feed_watcher watcher = {.subscribed = subscribed, .unsubscribed = unsubscribed};
    topics = topic_table_create(10);
    feeds = feed_table_create(topics, &watcher);
    ck_assert_ptr_nonnull(feeds);
    rules = (struct lag_rules){0};
}

static void teardown(void)
{
    lag_rules_finish(&rules);
    feed_table_destroy(feeds);
    topic_table_destroy(topics);
}

/* A rule that is told from the others by its number. */
static void add_rule(const char *pattern, uint64_t messages)
{
    struct lag_limits limits = {.messages = messages};
    ck_assert_int_eq(lag_rules_add(&rules, pattern, &limits), ERR_OK);
}

/* A subscriber for FILTERS, separated by blanks. */
static void join(struct subscriber *sub, const char *filters)
{
    struct feed_spec spec;
    feed_spec_init(&spec, feeds);
    for (const char *at = filters; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        ck_assert_int_eq(feed_spec_add(&spec, at, n), ERR_OK);
        at += n;
    }
    ck_assert_int_eq(feed_join(sub, &spec, NULL, 0, NULL), ERR_OK);
    feed_spec_finish(&spec);
}

static uint64_t rule_of(const char *filters, uint32_t serial)
{
    struct subscriber sub = {0};
    join(&sub, filters);
    uint64_t messages = lag_rules_of(&rules, serial, sub.feed)->messages;
    ck_assert_uint_eq(lag_rules_of(&rules, serial, sub.feed)->messages, messages);
    feed_leave(&sub, feeds, NULL);
    return messages;
}

static const struct {
    const char *filters;
    uint64_t rule;
} feeds_and_rules[] = {
    {"prices/AAPL", 1},
    {"prices/MSFT", 2},
    {"prices/+", 2},
    {"prices/#", 2},
    {"prices", 2},
    {"chat/1", 3},
    {"chat/+", 9},
    {"chat/#", 9},
    {"#", 9},
    {"other", 9},
    {"other chat/1", 3},
    {"chat/1 prices/AAPL", 1},
    {"+/1", 9},
    {"", 9},
};

START_TEST(the_first_rule_that_covers_a_topic_counts)
{
    struct lag_limits others = {.messages = 9};
    add_rule("prices/AAPL", 1);
    add_rule("prices/#", 2);
    add_rule("chat/1", 3);
    lag_rules_set_others(&rules, &others);
    ck_assert_msg(rule_of(feeds_and_rules[_i].filters, 1) == feeds_and_rules[_i].rule, "%s",
                  feeds_and_rules[_i].filters);
}
END_TEST

START_TEST(what_was_found_is_kept_until_the_rules_change)
{
    struct subscriber sub = {0};
    join(&sub, "a");
    add_rule("a", 1);
    ck_assert_uint_eq(lag_rules_of(&rules, 1, sub.feed)->messages, 1);
    rules.rules[0].pattern[0] = 'b'; /* nobody looks again */
    ck_assert_uint_eq(lag_rules_of(&rules, 1, sub.feed)->messages, 1);
    lag_rules_finish(&rules);
    ck_assert_uint_eq(lag_rules_of(&rules, 2, sub.feed)->messages, 0);
    add_rule("+", 3);
    ck_assert_uint_eq(lag_rules_of(&rules, 3, sub.feed)->messages, 3);
    feed_leave(&sub, feeds, NULL);
}
END_TEST

static const struct lag_limits limited[] = {{.messages = 1}, {.bytes = 1}, {.age_ms = 1}};

/* Limits of any kind, whoever comes behind without. */
START_TEST(one_limit_of_any_kind_is_enough)
{
    struct lag_limits none = {.policy = LAG_SKIP};
    ck_assert_int_eq(lag_rules_add(&rules, "a", &limited[_i]), ERR_OK);
    ck_assert(rules.any);
    ck_assert_int_eq(lag_rules_add(&rules, "b", &none), ERR_OK);
    lag_rules_set_others(&rules, &none);
    ck_assert(rules.any);
    lag_rules_finish(&rules);
    lag_rules_set_others(&rules, &limited[_i]);
    ck_assert(rules.any);
}
END_TEST

START_TEST(whether_anybody_has_a_limit_is_known)
{
    struct lag_limits none = {.policy = LAG_CLOSE}, age = {.age_ms = 1};
    ck_assert(!rules.any);
    lag_rules_set_others(&rules, &none);
    ck_assert_int_eq(lag_rules_add(&rules, "a", &none), ERR_OK);
    ck_assert(!rules.any);
    ck_assert_int_eq(lag_rules_add(&rules, "b", &age), ERR_OK);
    ck_assert(rules.any);
    lag_rules_finish(&rules);
    ck_assert(!rules.any);
    lag_rules_set_others(&rules, &age);
    ck_assert(rules.any);
}
END_TEST

static const struct {
    struct lag_figures figures;
    struct lag_limits limits;
    bool exceeds;
} cases[] = {
    {{1000, 1000, 1000}, {0, 0, 0, LAG_CLOSE}, false},
    {{10, 0, 0}, {10, 0, 0, LAG_CLOSE}, false},
    {{11, 0, 0}, {10, 0, 0, LAG_CLOSE}, true},
    {{1, 10, 0}, {0, 10, 0, LAG_CLOSE}, false},
    {{1, 11, 0}, {0, 10, 0, LAG_CLOSE}, true},
    {{1, 0, 10}, {0, 0, 10, LAG_CLOSE}, false},
    {{1, 0, 11}, {0, 0, 10, LAG_CLOSE}, true},
    {{0, 0, 11}, {0, 0, 10, LAG_CLOSE}, false}, /* late, but for nothing */
    {{5, 5, 50}, {10, 10, 10, LAG_CLOSE}, true},
};

START_TEST(any_limit_may_be_exceeded)
{
    ck_assert(lag_exceeds(&cases[_i].figures, &cases[_i].limits) == cases[_i].exceeds);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lag");
    TCase *t = tcase_create("lag");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, the_first_rule_that_covers_a_topic_counts, 0, COUNT(feeds_and_rules));
    tcase_add_test(t, what_was_found_is_kept_until_the_rules_change);
    tcase_add_loop_test(t, one_limit_of_any_kind_is_enough, 0, COUNT(limited));
    tcase_add_test(t, whether_anybody_has_a_limit_is_known);
    tcase_add_loop_test(t, any_limit_may_be_exceeded, 0, COUNT(cases));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
