/*
 * Retention: what goes by age, number, bytes and the size of the log, what keep_last keeps, when it
 * is time, and that it is made up for after errors and restarts. A clock of the test's own.
 */
#include "broker/broker_remove.h"
#include "broker/retention.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_ops.h"
#include "tests/unit/broker_fixture.h"
#include "tests/unit/retention_fixture.h"
#include "tests/unit/store_fixture.h"

/* One message every STEP_MS. */
static void publish_each(const char *topic, size_t count, uint64_t step_ms)
{
    for (size_t i = 0; i < count; i++) {
        rig_publish(&rig, topic);
        rig.now_ms += step_ms;
    }
}

/* All offsets from FIRST to LAST; FIRST > LAST: none. */
static void check_kept(const char *topic, uint64_t first, uint64_t last)
{
    const struct kept *k = kept_of(topic);
    ck_assert_uint_eq(k->count, last + 1 - first);
    for (size_t i = 0; i < k->count; i++)
        ck_assert_uint_eq(k->offsets[i], first + i);
}

/* --- by age --- */

START_TEST(old_messages_go_when_it_is_time)
{
    rules.otherwise.max_age_ms = 10 * SECOND;
    rig_start(&rig);
    uint64_t start = rig.now_ms;
    publish_each("a", 5, SECOND);
    uint64_t due = rig_retain(&rig);
    ck_assert_uint_eq(due, start + 10 * SECOND);
    check_kept("a", 1, 5);
    rig.now_ms = due - 1;
    ck_assert_uint_eq(rig_retain(&rig), due);
    check_kept("a", 1, 5);
    rig.now_ms = due;
    ck_assert_uint_eq(rig_retain(&rig), due + SECOND);
    check_kept("a", 2, 5);
    ck_assert_uint_eq(rig_topic(&rig, "a")->floor, 1);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 4);
    ck_assert_uint_eq(rig_topic(&rig, "a")->bytes, 4);
    rig.now_ms = start + 60 * SECOND;
    rig_retain(&rig);
    check_kept("a", 6, 5);
    ck_assert_uint_eq(rig_topic(&rig, "a")->last, 5); /* outlives the message */
    ck_assert_uint_eq(broker_expired(rig.broker), 5);
    rig_publish(&rig, "a");
    rig_retain(&rig);
    check_kept("a", 6, 6);
}
END_TEST

/* What becomes too old in the same quarter of a second goes together. */
START_TEST(trimming_by_age_waits_for_some_to_come_together)
{
    rules.otherwise.max_age_ms = 10 * SECOND;
    rig_start(&rig);
    uint64_t start = rig.now_ms;
    publish_each("a", 5, 10);
    rig.now_ms = start + 10 * SECOND;
    ck_assert_uint_eq(rig_retain(&rig), rig.now_ms + 250);
    check_kept("a", 2, 5);
    rig.now_ms += 250;
    rig_retain(&rig);
    check_kept("a", 6, 5);
}
END_TEST

START_TEST(trimming_by_age_goes_on_at_once_when_it_is_not_finished)
{
    uint64_t due;
    rules.otherwise.max_age_ms = 10 * SECOND;
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3000);
    rig_retain(&rig);
    rig.now_ms += 10 * SECOND;
    ck_assert_int_eq(broker_retain(rig.broker, rig.now_ms, &due), ERR_OK);
    ck_assert_uint_le(due, rig.now_ms);
    size_t left = kept_of("a")->count;
    ck_assert_uint_gt(left, 0);
    ck_assert_uint_lt(left, 3000);
    ck_assert_int_eq(broker_retain(rig.broker, rig.now_ms, &due), ERR_OK);
    ck_assert_uint_lt(kept_of("a")->count, left);
}
END_TEST

START_TEST(an_idle_hub_without_limits_has_nothing_to_do)
{
    rig_start(&rig);
    publish_each("a", 5, SECOND);
    ck_assert_uint_eq(rig_retain(&rig), UINT64_MAX);
}
END_TEST

