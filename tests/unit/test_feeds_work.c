/* What subscriptions cost, and do not cost the others: counted in steps. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/feeds_fixture.h"

/* MOVED: a chain more in the tables by name and by level is made of one other each. */
enum { MANY_PATTERNS = 100000, MOVED = 40 };

static uint64_t steps(void)
{
    static uint64_t before;
    uint64_t now = feed_table_steps(feeds), since = now - before;
    before = now;
    return since;
}

/* With so many at rest, in one set and in many, each message and each change takes what it would
 * take without them. */
START_TEST(the_others_cost_nothing)
{
    static struct subscriber alone[1000];
    struct subscriber big = {0}, one = {0}, all = {0};
    char name[64];
    join_live(&big, "none");
    for (int i = 0; i < MANY_PATTERNS; i++) {
        snprintf(name, sizeof(name), "user/%d/+/state", i);
        add(&big, name);
        ck_assert_uint_le(steps(), 16 + MOVED);
    }
    ck_assert_uint_eq(big.feed->filter_count, MANY_PATTERNS + 1);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "room/%d/#", i);
        join_live(&alone[i], name);
        ck_assert_uint_le(steps(), 16 + MOVED);
    }
    join_live(&one, "news/+");
    ck_assert_uint_le(steps(), 12 + MOVED);
    bring("news/today"); /* a new topic */
    CHECK_HITS(one, 1);
    CHECK_NO_HITS(big);
    bring("user/77/x/state");
    CHECK_HITS(big, 2);
    bring("room/9");
    end_turn();
    ck_assert_uint_le(steps(), 3 * 12);
    bring("news/today"); /* known */
    bring("news/today");
    end_turn();
    ck_assert_uint_eq(steps(), 0);
    join_live(&all, "#");
    bring("news/today"); /* looked up anew */
    CHECK_HITS(all, 6);
    end_turn();
    add(&big, "news/+");
    drop(&big, "user/77/+/state");
    feed_leave(&all, feeds, NULL);
    feed_leave(&one, feeds, NULL);
    ck_assert_uint_le(steps(), 80 + MOVED);
    feed_leave(&big, feeds, NULL);
    for (int i = 0; i < 1000; i++)
        feed_leave(&alone[i], feeds, NULL);
    ck_assert_uint_le(steps(), 16 * (MANY_PATTERNS + 2000));
}
END_TEST

/* Long-polls come and go with each message, for topics of their own: a message that many patterns
 * match is not matched with them again for that. */
START_TEST(topics_that_come_and_go_cost_a_message_nothing)
{
    static struct subscriber patterns[64];
    struct subscriber poll = {0};
    char name[64];
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned level = 0; level < 6; level++) {
            name[2 * level] = i >> level & 1 ? '+' : (char)('a' + level);
            name[2 * level + 1] = level < 5 ? '/' : '\0';
        }
        join_live(&patterns[i], name);
    }
    bring("a/b/c/d/e/f");
    CHECK_HITS(patterns[63], 1);
    end_turn();
    steps();
    for (int i = 0; i < 100; i++) {
        join_live(&poll, i % 2 ? "a/b/c/d/e/f" : "other");
        bring("a/b/c/d/e/f");
        end_turn();
        feed_leave(&poll, feeds, NULL);
    }
    ck_assert_uint_le(steps(), 100 * 10);
    join_live(&poll, "a/b/c/d/e/f");
    bring("a/b/c/d/e/f");
    CHECK_HITS(poll, 102);
    CHECK_HITS(patterns[0], 102); /* the same set */
    end_turn();
    feed_leave(&poll, feeds, NULL);
    for (int i = 0; i < 64; i++)
        feed_leave(&patterns[i], feeds, NULL);
}
END_TEST

