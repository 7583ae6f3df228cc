/* Topics by level: what a pattern finds is what a naive matcher says, and how much is looked at. */
#include "broker/topic_index.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "tests/unit/random.h"

enum { TOPICS_MAX = 200000 };

static struct topic_table *table;
static struct topic_index *topic_index;
static uint8_t found[TOPICS_MAX + 1]; /* by id: how often */

static void setup(void)
{
    table = topic_table_create(TOPICS_MAX);
    ck_assert_ptr_nonnull(table);
    topic_index = topic_table_index(table);
}

static void teardown(void)
{
    topic_table_destroy(table);
}

static struct topic *add(const char *name)
{
    struct topic *t = topic_table_find(table, name, strlen(name));
    if (!t)
        ck_assert_int_eq(topic_table_add(table, name, strlen(name), false, &t), ERR_OK);
    return t;
}

static enum err note(void *ctx, uint32_t id)
{
    (void)ctx;
    found[id]++;
    return ERR_OK;
}

static enum err find(const char *pattern, uint32_t *steps)
{
    memset(found, 0, sizeof(found));
    return topic_index_find(topic_index, pattern, strlen(pattern), false, steps, note, NULL);
}

typedef bool matcher(const char *pattern, size_t pattern_len, const char *name, size_t name_len);

static void check_found(const char *pattern, matcher *matches)
{
    for (uint32_t id = 1; id <= topic_table_count(table); id++) {
        const struct topic *t = topic_table_get(table, id);
        int wanted = matches(pattern, strlen(pattern), t->name, t->name_len);
        ck_assert_msg(found[id] == wanted, "%s and %s: %d", pattern, t->name, found[id]);
    }
}

static void check_find(const char *pattern)
{
    uint32_t steps = UINT32_MAX;
    size_t n = strlen(pattern);
    ck_assert_int_eq(find(pattern, &steps), ERR_OK);
    check_found(pattern, topic_matches);
    memset(found, 0, sizeof(found));
    ck_assert_int_eq(topic_index_find(topic_index, pattern, n, true, &steps, note, NULL), ERR_OK);
    check_found(pattern, topic_matches_any);
}

/* Levels of few names; in patterns also + and, at the end, #. */
static void random_path(char *out, bool pattern)
{
    static const char *const names[] = {"a", "b", "_a", "ab", ""};
    int levels = (int)random_below(12) + 1;
    for (int i = 0; i < levels; i++) {
        uint32_t what = random_below(pattern ? 7 : 5);
        if (i)
            *out++ = '/';
        if (what == 6) {
            *out++ = '#';
            break;
        }
        out = stpcpy(out, what == 5 ? "+" : names[i || what < 4 ? what : 0]);
    }
    *out = '\0';
}

START_TEST(random_patterns_find_what_a_naive_matcher_says)
{
    char path[80];
    random_seed();
    for (int round = 0; round < 3000; round++) {
        random_path(path, false);
        add(path);
        random_path(path, true);
        check_find(path);
    }
}
END_TEST

/* What goes leaves nothing behind: neither in what is found nor of the directories. */
START_TEST(topics_go)
{
    uint32_t steps = UINT32_MAX;
    struct topic *a = add("a"), *ab = add("a/b"), *abc = add("a/b/c");
    ck_assert_uint_eq(topic_index_dirs(topic_index), 2);
    topic_index_remove(topic_index, abc);
    ck_assert_uint_eq(topic_index_dirs(topic_index), 1);
    ck_assert_int_eq(find("#", &steps), ERR_OK);
    ck_assert(found[a->id] && found[ab->id] && !found[abc->id]);
    topic_index_remove(topic_index, ab);
    ck_assert_uint_eq(topic_index_dirs(topic_index), 0);
    ck_assert_int_eq(topic_index_add(topic_index, abc), ERR_OK);
    ck_assert_int_eq(find("a/+/#", &steps), ERR_OK);
    ck_assert(!found[a->id] && !found[ab->id] && found[abc->id]);
    ck_assert_int_eq(topic_index_add(topic_index, ab), ERR_OK);
    check_find("a/#");
}
END_TEST

