/*
 * Conditional publishes: stored only if the topic has not moved on since a cursor. What stays
 * undisturbed when they are not, on a failing disk too, and what is known after a restart.
 */
#include "broker/broker.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "tests/unit/broker_fixture.h"

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, false);
}

static void setup_durable(void)
{
    rig_init(&rig, true);
}

static void teardown(void)
{
    rig_finish(&rig);
}

/* Item I expects nothing behind OFFSET of this log. */
static struct publish *expect(struct publish *p, uint32_t i, uint64_t offset)
{
    struct cursor seen = {.offset = offset};
    ck_assert_int_eq(publish_expect(p, i, &seen, 0), ERR_OK);
    return p;
}

static struct publish *expecting(const char *topic, const char *key, uint64_t offset)
{
    return expect(publish_of(topic, key), 0, offset);
}

static struct publish *pair_of(const char *topic0, const char *topic1)
{
    struct publish *p = publish_create(2);
    publish_set(p, 0, message_of(topic0, "0", NULL));
    publish_set(p, 1, message_of(topic1, "1", NULL));
    return p;
}

static void check_stored(const struct publish *p, uint64_t offset)
{
    ck_assert_int_eq(p->result, ERR_OK);
    ck_assert_uint_eq(p->items[0].offset, offset);
}

static void check_conflict(const struct publish *p, uint32_t item, uint64_t current)
{
    ck_assert_int_eq(p->result, ERR_CONFLICT);
    ck_assert_uint_eq(p->conflict, item);
    ck_assert_uint_eq(p->current, current);
}

/* Publishes one that expects nothing behind that cursor: it is stored with the next offset. */
static void succeed(const char *topic, uint64_t offset, uint32_t epoch)
{
    struct publish *p = publish_of(topic, NULL);
    uint64_t next = broker_head(rig.broker) + 1;
    ck_assert_int_eq(publish_expect(p, 0, &(struct cursor){offset, epoch}, 0), ERR_OK);
    rig_commit(&rig, p);
    check_stored(p, next);
    publish_free(p);
}

/* The same, but it is a conflict that names CURRENT, and takes no offset. */
static void collide(const char *topic, uint64_t offset, uint32_t epoch, uint64_t current)
{
    struct publish *p = publish_of(topic, NULL);
    uint64_t head = broker_head(rig.broker);
    ck_assert_int_eq(publish_expect(p, 0, &(struct cursor){offset, epoch}, 0), ERR_OK);
    ck_assert_ptr_null(rig_commit_apart(&rig, p));
    check_conflict(p, 0, current);
    ck_assert_uint_eq(broker_head(rig.broker), head);
    publish_free(p);
}

/* --- places --- */

START_TEST(a_condition_holds_until_the_topic_moves_on)
{
    rig_start(&rig);
    succeed("a", 0, 0);
    succeed("a", 1, rig.log.epoch);
    rig_publish(&rig, "b");
    succeed("a", 2, 0); /* others' messages are none of its business */
    collide("a", 0, 0, 4);
    collide("a", 2, 0, 4);
    collide("a", 3, rig.log.epoch, 4);
    succeed("a", 4, 0);
}
END_TEST

/* A long-poll's answer names the head, not the topic's last message. */
START_TEST(a_cursor_behind_the_topics_last_message_will_do)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish_run(&rig, "b", 5);
    succeed("a", 4, 0);
    collide("a", 6, 0, 7);
    succeed("new", 7, 0);
}
END_TEST

START_TEST(nothing_lies_behind_the_head)
{
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3);
    collide("a", 4, 0, 3);
    collide("a", UINT64_MAX, rig.log.epoch, 3);
    collide("b", 4, 0, 0);
    succeed("b", 3, 0);
}
END_TEST

START_TEST(another_log_is_no_place)
{
    uint32_t other = rig.log.epoch == 7 ? 8 : 7;
    rig_start(&rig);
    rig_publish(&rig, "a");
    collide("a", 1, other, 1);
    collide("b", 0, other, 0);
    succeed("b", 0, rig.log.epoch);
}
END_TEST