START_TEST(topics_have_ages_of_their_own)
{
    rules.otherwise.max_age_ms = 10 * SECOND;
    add_rule("long/#", (struct topic_retention){.max_age_ms = 100 * SECOND});
    add_rule("short/+", (struct topic_retention){.max_age_ms = 2 * SECOND});
    add_rule("ever", (struct topic_retention){0});
    rig_start(&rig);
    uint64_t start = rig.now_ms;
    rig_publish(&rig, "long/a");  /* 1 */
    rig_publish(&rig, "short/a"); /* 2 */
    rig_publish(&rig, "other");   /* 3 */
    rig_publish(&rig, "ever");    /* 4 */
    rig.now_ms = start + 2 * SECOND;
    rig_retain(&rig);
    check_kept("short/a", 3, 2);
    ck_assert_uint_eq(kept_of(NULL)->count, 3);
    rig.now_ms = start + 10 * SECOND;
    rig_retain(&rig);
    check_kept("other", 4, 3);
    ck_assert_uint_eq(kept_of(NULL)->count, 2);
    rig_publish(&rig, "long/a"); /* 5 */
    rig.now_ms = start + 100 * SECOND;
    ck_assert_uint_eq(rig_retain(&rig), start + 110 * SECOND);
    check_kept("long/a", 5, 5);
    rig.now_ms = start + 1000 * SECOND;
    ck_assert_uint_eq(rig_retain(&rig) < UINT64_MAX, true); /* trimming looks for new ones */
    check_kept(NULL, 4, 4);
}
END_TEST

/* Many topics of their own age: each at its time, found by one sweep after the other. */
START_TEST(each_topic_expires_at_its_own_time)
{
    enum { TOPICS = 300 };
    add_rule("t/#", (struct topic_retention){.max_age_ms = 10 * SECOND});
    rig_start(&rig);
    char name[16];
    for (int i = 0; i < TOPICS; i++) {
        snprintf(name, sizeof(name), "t/%d", i);
        rig_publish(&rig, name);
        rig.now_ms += SECOND / 10;
    }
    uint64_t end = rig.now_ms + 20 * SECOND;
    uint64_t due = rig_retain(&rig);
    while (due < UINT64_MAX && rig.now_ms < end) {
        const struct kept *k = kept_of(NULL);
        size_t young = 0; /* nothing that is young enough is gone, nothing stays a second longer */
        for (uint64_t t = rig.now_ms - 10 * SECOND; young < TOPICS; young++)
            if (1700000000000 + (TOPICS - 1 - young) * (SECOND / 10) <= t)
                break;
        ck_assert_uint_ge(k->count, young);
        ck_assert_uint_le(k->count, young + 10);
        rig.now_ms = due > rig.now_ms ? due : rig.now_ms + 1;
        due = rig_retain(&rig);
    }
    ck_assert_uint_eq(kept_of(NULL)->count, 0);
    ck_assert_uint_gt(due, end); /* only the topics are still there */
}
END_TEST

/* --- by number and bytes --- */

START_TEST(a_topic_keeps_its_newest_messages)
{
    add_rule("a", (struct topic_retention){.max_messages = 100});
    rig_start(&rig);
    for (int i = 0; i < 10; i++) {
        rig_publish_run(&rig, "b", 10);
        rig_publish_run(&rig, "a", 400);
        rig_retain(&rig);
        uint64_t head = broker_head(rig.broker);
        check_kept("a", head - 99, head);
        ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 100);
        ck_assert_uint_eq(rig_topic(&rig, "a")->floor, head - 100);
    }
    ck_assert_uint_eq(kept_of("b")->count, 100);
    ck_assert_uint_eq(broker_expired(rig.broker), 3900);
}
END_TEST

/* So much more than one step takes is made up for by steps that follow what comes in. */
START_TEST(a_flood_does_not_outrun_retention)
{
    add_rule("a", (struct topic_retention){.max_messages = 10});
    rig_start(&rig);
    for (int i = 0; i < 40; i++) {
        uint64_t due;
        rig_publish_run(&rig, "a", 3000);
        ck_assert_int_eq(broker_retain(rig.broker, rig.now_ms, &due), ERR_OK);
        ck_assert_uint_le(rig_topic(&rig, "a")->messages, 6000);
    }
    rig_retain(&rig);
    ck_assert_uint_eq(kept_of("a")->count, 10);
}
END_TEST

static void publish_bytes(const char *topic, size_t n)
{
    char *payload = calloc(1, n + 1);
    memset(payload, 'x', n);
    struct publish *p = publish_create(1);
    publish_set(p, 0, message_of(topic, payload, NULL));
    rig_commit(&rig, p);
    ck_assert_int_eq(p->result, ERR_OK);
    publish_free(p);
    free(payload);
}

