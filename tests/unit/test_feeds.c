/* Subscription tables: filters, shared feeds, routes, turns, and what a feed's topics are. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/feed.h"
#include "broker/feed_topics.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "tests/unit/random.h"

static const struct encoding encoding_a = {.name = "a"}, encoding_b = {.name = "b"};

static struct topic_table *topics;
static struct feed_table *feeds;
static int told;          /* subscriptions that the watcher knows, */
static int told_by[4];    /* and by transport */
static int tell_failures; /* the watcher refuses when it has been asked so often; 0 = never */

static enum err subscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    ck_assert_ptr_eq(ctx, &told);
    size_t n;
    const char *name = filter_name(f, &n);
    ck_assert_ptr_null(who);
    ck_assert(topic_pattern_valid(name, n));
    ck_assert_uint_lt(transport, 4);
    if (tell_failures && --tell_failures == 0)
        return ERR_NOMEM;
    told++;
    told_by[transport]++;
    return ERR_OK;
}

static void unsubscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    (void)f;
    (void)who;
    ck_assert_ptr_eq(ctx, &told);
    told--;
    ck_assert_int_ge(--told_by[transport], 0);
}

/* What filters and feeds have taken, and may take. */
static size_t taken, taken_max;

static bool take(void *ctx, size_t bytes, bool must)
{
    (void)ctx;
    if (!must && taken + bytes > taken_max)
        return false;
    taken += bytes;
    return true;
}

static void give_back(void *ctx, size_t bytes)
{
    (void)ctx;
    ck_assert_uint_ge(taken, bytes);
    taken -= bytes;
}

static void setup(void)
{
    struct feed_watcher watcher = {subscribed, unsubscribed, take, give_back, &told};
    told = 0;
    memset(told_by, 0, sizeof(told_by));
    taken = 0;
    taken_max = SIZE_MAX;
    topics = topic_table_create(100000);
    feeds = feed_table_create(topics, &watcher);
    ck_assert_ptr_nonnull(feeds);
}

static void teardown(void)
{
    ck_assert_int_eq(told, 0);
    ck_assert_uint_eq(taken, 0);
    feed_table_destroy(feeds);
    topic_table_destroy(topics);
}

static struct topic *topic(const char *name)
{
    struct topic *t = topic_table_find(topics, name, strlen(name));
    if (!t)
        ck_assert_int_eq(topic_table_add(topics, name, strlen(name), false, &t), ERR_OK);
    return t;
}

/* A subscriber for FILTERS, separated by blanks. */
static void fill(struct feed_spec *spec, const char *filters)
{
    feed_spec_init(spec, feeds);
    for (const char *at = filters; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        ck_assert_int_eq(feed_spec_add(spec, at, n), ERR_OK);
        at += n;
    }
}

static void join_as(struct subscriber *sub, const char *filters, const struct encoding *e,
                    unsigned transport)
{
    struct feed_spec spec;
    fill(&spec, filters);
    ck_assert_int_eq(feed_join(sub, &spec, e, transport, NULL), ERR_OK);
    feed_spec_finish(&spec);
}

static void join(struct subscriber *sub, const char *filters)
{
    join_as(sub, filters, &encoding_a, 0);
}

static void join_live(struct subscriber *sub, const char *filters)
{
    join(sub, filters);
    ck_assert_int_eq(feed_go_live(sub, NULL, LIVE_NO_HANDLE), ERR_OK);
}

static void add(struct subscriber *sub, const char *filter)
{
    ck_assert_int_eq(feed_add(feeds, sub, filter, strlen(filter), NULL), ERR_OK);
}

static void drop(struct subscriber *sub, const char *filter)
{
    ck_assert_int_eq(feed_drop(feeds, sub, filter, strlen(filter), NULL), ERR_OK);
}

/* --- turns --- */

enum { TURN_MAX = 64 };
static struct message *turn[TURN_MAX];
static size_t turn_count;
static uint64_t newest;

/* Brings one message to the turn. */
static void bring_payload(const char *name, const char *payload)
{
    struct message_init init = {
        .topic = name,
        .topic_len = strlen(name),
        .payload = payload,
        .payload_len = strlen(payload),
    };
    struct message *m = message_create(&init);
    message_resolve(m, topic(name));
    m->offset = ++newest;
    ck_assert_uint_lt(turn_count, TURN_MAX);
    turn[turn_count++] = m;
    ck_assert_int_eq(feed_turn_add(feeds, m), ERR_OK);
}