/* Leaving a filter that many have does not take looking for oneself among them. */
START_TEST(leaving_costs_as_much_as_was_joined)
{
    static struct subscriber subs[2000];
    char name[64];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "x own/%d y/+", i);
        join_live(&subs[i], name);
    }
    steps();
    feed_leave(&subs[0], feeds, NULL);
    ck_assert_uint_le(steps(), 20);
    bring("x");
    CHECK_HITS(subs[1], 1);
    CHECK_HITS(subs[1999], 1);
    end_turn();
    for (int i = 1; i < 2000; i += 2)
        feed_leave(&subs[i], feeds, NULL);
    bring("x");
    CHECK_HITS(subs[2], 2);
    CHECK_HITS(subs[1998], 2);
    end_turn();
    for (int i = 0; i < 2000; i++)
        feed_leave(&subs[i], feeds, NULL);
}
END_TEST

/* More topics than are looked for: the feed reads everything, and takes what it wants. */
START_TEST(a_feed_of_too_many_topics_is_asked_for_each)
{
    struct subscriber many = {0}, few = {0}, some = {0};
    struct topic_set set;
    char name[64];
    join(&few, "few/+ a");
    for (int i = 0; i <= TOPICS_LOOK_MAX; i++) {
        snprintf(name, sizeof(name), "many/%d", i);
        topic(name);
    }
    topic("few/1");
    join(&many, "many/#");
    CHECK_TOPICS(few, topic("few/1")->id);
    ck_assert_int_eq(feed_topics(feeds, many.feed, &set), ERR_OK);
    ck_assert_ptr_null(set.ids);
    ck_assert_ptr_eq(set.only, many.feed);
    ck_assert_uint_le(set.looked, 4); /* that they are too many is known */
    ck_assert(topic_set_has(feeds, &set, topic("many/7")));
    ck_assert(!topic_set_has(feeds, &set, topic("few/1")));
    topic("many/more");
    ck_assert_int_eq(feed_topics(feeds, many.feed, &set), ERR_OK);
    ck_assert(topic_set_has(feeds, &set, topic("many/more")));
    ck_assert_uint_eq(set.looked, 0);
    add(&few, "many/7");
    ck_assert_int_eq(feed_topics(feeds, few.feed, &set), ERR_OK);
    ck_assert_uint_le(set.looked, 8);
    CHECK_TOPICS(few, topic("many/7")->id, topic("few/1")->id);
    /* Without memory for their ids as well. */
    join(&some, "few/#");
    taken_max = 0;
    ck_assert_int_eq(feed_topics(feeds, some.feed, &set), ERR_OK);
    ck_assert_ptr_eq(set.only, some.feed);
    feed_leave(&many, feeds, NULL);
    feed_leave(&few, feeds, NULL);
    feed_leave(&some, feeds, NULL);
}
END_TEST

/* Many filters and feeds, so that the tables grow, and all of them gone again. */
START_TEST(thousands_of_feeds_come_and_go)
{
    enum { MANY = 3000 };
    static struct subscriber subs[MANY];
    char name[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "x/%d y/%d", i, i % 100);
        join_live(&subs[i], name);
    }
    ck_assert_int_eq(told, 2 * MANY);
    for (int i = 0; i < MANY; i += 100) {
        snprintf(name, sizeof(name), "x/%d", i);
        bring(name);
        ck_assert_ptr_eq(feed_turn_feeds(feeds), subs[i].feed);
        ck_assert_ptr_null(feed_turn_feeds(feeds)->next_touched);
        end_turn();
    }
    bring("y/7");
    size_t touched = 0;
    for (const struct feed *f = feed_turn_feeds(feeds); f; f = f->next_touched)
        touched++;
    ck_assert_uint_eq(touched, MANY / 100);
    end_turn();
    for (int i = 0; i < MANY; i++)
        feed_leave(&subs[i], feeds, NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("work of feeds");
    TCase *t = tcase_create("work of feeds");
    tcase_add_checked_fixture(t, feeds_setup, feeds_teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, thousands_of_feeds_come_and_go);
    tcase_add_test(t, the_others_cost_nothing);
    tcase_add_test(t, topics_that_come_and_go_cost_a_message_nothing);
    tcase_add_test(t, leaving_costs_as_much_as_was_joined);
    tcase_add_test(t, a_feed_of_too_many_topics_is_asked_for_each);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