START_TEST(a_topic_keeps_its_newest_bytes)
{
    add_rule("a", (struct topic_retention){.max_bytes = 1000});
    rig_start(&rig);
    publish_bytes("a", 600);
    publish_bytes("a", 400);
    rig_retain(&rig);
    check_kept("a", 1, 2);
    publish_bytes("a", 1);
    rig_retain(&rig);
    check_kept("a", 2, 3);
    publish_bytes("a", 5000); /* too large alone, but the newest */
    rig_retain(&rig);
    check_kept("a", 4, 4);
    publish_bytes("a", 10);
    rig_retain(&rig);
    check_kept("a", 5, 5);
}
END_TEST

/* --- keep_last --- */

START_TEST(the_last_messages_stay_whatever_their_age)
{
    rules.otherwise.max_age_ms = 10 * SECOND;
    add_rule("state/#", (struct topic_retention){.max_age_ms = 10 * SECOND, .keep_last = 2});
    rig_start(&rig);
    rig_publish_run(&rig, "state/a", 3); /* 1 to 3 */
    rig_publish_run(&rig, "other", 3);   /* 4 to 6 */
    rig.now_ms += 20 * SECOND;
    rig_retain(&rig);
    check_kept(NULL, 2, 3);
    rig_publish(&rig, "state/a"); /* 7: 2 is too old, and one of three */
    rig_retain(&rig);
    const struct kept *k = kept_of(NULL);
    ck_assert_uint_eq(k->count, 2);
    ck_assert_uint_eq(k->offsets[0], 3);
    ck_assert_uint_eq(k->offsets[1], 7);
    rig_publish_run(&rig, "state/a", 3); /* 8 to 10: 7 is young, and stays */
    rig_retain(&rig);
    check_kept(NULL, 7, 10);
    rig.now_ms += 20 * SECOND;
    rig_retain(&rig);
    check_kept(NULL, 9, 10);
}
END_TEST

/* --- by size --- */

static void fill(const char *topic, int groups)
{
    uint64_t due;
    for (int i = 0; i < groups; i++) {
        rig_publish_run(&rig, topic, 1000);
        ck_assert_int_eq(broker_retain(rig.broker, rig.now_ms, &due), ERR_OK);
    }
}

START_TEST(a_log_that_is_too_large_loses_its_oldest_messages)
{
    rules.max_log_bytes = 1 << 20;
    add_rule("state", (struct topic_retention){.keep_last = 1});
    rig_start(&rig);
    rig_publish(&rig, "state");
    for (int i = 0; i < 20; i++) {
        fill("a", 10);
        rig_retain(&rig);
        ck_assert_uint_le(store_used(rig.store), rules.max_log_bytes);
        ck_assert_uint_ge(store_used(rig.store), rules.max_log_bytes * 7 / 8 * (i > 3));
        rig_publish(&rig, "state");
    }
    ck_assert_uint_le(kept_of("state")->count, 20);
    fill("a", 60); /* the log is another one by now */
    rig_retain(&rig);
    check_kept("state", kept_of("state")->offsets[0], kept_of("state")->offsets[0]);
    ck_assert_uint_gt(kept_of("a")->count, 0);
}
END_TEST

/* So that it is not too large again with the next message. */
START_TEST(a_log_that_is_too_large_is_made_smaller_than_it_has_to_be)
{
    enum { MOST = 8 << 20, LOW = MOST - MOST / 64 }; /* more than a step lies between them */
    rules.max_log_bytes = MOST;
    rig_start(&rig);
    while (store_used(rig.store) <= MOST) {
        rig_retain(&rig); /* a step takes no more than it has to */
        rig_publish_run(&rig, "a", 100);
    }
    rig_retain(&rig);
    ck_assert_uint_le(store_used(rig.store), LOW);
    ck_assert_uint_gt(store_used(rig.store), LOW / 2);
    while (store_used(rig.store) <= LOW)
        rig_publish_run(&rig, "a", 10);
    ck_assert_uint_le(store_used(rig.store), MOST);
    uint64_t kept = rig_topic(&rig, "a")->messages;
    rig_retain(&rig);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, kept);
}
END_TEST