START_TEST(a_conflict_makes_no_topic)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    uint32_t topics = topic_table_count(broker_topics(rig.broker));
    collide("b", 2, 0, 0);
    ck_assert_ptr_null(rig_topic(&rig, "b"));
    ck_assert_uint_eq(topic_table_count(broker_topics(rig.broker)), topics);
    ck_assert_uint_eq(rig.appends, 1);
}
END_TEST

START_TEST(removed_messages_still_count)
{
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3);
    rig_publish_run(&rig, "b", 3);
    rig_publish(&rig, "mem/a");
    rig_purge(&rig, "a");
    rig_purge(&rig, "mem/a");
    rig_trim(&rig, 5);
    collide("a", 0, 0, 3);
    collide("a", 2, 0, 3);
    collide("b", 5, 0, 6);
    collide("mem/a", 6, 0, 7);
    succeed("a", 3, 0);
    succeed("b", 6, 0);
    succeed("mem/a", 7, 0);
}
END_TEST

/* --- groups --- */

START_TEST(one_of_a_group_wins)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    struct publish *list =
        list_of(expecting("a", NULL, 1), expecting("a", NULL, 1), publish_of("b", NULL),
                expecting("c", NULL, 1), publish_of("a", NULL), expecting("a", NULL, 1), NULL);
    const struct publish *p = list;
    struct batch *b = rig_commit_apart(&rig, list);
    check_stored(p, 2);
    check_conflict(p = p->next, 0, 5); /* the newest by now, so that one answer is enough */
    check_stored(p = p->next, 3);
    check_stored(p = p->next, 4);
    check_stored(p = p->next, 5);
    check_conflict(p = p->next, 0, 5);
    list_free(list);
    ck_assert_uint_eq(b->count, 4);
    ck_assert_uint_eq(b->last, 5);
    rig_hand_over(&rig, b);
    succeed("a", 5, 0);
}
END_TEST

/* What earlier publishes of the group will get has been shown to nobody. */
START_TEST(an_offset_of_the_same_group_is_no_place)
{
    rig_start(&rig);
    struct publish *list =
        list_of(publish_of("a", NULL), expecting("a", NULL, 1), expecting("b", NULL, 1), NULL);
    rig_commit(&rig, list);
    check_conflict(list->next, 0, 1);
    check_conflict(list->next->next, 0, 0);
    list_free(list);
    succeed("a", 1, 0);
}
END_TEST

START_TEST(a_group_of_conflicts_stores_nothing)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    unsigned appends = rig.appends;
    struct publish *list = list_of(expecting("a", NULL, 0), expecting("a", NULL, 0), NULL);
    ck_assert_ptr_null(rig_commit_apart(&rig, list));
    ck_assert_uint_eq(rig.appends, appends);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    list_free(list);
}
END_TEST

START_TEST(a_publish_is_stored_whole_or_not_at_all)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    struct publish *list =
        list_of(expect(pair_of("b", "a"), 1, 0), expect(expect(pair_of("b", "a"), 0, 1), 1, 1),
                expect(pair_of("a", "c"), 0, 1), expecting("b", NULL, 1), NULL);
    rig_commit(&rig, list);
    check_conflict(list, 1, 3);
    check_stored(list->next, 2);
    check_conflict(list->next->next, 0, 3);
    check_conflict(list->next->next->next, 0, 2);
    list_free(list);
    ck_assert_uint_eq(broker_head(rig.broker), 3);
    succeed("c", 0, 0);
}
END_TEST

