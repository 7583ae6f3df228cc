/*
 * What a subscriber gets next, and what it is told that it lost. One worker, one thread; where it
 * starts is in test_replay_start.c, what cannot be read in test_replay_damage.c, random histories
 * are in test_replay_random.c, threads in test_replay_races.c.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "tests/unit/replay_fixture.h"

/* --- losses on the way --- */

START_TEST(a_lagging_subscriber_is_told_in_its_place)
{
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a", "0");
    f.stop_after = 3;
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    CHECK_GOT(&f, 1, 3, 5);
    rig_trim(&rig, 8);
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, f.position.offset, rig.log.epoch, 8);
    ck_assert_uint_ge(f.position.offset, 5);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 1, 3, 5, 9, 11, 13, 15, 17, 19);
}
END_TEST

START_TEST(losses_behind_are_not_told)
{
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a", "10");
    rig_trim(&rig, 10);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 11, 13, 15, 17, 19);
    rig_purge(&rig, "a");
    rig_publish(&rig, "a");
    ck_assert(!follower_read(&rig, &f));
    ck_assert_uint_eq(f.got[5], 21);
}
END_TEST

START_TEST(losses_of_others_are_not_told)
{
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "b", "10");
    rig_purge(&rig, "a");
    rig_trim(&rig, 11);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 12, 14, 16, 18);
}
END_TEST

/* One loss may not hide another: b's is at a smaller offset than a's, which was told before. */
START_TEST(a_later_loss_below_an_earlier_one_is_told)
{
    static const char *const filters[] = {"a b", "#"};
    rig_start(&rig);
    publish_twenty();
    rig_purge(&rig, "a");
    follower_start_text(&rig, &f, filters[_i], "5");
    check_gap(GAP_TRIMMED, 5, rig.log.epoch, 5);
    f.stop_after = 1;
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    CHECK_GOT(&f, 6);
    rig_trim(&rig, 12);
    f.stop_after = 0;
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, f.position.offset, rig.log.epoch, 13);
    ck_assert(!follower_read(&rig, &f));
    ck_assert_uint_eq(f.got[1], 14);
}
END_TEST

/* What earliest forgives is what is lost by then, not what is lost later. */
START_TEST(losses_after_the_start_are_told_to_all)
{
    static const char *const starts[] = {"earliest", "-100", "2000-01-01T00:00:00Z"};
    rig_start(&rig);
    publish_twenty();
    rig_purge(&rig, "a");
    follower_start_text(&rig, &f, "a b", starts[_i]);
    check_gap(GAP_NONE, 0, 0, 0);
    rig_trim(&rig, 6);
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, f.position.offset, rig.log.epoch, 7);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 8, 10, 12, 14, 16, 18);
}
END_TEST

START_TEST(each_loss_is_told_once)
{
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "#", "0");
    f.stop_after = 1;
    rig_trim(&rig, 4);
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    check_gap(GAP_TRIMMED, 0, rig.log.epoch, 4);
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    check_gap(GAP_NONE, 0, 0, 0);
    CHECK_GOT(&f, 5);
    rig_trim(&rig, 4);
    rig_trim(&rig, 5);
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    check_gap(GAP_NONE, 0, 0, 0);
    rig_trim(&rig, 8);
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    check_gap(GAP_TRIMMED, 6, rig.log.epoch, 8);
    rig_purge(&rig, "c");
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    check_gap(GAP_TRIMMED, 6, rig.log.epoch, 8);
    f.stop_after = 0;
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
}
END_TEST

/* --- evictions --- */

START_TEST(memory_messages_are_replayed_as_far_as_the_tail_reaches)
{
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 3);
    rig_publish(&rig, "b");
    follower_start_text(&rig, &f, "mem/a", "1");
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 2, 3);
    rig_flush_tail(&rig);
    uint64_t next = rig_publish(&rig, "mem/a");
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "mem/a", "2");
    check_gap(GAP_TRIMMED, 2, rig.log.epoch, next - 1);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, next);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "mem/a", "3");
    check_gap(GAP_NONE, 0, 0, 0);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "b", "0");
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 4);
}
END_TEST

