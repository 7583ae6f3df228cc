/*
 * Topics that nobody needs any more give their places back: when, on which ways they become so, and
 * what is told of them afterwards. Against the memory store and the durable log.
 */
#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_forget.h"
#include "broker/broker_remove.h"
#include "broker/idle.h"
#include "broker/topic_table.h"
#include "tests/unit/broker_fixture.h"

enum { SECOND = 1000 };

static struct rig rig;
static struct retention_rule rule;
static struct retention_rules rules;

static void setup(void)
{
    rig_init(&rig, false);
    rules = (struct retention_rules){.rules = &rule};
    rig.options.max_topics = 4;
}

static void setup_durable(void)
{
    rig_init(&rig, true);
    rules = (struct retention_rules){.rules = &rule};
    rig.options.max_topics = 4;
}

static void teardown(void)
{
    rig_finish(&rig);
}

static uint32_t count_topics(void)
{
    return topic_table_count(broker_topics(rig.broker));
}

static enum err try_publish(const char *topic)
{
    struct publish *p = publish_of(topic, NULL);
    rig_commit(&rig, p);
    enum err e = p->result;
    publish_free(p);
    return e;
}

/* FIRST and those that follow in the alphabet, until the table is full. */
static void fill(char first)
{
    char name[] = {first, '\0'};
    for (; count_topics() < rig.options.max_topics; name[0]++)
        rig_publish(&rig, name);
    ck_assert_int_eq(try_publish("one-more"), ERR_LIMIT);
    ck_assert_ptr_null(rig_topic(&rig, "one-more"));
}

static void pass_time(uint64_t ms)
{
    rig.now_ms += ms;
    rig_retain(&rig);
}

/* --- when --- */

START_TEST(a_full_table_gives_places_back_at_once)
{
    rig_start(&rig);
    fill('a');
    rig_purge(&rig, "b");
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    ck_assert_ptr_null(rig_topic(&rig, "b"));
    ck_assert_ptr_nonnull(rig_topic(&rig, "a"));
    ck_assert_uint_eq(count_topics(), 4);
    ck_assert_uint_eq(broker_forgotten(rig.broker), 1);
    ck_assert_int_eq(try_publish("b"), ERR_LIMIT);
    rig_purge(&rig, "new");
    ck_assert_int_eq(try_publish("b"), ERR_OK);
    ck_assert_uint_gt(rig_topic(&rig, "b")->id, 4); /* ids are never used again */
    ck_assert_uint_eq(rig_topic(&rig, "b")->messages, 1);
}
END_TEST

START_TEST(where_there_is_room_a_topic_stays_for_a_while)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    pass_time(5 * SECOND);
    rig_purge(&rig, "a");
    pass_time(IDLE_KEPT_MS - SECOND);
    ck_assert_ptr_nonnull(rig_topic(&rig, "a"));
    rig_publish(&rig, "a");
    rig_purge(&rig, "a"); /* the time begins anew */
    pass_time(2 * SECOND);
    ck_assert_ptr_nonnull(rig_topic(&rig, "a"));
    pass_time(IDLE_KEPT_MS);
    ck_assert_ptr_null(rig_topic(&rig, "a"));
    ck_assert_uint_eq(count_topics(), 0);
    ck_assert_uint_eq(rig_retain(&rig), UINT64_MAX);
}
END_TEST

START_TEST(a_topic_with_messages_stays)
{
    rig_start(&rig);
    fill('a');
    pass_time(10 * IDLE_KEPT_MS);
    ck_assert_uint_eq(count_topics(), 4);
    rig_purge(&rig, "a");
    rig_publish(&rig, "a");
    pass_time(10 * IDLE_KEPT_MS);
    ck_assert_uint_eq(count_topics(), 4);
    ck_assert_int_eq(try_publish("new"), ERR_LIMIT);
}
END_TEST

START_TEST(a_topic_with_subscribers_stays)
{
    struct follower exact = {0}, pattern = {0};
    rig_start(&rig);
    fill('a');
    follower_start_text(&rig, &exact, "a", "latest");
    follower_start_text(&rig, &pattern, "#", "latest");
    rig_purge(&rig, "a");
    ck_assert_int_eq(try_publish("new"), ERR_LIMIT);
    pass_time(10 * IDLE_KEPT_MS);
    ck_assert_ptr_nonnull(rig_topic(&rig, "a"));
    rig_publish(&rig, "a");
    follower_read(&rig, &exact);
    CHECK_GOT(&exact, 5);
    rig_purge(&rig, "a");
    follower_finish(&rig, &exact);
    ck_assert_int_eq(try_publish("new"), ERR_OK); /* whoever has a pattern needs no topic */
    ck_assert_ptr_null(rig_topic(&rig, "a"));
    follower_finish(&rig, &pattern);
}
END_TEST