/* What a failed publish staged in vain is in nobody's way, what was there before it stays there. */
START_TEST(a_failed_publish_leaves_the_group_as_it_was)
{
    rig_start(&rig);
    rig_publish(&rig, "x");
    struct publish *list =
        list_of(publish_of("b", NULL), expect(pair_of("a", "x"), 1, 0),
                expect(pair_of("b", "x"), 1, 0), expecting("a", "k", 1), expecting("b", NULL, 1),
                expect(pair_of("a", "x"), 1, 0), expecting("a", NULL, 1), NULL);
    const struct publish *p = list;
    rig_commit(&rig, list);
    check_stored(p, 2);
    check_conflict(p = p->next, 1, 1);
    check_conflict(p = p->next, 1, 1);
    check_stored(p = p->next, 3);
    check_conflict(p = p->next, 0, 2);
    check_conflict(p = p->next, 1, 1);
    check_conflict(p->next, 0, 3);
    list_free(list);
    ck_assert_uint_eq(broker_head(rig.broker), 3);
}
END_TEST

START_TEST(a_second_line_of_a_topic_cannot_be_conditional)
{
    rig_start(&rig);
    struct publish *p = expect(pair_of("a", "a"), 1, 0);
    rig_commit(&rig, p);
    check_conflict(p, 1, 0);
    publish_free(p);
    p = expect(pair_of("a", "a"), 0, 0);
    rig_commit(&rig, p);
    check_stored(p, 1);
    publish_free(p);
}
END_TEST

/* --- keys --- */

START_TEST(a_known_key_is_answered_whatever_came_since)
{
    rig_start(&rig);
    struct publish *list =
        list_of(expecting("a", "k", 0), publish_of("a", NULL), expecting("a", "k", 0), NULL);
    rig_commit(&rig, list);
    check_stored(list, 1);
    check_stored(list->next->next, 1);
    ck_assert(list->next->next->items[0].duplicate);
    list_free(list);
    struct publish *p = publish_of("a", "k");
    struct cursor foreign = {99, 99}; /* the retry of one that was published to another log */
    ck_assert_int_eq(publish_expect(p, 0, &foreign, 0), ERR_OK);
    rig_commit(&rig, p);
    check_stored(p, 1);
    publish_free(p);
}
END_TEST

START_TEST(the_key_of_a_conflict_is_free)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    struct publish *list =
        list_of(expecting("a", "k", 0), expecting("a", "k", 1), expecting("a", "k", 0), NULL);
    rig_commit(&rig, list);
    check_conflict(list, 0, 2);
    check_stored(list->next, 2);
    check_stored(list->next->next, 2);
    list_free(list);
    struct publish *p = publish_create(2); /* the first line goes with the second */
    publish_set(p, 0, message_of("b", "", "k"));
    publish_set(p, 1, message_of("a", "", NULL));
    rig_commit(&rig, expect(p, 1, 0));
    check_conflict(p, 1, 2);
    publish_free(p);
    ck_assert_uint_eq(rig_publish_key(&rig, "b", "k"), 3);
}
END_TEST

/* --- restarts --- */

START_TEST(the_last_message_is_known_after_a_restart)
{
    rig_start(&rig);
    rig_publish_run(&rig, "a", 2);
    rig_publish(&rig, "b");
    rig_purge(&rig, "a");
    rig_restart(&rig, _i);
    collide("a", 1, 0, 2);
    collide("b", 0, 0, 3);
    succeed("a", 2, rig.log.epoch);
    succeed("b", 3, 0);
}
END_TEST

/* Everything up to the last start is certain. */
START_TEST(former_epochs_count_as_far_as_they_are_certain)
{
    rig_start(&rig);
    uint32_t former = rig.log.epoch;
    rig_publish_run(&rig, "a", 2);
    rig_publish(&rig, "b");
    rig_restart(&rig, true);
    rig_publish(&rig, "a");
    rig_publish(&rig, "c");
    rig.boot_id = "the second boot";
    rig_restart(&rig, false);
    ck_assert_uint_ne(rig.log.epoch, former);
    ck_assert_uint_eq(rig.log.former[0].last, 3);
    collide("c", 5, former, 5); /* 5 may have been another message */
    collide("a", 3, former, 4);
    collide("b", 4, former, 3);
    succeed("b", 3, former);
    succeed("new", 0, former);
    collide("a", 2, 0, 4);
    succeed("a", 4, 0);
}
END_TEST

/* --- memory topics --- */