/* A busy memory topic drives its messages out of the tail all the time. Who lags far behind it gets
 * on nevertheless, and is told once for each length of the tail, not for each message. */
START_TEST(evictions_do_not_hold_up_a_lagging_subscriber)
{
    static const char *const filters[] = {"b mem/a", "#"};
    rig.options.tail_bytes = 22000;
    rig_start(&rig);
    for (int i = 0; i < 1000; i++) {
        rig_publish(&rig, "b");
        rig_publish(&rig, "mem/a");
    }
    follower_start_text(&rig, &f, filters[_i], "0");
    check_gap(GAP_TRIMMED, 0, rig.log.epoch, 0);
    f.stop_after = 10;
    int gaps = 0, steps = 0;
    uint64_t at = 0;
    while (f.position.offset < rig.replay.head) {
        rig_publish(&rig, "b");
        rig_publish(&rig, "mem/a");
        ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
        gaps += f.gap.reason != GAP_NONE;
        if (f.gap.reason != GAP_NONE)
            ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
        ck_assert_uint_gt(f.position.offset, at);
        at = f.position.offset;
        ck_assert_int_lt(++steps, 1000);
    }
    ck_assert_int_ge(gaps, 1);
    ck_assert_int_lt(gaps, 20);
    for (size_t i = 1; i < f.count; i++)
        ck_assert_uint_gt(f.got[i], f.got[i - 1]);
}
END_TEST

/* Chased by the end of the tail: every message is either delivered or told as lost. */
START_TEST(a_subscriber_at_the_end_of_the_tail_misses_nothing_untold)
{
    rig.options.tail_bytes = 5000;
    rig_start(&rig);
    for (int i = 0; i < 100; i++)
        rig_publish(&rig, "mem/a");
    uint64_t first = tail_first(&rig.tail, 0), seen = first - 1;
    follower_start_text(&rig, &f, "mem/a", "0");
    ck_assert_int_eq(f.gap.reason, GAP_TRIMMED);
    f.stop_after = 1;
    for (int i = 0; i < 500; i++) {
        size_t count = f.count;
        for (int n = 0; n < 2; n++) {
            rig_publish(&rig, "mem/a");
            first = tail_first(&rig.tail, 0);
        }
        ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
        if (f.gap.reason != GAP_NONE) {
            seen = f.gap.resumed;
            ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
        }
        for (; count < f.count; count++)
            ck_assert_uint_eq(f.got[count], ++seen);
    }
    ck_assert_uint_gt(f.count, 200);
}
END_TEST

/* The worker still has in its tail what the broker has evicted. */
START_TEST(an_eviction_ahead_of_the_worker_is_told)
{
    rig_start(&rig);
    for (int i = 0; i < 6; i++)
        rig_publish(&rig, "mem/a");
    follower_start_text(&rig, &f, "mem/a", "0");
    f.stop_after = 2;
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    CHECK_GOT(&f, 1, 2);
    topic_table_evict(rig.replay.topics, rig_topic(&rig, "mem/a"), 2);
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    CHECK_GOT(&f, 1, 2, 3, 4);
    topic_table_evict(rig.replay.topics, rig_topic(&rig, "mem/a"), 5);
    f.stop_after = 0;
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, 4, rig.log.epoch, 5);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 1, 2, 3, 4, 6);
}
END_TEST

START_TEST(a_purge_of_a_memory_topic_is_told_once)
{
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 4);
    follower_start_text(&rig, &f, "mem/a", "1");
    rig_purge(&rig, "mem/a");
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, 1, rig.log.epoch, 4);
    ck_assert(!follower_read(&rig, &f));
    rig_publish(&rig, "mem/a");
    rig_flush_tail(&rig);
    uint64_t next = rig_publish(&rig, "mem/a");
    ck_assert(follower_read(&rig, &f)); /* 5 */
    check_gap(GAP_TRIMMED, 4, rig.log.epoch, next - 1);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, next);
}
END_TEST

/* --- what another one of the feed has read --- */