static void bring(const char *name)
{
    bring_payload(name, "");
}

static void end_turn(void)
{
    feed_turn_end(feeds);
    ck_assert_ptr_null(feed_turn_feeds(feeds));
    while (turn_count)
        message_unref(turn[--turn_count]);
}

static bool is_touched(const struct feed *f)
{
    for (const struct feed *t = feed_turn_feeds(feeds); t; t = t->next_touched)
        if (t == f)
            return true;
    return false;
}

static void check_hits(const struct feed *f, const uint64_t *offsets, size_t count)
{
    const struct feed_hit *hit = f->hits;
    for (size_t i = 0; i < count; i++, hit = hit->next) {
        ck_assert_ptr_nonnull(hit);
        ck_assert_uint_eq(hit->message->offset, offsets[i]);
    }
    ck_assert_ptr_null(hit);
    ck_assert_int_eq(is_touched(f), count > 0);
}

#define CHECK_HITS(sub, ...)                                                                       \
    check_hits((sub).feed, (const uint64_t[]){__VA_ARGS__},                                        \
               sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
#define CHECK_NO_HITS(sub) check_hits((sub).feed, NULL, 0)

START_TEST(a_turn_brings_each_feed_its_messages_in_order)
{
    struct subscriber a = {0}, b = {0}, all = {0}, level = {0};
    join_live(&a, "a/1");
    join_live(&b, "b");
    join_live(&all, "#");
    join_live(&level, "a/+");
    bring("a/1");
    bring("b");
    bring("a/2");
    bring("c");
    bring("a/1");
    CHECK_HITS(a, 1, 5);
    CHECK_HITS(b, 2);
    CHECK_HITS(all, 1, 2, 3, 4, 5);
    CHECK_HITS(level, 1, 3, 5);
    end_turn();
    bring("c");
    CHECK_NO_HITS(a);
    CHECK_HITS(all, 6);
    end_turn();
    struct subscriber *subs[] = {&a, &b, &all, &level};
    for (int i = 0; i < 4; i++)
        feed_leave(subs[i], feeds, NULL);
}
END_TEST

START_TEST(a_message_is_hit_once_however_many_filters_match)
{
    struct subscriber sub = {0};
    join_live(&sub, "a/b a/+ +/b a/# #");
    bring("a/b");
    bring("a/c");
    bring("a/b");
    CHECK_HITS(sub, 1, 2, 3);
    end_turn();
    feed_leave(&sub, feeds, NULL);
}
END_TEST

START_TEST(only_feeds_with_live_members_are_hit)
{
    struct subscriber idle = {0}, live = {0};
    join(&idle, "a");
    join_live(&live, "b");
    ck_assert(!feed_is_live(&idle));
    ck_assert(feed_is_live(&live));
    bring("a");
    CHECK_NO_HITS(idle);
    ck_assert_int_eq(feed_go_live(&idle, NULL, LIVE_NO_HANDLE), ERR_OK);
    bring("a");
    CHECK_HITS(idle, 2);
    end_turn();
    feed_go_idle(&idle);
    bring("a");
    CHECK_NO_HITS(idle);
    end_turn();
    feed_leave(&idle, feeds, NULL);
    feed_leave(&live, feeds, NULL);
}
END_TEST

/* Members or not: whoever is behind is told by it how far. */
START_TEST(what_comes_for_a_feed_is_counted)
{
    struct subscriber idle = {0}, live = {0};
    join(&idle, "a a/# +");
    join_live(&live, "#");
    bring("a");
    bring("a/b");
    bring("c/d");
    ck_assert_uint_eq(idle.feed->total.messages, 2);
    ck_assert_uint_eq(live.feed->total.messages, 3);
    ck_assert_uint_eq(live.feed->total_before.messages, 0);
    end_turn();
    ck_assert_int_eq(feed_go_live(&idle, NULL, LIVE_NO_HANDLE), ERR_OK);
    bring("c/d");
    bring_payload("a", "four");
    bring_payload("b", "five!");
    ck_assert_uint_eq(idle.feed->total.messages, 4);
    ck_assert_uint_eq(idle.feed->total.bytes, 9);
    ck_assert_uint_eq(idle.feed->total_before.messages, 2);
    ck_assert_uint_eq(idle.feed->total_before.bytes, 0);
    ck_assert_uint_eq(live.feed->total_before.messages, 3);
    end_turn();
    feed_leave(&idle, feeds, NULL);
    feed_leave(&live, feeds, NULL);
}
END_TEST

/* It could not be ended, and is begun again: the same messages come, and count once. */
START_TEST(a_turn_that_is_repeated_counts_once)
{
    struct subscriber live = {0};
    join_live(&live, "a #");
    bring_payload("a", "four");
    feed_turn_end(feeds);
    ck_assert_int_eq(feed_turn_add(feeds, turn[0]), ERR_OK);
    CHECK_HITS(live, 1);
    ck_assert_uint_eq(live.feed->total.messages, 1);
    ck_assert_uint_eq(live.feed->total.bytes, 4);
    end_turn();
    feed_leave(&live, feeds, NULL);
}
END_TEST

/* Members may leave while a turn's hits are being sent: the feed stays until the turn ends. */
START_TEST(members_may_leave_during_a_turn)
{
    struct subscriber a = {0}, b = {0};
    join_live(&a, "a b");
    join_live(&b, "a b");
    struct feed *f = a.feed;
    ck_assert_ptr_eq(b.feed, f);
    bring("a");
    feed_leave(&a, feeds, NULL);
    feed_leave(&b, feeds, NULL);
    ck_assert(is_touched(f));
    ck_assert_uint_eq(f->live.count, 0);
    ck_assert_uint_eq(f->hits->message->offset, 1);
    end_turn();
    join_live(&a, "a");
    bring("a");
    CHECK_HITS(a, 2);
    end_turn();
    feed_leave(&a, feeds, NULL);
}
END_TEST

START_TEST(more_hits_than_one_chunk_holds)
{
    enum { MANY = 5000 };
    static struct message *messages[MANY];
    struct subscriber a = {0}, all = {0};
    join_live(&a, "a");
    join_live(&all, "#");
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < MANY; i++) {
            struct message_init init = {.topic = "a", .topic_len = 1};
            messages[i] = message_create(&init);
            message_resolve(messages[i], topic("a"));
            messages[i]->offset = ++newest;
            ck_assert_int_eq(feed_turn_add(feeds, messages[i]), ERR_OK);
        }
        const struct feed_hit *x = a.feed->hits, *y = all.feed->hits;
        for (int i = 0; i < MANY; i++, x = x->next, y = y->next) {
            ck_assert_ptr_eq(x->message, messages[i]);
            ck_assert_ptr_eq(y->message, messages[i]);
        }
        ck_assert(!x && !y);
        feed_turn_end(feeds);
        for (int i = 0; i < MANY; i++)
            message_unref(messages[i]);
    }
    feed_leave(&a, feeds, NULL);
    feed_leave(&all, feeds, NULL);
}
END_TEST