START_TEST(what_must_be_kept_may_be_too_large)
{
    rules.max_log_bytes = 100000;
    add_rule("s/#", (struct topic_retention){.keep_last = 1});
    rig.options.max_topics = 10000;
    rig_start(&rig);
    char name[16];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "s/%d", i);
        rig_publish(&rig, name);
    }
    ck_assert_uint_eq(rig_retain(&rig), UINT64_MAX); /* it does not try for ever */
    ck_assert_uint_gt(store_used(rig.store), rules.max_log_bytes);
    check_kept(NULL, 1, 3000);
    rig_publish(&rig, "s/0");
    rig_retain(&rig);
    check_kept(NULL, 2, 3001);
}
END_TEST

/* --- other rules --- */

START_TEST(rules_can_be_changed)
{
    static const struct retention_rule stricter[] = {{"a", {.max_messages = 2}}};
    static const struct retention_rules after = {
        .rules = stricter, .count = 1, .otherwise.max_age_ms = 10 * SECOND};
    add_rule("a", (struct topic_retention){.max_messages = 4});
    rig_start(&rig);
    rig_publish_run(&rig, "b", 10);
    rig_publish_run(&rig, "a", 10);
    rig_retain(&rig);
    check_kept("a", 17, 20);
    rig.now_ms += 5 * SECOND;
    broker_set_retention(rig.broker, &after);
    rig_retain(&rig);
    check_kept("b", 1, 10);
    check_kept("a", 19, 20);
    rig.now_ms += 5 * SECOND;
    rig_retain(&rig);
    check_kept(NULL, 19, 20); /* a has a rule, and that has no age */
}
END_TEST

/* What was passed over under the former rules is looked at again, and at once. */
START_TEST(rules_that_change_hold_for_what_is_there)
{
    static const struct retention_rules common = {.otherwise.max_age_ms = 10 * SECOND};
    static const struct retention_rule few[] = {{"b", {.max_messages = 3}}};
    static const struct retention_rules after = {.rules = few, .count = 1};
    rules.otherwise = common.otherwise;
    add_rule("a", (struct topic_retention){0});
    rig_start(&rig);
    rig_publish_run(&rig, "a", 5); /* 1 to 5 */
    rig.now_ms += 10 * SECOND;
    rig_publish_run(&rig, "b", 5); /* 6 to 10 */
    rig_retain(&rig);
    check_kept(NULL, 1, 10);
    broker_set_retention(rig.broker, &common);
    rig_retain(&rig);
    check_kept(NULL, 6, 10);
    broker_set_retention(rig.broker, &after);
    rig_retain(&rig);
    check_kept(NULL, 8, 10);
}
END_TEST

/* The same for what the log's size had passed over. */
START_TEST(rules_that_change_hold_for_what_was_kept_in_a_full_log)
{
    static const struct retention_rules after = {.max_log_bytes = 200000};
    rules.max_log_bytes = after.max_log_bytes;
    add_rule("s", (struct topic_retention){.keep_last = 100});
    rig_start(&rig);
    rig_publish_run(&rig, "s", 100);
    while (store_used(rig.store) <= rules.max_log_bytes)
        rig_publish_run(&rig, "a", 100);
    rig_retain(&rig);
    ck_assert_uint_eq(kept_of("s")->count, 100);
    broker_set_retention(rig.broker, &after);
    while (store_used(rig.store) <= rules.max_log_bytes)
        rig_publish_run(&rig, "a", 100);
    rig_retain(&rig);
    ck_assert_uint_eq(kept_of("s")->count, 0);
}
END_TEST

/* --- errors, restarts --- */

static const struct store_ops *sound_ops;

static enum err fail_to_expire(struct store *s, const uint32_t *topics, size_t count,
                               struct store_removal *r, size_t *ret_topics)
{
    (void)s;
    (void)topics;
    (void)count;
    (void)r;
    *ret_topics = 0;
    return ERR_NOSPACE;
}