START_TEST(a_topic_with_keys_stays_for_their_window)
{
    rig_start(&rig);
    uint64_t first = rig_publish_key(&rig, "a", "key");
    fill('b');
    rig_purge(&rig, "a");
    ck_assert_int_eq(try_publish("new"), ERR_LIMIT);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "key"), first);
    pass_time(rig.options.dedup_window_ms - SECOND);
    ck_assert_int_eq(try_publish("new"), ERR_LIMIT);
    pass_time(2 * SECOND);
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    ck_assert_ptr_null(rig_topic(&rig, "a"));
    rig_purge(&rig, "new");
    ck_assert_uint_gt(rig_publish_key(&rig, "a", "key"), first);
}
END_TEST

/* Keys that were crowded out, or belong to a publish that failed, hold nothing. */
START_TEST(keys_that_are_forgotten_early_hold_no_topic)
{
    rig.options.dedup_max_keys = 1;
    rig_start(&rig);
    rig_publish_key(&rig, "a", "key");
    rig_publish_key(&rig, "b", "key");
    fill('c');
    rig_purge(&rig, "a");
    rig.fault = ERR_NOSPACE;
    struct publish *p = publish_of("c", "key");
    rig_commit(&rig, p);
    ck_assert_int_eq(p->result, ERR_NOSPACE);
    publish_free(p);
    rig.fault = ERR_OK;
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    rig_purge(&rig, "c");
    ck_assert_int_eq(try_publish("newer"), ERR_OK);
}
END_TEST

/* --- by which ways --- */

START_TEST(what_retention_empties_is_forgotten)
{
    rules.otherwise.max_age_ms = 10 * SECOND;
    rule = (struct retention_rule){"b", {.max_age_ms = 20 * SECOND}};
    rules.count = 1;
    rig.options.retention = &rules;
    rig_start(&rig);
    fill('a');
    pass_time(11 * SECOND);
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    ck_assert_ptr_nonnull(rig_topic(&rig, "b"));
    pass_time(IDLE_KEPT_MS);
    pass_time(IDLE_KEPT_MS + SECOND);
    pass_time(IDLE_KEPT_MS + SECOND);
    ck_assert_uint_eq(count_topics(), 0);
    ck_assert_uint_eq(broker_forgotten(rig.broker), 5);
}
END_TEST

START_TEST(what_a_trim_empties_is_forgotten)
{
    rig_start(&rig);
    fill('a');
    rig_trim(&rig, 2);
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    ck_assert_int_eq(try_publish("newer"), ERR_OK);
    ck_assert_int_eq(try_publish("newest"), ERR_LIMIT);
    ck_assert_ptr_nonnull(rig_topic(&rig, "c"));
}
END_TEST

START_TEST(what_leaves_the_tail_is_forgotten)
{
    rig.options.max_topics = 2;
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig_flush_tail(&rig); /* by a topic of its own */
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    ck_assert_ptr_null(rig_topic(&rig, "mem/a"));
}
END_TEST

START_TEST(a_purge_that_takes_long_holds_its_topic)
{
    rig.options.max_topics = 2;
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3000);
    rig_publish(&rig, "b");
    rig_purge(&rig, "a");
    ck_assert_ptr_nonnull(rig_topic(&rig, "a"));
    ck_assert_int_eq(try_publish("new"), ERR_LIMIT);
    rig_retain(&rig);
    ck_assert_int_eq(try_publish("new"), ERR_OK);
}
END_TEST

START_TEST(failed_publishes_leave_no_topic_for_ever)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig.fault = ERR_NOSPACE;
    ck_assert_int_eq(try_publish("b"), ERR_NOSPACE);
    ck_assert_int_eq(try_publish("c"), ERR_NOSPACE);
    ck_assert_int_eq(try_publish("d"), ERR_NOSPACE);
    ck_assert_int_eq(try_publish("e"), ERR_NOSPACE);
    rig.fault = ERR_OK;
    rig_publish(&rig, "f");
    rig_publish(&rig, "g");
    rig_publish(&rig, "h");
    ck_assert_uint_eq(count_topics(), 4);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
}
END_TEST