/* --- sharing --- */

START_TEST(the_same_set_is_one_feed_whatever_its_order)
{
    struct subscriber a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, g = {0};
    join(&a, "x y/+ z");
    join(&b, "z x y/+");
    join(&c, "z z x y/+ x");
    ck_assert_ptr_eq(a.feed, b.feed);
    ck_assert_ptr_eq(a.feed, c.feed);
    ck_assert_uint_eq(a.feed->filter_count, 3);
    ck_assert_uint_eq(a.feed->refs, 3);
    join(&d, "x y/+");
    join_as(&e, "x y/+ z", &encoding_b, 0);
    join_as(&g, "x y/+ z", &encoding_a, 1);
    ck_assert_ptr_ne(d.feed, a.feed);
    ck_assert_ptr_ne(e.feed, a.feed);
    ck_assert_ptr_ne(g.feed, a.feed);
    struct subscriber *subs[] = {&a, &b, &c, &d, &e, &g};
    for (int i = 0; i < 6; i++)
        feed_leave(subs[i], feeds, NULL);
    feed_leave(&a, feeds, NULL); /* once more is fine */
    ck_assert_ptr_null(a.feed);
}
END_TEST

START_TEST(joining_again_leaves_the_former_feed)
{
    struct subscriber sub = {0};
    join_live(&sub, "a b");
    ck_assert_int_eq(told, 2);
    join(&sub, "c");
    ck_assert_int_eq(told, 1);
    ck_assert(feed_is_live(&sub));
    join(&sub, "c"); /* the same one again */
    ck_assert_int_eq(told, 1);
    ck_assert_uint_eq(sub.feed->refs, 1);
    bring("a");
    bring("c");
    CHECK_HITS(sub, 2);
    end_turn();
    join(&sub, "");
    ck_assert_int_eq(told, 0);
    ck_assert_uint_eq(sub.feed->filter_count, 0);
    feed_leave(&sub, feeds, NULL);
}
END_TEST