static struct follower g; /* the other one */

/* Both follow FILTERS; g, from OFFSET on, has read to the head. */
static void begin_two(const char *filters, const char *after, const char *others_after)
{
    memset(&g, 0, sizeof(g));
    follower_start_text(&rig, &f, filters, after);
    follower_start_text(&rig, &g, filters, others_after);
    ck_assert_int_eq(follower_step(&rig, &g), ERR_OK);
    ck_assert_uint_eq(g.position.offset, rig.replay.head);
}

START_TEST(what_another_has_read_is_taken_from_the_own_place_on)
{
    static const char *const places[] = {"4", "5", "18"};
    rig_start(&rig);
    publish_twenty();
    begin_two("a c", places[_i], "4");
    ck_assert(follower_take(&rig, &f));
    ck_assert_uint_eq(f.position.offset, 20);
    if (_i == 2)
        CHECK_GOT(&f, 19, 20);
    else if (_i == 1)
        CHECK_GOT(&f, 7, 9, 11, 13, 15, 17, 19, 20);
    else
        CHECK_GOT(&f, 5, 7, 9, 11, 13, 15, 17, 19, 20);
    ck_assert(!follower_take(&rig, &f)); /* there is no more of it */
    follower_finish(&rig, &g);
}
END_TEST

START_TEST(a_span_is_not_for_other_places_nor_beyond_the_end)
{
    rig_start(&rig);
    publish_twenty();
    begin_two("a", "3", "4");
    ck_assert(!follower_take(&rig, &f));
    f.position.offset = 4;
    ck_assert(!replay_span_take(&rig.slice_span, &rig.replay, f.sub.feed, &f.position, 19));
    ck_assert(follower_take(&rig, &f));
    follower_finish(&rig, &g);
}
END_TEST

START_TEST(a_span_ends_with_a_removal)
{
    rig_start(&rig);
    publish_twenty();
    begin_two("a", "4", "4");
    rig_purge(&rig, _i ? "a" : "b");
    ck_assert(!follower_take(&rig, &f));
    ck_assert_int_eq(follower_read(&rig, &f), _i == 1);
    check_gap(_i ? GAP_TRIMMED : GAP_NONE, 4, rig.log.epoch, 20);
    follower_finish(&rig, &g);
}
END_TEST

/* The other was told before it read; this one was not. */
START_TEST(a_removal_before_a_span_is_told_to_each)
{
    rig_start(&rig);
    publish_twenty();
    memset(&g, 0, sizeof(g));
    follower_start_text(&rig, &f, "a c", "4");
    rig_purge(&rig, "a");
    follower_start_text(&rig, &g, "a c", "4");
    ck_assert_int_eq(g.gap.reason, GAP_TRIMMED);
    ck_assert_int_eq(follower_step(&rig, &g), ERR_OK);
    CHECK_GOT(&g, 20);
    ck_assert(!follower_take(&rig, &f));
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, 4, rig.log.epoch, 19);
    ck_assert(follower_take(&rig, &f)); /* now it knows as much */
    CHECK_GOT(&f, 20);
    follower_finish(&rig, &g);
}
END_TEST

START_TEST(a_span_ends_with_an_eviction)
{
    rig_start(&rig);
    for (int i = 0; i < 6; i++)
        rig_publish(&rig, "mem/a");
    begin_two("mem/a", "0", "0");
    topic_table_evict(rig.replay.topics, rig_topic(&rig, "mem/a"), 2);
    ck_assert(!follower_take(&rig, &f));
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, 0, rig.log.epoch, 2);
    ck_assert(!follower_take(&rig, &f)); /* the other was not told */
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 3, 4, 5, 6);
    follower_finish(&rig, &g);
}
END_TEST

/* --- what happens during a visit --- */

struct meddler {
    uint64_t at; /* when this offset is visited, ... */
    void (*act)(void);
    size_t visited;
};

static void purge_a(void)
{
    rig_purge(&rig, "a");
}

static void purge_b(void)
{
    rig_purge(&rig, "b");
}