/* A publish that needs more topics than there is room for fails as a whole, and holds nothing. */
START_TEST(what_a_group_needs_stays)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    rig_start(&rig);
    struct publish *p = publish_create(5);
    for (uint32_t i = 0; i < 5; i++)
        publish_set(p, i, message_of(names[i], "", NULL));
    rig_commit(&rig, p);
    ck_assert_int_eq(p->result, ERR_LIMIT);
    publish_free(p);
    p = publish_create(4);
    for (uint32_t i = 0; i < 4; i++)
        publish_set(p, i, message_of(names[i + 1], "", NULL));
    rig_commit(&rig, p);
    ck_assert_int_eq(p->result, ERR_OK);
    publish_free(p);
    ck_assert_int_eq(try_publish("a"), ERR_LIMIT);
    ck_assert_uint_eq(rig_topic(&rig, "e")->messages, 1);
}
END_TEST

/* A topic that gets its first message, at last, by the same group that needs a place. */
START_TEST(an_idle_topic_of_the_same_group_stays)
{
    rig_start(&rig);
    fill('a');
    rig_purge(&rig, "b");
    struct publish *again = publish_of("b", NULL), *new = publish_of("new", NULL);
    rig_commit(&rig, list_of(again, new, NULL));
    ck_assert_int_eq(again->result, ERR_OK);
    ck_assert_int_eq(new->result, ERR_LIMIT);
    list_free(again);
    ck_assert_uint_eq(rig_topic(&rig, "b")->messages, 1);
    ck_assert_ptr_null(rig_topic(&rig, "new"));
    ck_assert_uint_eq(broker_forgotten(rig.broker), 0);
}
END_TEST

START_TEST(a_disk_that_lets_nothing_go_is_told)
{
    rig_start(&rig);
    fill('a');
    rig_purge(&rig, "a");
    rig.fault = ERR_IO;
    ck_assert_int_eq(try_publish("new"), ERR_IO);
    ck_assert_ptr_nonnull(rig_topic(&rig, "a"));
    rig.now_ms += 2 * IDLE_KEPT_MS;
    uint64_t due;
    ck_assert_int_eq(broker_retain(rig.broker, rig.now_ms, &due), ERR_IO);
    ck_assert_uint_eq(due, rig.now_ms + SECOND);
    rig.fault = ERR_OK;
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    ck_assert_ptr_null(rig_topic(&rig, "a"));
}
END_TEST

/* --- what is told --- */

static void check_start(const char *filters, const char *after, enum gap_reason reason)
{
    struct follower f = {0};
    follower_start_text(&rig, &f, filters, after);
    ck_assert_int_eq(f.gap.reason, reason);
    follower_read(&rig, &f);
    ck_assert_int_eq(f.gap.reason, GAP_NONE); /* told once */
    follower_finish(&rig, &f);
}

/* "old" is forgotten with its last message at 3; "kept" was there before, "late" came behind. */
static void forget_old(void)
{
    rig_start(&rig);
    rig_publish(&rig, "kept");
    rig_publish_run(&rig, "old", 2);
    rig_purge(&rig, "old");
    pass_time(IDLE_KEPT_MS + SECOND);
    ck_assert_ptr_null(rig_topic(&rig, "old"));
    rig_publish(&rig, "late");
    ck_assert_uint_eq(topic_table_forgotten(broker_topics(rig.broker)).mark, 3);
}

static void check_told(void)
{
    check_start("old", "2", GAP_TRIMMED);
    check_start("old", "3", GAP_NONE);
    check_start("never", "2", GAP_TRIMMED); /* nobody knows */
    check_start("never", "3", GAP_NONE);
    check_start("kept", "0", GAP_NONE); /* it never was forgotten */
    check_start("kept", "2", GAP_NONE);
    check_start("kept old", "2", GAP_TRIMMED);
    check_start("late", "2", GAP_TRIMMED); /* it may have been forgotten before */
    check_start("late", "3", GAP_NONE);
    check_start("+", "2", GAP_TRIMMED);
    check_start("#", "2", GAP_TRIMMED);
    check_start("#", "3", GAP_NONE);
    check_start("old", "earliest", GAP_NONE); /* nothing is missed that was not asked for */
    check_start("#", "earliest", GAP_NONE);
    check_start("#", "-5", GAP_NONE);
}