/* What two sets have in common is not told anew, unless they are of different transports. */
START_TEST(sets_are_told_by_transport)
{
    struct subscriber sub = {0};
    join_as(&sub, "a b", &encoding_a, 1);
    ck_assert_int_eq(told_by[1], 2);
    join_as(&sub, "b c", &encoding_a, 3);
    ck_assert_int_eq(told_by[1], 0);
    ck_assert_int_eq(told_by[3], 2);
    tell_failures = 1; /* d alone is new */
    struct feed_spec spec;
    fill(&spec, "b c d");
    ck_assert_int_eq(feed_join(&sub, &spec, &encoding_a, 3, NULL), ERR_NOMEM);
    tell_failures = 2;
    ck_assert_int_eq(feed_join(&sub, &spec, &encoding_a, 3, NULL), ERR_OK);
    ck_assert_int_eq(tell_failures, 1);
    tell_failures = 0;
    feed_spec_finish(&spec);
    ck_assert_int_eq(told_by[3], 3);
    feed_leave(&sub, feeds, NULL);
    ck_assert_int_eq(told_by[3], 0);
}
END_TEST

START_TEST(a_feed_that_is_held_can_be_asked)
{
    struct subscriber sub = {0};
    join(&sub, "a/+ b");
    struct feed *f = sub.feed;
    feed_hold(f);
    feed_leave(&sub, feeds, NULL);
    ck_assert_int_eq(told, 0);
    ck_assert_uint_gt(taken, 0);
    ck_assert(feed_wants(feeds, f, topic("a/x")));
    ck_assert(!feed_wants(feeds, f, topic("c")));
    join(&sub, "b a/+");
    ck_assert_ptr_eq(sub.feed, f);
    feed_leave(&sub, feeds, NULL);
    feed_release(f, feeds);
    ck_assert_uint_eq(taken, 0);
}
END_TEST

START_TEST(a_set_is_shared_in_equal_parts)
{
    struct subscriber a = {0}, b = {0}, c = {0};
    ck_assert_uint_eq(feed_share(NULL), 0);
    join(&a, "x y");
    size_t alone = feed_share(a.feed);
    join(&b, "x");
    ck_assert_uint_eq(feed_share(b.feed), alone / 2);
    feed_leave(&b, feeds, NULL);
    join(&b, "x y");
    ck_assert_uint_eq(feed_share(a.feed), alone / 2);
    join(&c, "");
    ck_assert_uint_eq(feed_share(c.feed), 0);
    feed_leave(&a, feeds, NULL);
    ck_assert_uint_eq(feed_share(b.feed), alone);
    feed_leave(&b, feeds, NULL);
    feed_leave(&c, feeds, NULL);
}
END_TEST

/* The watcher may refuse: then nothing has changed, and what it was told is taken back. */
START_TEST(a_refused_join_changes_nothing)
{
    struct subscriber sub = {0};
    struct feed_spec spec;
    join_live(&sub, "a");
    const struct feed *before = sub.feed;
    for (int failure = 1; failure <= 3; failure++) {
        fill(&spec, "x y z");
        tell_failures = failure;
        ck_assert_int_eq(feed_join(&sub, &spec, &encoding_a, 0, NULL), ERR_NOMEM);
        tell_failures = 0;
        feed_spec_finish(&spec);
        ck_assert_ptr_eq(sub.feed, before);
        ck_assert(feed_is_live(&sub));
        ck_assert_int_eq(told, 1);
    }
    feed_leave(&sub, feeds, NULL);
}
END_TEST