START_TEST(memory_topics_count_exactly_while_the_process_lives)
{
    rig_start(&rig);
    succeed("mem/a", 0, 0);
    rig_publish(&rig, "b");
    collide("mem/a", 0, 0, 1);
    succeed("mem/a", 2, 0);
    rig_flush_tail(&rig);
    rig_flush_tail(&rig);
    collide("mem/a", 2, 0, 3);
    succeed("mem/a", 3, 0);
}
END_TEST

/* Nobody knows which offsets they had; those of now are above all of them. */
START_TEST(after_a_crash_a_memory_topic_may_have_had_any_message)
{
    rig_start(&rig);
    uint64_t last = rig_publish(&rig, "mem/a");
    rig_publish_run(&rig, "b", 2);
    rig_restart(&rig, false);
    uint64_t head = rig.log.head;
    ck_assert_uint_gt(head, 3);
    collide("mem/a", 0, 0, head);
    collide("mem/a", last, 0, head);
    collide("mem/a", head - 1, 0, head);
    collide("b", 2, 0, 3);
    succeed("b", 3, 0);
    succeed("mem/a", head, 0); /* what the conflict named */
    collide("mem/a", head, 0, head + 2);
    succeed("mem/a", head + 2, 0);
}
END_TEST

START_TEST(a_clean_stop_remembers_where_memory_topics_were)
{
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig_publish(&rig, "mem/b");
    rig_publish_run(&rig, "b", 2);
    rig_restart(&rig, true);
    collide("mem/a", 0, 0, 1);
    succeed("mem/a", 1, 0);
    collide("mem/b", 1, 0, 2);
    succeed("mem/b", 2, rig.log.epoch);
}
END_TEST

/* What a crash has made uncertain does not become certain by itself. */
START_TEST(a_clean_stop_does_not_know_more_than_the_start)
{
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 3);
    rig_publish(&rig, "mem/b");
    rig_restart(&rig, false);
    uint64_t head = rig.log.head;
    succeed("mem/b", head, 0);
    rig_restart(&rig, true);
    collide("mem/a", 1, 0, head);
    collide("mem/b", head, 0, head + 1);
    succeed("mem/a", head, 0);
}
END_TEST

START_TEST(a_topic_that_was_a_memory_one_for_a_while_may_have_had_any_message)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish(&rig, "declared");
    rig.all_memory = true;
    rig_restart(&rig, true);
    succeed("a", 1, 0); /* all that it has had is on the disk */
    rig.all_memory = false;
    rig_restart(&rig, _i);
    uint64_t current = _i ? 3 : rig.log.head;
    collide("a", 1, 0, current);
    collide("a", 2, 0, current);
    succeed("declared", 2, 0);
    succeed("a", current, 0);
}
END_TEST

START_TEST(a_purge_does_not_make_a_memory_topic_forget)
{
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 3);
    rig_purge(&rig, "mem/a");
    rig_restart(&rig, true);
    ck_assert_uint_eq(rig.log.head, 3);
    rig_purge(&rig, "mem/a");
    collide("mem/a", 2, 0, 3);
    succeed("mem/a", 3, 0);
}
END_TEST

/* --- what a failed publish leaves on the disk --- */

/* Not even that the topic has been a memory one: that would take its messages away. */
START_TEST(a_failed_publish_marks_no_topic)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig.all_memory = true;
    rig_restart(&rig, true);
    struct publish *list =
        list_of(expect(pair_of("a", "a"), 1, 1), publish_of("other", NULL), NULL);
    rig_commit(&rig, list);
    check_conflict(list, 1, 1);
    check_stored(list->next, 2);
    list_free(list);
    rig.all_memory = false;
    rig_restart(&rig, true);
    ck_assert_uint_eq(rig_topic(&rig, "a")->floor, 0);
    succeed("a", 1, 0);
}
END_TEST