static void evict_a(void)
{
    topic_table_evict(rig.replay.topics, rig_topic(&rig, "a"), 13);
}

static bool meddle(void *ctx, struct message *m, bool shared)
{
    struct meddler *d = ctx;
    (void)shared;
    d->visited++;
    if (m->offset == d->at)
        d->act();
    return true;
}

static enum err step_meddling(struct meddler *d)
{
    return replay_next(&rig.replay, f.sub.feed, &f.position, 20, meddle, d, &f.gap);
}

START_TEST(a_removal_during_the_visit_makes_it_void)
{
    struct meddler d = {.at = 9, .act = purge_a};
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a", "4");
    ck_assert_int_eq(step_meddling(&d), ERR_AGAIN);
    ck_assert_uint_eq(f.position.offset, 4);
    ck_assert_int_eq(f.gap.reason, GAP_NONE);
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, 4, rig.log.epoch, 20);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT_NOTHING(&f);
}
END_TEST

START_TEST(a_removal_of_others_during_the_visit_does_not)
{
    struct meddler d = {.at = 9, .act = purge_b};
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a c", "4");
    ck_assert_int_eq(step_meddling(&d), ERR_OK);
    ck_assert_uint_eq(d.visited, 9);
    ck_assert_uint_eq(f.position.offset, 20);
}
END_TEST

START_TEST(an_eviction_during_the_visit_ends_it_before_the_loss)
{
    struct meddler d = {.at = 9, .act = evict_a};
    rig.all_memory = true;
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a b", "4");
    ck_assert_int_eq(step_meddling(&d), ERR_OK);
    ck_assert_uint_eq(d.visited, 6); /* 5 to 10 */
    ck_assert_uint_eq(f.position.offset, 10);
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, 10, rig.log.epoch, 11);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 12, 14, 15, 16, 17, 18, 19);
}
END_TEST

static void read_beside(struct rig *r)
{
    f.count = 0;
    f.position.offset = 0;
    ck_assert_int_eq(follower_step(r, &f), ERR_OK);
    ck_assert(f.gap.reason != GAP_NONE || (f.count && f.got[0] == 1));
}

/* A reader at the moment when a trim tells a floor still finds the messages, or is told. */
START_TEST(a_trim_hides_nothing_before_it_is_told)
{
    rig_start(&rig);
    publish_twenty();
    tail_drop_below(&rig.tail, 21);
    follower_start_text(&rig, &f, "a", "0");
    rig.before_floor = read_beside;
    rig_trim(&rig, 6);
    rig.before_floor = NULL;
}
END_TEST

/* --- reading --- */

START_TEST(log_and_tail_join_without_a_seam)
{
    rig_start(&rig);
    publish_twenty();
    for (uint64_t border = 1; border <= 21; border++) {
        tail_drop_below(&rig.tail, border);
        for (uint64_t after = 0; after < 20; after++) {
            struct after a = {.kind = AFTER_CURSOR, .cursor = {after, 0}};
            follower_start(&rig, &f, "#", &a);
            ck_assert(!follower_read(&rig, &f));
            ck_assert_uint_eq(f.count, 20 - after);
            for (size_t i = 0; i < f.count; i++)
                ck_assert_uint_eq(f.got[i], after + i + 1);
            follower_finish(&rig, &f);
        }
    }
}
END_TEST

/* Visitors may stop anywhere, in the log and in the tail. */
START_TEST(a_stopped_visit_goes_on_where_it_stopped)
{
    rig_start(&rig);
    publish_twenty();
    tail_drop_below(&rig.tail, 11);
    for (f.stop_after = 1; f.stop_after < 20; f.stop_after++) {
        size_t stop_after = f.stop_after;
        follower_start_text(&rig, &f, "a c", "2");
        ck_assert(!follower_read(&rig, &f));
        CHECK_GOT(&f, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20);
        follower_finish(&rig, &f);
        f.stop_after = stop_after;
    }
}
END_TEST