START_TEST(sets_are_put_together_and_taken_apart)
{
    struct subscriber sub = {0};
    struct feed_spec spec;
    join(&sub, "a b/#");
    feed_spec_init(&spec, feeds);
    ck_assert_int_eq(feed_spec_add_feed(&spec, NULL), ERR_OK);
    ck_assert_int_eq(feed_spec_add_feed(&spec, sub.feed), ERR_OK);
    ck_assert_int_eq(feed_spec_add(&spec, "c", 1), ERR_OK);
    ck_assert_int_eq(feed_spec_add(&spec, "a", 1), ERR_OK);
    ck_assert_uint_eq(spec.count, 3);
    ck_assert_int_eq(feed_spec_remove(&spec, "b", 1), ERR_NOT_FOUND);
    ck_assert_int_eq(feed_spec_remove(&spec, "b/#", 3), ERR_OK);
    ck_assert_int_eq(feed_spec_remove(&spec, "b/#", 3), ERR_NOT_FOUND);
    ck_assert_int_eq(feed_join(&sub, &spec, &encoding_a, 0, NULL), ERR_OK);
    feed_spec_finish(&spec);
    ck_assert(feed_has(feeds, sub.feed, "a", 1));
    ck_assert(feed_has(feeds, sub.feed, "c", 1));
    ck_assert(!feed_has(feeds, sub.feed, "b/#", 3));
    ck_assert(!feed_has(feeds, NULL, "a", 1));
    size_t n;
    for (uint32_t i = 0; i < 2; i++) {
        const char *name = filter_name(sub.feed->filters[i], &n);
        ck_assert_uint_eq(n, 1);
        ck_assert(*name == 'a' || *name == 'c');
    }
    feed_leave(&sub, feeds, NULL);
}
END_TEST

/* --- routes --- */

/* Everything that routes depend on comes and goes between messages of one topic. */
START_TEST(routes_follow_what_comes_and_goes)
{
    struct subscriber exact = {0}, level = {0}, all = {0};
    bring("a/b"); /* before any filter */
    join_live(&exact, "a/b");
    bring("a/b");
    CHECK_HITS(exact, 2);
    join_live(&level, "a/+");
    bring("a/b");
    CHECK_HITS(exact, 2, 3);
    CHECK_HITS(level, 3);
    end_turn();
    feed_leave(&exact, feeds, NULL);
    join_live(&all, "#");
    bring("a/b");
    CHECK_HITS(level, 4);
    CHECK_HITS(all, 4);
    end_turn();
    feed_leave(&level, feeds, NULL);
    join_live(&exact, "a/b");
    bring("a/b");
    CHECK_HITS(exact, 5);
    CHECK_HITS(all, 5);
    end_turn();
    feed_leave(&all, feeds, NULL);
    feed_leave(&exact, feeds, NULL);
    bring("a/b");
    ck_assert_ptr_null(feed_turn_feeds(feeds));
    end_turn();
}
END_TEST

/* Topic ids beyond the routes known so far, and filters for topics that do not exist yet. */
START_TEST(routes_are_made_when_a_topic_first_gets_a_message)
{
    struct subscriber sub = {0}, other = {0};
    char name[32];
    join_live(&sub, "t/900");
    for (int i = 1; i <= 1000; i++) {
        snprintf(name, sizeof(name), "t/%d", i);
        topic(name);
    }
    bring("t/1000");
    bring("t/900");
    CHECK_HITS(sub, 2);
    end_turn();
    join_live(&other, "t/901"); /* its route has room already, but was never used */
    bring("t/901");
    CHECK_HITS(other, 3);
    end_turn();
    feed_leave(&other, feeds, NULL);
    bring("t/901");
    ck_assert_ptr_null(feed_turn_feeds(feeds));
    end_turn();
    feed_leave(&sub, feeds, NULL);
}
END_TEST

START_TEST(the_filter_that_matches_is_named)
{
    struct subscriber sub = {0};
    size_t n;
    bool pattern;
    join(&sub, "a/b a/+ c/#");
    ck_assert_str_eq(feed_matching_filter(feeds, sub.feed, topic("a/b"), &n, &pattern), "a/b");
    ck_assert_uint_eq(n, 3);
    ck_assert(!pattern);
    ck_assert_str_eq(feed_matching_filter(feeds, sub.feed, topic("a/x"), &n, &pattern), "a/+");
    ck_assert(pattern);
    ck_assert_str_eq(feed_matching_filter(feeds, sub.feed, topic("c"), &n, &pattern), "c/#");
    ck_assert_ptr_null(feed_matching_filter(feeds, sub.feed, topic("b"), &n, &pattern));
    ck_assert(feed_wants(feeds, sub.feed, topic("a/b")));
    ck_assert(!feed_wants(feeds, sub.feed, topic("b")));
    feed_leave(&sub, feeds, NULL);
}
END_TEST

