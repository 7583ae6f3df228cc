/* Who brings a message that several of one stream want: its set, those that join, and what has left
 * meanwhile. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "delivery/joiner.h"
#include "utlist.h"

static const struct encoding encoding = {.name = "a"};

static struct topic_table *topics;
static struct feed_table *feeds;
static int told;     /* subscriptions, */
static size_t taken; /* and what feeds and their filters take */
static struct joiners all;
static struct subscriber set;

static enum err subscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    (void)ctx;
    (void)f;
    (void)who;
    (void)transport;
    told++;
    return ERR_OK;
}

static void unsubscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    (void)ctx;
    (void)f;
    (void)who;
    (void)transport;
    told--;
}

static bool take(void *ctx, size_t bytes, bool must)
{
    (void)ctx;
    (void)must;
    taken += bytes;
    return true;
}

static void give_back(void *ctx, size_t bytes)
{
    (void)ctx;
    taken -= bytes;
}

static void join(struct subscriber *sub, const char *filter)
{
    struct feed_spec spec;
    feed_spec_init(&spec, feeds);
    ck_assert_int_eq(feed_spec_add(&spec, filter, strlen(filter)), ERR_OK);
    ck_assert_int_eq(feed_join(sub, &spec, &encoding, 0, NULL), ERR_OK);
    feed_spec_finish(&spec);
}

static void setup(void)
{
    struct feed_watcher watcher = {subscribed, unsubscribed, take, give_back, NULL};
    told = 0;
    taken = 0;
    memset(&all, 0, sizeof(all));
    memset(&set, 0, sizeof(set));
    topics = topic_table_create(100);
    feeds = feed_table_create(topics, &watcher);
    ck_assert_ptr_nonnull(feeds);
    join(&set, "set/#");
}

static void teardown(void)
{
    while (all.list) {
        struct joiner *j = all.list;
        DL_DELETE(all.list, j);
        joiner_free(j, feeds, NULL);
    }
    joiner_forget_brought(&all, feeds);
    ck_assert_ptr_null(all.brought);
    feed_leave(&set, feeds, NULL);
    ck_assert_int_eq(told, 0);
    ck_assert_uint_eq(taken, 0);
    feed_table_destroy(feeds);
    topic_table_destroy(topics);
}

/* One that began behind START, has got to AT, and was asked to replay up to FROM. */
static struct joiner *joins(const char *filter, uint64_t start, uint64_t at, uint64_t from)
{
    struct joiner *j = calloc(1, sizeof(*j));
    ck_assert_ptr_nonnull(j);
    join(&j->sub, filter);
    j->start = start;
    j->position.offset = at;
    j->from = from;
    DL_APPEND(all.list, j);
    return j;
}

static bool leaves(const struct joiner *j, const char *name, uint64_t offset)
{
    struct topic *t = topic_table_find(topics, name, strlen(name));
    if (!t)
        ck_assert_int_eq(topic_table_add(topics, name, strlen(name), false, &t), ERR_OK);
    struct message m = {.offset = offset, .topic = t};
    return joiner_leaves(&all, j, set.feed, feeds, &m);
}

static enum err note(const char *filter, uint64_t after, uint64_t until)
{
    struct subscriber sub = {0};
    join(&sub, filter);
    enum err e = joiner_note_brought(&all, feeds, sub.feed, after, until);
    feed_leave(&sub, feeds, NULL);
    return e;
}

static size_t noted(void)
{
    const struct brought *b;
    size_t count;
    LL_COUNT(all.brought, b, count);
    return count;
}

START_TEST(what_was_asked_for_is_brought_in_any_case)
{
    const struct joiner *j = joins("set/a", 10, 10, 20);
    ck_assert(!leaves(j, "set/a", 20));
    ck_assert(leaves(j, "set/a", 21)); /* the set wants it, too */
    ck_assert(!leaves(j, "a", 21));
}
END_TEST