START_TEST(reading_ends_at_the_given_offset)
{
    rig_start(&rig);
    publish_twenty();
    tail_drop_below(&rig.tail, 11);
    follower_start_text(&rig, &f, "#", "0");
    for (uint64_t until = 0; until <= 25; until++) {
        struct meddler d = {.at = UINT64_MAX};
        ck_assert_int_eq(
            replay_next(&rig.replay, f.sub.feed, &f.position, until, meddle, &d, &f.gap), ERR_OK);
        ck_assert_uint_eq(f.position.offset, until < 20 ? until : 20);
        ck_assert_uint_eq(d.visited, until > 0 && until <= 20 ? 1 : 0);
    }
}
END_TEST

/* A long way without a match is gone in bounded pieces. */
START_TEST(searching_is_bounded)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish_run(&rig, "b", 100000);
    rig_publish(&rig, "a");
    if (_i)
        tail_drop_below(&rig.tail, broker_head(rig.broker));
    follower_start_text(&rig, &f, "a", "1");
    size_t steps = 0;
    for (uint64_t before = 1; f.position.offset < rig.replay.head; before = f.position.offset) {
        ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
        ck_assert_uint_gt(f.position.offset, before);
        steps++;
    }
    ck_assert_uint_ge(steps, 6);
    CHECK_GOT(&f, 100002);
}
END_TEST

/* Five messages of N bytes. */
static void publish_five(const char *topic, size_t n)
{
    char payload[2048] = {0};
    memset(payload, 'x', n);
    for (int i = 0; i < 5; i++) {
        struct publish *p = publish_create(1);
        publish_set(p, 0, message_of(topic, payload, NULL));
        rig_commit(&rig, p);
        ck_assert_int_eq(p->result, ERR_OK);
        publish_free(p);
    }
}

/* What is looked at to read all of FILTER from that place on. */
static uint64_t work_of(const char *filter, const char *after)
{
    uint64_t before = rig.replay.looked;
    follower_start_text(&rig, &f, filter, after);
    ck_assert(!follower_read(&rig, &f));
    follower_finish(&rig, &f);
    return rig.replay.looked - before;
}

/* Messages, and payload by 128 bytes: whoever asks for much is to pay for it. */
START_TEST(what_is_looked_at_is_counted)
{
    rig_start(&rig);
    publish_five("s", 127);
    publish_five("l", 1280);
    publish_five("x", 1);
    ck_assert_uint_eq(work_of("s", "0"), 1 + 15); /* the topic; those of others are passed, too */
    ck_assert_uint_eq(work_of("l", "0"), 1 + 15 + 5 * 10);
    ck_assert_uint_eq(work_of("s", "-1"), 1 + 11 + 11); /* counted back, and read */
    rig_purge(&rig, "x");
    ck_assert_uint_eq(work_of("s", "0"), 1 + 1 + 15); /* its floor */
    tail_drop_below(&rig.tail, broker_head(rig.broker) + 1);
    uint64_t small = work_of("s", "0");
    ck_assert_uint_ge(small, 5);
    ck_assert_uint_eq(work_of("l", "0"), small + 5 * 10);
    ck_assert_uint_ge(work_of("s", "-1"), 1);
}
END_TEST

START_TEST(topics_that_come_later_belong_to_their_patterns)
{
    rig_start(&rig);
    follower_start_text(&rig, &f, "x/+ late", "latest");
    rig_publish(&rig, "x/1");
    rig_publish(&rig, "late");
    rig_publish(&rig, "y/1");
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 1, 2);
    rig_publish(&rig, "x/2");
    rig_publish(&rig, "late");
    rig_publish(&rig, "x/2/3");
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 1, 2, 4, 5);
}
END_TEST