START_TEST(what_fails_is_tried_again)
{
    static struct store_ops failing;
    uint64_t due;
    add_rule("a", (struct topic_retention){.max_messages = 4});
    rig_start(&rig);
    rig_publish_run(&rig, "a", 10);
    sound_ops = rig.store->ops;
    failing = *sound_ops;
    failing.expire = fail_to_expire;
    rig.store->ops = &failing;
    ck_assert_int_eq(broker_retain(rig.broker, rig.now_ms, &due), ERR_NOSPACE);
    ck_assert_uint_eq(due, rig.now_ms + SECOND);
    check_kept("a", 1, 10);
    rig.store->ops = sound_ops;
    rig.now_ms = due;
    rig_retain(&rig);
    check_kept("a", 7, 10);
}
END_TEST

enum { FEW = 20 };

/* As on a disk that has no room for the copies of more pages. */
static enum err expire_few(struct store *s, const uint32_t *topics, size_t count,
                           struct store_removal *r, size_t *ret_topics)
{
    *ret_topics = 0;
    return r->max > FEW ? ERR_NOSPACE : sound_ops->expire(s, topics, count, r, ret_topics);
}

START_TEST(fewer_at_a_time_are_removed_from_a_full_disk)
{
    static struct store_ops full;
    uint64_t due = 0;
    int failures = 0;
    add_rule("a", (struct topic_retention){.max_messages = 4});
    rig_start(&rig);
    rig_publish_run(&rig, "a", 1000);
    sound_ops = rig.store->ops;
    full = *sound_ops;
    full.expire = expire_few;
    rig.store->ops = &full;
    for (int i = 0; i < 200 && kept_of("a")->count > 4; i++) {
        enum err e = broker_retain(rig.broker, rig.now_ms, &due);
        ck_assert(e == ERR_OK || e == ERR_NOSPACE);
        failures += e != ERR_OK;
        if (due > rig.now_ms)
            rig.now_ms = due;
    }
    check_kept("a", 997, 1000);
    ck_assert_int_lt(failures, 50); /* it does not try too many each time */
    rig.store->ops = sound_ops;
}
END_TEST

/* What the store was asked to remove: 'e' for expiring, 't' for trimming; and how much at most. */
static struct {
    size_t count;
    char kind[256];
    size_t max[256];
    bool full; /* the store has no room */
} asked;

static void note_asked(char kind, size_t max)
{
    ck_assert_uint_lt(asked.count, sizeof(asked.kind));
    asked.kind[asked.count] = kind;
    asked.max[asked.count++] = max;
}

static enum err spied_expire(struct store *s, const uint32_t *topics, size_t count,
                             struct store_removal *r, size_t *ret_topics)
{
    note_asked('e', r->max);
    *ret_topics = 0;
    return asked.full ? ERR_NOSPACE : sound_ops->expire(s, topics, count, r, ret_topics);
}

static enum err spied_trim(struct store *s, uint64_t *at, uint64_t upto, struct store_removal *r)
{
    note_asked('t', r->max);
    return asked.full ? ERR_NOSPACE : sound_ops->trim(s, at, upto, r);
}

static void spy(void)
{
    static struct store_ops spied;
    memset(&asked, 0, sizeof(asked));
    sound_ops = rig.store->ops;
    spied = *sound_ops;
    spied.expire = spied_expire;
    spied.trim = spied_trim;
    rig.store->ops = &spied;
}

/* Takes one step, which has to ask the store for something, and returns for how much. */
static size_t step_asks(void)
{
    uint64_t due;
    size_t before = asked.count;
    enum err e = broker_retain(rig.broker, rig.now_ms, &due);
    ck_assert_int_eq(e, asked.full ? ERR_NOSPACE : ERR_OK);
    ck_assert_uint_eq(asked.count, before + 1);
    return asked.max[before];
}

START_TEST(a_step_removes_twice_what_came_since_the_last)
{
    add_rule("a", (struct topic_retention){.max_messages = 4});
    rig_start(&rig);
    spy();
    rig_publish_run(&rig, "a", 3000);
    ck_assert_uint_eq(step_asks(), 6000);
    rig_publish_run(&rig, "a", 512);
    ck_assert_uint_eq(step_asks(), 1024);
    rig_publish_run(&rig, "a", 513);
    ck_assert_uint_eq(step_asks(), 1026);
    rig_publish_run(&rig, "a", 8193);
    ck_assert_uint_eq(step_asks(), 16384);
    rig_publish(&rig, "a");
    ck_assert_uint_eq(step_asks(), 1024);
    rig.store->ops = sound_ops;
}
END_TEST