START_TEST(a_failed_publish_stores_no_topic)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    struct publish *list = list_of(expect(pair_of("new", "a"), 1, 0), publish_of("a", NULL), NULL);
    rig_commit(&rig, list);
    check_conflict(list, 1, 2);
    check_stored(list->next, 2);
    list_free(list);
    rig_restart(&rig, _i);
    ck_assert_ptr_null(rig_topic(&rig, "new"));
    succeed("new", 0, 0);
}
END_TEST

/* --- a disk that fails --- */

START_TEST(a_conflict_needs_no_disk)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig.fault = ERR_NOSPACE;
    collide("a", 0, 0, 1);
    struct publish *list = list_of(expecting("a", NULL, 1), expecting("a", NULL, 0),
                                   expect(pair_of("b", "a"), 1, 0), NULL);
    ck_assert_ptr_null(rig_commit_apart(&rig, list));
    ck_assert_int_eq(list->result, ERR_NOSPACE);
    check_conflict(list->next, 0, 1);
    check_conflict(list->next->next, 1, 1);
    list_free(list);
    rig.fault = ERR_OK;
    succeed("a", 1, 0);
}
END_TEST

/* Who lost against one that the disk did not take has not lost. */
START_TEST(what_is_not_stored_is_in_nobodys_way)
{
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig.fault = ERR_IO;
    struct publish *list =
        list_of(publish_of("b", NULL), expecting("b", NULL, 0), pair_of("mem/a", "b"),
                expecting("mem/a", NULL, 1), expecting("mem/a", NULL, 1), NULL);
    const struct publish *p = list;
    rig_commit(&rig, list);
    ck_assert_int_eq(p->result, ERR_IO);
    ck_assert_int_eq((p = p->next)->result, ERR_IO);
    ck_assert_int_eq((p = p->next)->result, ERR_IO);
    check_stored(p = p->next, 2);
    check_conflict(p->next, 0, 2);
    list_free(list);
    ck_assert_uint_eq(broker_head(rig.broker), 2);
    rig.fault = ERR_OK;
    succeed("b", 0, 0);
}
END_TEST

/* Then there may be more to store than at first. */
START_TEST(what_comes_back_may_be_more_than_what_goes)
{
    enum { COUNT = 100 };
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig.fault = ERR_IO;
    struct publish *many = publish_create(COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        publish_set(many, i, message_of("mem/a", "", NULL));
    struct publish *list = list_of(pair_of("mem/a", "b"), expect(many, 0, 1), NULL);
    struct batch *b = rig_commit_apart(&rig, list);
    ck_assert_int_eq(list->result, ERR_IO);
    check_stored(many, 2);
    list_free(list);
    ck_assert_uint_eq(b->count, COUNT);
    rig_hand_over(&rig, b);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, COUNT + 1);
}
END_TEST

/* A new memory topic needs the disk for its name. */
START_TEST(nothing_is_in_the_way_when_the_second_try_fails_too)
{
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig.fault = ERR_NOSPACE;
    struct publish *list =
        list_of(publish_of("mem/new", NULL), expecting("mem/new", NULL, 0),
                expecting("mem/a", NULL, 1), expecting("mem/a", NULL, 0), publish_create(0), NULL);
    const struct publish *p = list;
    ck_assert_ptr_null(rig_commit_apart(&rig, list));
    ck_assert_int_eq(p->result, ERR_NOSPACE);
    ck_assert_int_eq((p = p->next)->result, ERR_NOSPACE);
    ck_assert_int_eq((p = p->next)->result, ERR_NOSPACE);
    check_conflict(p = p->next, 0, 1);
    ck_assert_int_eq(p->next->result, ERR_OK);
    list_free(list);
    rig.fault = ERR_OK;
    succeed("mem/a", 1, 0);
    succeed("mem/new", 0, 0);
}
END_TEST

/* --- at random --- */

enum { TOPICS = 6, GROUPS = 2000, EACH = 6, ITEMS = 3, KEYS = 4 };

static const char *const topics[TOPICS] = {"a", "b", "c", "mem/a", "mem/b", "mem/c"};