START_TEST(a_cursor_below_the_mark_is_told)
{
    forget_old();
    check_told();
    rig_publish(&rig, "old");
    check_told();
    check_start("old", "4", GAP_NONE);
}
END_TEST

START_TEST(the_mark_outlives_a_restart)
{
    forget_old();
    for (int clean = 0; clean < 2; clean++) {
        if (clean)
            rig_stop(&rig);
        else
            rig_crash(&rig);
        rig_start(&rig);
        check_told();
    }
    rig_publish(&rig, "old");
    ck_assert_uint_gt(rig_topic(&rig, "old")->id, 3);
    rig_crash(&rig);
    rig_start(&rig);
    check_told();
}
END_TEST

/* Though the log has never seen its messages. */
START_TEST(the_mark_of_a_memory_topic_outlives_a_crash)
{
    rig_start(&rig);
    rig_publish(&rig, "kept");
    rig_publish_run(&rig, "mem/a", 3);
    rig_purge(&rig, "mem/a");
    pass_time(2 * IDLE_KEPT_MS);
    ck_assert_ptr_null(rig_topic(&rig, "mem/a"));
    rig_crash(&rig);
    rig_start(&rig);
    check_start("mem/a", "3", GAP_TRIMMED);
    check_start("mem/a", "4", GAP_NONE);
    check_start("kept", "0", GAP_NONE);
}
END_TEST

/* Who is on the way, and knows of the loss, is not told again when the topic goes. */
START_TEST(forgetting_is_no_loss)
{
    struct follower f = {0};
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish_run(&rig, "b", 3);
    follower_start_text(&rig, &f, "#", "0");
    rig_purge(&rig, "b");
    ck_assert(follower_read(&rig, &f));
    ck_assert_int_eq(f.gap.reason, GAP_TRIMMED);
    pass_time(2 * IDLE_KEPT_MS);
    ck_assert_ptr_null(rig_topic(&rig, "b"));
    rig_publish(&rig, "b");
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 1, 5);
    follower_finish(&rig, &f);
}
END_TEST

/* But who does not know of it is told, though the topic is not there any more. */
START_TEST(a_loss_is_told_when_its_topic_is_gone)
{
    struct follower f = {0}, other = {0};
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish_run(&rig, "mem/b", 3);
    rig_publish(&rig, "c/1");
    follower_start_text(&rig, &f, "+ mem/+", "0");
    follower_start_text(&rig, &other, "a", "0");
    rig_purge(&rig, "mem/b");
    rig_purge(&rig, "c/1");
    pass_time(2 * IDLE_KEPT_MS);
    ck_assert_uint_eq(count_topics(), 1);
    ck_assert(follower_read(&rig, &f));
    ck_assert_int_eq(f.gap.reason, GAP_TRIMMED);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 1);
    ck_assert(!follower_read(&rig, &other));
    CHECK_GOT(&other, 1);
    follower_finish(&rig, &f);
    follower_finish(&rig, &other);
}
END_TEST

static void check_expected(const char *topic, uint64_t seen, enum err result, uint64_t current)
{
    struct publish *p = publish_of(topic, NULL);
    struct cursor c = {seen, 0};
    ck_assert_int_eq(publish_expect(p, 0, &c, 0), ERR_OK);
    rig_commit(&rig, p);
    ck_assert_int_eq(p->result, result);
    if (result == ERR_CONFLICT)
        ck_assert_uint_eq(p->current, current);
    publish_free(p);
}

START_TEST(what_is_expected_below_the_mark_is_a_conflict)
{
    forget_old();
    check_expected("old", 0, ERR_CONFLICT, 3);
    check_expected("never", 2, ERR_CONFLICT, 3);
    ck_assert_ptr_null(rig_topic(&rig, "old"));
    ck_assert_ptr_null(rig_topic(&rig, "never"));
    check_expected("kept", 1, ERR_OK, 0);
    check_expected("old", 3, ERR_OK, 0);
    check_expected("old", 3, ERR_CONFLICT, 6);
    check_expected("never", 4, ERR_OK, 0);
}
END_TEST