START_TEST(a_full_disk_is_asked_for_less_and_then_for_more)
{
    add_rule("a", (struct topic_retention){.max_messages = 4});
    rig_start(&rig);
    spy();
    rig_publish_run(&rig, "a", 8192);
    asked.full = true;
    ck_assert_uint_eq(step_asks(), 16384);
    rig_publish_run(&rig, "a", 8192);
    ck_assert_uint_eq(step_asks(), 2049); /* an eighth and one */
    ck_assert_uint_eq(step_asks(), 257);
    asked.full = false;
    rig_publish_run(&rig, "a", 8192);
    ck_assert_uint_eq(step_asks(), 33);
    ck_assert_uint_eq(step_asks(), 33 + 33 / 16 + 1);
    for (int i = 0; i < 150; i++) {
        rig_publish_run(&rig, "a", 4);
        step_asks();
    }
    rig_publish_run(&rig, "a", 8192);
    ck_assert_uint_eq(step_asks(), 16384);
    rig.store->ops = sound_ops;
}
END_TEST

START_TEST(expiring_and_a_log_that_is_too_large_take_turns)
{
    rules.max_log_bytes = 100000;
    add_rule("a", (struct topic_retention){.max_messages = 1});
    rig_start(&rig);
    rig_publish_run(&rig, "b", 10000);
    rig_publish_run(&rig, "a", 10000);
    spy();
    asked.full = true; /* so that the next steps are small */
    step_asks();
    step_asks();
    asked.full = false;
    for (int i = 0; i < 4; i++)
        step_asks();
    asked.kind[asked.count] = '\0';
    ck_assert_str_eq(asked.kind, "etetet");
    rig.store->ops = sound_ops;
}
END_TEST

static enum err fail_to_purge(struct store *s, struct catalog_topic *t, uint64_t upto,
                              struct store_removal *r)
{
    (void)s;
    (void)t;
    (void)upto;
    r->done = true; /* whatever it says beside the error */
    return ERR_IO;
}

/* Nobody sees the messages any more, and the log is rid of them as soon as it can be. */
START_TEST(a_purge_that_failed_is_made_up_for)
{
    static struct store_ops failing;
    uint64_t removed, due;
    rig_start(&rig);
    rig_publish_run(&rig, "a", 10);
    rig_publish_run(&rig, "b", 5);
    sound_ops = rig.store->ops;
    failing = *sound_ops;
    failing.purge = fail_to_purge;
    rig.store->ops = &failing;
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "a"), &removed), ERR_IO);
    ck_assert_uint_eq(removed, 10);
    ck_assert_uint_eq(rig_topic(&rig, "a")->floor, 10);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(broker_retain(rig.broker, rig.now_ms, &due), ERR_IO);
    check_kept("a", 1, 10); /* by the log alone */
    uint64_t newer = rig_publish(&rig, "a");
    rig.store->ops = sound_ops;
    rig_retain(&rig);
    check_kept("a", newer, newer);
    check_kept("b", 11, 15);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    ck_assert_uint_eq(topic_row(rig.store, rig_topic(&rig, "a")->id).messages, 1);
}
END_TEST

START_TEST(a_purge_that_was_cut_off_is_finished)
{
    uint64_t removed;
    add_rule("a", (struct topic_retention){.max_messages = 3000});
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3000);
    rig_publish_run(&rig, "b", 10);
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "a"), &removed), ERR_OK);
    ck_assert_uint_eq(removed, 3000);
    rig_restart(&rig, _i);
    uint64_t first = rig_publish(&rig, "a");
    rig_retain(&rig);
    check_kept("a", first, first);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    ck_assert_uint_eq(topic_row(rig.store, rig_topic(&rig, "a")->id).messages, 1);
    ck_assert_uint_eq(kept_of("b")->count, 10);
}
END_TEST

/* The log counts its own messages, and knows nothing of those that are kept in memory. */
START_TEST(the_log_does_not_count_for_memory_topics)
{
    rules.otherwise.max_age_ms = 10 * SECOND;
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3);
    rig.all_memory = true;
    rig_restart(&rig, true);
    rig.now_ms += 20 * SECOND;
    rig_publish_run(&rig, "a", 2);
    rig_retain(&rig);
    ck_assert_uint_eq(topic_row(rig.store, rig_topic(&rig, "a")->id).messages, 0);
    ck_assert_uint_ge(rig_topic(&rig, "a")->messages, 2);
    rig_flush_tail(&rig);
    ck_assert_uint_le(rig_topic(&rig, "a")->messages, 3); /* not below zero */
    ck_assert_uint_le(rig_topic(&rig, "a")->bytes, 3);
}
END_TEST