static bool check_fields(void *ctx, struct message *m, bool shared)
{
    ck_assert_uint_eq(m->time_ms, rig.now_ms);
    ck_assert_str_eq(m->topic->name, "t");
    ck_assert_uint_eq(m->epoch, rig.log.epoch);
    ck_assert_uint_eq(m->kind, MESSAGE_BINARY);
    ck_assert_uint_eq(m->payload_len, 3);
    ck_assert_mem_eq(m->payload, "a\0b", 3);
    ck_assert_uint_eq(m->event_len, 2);
    ck_assert_mem_eq(m->event, "ev", 2);
    ck_assert_uint_eq(m->key_len, 3);
    ck_assert_mem_eq(m->key, "key", 3);
    ck_assert_uint_eq(m->topic_name_len, 1);
    ++*(int *)ctx;
    *((int *)ctx + 1) = shared;
    return true;
}

START_TEST(messages_are_the_same_from_the_log_and_from_the_tail)
{
    static const struct message_init init = {
        .topic = "t",
        .topic_len = 1,
        .payload = "a\0b",
        .payload_len = 3,
        .event = "ev",
        .event_len = 2,
        .key = "key",
        .key_len = 3,
        .kind = MESSAGE_BINARY,
    };
    int seen[2] = {0};
    rig_start(&rig);
    struct publish *p = publish_create(1);
    publish_set(p, 0, message_create(&init));
    rig_commit(&rig, p);
    publish_free(p);
    for (int pass = 0; pass < 2; pass++) {
        follower_start_text(&rig, &f, "t", "0");
        ck_assert_int_eq(
            replay_next(&rig.replay, f.sub.feed, &f.position, 1, check_fields, seen, &f.gap),
            ERR_OK);
        ck_assert_int_eq(seen[0], pass + 1);
        ck_assert_int_eq(seen[1], pass == 0);
        follower_finish(&rig, &f);
        tail_drop_below(&rig.tail, 2);
    }
}
END_TEST

/* --- backwards --- */

static void check_backwards(uint64_t after, uint64_t until, size_t max, size_t stop_at)
{
    struct backwards b = {.stop_at = stop_at};
    ck_assert_int_eq(
        replay_reverse(&rig.replay, f.sub.feed, after, until, max, note_backwards, &b, &f.gap),
        ERR_OK);
    size_t limit = stop_at && stop_at - 1 < max ? stop_at - 1 : max, count = 0;
    for (uint64_t offset = until < 20 ? until : 20; offset > after && count < limit; offset--)
        if (offset != 20 && offset % 2) /* "a" */
            ck_assert_uint_eq(b.got[count++], offset);
    ck_assert_uint_eq(b.count, count);
}

START_TEST(an_unknown_epoch_is_nobodys)
{
    struct store_state log = {
        .epoch = 1, .former_count = 2, .former = {{.epoch = 3}, {.epoch = 2}}};
    ck_assert_uint_eq(replay_unknown_epoch(&log), 4);
    log.epoch = 7;
    ck_assert_uint_eq(replay_unknown_epoch(&log), 1);
    struct cursor c = {0, 1};
    ck_assert(!replay_is_certain(&log, &c));
}
END_TEST

START_TEST(backwards_over_tail_and_log)
{
    static const uint64_t borders[] = {1, 2, 11, 12, 20, 21};
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a", "0");
    for (size_t i = 0; i < 6; i++) {
        tail_drop_below(&rig.tail, borders[i]);
        for (uint64_t after = 0; after <= 21; after++)
            for (uint64_t until = after; until <= 22; until += 3)
                for (size_t max = 0; max < 12; max += 2) {
                    check_backwards(after, until, max, 0);
                    check_backwards(after, until, max, 4);
                }
    }
    check_backwards(0, UINT64_MAX, 100, 0);
}
END_TEST

START_TEST(backwards_sees_only_what_is_kept)
{
    struct backwards b = {0};
    rig_start(&rig);
    publish_twenty();
    rig_trim(&rig, 6);
    rig_purge(&rig, "b");
    follower_start_text(&rig, &f, "#", "0");
    ck_assert_int_eq(
        replay_reverse(&rig.replay, f.sub.feed, 0, 20, 100, note_backwards, &b, &f.gap), ERR_OK);
    static const uint64_t kept[] = {20, 19, 17, 15, 13, 11, 9, 7};
    ck_assert_uint_eq(b.count, 8);
    ck_assert_mem_eq(b.got, kept, sizeof(kept));
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "nothing", "0");
    ck_assert_int_eq(
        replay_reverse(&rig.replay, f.sub.feed, 0, 20, 100, note_backwards, &b, &f.gap), ERR_OK);
    ck_assert_uint_eq(b.count, 8);
}
END_TEST

