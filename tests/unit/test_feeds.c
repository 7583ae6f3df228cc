/* Subscription tables: filters, shared feeds, routes, turns, and sets that change. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "tests/unit/feeds_fixture.h"
#include "tests/unit/random.h"

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

int main(void)
{
    Suite *s = suite_create("feeds");
    TCase *t = tcase_create("feeds");
    tcase_add_checked_fixture(t, feeds_setup, feeds_teardown);
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
    tcase_add_test(t, random_subscriptions_get_what_a_naive_matcher_says);
    tcase_add_test(t, a_set_of_ones_own_changes_in_place);
    tcase_add_test(t, a_shared_set_is_left);
    tcase_add_test(t, a_refused_change_changes_nothing);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