/* What is to be: publishes one after the other, in words as plain as possible. */
static struct model {
    uint64_t head;
    struct model_topic {
        uint64_t last;
        uint64_t keys[KEYS];
    } topics[TOPICS];
} committed; /* before the group */

/* One publish: as it was made, and what is expected of it. */
struct plan {
    uint32_t count;
    struct item {
        int topic, key; /* key -1: none */
        int64_t seen;   /* -1: unconditional */
        uint64_t offset;
    } items[ITEMS];
    enum err result;
    uint32_t conflict;
};

static struct plan random_plan(void)
{
    struct plan plan = {.count = 1 + random_below(ITEMS)};
    for (uint32_t i = 0; i < plan.count; i++) {
        struct item *item = &plan.items[i];
        item->topic = (int)random_below(TOPICS);
        item->key = random_below(4) == 0 ? (int)random_below(KEYS) : -1;
        item->seen = -1;
        if (random_below(3) == 0)
            continue;
        uint64_t last = committed.topics[item->topic].last;
        int64_t places[] = {(int64_t)last, (int64_t)last, (int64_t)last - 1,
                            (int64_t)committed.head, (int64_t)committed.head + 1};
        item->seen = places[random_below(5)];
    }
    return plan;
}

static struct publish *publish_of_plan(const struct plan *plan)
{
    static const char *const keys[KEYS] = {"0", "1", "2", "3"};
    struct publish *p = publish_create(plan->count);
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct item *item = &plan->items[i];
        const char *key = item->key < 0 ? NULL : keys[item->key];
        publish_set(p, i, message_of(topics[item->topic], "", key));
        if (item->seen >= 0)
            expect(p, i, (uint64_t)item->seen);
    }
    return p;
}

/* True when the item is fine; M has it then. */
static bool model_item(struct model *m, struct item *item)
{
    struct model_topic *t = &m->topics[item->topic];
    item->offset = item->key < 0 ? 0 : t->keys[item->key];
    if (item->offset)
        return true;
    if (item->seen >= 0 &&
        ((uint64_t)item->seen > committed.head || t->last > (uint64_t)item->seen))
        return false;
    item->offset = t->last = ++m->head;
    if (item->key >= 0)
        t->keys[item->key] = item->offset;
    return true;
}

static bool needs_disk(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->items[i].topic < 3)
            return true;
    return false;
}

/* Decides PLAN on top of M. With FAULT, what needs the disk is not stored. */
static void model_publish(struct model *m, struct plan *plan, enum err fault)
{
    struct model next = *m;
    plan->result = ERR_OK;
    for (uint32_t i = 0; i < plan->count && plan->result == ERR_OK; i++) {
        if (model_item(&next, &plan->items[i]))
            continue;
        plan->result = ERR_CONFLICT;
        plan->conflict = i;
    }
    if (plan->result == ERR_OK && fault != ERR_OK && needs_disk(plan))
        plan->result = fault;
    if (plan->result == ERR_OK)
        *m = next;
}

/* Whether the disk is needed at all: a group of duplicates and memory messages is fine without. */
static bool group_needs_disk(struct plan *plans, uint32_t count)
{
    struct model m = committed;
    bool needed = false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t head = m.head;
        model_publish(&m, &plans[i], ERR_OK);
        for (uint32_t j = 0; j < plans[i].count && plans[i].result == ERR_OK; j++)
            needed |= plans[i].items[j].offset > head && plans[i].items[j].topic < 3;
    }
    return needed;
}

static void check_plan(const struct publish *p, const struct plan *plan)
{
    ck_assert_int_eq(p->result, plan->result);
    for (uint32_t i = 0; i < p->count && p->result == ERR_OK; i++)
        ck_assert_uint_eq(p->items[i].offset, plan->items[i].offset);
    if (p->result == ERR_CONFLICT) {
        ck_assert_uint_eq(p->conflict, plan->conflict);
        ck_assert_uint_eq(p->current, committed.topics[plan->items[plan->conflict].topic].last);
    }
}