/* A live stream that falls behind has no memory of what it was told. */
START_TEST(a_position_without_memory_is_compared_with_all_floors)
{
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a", "10");
    f.position = (struct position){.offset = 18, .floor_serial = UINT64_MAX};
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 19);
    clear_got();
    rig_trim(&rig, 17);
    f.position = (struct position){.offset = 18, .floor_serial = UINT64_MAX};
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 19);
    f.position = (struct position){.offset = 16, .floor_serial = UINT64_MAX};
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_TRIMMED, 16, rig.log.epoch, 18);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("replay");
    TCase *t = tcase_create("losses");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, replay_setup, replay_teardown);
    tcase_add_test(t, a_lagging_subscriber_is_told_in_its_place);
    tcase_add_test(t, losses_behind_are_not_told);
    tcase_add_test(t, losses_of_others_are_not_told);
    tcase_add_loop_test(t, a_later_loss_below_an_earlier_one_is_told, 0, 2);
    tcase_add_loop_test(t, losses_after_the_start_are_told_to_all, 0, 3);
    tcase_add_test(t, each_loss_is_told_once);
    tcase_add_test(t, memory_messages_are_replayed_as_far_as_the_tail_reaches);
    tcase_add_loop_test(t, evictions_do_not_hold_up_a_lagging_subscriber, 0, 2);
    tcase_add_test(t, a_subscriber_at_the_end_of_the_tail_misses_nothing_untold);
    tcase_add_test(t, an_eviction_ahead_of_the_worker_is_told);
    tcase_add_test(t, a_purge_of_a_memory_topic_is_told_once);
    tcase_add_test(t, a_removal_during_the_visit_makes_it_void);
    tcase_add_test(t, a_removal_of_others_during_the_visit_does_not);
    tcase_add_test(t, an_eviction_during_the_visit_ends_it_before_the_loss);
    tcase_add_test(t, a_position_without_memory_is_compared_with_all_floors);
    suite_add_tcase(s, t);

    t = tcase_create("spans");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, replay_setup, replay_teardown);
    tcase_add_loop_test(t, what_another_has_read_is_taken_from_the_own_place_on, 0, 3);
    tcase_add_test(t, a_span_is_not_for_other_places_nor_beyond_the_end);
    tcase_add_loop_test(t, a_span_ends_with_a_removal, 0, 2);
    tcase_add_test(t, a_removal_before_a_span_is_told_to_each);
    tcase_add_test(t, a_span_ends_with_an_eviction);
    suite_add_tcase(s, t);

    t = tcase_create("reading");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, replay_setup, replay_teardown);
    tcase_add_test(t, an_unknown_epoch_is_nobodys);
    tcase_add_test(t, log_and_tail_join_without_a_seam);
    tcase_add_test(t, a_stopped_visit_goes_on_where_it_stopped);
    tcase_add_test(t, reading_ends_at_the_given_offset);
    tcase_add_loop_test(t, searching_is_bounded, 0, 2);
    tcase_add_test(t, what_is_looked_at_is_counted);
    tcase_add_test(t, topics_that_come_later_belong_to_their_patterns);
    tcase_add_test(t, messages_are_the_same_from_the_log_and_from_the_tail);
    tcase_add_test(t, backwards_over_tail_and_log);
    tcase_add_test(t, backwards_sees_only_what_is_kept);
    suite_add_tcase(s, t);

    t = tcase_create("durable log");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, replay_setup_durable, replay_teardown);
    tcase_add_test(t, a_trim_hides_nothing_before_it_is_told);
    tcase_add_test(t, log_and_tail_join_without_a_seam);
    tcase_add_test(t, a_stopped_visit_goes_on_where_it_stopped);
    tcase_add_test(t, backwards_over_tail_and_log);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