/* --- the topics of a feed --- */

static void check_topics(struct feed *f, const uint32_t *ids, size_t count)
{
    struct topic_set set;
    ck_assert_int_eq(feed_topics(feeds, f, &set), ERR_OK);
    ck_assert_ptr_nonnull(set.ids);
    ck_assert_uint_eq(set.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(set.ids[i], ids[i]);
}

#define CHECK_TOPICS(sub, ...)                                                                     \
    check_topics((sub).feed, (const uint32_t[]){__VA_ARGS__},                                      \
                 sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

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

/* --- against a naive matcher --- */

enum { SUBS = 40, FILTERS = 5, LEVELS = 4 };

static struct {
    struct subscriber sub;
    char filters[FILTERS][32];
    int count;
} model[SUBS];

/* Levels a, b, c, the first perhaps private; in patterns also + and, at the end, #. */
static void random_name(char *out, bool pattern)
{
    int levels = (int)random_below(LEVELS) + 1;
    for (int i = 0; i < levels; i++) {
        uint32_t what = random_below(pattern ? 5 : 3);
        if (i)
            *out++ = '/';
        if (what == 4) {
            *out++ = '#';
            break;
        }
        if (i == 0 && what < 3 && random_below(4) == 0)
            *out++ = '_';
        *out++ = what == 3 ? '+' : (char)('a' + what);
    }
    *out = '\0';
}

static void join_at_random(int s)
{
    struct feed_spec spec;
    bool live = feed_is_live(&model[s].sub);
    feed_spec_init(&spec, feeds);
    model[s].count = (int)random_below(FILTERS) + 1;
    for (int i = 0; i < model[s].count; i++) {
        random_name(model[s].filters[i], random_below(2));
        ck_assert_int_eq(feed_spec_add(&spec, model[s].filters[i], strlen(model[s].filters[i])),
                         ERR_OK);
    }
    ck_assert_int_eq(feed_join(&model[s].sub, &spec, &encoding_a, 0, NULL), ERR_OK);
    feed_spec_finish(&spec);
    ck_assert_int_eq(feed_is_live(&model[s].sub), live);
    if (!live && random_below(4))
        ck_assert_int_eq(feed_go_live(&model[s].sub, NULL, LIVE_NO_HANDLE), ERR_OK);
}

/* One filter more or less, in place or not. */
static void change_at_random(int s)
{
    struct subscriber *sub = &model[s].sub;
    bool live = feed_is_live(sub);
    if (model[s].count && random_below(2)) {
        int i = (int)random_below((uint32_t)model[s].count);
        char name[32];
        strcpy(name, model[s].filters[i]);
        ck_assert_int_eq(feed_drop(feeds, sub, name, strlen(name), NULL), ERR_OK);
        int left = 0;
        for (i = 0; i < model[s].count; i++)
            if (strcmp(model[s].filters[i], name) != 0 && left++ < i)
                memmove(model[s].filters[left - 1], model[s].filters[i], sizeof(name));
        model[s].count = left;
        ck_assert(!feed_has(feeds, sub->feed, name, strlen(name)));
    } else if (model[s].count < FILTERS) {
        char *name = model[s].filters[model[s].count++];
        random_name(name, random_below(2));
        ck_assert_int_eq(feed_add(feeds, sub, name, strlen(name), NULL), ERR_OK);
        ck_assert(feed_has(feeds, sub->feed, name, strlen(name)));
    }
    ck_assert_int_eq(feed_is_live(sub), live);
}

static bool wants(int s, const char *name)
{
    for (int i = 0; i < model[s].count; i++)
        if (topic_matches(model[s].filters[i], strlen(model[s].filters[i]), name, strlen(name)))
            return true;
    return false;
}

static bool has_live(const struct feed *f)
{
    for (int s = 0; s < SUBS; s++)
        if (model[s].sub.feed == f && feed_is_live(&model[s].sub))
            return true;
    return false;
}

static void check_turn(void)
{
    for (int s = 0; s < SUBS; s++) {
        struct feed *f = model[s].sub.feed;
        if (!f)
            continue;
        const struct feed_hit *hit = f->hits;
        for (size_t i = 0; i < turn_count; i++) {
            bool wanted = wants(s, turn[i]->topic->name);
            ck_assert_int_eq(feed_wants(feeds, f, turn[i]->topic), wanted);
            if (!wanted || !has_live(f))
                continue;
            ck_assert_ptr_nonnull(hit);
            ck_assert_ptr_eq(hit->message, turn[i]);
            hit = hit->next;
        }
        ck_assert_ptr_null(hit);
    }
}

static void check_sets(void)
{
    int s = (int)random_below(SUBS);
    struct feed *f = model[s].sub.feed;
    struct topic_set set;
    size_t at = 0;
    if (!f)
        return;
    ck_assert_int_eq(feed_topics(feeds, f, &set), ERR_OK);
    ck_assert_int_eq(set.ids == NULL, f->all);
    if (f->all)
        return;
    for (uint32_t id = 1; id <= topic_table_count(topics); id++)
        if (wants(s, topic_table_get(topics, id)->name)) {
            ck_assert_uint_lt(at, set.count);
            ck_assert_uint_eq(set.ids[at++], id);
        }
    ck_assert_uint_eq(at, set.count);
}

START_TEST(random_subscriptions_get_what_a_naive_matcher_says)
{
    char name[32];
    random_seed();
    memset(model, 0, sizeof(model));
    for (int round = 0; round < 2000; round++) {
        for (int changes = (int)random_below(6); changes > 0; changes--) {
            int s = (int)random_below(SUBS);
            if (model[s].sub.feed && random_below(2))
                change_at_random(s);
            else if (random_below(3))
                join_at_random(s);
            else
                feed_leave(&model[s].sub, feeds, NULL);
        }
        for (int n = (int)random_below(12); n > 0; n--) {
            random_name(name, false);
            bring(name);
        }
        check_turn();
        end_turn();
        check_sets();
    }
    for (int s = 0; s < SUBS; s++)
        feed_leave(&model[s].sub, feeds, NULL);
}
END_TEST

/* --- a set that changes --- */

START_TEST(a_set_of_ones_own_changes_in_place)
{
    struct subscriber sub = {0};
    join_live(&sub, "a b/#");
    struct feed *f = sub.feed;
    add(&sub, "c");
    add(&sub, "c");
    drop(&sub, "b/#");
    drop(&sub, "none");
    ck_assert_ptr_eq(sub.feed, f);
    ck_assert(feed_is_live(&sub));
    ck_assert_int_eq(told, 2);
    bring("a");
    bring("b/c");
    bring("c");
    CHECK_HITS(sub, 1, 3);
    end_turn();
    add(&sub, "#");
    ck_assert(sub.feed->all);
    drop(&sub, "#");
    ck_assert(!sub.feed->all);
    drop(&sub, "a");
    drop(&sub, "c");
    ck_assert_ptr_eq(sub.feed, f);
    ck_assert_uint_eq(f->filter_count, 0);
    add(&sub, "d");
    bring("d");
    CHECK_HITS(sub, 4);
    end_turn();
    feed_leave(&sub, feeds, NULL);
}
END_TEST

/* A set that others have too is left to them; one that is there already is joined. */
START_TEST(a_shared_set_is_left)
{
    struct subscriber a = {0}, b = {0}, c = {0};
    join_live(&a, "x y");
    join_live(&b, "x y");
    join_live(&c, "x y z");
    ck_assert_ptr_eq(a.feed, b.feed);
    add(&b, "z");
    ck_assert_ptr_eq(b.feed, c.feed);
    ck_assert(feed_is_live(&b));
    ck_assert_uint_eq(a.feed->filter_count, 2);
    ck_assert_int_eq(told, 8);
    drop(&c, "z");
    ck_assert_ptr_eq(c.feed, a.feed);
    ck_assert_int_eq(told, 7);
    bring("z");
    CHECK_HITS(b, 1);
    CHECK_NO_HITS(c);
    /* What this turn has hit stays as it is until the turn ends. */
    struct feed *touched = b.feed;
    add(&b, "w");
    ck_assert_ptr_ne(b.feed, touched);
    ck_assert_uint_eq(touched->filter_count, 3);
    end_turn();
    feed_leave(&a, feeds, NULL);
    feed_leave(&b, feeds, NULL);
    feed_leave(&c, feeds, NULL);
}
END_TEST

/* The watcher or the budget may refuse: then nothing has changed. */
START_TEST(a_refused_change_changes_nothing)
{
    struct subscriber own = {0}, shared = {0}, other = {0};
    join_live(&own, "a");
    join_live(&shared, "x y");
    join_live(&other, "x y");
    size_t before = taken;
    for (int i = 0; i < 2; i++) {
        struct subscriber *sub = i ? &shared : &own;
        struct feed *f = sub->feed;
        tell_failures = 1;
        ck_assert_int_eq(feed_add(feeds, sub, "n", 1, NULL), ERR_NOMEM);
        tell_failures = 0;
        for (taken_max = taken; taken_max < before + 120; taken_max += 8)
            ck_assert_int_eq(feed_add(feeds, sub, "n", 1, NULL), ERR_FULL);
        taken_max = SIZE_MAX;
        ck_assert_ptr_eq(sub->feed, f);
        ck_assert(feed_is_live(sub));
        ck_assert(!feed_has(feeds, f, "n", 1));
        ck_assert_int_eq(told, 5);
        ck_assert_uint_eq(taken, before);
    }
    /* What was granted before, and what gives something up, is not refused. */
    taken_max = 0;
    ck_assert_int_eq(feed_take_over(feeds, &own, "n", 1, NULL), ERR_OK);
    drop(&shared, "x");
    drop(&own, "a");
    struct feed_spec spec;
    feed_spec_init(&spec, feeds);
    ck_assert_int_eq(feed_spec_add(&spec, "n", 1), ERR_OK); /* there already */
    ck_assert_int_eq(feed_spec_add(&spec, "m", 1), ERR_FULL);
    ck_assert_int_eq(feed_join(&other, &spec, &encoding_b, 0, NULL), ERR_FULL);
    feed_spec_finish(&spec);
    feed_leave(&own, feeds, NULL);
    feed_leave(&shared, feeds, NULL);
    feed_leave(&other, feeds, NULL);
}
END_TEST

/* --- work --- */

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
    Suite *s = suite_create("feeds");
    TCase *t = tcase_create("feeds");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_turn_brings_each_feed_its_messages_in_order);
    tcase_add_test(t, a_message_is_hit_once_however_many_filters_match);
    tcase_add_test(t, only_feeds_with_live_members_are_hit);
    tcase_add_test(t, what_comes_for_a_feed_is_counted);
    tcase_add_test(t, a_turn_that_is_repeated_counts_once);
    tcase_add_test(t, members_may_leave_during_a_turn);
    tcase_add_test(t, more_hits_than_one_chunk_holds);
    tcase_add_test(t, the_same_set_is_one_feed_whatever_its_order);
    tcase_add_test(t, joining_again_leaves_the_former_feed);
    tcase_add_test(t, sets_are_told_by_transport);
    tcase_add_test(t, a_feed_that_is_held_can_be_asked);
    tcase_add_test(t, a_set_is_shared_in_equal_parts);
    tcase_add_test(t, a_refused_join_changes_nothing);
    tcase_add_test(t, sets_are_put_together_and_taken_apart);
    tcase_add_test(t, routes_follow_what_comes_and_goes);
    tcase_add_test(t, routes_are_made_when_a_topic_first_gets_a_message);
    tcase_add_test(t, the_filter_that_matches_is_named);
    tcase_add_test(t, a_feeds_topics_are_found_as_they_come);
    tcase_add_test(t, a_feeds_topics_may_be_forgotten);
    tcase_add_test(t, a_set_that_changes_has_other_topics);
    tcase_add_test(t, a_set_is_open_for_topics_that_are_not_there);
    tcase_add_test(t, many_new_topics_are_not_all_looked_at);
    tcase_add_test(t, a_feeds_topics_may_become_too_many);
    tcase_add_test(t, random_subscriptions_get_what_a_naive_matcher_says);
    tcase_add_test(t, thousands_of_feeds_come_and_go);
    tcase_add_test(t, a_set_of_ones_own_changes_in_place);
    tcase_add_test(t, a_shared_set_is_left);
    tcase_add_test(t, a_refused_change_changes_nothing);
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