/* Those that make room for it are others. */
START_TEST(what_makes_room_is_no_conflict)
{
    rig_start(&rig);
    fill('a');
    rig_purge(&rig, "a");
    rig_publish(&rig, "b");
    rig_trim(&rig, 5);
    check_expected("new", 0, ERR_OK, 0);
    ck_assert_uint_eq(rig_topic(&rig, "new")->floor, 0);
    ck_assert_uint_gt(topic_table_forgotten(broker_topics(rig.broker)).mark, 0);
}
END_TEST

/* --- the start --- */

START_TEST(a_log_full_of_idle_topics_lets_new_ones_in)
{
    rig_start(&rig);
    fill('a');
    rig_trim(&rig, 4);
    rig_stop(&rig);
    rig_start(&rig);
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    rig_stop(&rig);
    rig_start(&rig);
    ck_assert_int_eq(try_publish("newer"), ERR_OK);
    ck_assert_uint_eq(rig_topic(&rig, "new")->messages, 1);
}
END_TEST

START_TEST(a_log_with_more_topics_than_may_be_loses_idle_ones)
{
    rig_start(&rig);
    fill('a');
    rig_purge(&rig, "b");
    rig_purge(&rig, "d");
    rig_stop(&rig);
    rig.options.max_topics = 2;
    rig_start(&rig);
    ck_assert_uint_eq(count_topics(), 2);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    ck_assert_uint_eq(rig_topic(&rig, "c")->messages, 1);
    check_start("b", "1", GAP_TRIMMED);
    check_start("c", "1", GAP_NONE);
}
END_TEST

START_TEST(kept_keys_hold_their_topic_over_a_restart)
{
    rig_start(&rig);
    uint64_t first = rig_publish_key(&rig, "a", "key");
    fill('b');
    rig_purge(&rig, "a");
    rig_stop(&rig);
    rig_start(&rig);
    ck_assert_int_eq(try_publish("new"), ERR_LIMIT);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "key"), first);
    rig.options.dedup_max_keys = 0; /* nobody asks for it, but the log has it yet */
    rig_stop(&rig);
    rig_start(&rig);
    ck_assert_int_eq(try_publish("new"), ERR_OK);
    rig.options.dedup_max_keys = 1000;
    rig_stop(&rig);
    rig_start(&rig);
    rig_purge(&rig, "new");
    ck_assert_uint_gt(rig_publish_key(&rig, "a", "key"), first);
}
END_TEST

/* --- many --- */

static size_t memory_in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* Ids in topic names, for ever: what it takes does not grow, and the others go on. */
START_TEST(many_names_pass_through_a_small_table)
{
    enum { NAMES = 200000, PLACES = 1000 };
    char name[32];
    size_t before = 0;
    rig.options.max_topics = PLACES;
    rig.options.tail_bytes = 100000;
    rig_start(&rig);
    rig_publish(&rig, "kept");
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "session/%d", i);
        rig_publish(&rig, name);
        rig_purge(&rig, name);
        if (i == NAMES / 10)
            before = memory_in_use();
    }
    ck_assert_uint_le(count_topics(), PLACES);
    ck_assert_uint_gt(broker_forgotten(rig.broker), NAMES - PLACES);
    ck_assert_uint_lt(rig.forgets, NAMES / (PLACES / 20)); /* many in a commit */
    ck_assert_uint_lt(memory_in_use(), before + before / 4 + 200000);
    check_start("kept", "0", GAP_NONE);
}
END_TEST

/* The log's messages of a topic that is a memory one now; _i: by which way they go. */
enum { BY_TRIM, BY_PURGE, BY_TAIL, BY_RESTART, WAYS };

static void take_away(int way)
{
    if (way == BY_TRIM) {
        rig_trim(&rig, 2);
        ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
        ck_assert_uint_eq(rig_topic(&rig, "a")->bytes, 1);
        rig_trim(&rig, 3);
        return;
    }
    if (way == BY_PURGE) {
        rig_purge(&rig, "a");
        return;
    }
    rig_publish(&rig, "a");
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 4);
    if (way == BY_TAIL)
        rig_flush_tail(&rig);
    else
        rig_stop(&rig);
    if (way == BY_RESTART)
        rig_start(&rig);
}