START_TEST(one_that_has_passed_has_brought_it)
{
    const struct joiner *other = joins("a/#", 30, 40, 0), *j = joins("a/b", 10, 10, 0);
    ck_assert(!leaves(j, "a/b", 30)); /* it began behind that */
    ck_assert(leaves(j, "a/b", 31));
    ck_assert(leaves(j, "a/b", 40));
    ck_assert(!leaves(j, "a/b", 41)); /* it has not got so far */
    ck_assert(!leaves(other, "a/b", 35));
    ck_assert(!leaves(j, "b", 35));
}
END_TEST

START_TEST(what_has_left_has_brought_it)
{
    const struct joiner *j = joins("a/b", 10, 10, 0);
    ck_assert_int_eq(note("a/#", 30, 40), ERR_OK);
    ck_assert(!leaves(j, "a/b", 30));
    ck_assert(leaves(j, "a/b", 31));
    ck_assert(leaves(j, "a/b", 40));
    ck_assert(!leaves(j, "a/b", 41));
    ck_assert(!leaves(j, "b", 35));
}
END_TEST

START_TEST(the_furthest_back_is_found)
{
    ck_assert_ptr_null(joiner_furthest_back(&all));
    joins("a", 10, 30, 0);
    struct joiner *back = joins("b", 10, 20, 0);
    joins("c", 10, 25, 0);
    ck_assert_ptr_eq(joiner_furthest_back(&all), back);
    ck_assert_uint_eq(joiner_others(&all), 2);
    ck_assert_int_eq(note("d", 0, 50), ERR_OK);
    ck_assert_int_eq(note("e", 0, 50), ERR_OK);
    ck_assert_uint_eq(joiner_others(&all), 4);
}
END_TEST

/* Nobody has it before him any more: it is not noted, or forgotten. */
START_TEST(only_what_matters_to_a_joiner_is_noted)
{
    ck_assert_int_eq(note("a", 0, 50), ERR_OK);
    ck_assert_uint_eq(noted(), 0);
    struct joiner *j = joins("a", 10, 40, 0);
    ck_assert_int_eq(note("a", 0, 40), ERR_OK);
    ck_assert_uint_eq(noted(), 0);
    size_t without = taken;
    ck_assert_int_eq(note("b", 0, 41), ERR_OK);
    size_t with_one = taken;
    ck_assert_uint_gt(with_one, without); /* its feed is held */
    ck_assert_int_eq(note("c", 0, 50), ERR_OK);
    ck_assert_uint_eq(noted(), 2);
    j->position.offset = 41;
    joiner_forget_brought(&all, feeds);
    ck_assert_uint_eq(noted(), 1);
    ck_assert_uint_eq(taken, with_one);
    j->position.offset = 50;
    ck_assert_int_eq(note("d", 0, 60), ERR_OK);
    ck_assert_uint_eq(noted(), 1);
    ck_assert_uint_eq(taken, with_one);
}
END_TEST

START_TEST(so_many_are_noted_and_then_the_oldest_is_forgotten)
{
    const struct joiner *j = joins("#", 10, 10, 0);
    ck_assert_int_eq(note("first", 0, 50), ERR_OK);
    for (int i = 1; i < BROUGHT_MAX; i++)
        ck_assert_int_eq(note("a", 0, 50), ERR_OK);
    ck_assert_uint_eq(noted(), BROUGHT_MAX);
    ck_assert(leaves(j, "first", 20));
    ck_assert_int_eq(note("last", 0, 50), ERR_OK);
    ck_assert_uint_eq(noted(), BROUGHT_MAX);
    ck_assert(!leaves(j, "first", 20));
    ck_assert(leaves(j, "a", 20));
    ck_assert(leaves(j, "last", 20));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("joiner");
    TCase *t = tcase_create("joiner");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_was_asked_for_is_brought_in_any_case);
    tcase_add_test(t, one_that_has_passed_has_brought_it);
    tcase_add_test(t, what_has_left_has_brought_it);
    tcase_add_test(t, the_furthest_back_is_found);
    tcase_add_test(t, only_what_matters_to_a_joiner_is_noted);
    tcase_add_test(t, so_many_are_noted_and_then_the_oldest_is_forgotten);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