START_TEST(limits_hold_after_a_restart)
{
    rules.otherwise.max_age_ms = 10 * SECOND;
    add_rule("own", (struct topic_retention){.max_age_ms = 20 * SECOND, .keep_last = 1});
    rig_start(&rig);
    uint64_t start = rig.now_ms;
    rig_publish_run(&rig, "own", 3);
    rig_publish_run(&rig, "b", 3);
    rig_restart(&rig, _i);
    ck_assert_uint_eq(rig_retain(&rig), start + 10 * SECOND);
    rig.now_ms = start + 10 * SECOND;
    rig_retain(&rig);
    check_kept(NULL, 1, 3);
    rig_restart(&rig, _i);
    rig_retain(&rig);
    check_kept(NULL, 1, 3);
    rig.now_ms = start + 20 * SECOND;
    rig_retain(&rig);
    check_kept(NULL, 3, 3);
    rig_restart(&rig, _i);
    ck_assert_uint_eq(rig_topic(&rig, "b")->last, 6);
    ck_assert_uint_eq(rig_topic(&rig, "b")->floor, 6);
}
END_TEST

static bool count_key(void *ctx, const struct store_record *r)
{
    (void)r;
    ++*(int *)ctx;
    return true;
}

static int kept_keys(void)
{
    int n = 0;
    ck_assert_int_eq(store_keys(rig.reader, count_key, &n), ERR_OK);
    return n;
}

/* The window is a minute. */
START_TEST(keys_outlive_their_messages)
{
    uint64_t removed;
    add_rule("a", (struct topic_retention){.max_messages = 1});
    rig_start(&rig);
    rig_publish_key(&rig, "a", "first"); /* 1 */
    rig_publish_key(&rig, "b", "other"); /* 2 */
    rig.now_ms += 30 * SECOND;
    rig_publish_key(&rig, "a", "second"); /* 3 */
    rig_retain(&rig);
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "b"), &removed), ERR_OK);
    check_kept(NULL, 3, 3);
    ck_assert_int_eq(kept_keys(), 2);
    rig_restart(&rig, _i);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "first"), 1);
    ck_assert_uint_eq(rig_publish_key(&rig, "b", "other"), 2);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "second"), 3);
    rig.now_ms += 31 * SECOND;
    rig_retain(&rig);
    ck_assert_int_eq(kept_keys(), 0);
    rig_restart(&rig, _i);
    ck_assert_uint_gt(rig_publish_key(&rig, "a", "first"), 3);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "second"), 3);
}
END_TEST

/* That of a message that is gone, as long as it has to be and not much longer. */
START_TEST(keys_that_were_kept_are_forgotten_in_time)
{
    add_rule("a", (struct topic_retention){.max_messages = 1});
    rig_start(&rig);
    ck_assert_uint_eq(rig_retain(&rig), UINT64_MAX);
    uint64_t start = rig.now_ms;
    rig_publish_key(&rig, "a", "first");
    rig.now_ms += 10;
    rig_publish_key(&rig, "a", "second");
    rig.now_ms += 20 * SECOND;
    uint64_t third = rig.now_ms;
    rig_publish_key(&rig, "a", "third");
    rig_publish(&rig, "a");
    ck_assert_uint_eq(rig_retain(&rig), start + 60 * SECOND);
    ck_assert_int_eq(kept_keys(), 3);
    rig.now_ms = start + 60 * SECOND - 1;
    ck_assert_uint_eq(rig_retain(&rig), start + 60 * SECOND);
    rig.now_ms = start + 60 * SECOND;
    ck_assert_uint_eq(rig_retain(&rig), rig.now_ms + SECOND);
    rig.now_ms += SECOND;
    ck_assert_uint_eq(rig_retain(&rig), third + 60 * SECOND);
    ck_assert_int_eq(kept_keys(), 1);
    rig.now_ms = third + 61 * SECOND;
    ck_assert_uint_eq(rig_retain(&rig), UINT64_MAX);
    ck_assert_int_eq(kept_keys(), 0);
}
END_TEST