START_TEST(a_long_name_is_no_topic)
{
    char pattern[TOPIC_NAME_MAX + 1];
    memset(pattern, 'x', TOPIC_NAME_MAX);
    memcpy(pattern, "+/", 2);
    pattern[TOPIC_NAME_MAX] = '\0';
    add("a/b");
    add("aaaaaaaaaaaaaaaaaaaa/b");
    check_find(pattern);
}
END_TEST

/* Each level had a directory with its whole path: 26 KB for a name of 255 bytes. */
START_TEST(a_deep_topic_takes_few_directories)
{
    char name[TOPIC_NAME_MAX + 1], pattern[TOPIC_NAME_MAX + 1];
    for (int i = 0; i < TOPIC_NAME_MAX; i++)
        name[i] = i % 2 ? '/' : 'x';
    name[TOPIC_NAME_MAX] = '\0';
    add(name);
    name[TOPIC_NAME_MAX - 1] = 'y';
    add(name);
    ck_assert_uint_le(topic_index_dirs(topic_index), 8);
    check_find(name);
    for (int level = 0; level < 128; level += 9) {
        memcpy(pattern, name, sizeof(pattern));
        pattern[2 * level] = '+';
        check_find(pattern);
        pattern[2 * level] = '#';
        pattern[2 * level + 1] = '\0';
        check_find(pattern);
    }
}
END_TEST

/* --- work --- */

START_TEST(a_pattern_costs_what_is_below_its_first_levels)
{
    char name[80];
    uint32_t steps = 100;
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), i % 2 ? "many/%d" : "user/%d/state", i);
        add(name);
    }
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "few/%d", i);
        add(name);
    }
    ck_assert_int_eq(find("few/#", &steps), ERR_OK);
    ck_assert_int_eq(find("few/+", &steps), ERR_OK);
    ck_assert_int_eq(find("user/4/+", &steps), ERR_OK);
    ck_assert_uint_ge(steps, 100 - 2 * 12 - 4);
    /* Too much is known at once, or after as much as was allowed. */
    steps = 100;
    ck_assert_int_eq(find("many/#", &steps), ERR_LIMIT);
    ck_assert_uint_ge(steps, 98);
    ck_assert_int_eq(find("user/+/state", &steps), ERR_LIMIT);
    ck_assert_uint_eq(steps, 0);
    ck_assert_int_eq(find("few/+", &steps), ERR_LIMIT);
}
END_TEST

static _Atomic bool done;

static void *look(void *arg)
{
    size_t *counts = arg;
    while (!atomic_load(&done)) {
        uint32_t steps = UINT32_MAX;
        ck_assert_int_eq(topic_index_find(topic_index, "a/+/c", 5, false, &steps, note, NULL),
                         ERR_OK);
        ++*counts;
    }
    return NULL;
}

START_TEST(others_may_look_while_topics_come_and_go)
{
    pthread_t thread;
    size_t looks = 0;
    char name[80];
    struct topic *old = add("a/0/c");
    ck_assert_int_eq(pthread_create(&thread, NULL, look, &looks), 0);
    for (int i = 1; i < 3000; i++) {
        snprintf(name, sizeof(name), "a/%d/c", i);
        topic_index_remove(topic_index, old);
        old = add(name);
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(topic_index_dirs(topic_index), 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("topic_index");
    TCase *t = tcase_create("topic_index");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, random_patterns_find_what_a_naive_matcher_says);
    tcase_add_test(t, topics_go);
    tcase_add_test(t, a_long_name_is_no_topic);
    tcase_add_test(t, a_deep_topic_takes_few_directories);
    tcase_add_test(t, a_pattern_costs_what_is_below_its_first_levels);
    tcase_add_test(t, others_may_look_while_topics_come_and_go);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
