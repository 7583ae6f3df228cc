/* What a feed's topics are, and whether more may come. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/feeds_fixture.h"

START_TEST(a_feeds_topics_are_found_as_they_come)
{
    struct subscriber one = {0}, some = {0}, all = {0}, none = {0};
    struct topic_set set;
    join(&one, "b");
    join(&some, "a/+ b a/b");
    join(&all, "# b");
    join(&none, "");
    check_topics(one.feed, NULL, 0);
    check_topics(some.feed, NULL, 0);
    topic("a");
    topic("a/b");
    check_topics(one.feed, NULL, 0);
    CHECK_TOPICS(some, 2);
    topic("b");
    topic("a/c");
    topic("a/c/d");
    CHECK_TOPICS(one, 3);
    CHECK_TOPICS(some, 2, 3, 4);
    CHECK_TOPICS(some, 2, 3, 4);
    topic("bb");
    topic("a/z");
    CHECK_TOPICS(one, 3);
    CHECK_TOPICS(some, 2, 3, 4, 7);
    check_topics(none.feed, NULL, 0);
    ck_assert_int_eq(feed_topics(feeds, all.feed, &set), ERR_OK);
    ck_assert_ptr_null(set.ids);
    struct subscriber *subs[] = {&one, &some, &all, &none};
    for (int i = 0; i < 4; i++)
        feed_leave(subs[i], feeds, NULL);
}
END_TEST

/* What is forgotten leaves the sets, and what comes anew of its name is another topic. */
START_TEST(a_feeds_topics_may_be_forgotten)
{
    struct subscriber plain = {0}, some = {0};
    join(&plain, "a/1");
    join(&some, "a/+ b");
    topic("a/1");
    topic("a/2");
    topic("b");
    CHECK_TOPICS(plain, 1);
    CHECK_TOPICS(some, 1, 2, 3);
    topic_table_forget(topics, topic("a/1"));
    check_topics(plain.feed, NULL, 0);
    CHECK_TOPICS(some, 2, 3);
    topic("a/1");
    CHECK_TOPICS(plain, 4);
    CHECK_TOPICS(some, 2, 3, 4);
    topic_table_forget(topics, topic("b"));
    topic("b");
    CHECK_TOPICS(some, 2, 4, 5);
    feed_leave(&plain, feeds, NULL);
    feed_leave(&some, feeds, NULL);
}
END_TEST

/* What was found for a set is not that of the set that it becomes. */
START_TEST(a_set_that_changes_has_other_topics)
{
    struct subscriber sub = {0};
    topic("a");
    topic("b/1");
    topic("b/2");
    join(&sub, "a");
    CHECK_TOPICS(sub, 1);
    struct feed *f = sub.feed;
    f->lag_serial = 7;
    add(&sub, "b/+");
    ck_assert_ptr_eq(sub.feed, f);
    ck_assert_uint_eq(f->lag_serial, 0);
    CHECK_TOPICS(sub, 1, 2, 3);
    f->lag_serial = 7;
    drop(&sub, "a");
    ck_assert_uint_eq(f->lag_serial, 0);
    CHECK_TOPICS(sub, 2, 3);
    feed_leave(&sub, feeds, NULL);
}
END_TEST

static bool is_open(struct subscriber *sub)
{
    struct topic_set set;
    ck_assert_int_eq(feed_topics(feeds, sub->feed, &set), ERR_OK);
    return topic_set_is_open(feeds, &set);
}

/* Whether topics may come into being that belong to it. */
START_TEST(a_set_is_open_for_topics_that_are_not_there)
{
    struct subscriber sub = {0};
    topic("a");
    topic("b");
    join(&sub, "a b");
    ck_assert(!is_open(&sub));
    add(&sub, "c");
    ck_assert(is_open(&sub));
    topic("c");
    ck_assert(!is_open(&sub));
    add(&sub, "d/+");
    ck_assert(is_open(&sub));
    add(&sub, "#");
    drop(&sub, "d/+");
    ck_assert(is_open(&sub));
    drop(&sub, "#");
    ck_assert(!is_open(&sub));
    feed_leave(&sub, feeds, NULL);
    join(&sub, "a +");
    ck_assert(is_open(&sub));
    drop(&sub, "+");
    ck_assert(!is_open(&sub));
    feed_leave(&sub, feeds, NULL);
}
END_TEST

static void come(const char *below, int first, int count)
{
    char name[64];
    for (int i = first; i < first + count; i++) {
        snprintf(name, sizeof(name), "%s/%d", below, i);
        topic(name);
    }
}

/* New topics are looked at one by one, unless looking for the set's own is less. */
START_TEST(many_new_topics_are_not_all_looked_at)
{
    struct subscriber sub = {0};
    struct topic_set set;
    join(&sub, "a/+");
    topic("a/1");
    CHECK_TOPICS(sub, 1);
    come("other", 0, 10);
    ck_assert_int_eq(feed_topics(feeds, sub.feed, &set), ERR_OK);
    ck_assert_uint_eq(set.looked, 10);
    ck_assert_int_eq(feed_topics(feeds, sub.feed, &set), ERR_OK);
    ck_assert_uint_eq(set.looked, 0);
    come("other", 10, TOPICS_LOOK_MAX);
    ck_assert_int_eq(feed_topics(feeds, sub.feed, &set), ERR_OK);
    ck_assert_uint_eq(set.looked, TOPICS_LOOK_MAX);
    come("more", 0, TOPICS_LOOK_MAX + 1);
    ck_assert_int_eq(feed_topics(feeds, sub.feed, &set), ERR_OK);
    ck_assert_uint_le(set.looked, 4);
    CHECK_TOPICS(sub, 1);
    feed_leave(&sub, feeds, NULL);
}
END_TEST

/* As many as are kept, and one more. */
START_TEST(a_feeds_topics_may_become_too_many)
{
    struct subscriber sub = {0};
    struct topic_set set;
    join(&sub, "a/# b/#");
    topic("a/0");
    CHECK_TOPICS(sub, 1);
    come("a", 1, TOPICS_LOOK_MAX - 1);
    ck_assert_int_eq(feed_topics(feeds, sub.feed, &set), ERR_OK);
    ck_assert_uint_eq(set.count, TOPICS_LOOK_MAX);
    ck_assert(topic_set_has(feeds, &set, topic("a/77")));
    size_t before = taken;
    topic("b");
    ck_assert_int_eq(feed_topics(feeds, sub.feed, &set), ERR_OK);
    ck_assert_ptr_null(set.ids);
    ck_assert_ptr_eq(set.only, sub.feed);
    ck_assert_uint_le(taken, before - TOPICS_LOOK_MAX * sizeof(uint32_t)); /* given back */
    feed_leave(&sub, feeds, NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("topics of feeds");
    TCase *t = tcase_create("topics of feeds");
    tcase_add_checked_fixture(t, feeds_setup, feeds_teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_feeds_topics_are_found_as_they_come);
    tcase_add_test(t, a_feeds_topics_may_be_forgotten);
    tcase_add_test(t, a_set_that_changes_has_other_topics);
    tcase_add_test(t, a_set_is_open_for_topics_that_are_not_there);
    tcase_add_test(t, many_new_topics_are_not_all_looked_at);
    tcase_add_test(t, a_feeds_topics_may_become_too_many);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