START_TEST(keys_whose_time_is_over_are_not_kept)
{
    uint64_t removed;
    rig_start(&rig);
    rig_publish_key(&rig, "a", "key");
    rig.now_ms += 60 * SECOND - _i;
    rig_publish(&rig, "b"); /* the broker's time is that of its commits */
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "a"), &removed), ERR_OK);
    ck_assert_int_eq(kept_keys(), _i);
}
END_TEST

/* --- what subscribers see --- */

START_TEST(who_comes_too_late_is_told_and_nobody_else)
{
    struct follower f = {0};
    add_rule("a", (struct topic_retention){.max_messages = 2});
    rig_start(&rig);
    rig_publish_run(&rig, "b", 2); /* 1, 2 */
    rig_publish_run(&rig, "a", 4); /* 3 to 6 */
    rig_retain(&rig);
    follower_start_text(&rig, &f, "a", "3");
    ck_assert_int_eq(f.gap.reason, GAP_TRIMMED);
    ck_assert_uint_eq(f.gap.requested.offset, 3);
    ck_assert_uint_eq(f.gap.resumed, 4);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "a", "4");
    ck_assert_int_eq(f.gap.reason, GAP_NONE);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "b", "0");
    ck_assert_int_eq(f.gap.reason, GAP_NONE);
    follower_finish(&rig, &f);
}
END_TEST

static void add_tests(TCase *t, bool durable)
{
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, durable ? retention_setup_durable : retention_setup,
                              retention_teardown);
    tcase_add_test(t, old_messages_go_when_it_is_time);
    tcase_add_test(t, trimming_by_age_waits_for_some_to_come_together);
    tcase_add_test(t, trimming_by_age_goes_on_at_once_when_it_is_not_finished);
    tcase_add_test(t, an_idle_hub_without_limits_has_nothing_to_do);
    tcase_add_test(t, topics_have_ages_of_their_own);
    tcase_add_test(t, each_topic_expires_at_its_own_time);
    tcase_add_test(t, a_topic_keeps_its_newest_messages);
    tcase_add_test(t, a_flood_does_not_outrun_retention);
    tcase_add_test(t, a_topic_keeps_its_newest_bytes);
    tcase_add_test(t, the_last_messages_stay_whatever_their_age);
    tcase_add_test(t, a_log_that_is_too_large_loses_its_oldest_messages);
    tcase_add_test(t, a_log_that_is_too_large_is_made_smaller_than_it_has_to_be);
    tcase_add_test(t, what_must_be_kept_may_be_too_large);
    tcase_add_test(t, rules_can_be_changed);
    tcase_add_test(t, rules_that_change_hold_for_what_is_there);
    tcase_add_test(t, rules_that_change_hold_for_what_was_kept_in_a_full_log);
    tcase_add_test(t, what_fails_is_tried_again);
    tcase_add_test(t, a_step_removes_twice_what_came_since_the_last);
    tcase_add_test(t, a_full_disk_is_asked_for_less_and_then_for_more);
    tcase_add_test(t, expiring_and_a_log_that_is_too_large_take_turns);
    tcase_add_test(t, fewer_at_a_time_are_removed_from_a_full_disk);
    tcase_add_test(t, who_comes_too_late_is_told_and_nobody_else);
}

int main(void)
{
    Suite *s = suite_create("retention");
    TCase *memory = tcase_create("memory store");
    add_tests(memory, false);
    suite_add_tcase(s, memory);
    TCase *durable = tcase_create("durable log");
    add_tests(durable, true);
    tcase_add_test(durable, a_purge_that_failed_is_made_up_for);
    tcase_add_loop_test(durable, a_purge_that_was_cut_off_is_finished, 0, 2);
    tcase_add_test(durable, the_log_does_not_count_for_memory_topics);
    tcase_add_loop_test(durable, limits_hold_after_a_restart, 0, 2);
    tcase_add_loop_test(durable, keys_outlive_their_messages, 0, 2);
    tcase_add_test(durable, keys_that_were_kept_are_forgotten_in_time);
    tcase_add_loop_test(durable, keys_whose_time_is_over_are_not_kept, 0, 2);
    suite_add_tcase(s, durable);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