static void random_group(void)
{
    struct plan plans[EACH];
    struct publish *list = NULL;
    uint32_t count = 1 + random_below(EACH);
    for (uint32_t i = 0; i < count; i++)
        plans[i] = random_plan();
    for (uint32_t i = count; i-- > 0;) {
        struct publish *p = publish_of_plan(&plans[i]);
        p->next = list;
        list = p;
    }
    enum err fault = group_needs_disk(plans, count) && random_below(4) == 0 ? ERR_IO : ERR_OK;
    struct model m = committed;
    for (uint32_t i = 0; i < count; i++)
        model_publish(&m, &plans[i], fault);
    committed = m;
    rig.fault = fault;
    rig_commit(&rig, list);
    rig.fault = ERR_OK;
    const struct publish *p = list;
    for (uint32_t i = 0; i < count; i++, p = p->next)
        check_plan(p, &plans[i]);
    list_free(list);
    ck_assert_uint_eq(broker_head(rig.broker), committed.head);
}

START_TEST(groups_come_to_what_their_publishes_would_one_by_one)
{
    rig.options.dedup_window_ms = UINT32_MAX;
    rig_start(&rig);
    random_seed();
    memset(&committed, 0, sizeof(committed));
    for (int i = 0; i < TOPICS; i++)
        committed.topics[i].last = committed.head = rig_publish(&rig, topics[i]);
    for (int i = 0; i < GROUPS; i++)
        random_group();
    ck_assert_uint_gt(committed.head, GROUPS / 4);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("broker, conditions");
    TCase *t = tcase_create("memory store");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_condition_holds_until_the_topic_moves_on);
    tcase_add_test(t, a_cursor_behind_the_topics_last_message_will_do);
    tcase_add_test(t, nothing_lies_behind_the_head);
    tcase_add_test(t, another_log_is_no_place);
    tcase_add_test(t, a_conflict_makes_no_topic);
    tcase_add_test(t, removed_messages_still_count);
    tcase_add_test(t, one_of_a_group_wins);
    tcase_add_test(t, an_offset_of_the_same_group_is_no_place);
    tcase_add_test(t, a_group_of_conflicts_stores_nothing);
    tcase_add_test(t, a_publish_is_stored_whole_or_not_at_all);
    tcase_add_test(t, a_failed_publish_leaves_the_group_as_it_was);
    tcase_add_test(t, a_second_line_of_a_topic_cannot_be_conditional);
    tcase_add_test(t, a_known_key_is_answered_whatever_came_since);
    tcase_add_test(t, the_key_of_a_conflict_is_free);
    tcase_add_test(t, memory_topics_count_exactly_while_the_process_lives);
    tcase_add_test(t, a_conflict_needs_no_disk);
    tcase_add_test(t, what_is_not_stored_is_in_nobodys_way);
    tcase_add_test(t, what_comes_back_may_be_more_than_what_goes);
    tcase_add_test(t, nothing_is_in_the_way_when_the_second_try_fails_too);
    tcase_add_test(t, groups_come_to_what_their_publishes_would_one_by_one);
    suite_add_tcase(s, t);

    t = tcase_create("durable log");
    tcase_add_checked_fixture(t, setup_durable, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, the_last_message_is_known_after_a_restart, 0, 2);
    tcase_add_test(t, former_epochs_count_as_far_as_they_are_certain);
    tcase_add_test(t, after_a_crash_a_memory_topic_may_have_had_any_message);
    tcase_add_test(t, a_clean_stop_remembers_where_memory_topics_were);
    tcase_add_test(t, a_clean_stop_does_not_know_more_than_the_start);
    tcase_add_loop_test(t, a_topic_that_was_a_memory_one_for_a_while_may_have_had_any_message, 0,
                        2);
    tcase_add_test(t, a_purge_does_not_make_a_memory_topic_forget);
    tcase_add_test(t, a_failed_publish_marks_no_topic);
    tcase_add_loop_test(t, a_failed_publish_stores_no_topic, 0, 2);
    tcase_add_test(t, what_is_not_stored_is_in_nobodys_way);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