START_TEST(what_became_a_memory_topic_is_forgotten)
{
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3);
    rig_stop(&rig);
    rig.all_memory = true;
    rig_start(&rig);
    ck_assert(rig_topic(&rig, "a")->memory);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 3);
    take_away(_i);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 0);
    ck_assert_uint_eq(rig_topic(&rig, "a")->bytes, 0);
    if (_i == BY_RESTART || _i == BY_TAIL)
        rig_trim(&rig, 3); /* the log's own are still there */
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 0);
    rig_publish(&rig, "a");
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    rig_purge(&rig, "a");
    pass_time(IDLE_KEPT_MS + SECOND);
    pass_time(IDLE_KEPT_MS + SECOND);
    ck_assert_ptr_null(rig_topic(&rig, "a"));
}
END_TEST

static bool never(void *ctx, const struct topic *t)
{
    (void)ctx;
    return t->memory;
}

/* One a minute was looked at, the others were still dated by the former clock. */
START_TEST(a_clock_that_is_set_back_holds_no_topic)
{
    enum { TOPICS = 3, NOW = 100000000, BACK = 50000000 };
    struct idle_topics idle = {0};
    struct interest *interest = interest_create(1 << 20, 1);
    struct topic *topics[TOPICS], *taken[TOPICS];
    for (int i = 0; i < TOPICS; i++) {
        topics[i] = calloc(1, sizeof(struct topic) + 1);
        idle_note(&idle, topics[i], NOW);
    }
    idle_step_clock(&idle, -BACK);
    uint64_t now = NOW - BACK + IDLE_KEPT_MS;
    ck_assert_uint_eq(idle_due_ms(&idle, now), now);
    ck_assert_uint_eq(
        idle_take(&idle, interest, never, NULL, now, now - IDLE_KEPT_MS, 100, taken, TOPICS),
        TOPICS);
    for (int i = 0; i < TOPICS; i++)
        free(topics[i]);
    interest_destroy(interest);
}
END_TEST

int main(void)
{
    static const struct {
        const char *name;
        void (*setup)(void);
    } stores[] = {{"memory store", setup}, {"durable log", setup_durable}};
    const TTest *const both[] = {
        a_full_table_gives_places_back_at_once,
        where_there_is_room_a_topic_stays_for_a_while,
        a_topic_with_messages_stays,
        a_topic_with_subscribers_stays,
        a_topic_with_keys_stays_for_their_window,
        keys_that_are_forgotten_early_hold_no_topic,
        what_retention_empties_is_forgotten,
        what_a_trim_empties_is_forgotten,
        what_leaves_the_tail_is_forgotten,
        a_purge_that_takes_long_holds_its_topic,
        failed_publishes_leave_no_topic_for_ever,
        what_a_group_needs_stays,
        an_idle_topic_of_the_same_group_stays,
        a_disk_that_lets_nothing_go_is_told,
        a_cursor_below_the_mark_is_told,
        forgetting_is_no_loss,
        a_loss_is_told_when_its_topic_is_gone,
        what_is_expected_below_the_mark_is_a_conflict,
        what_makes_room_is_no_conflict,
    };
    const TTest *const restarts[] = {
        the_mark_outlives_a_restart,
        the_mark_of_a_memory_topic_outlives_a_crash,
        a_log_full_of_idle_topics_lets_new_ones_in,
        a_log_with_more_topics_than_may_be_loses_idle_ones,
        kept_keys_hold_their_topic_over_a_restart,
    };
    Suite *s = suite_create("broker, idle topics");
    for (size_t i = 0; i < 2; i++) {
        TCase *t = tcase_create(stores[i].name);
        tcase_add_checked_fixture(t, stores[i].setup, teardown);
        tcase_set_timeout(t, 300);
        for (size_t k = 0; k < sizeof(both) / sizeof(both[0]); k++)
            tcase_add_test(t, both[k]);
        for (size_t k = 0; stores[i].setup == setup_durable && k < 5; k++)
            tcase_add_test(t, restarts[k]);
        if (stores[i].setup == setup_durable)
            tcase_add_loop_test(t, what_became_a_memory_topic_is_forgotten, 0, WAYS);
        if (stores[i].setup == setup)
            tcase_add_test(t, a_clock_that_is_set_back_holds_no_topic);
        if (stores[i].setup == setup)
            tcase_add_test(t, many_names_pass_through_a_small_table);
        suite_add_tcase(s, t);
    }
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
