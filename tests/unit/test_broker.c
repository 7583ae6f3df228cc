/*
 * Publishing: offsets, atomicity, duplicates, memory topics, failing disks, removals and restarts.
 * What subscribers see of it is in test_replay.c.
 */
#include "broker/broker.h"
#include "broker/broker_remove.h"

#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/broker_fixture.h"
#include "tests/unit/store_fixture.h"

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

static void check_result(const struct publish *p, enum err result, uint64_t offset)
{
    ck_assert_int_eq(p->result, result);
    if (result == ERR_OK)
        ck_assert_uint_eq(p->items[0].offset, offset);
}

/* Two messages as one publish. */
static struct publish *pair_of(const char *topic0, const char *key0, const char *topic1,
                               const char *key1)
{
    struct publish *p = publish_create(2);
    publish_set(p, 0, message_of(topic0, "0", key0));
    publish_set(p, 1, message_of(topic1, "1", key1));
    return p;
}

/* --- what the log holds --- */

struct contents {
    size_t count;
    uint64_t offsets[64];
    uint64_t times[64];
};

static bool note_record(void *ctx, const struct store_record *r)
{
    struct contents *c = ctx;
    ck_assert_uint_lt(c->count, 64);
    c->offsets[c->count] = r->offset;
    c->times[c->count++] = r->time_ms;
    return true;
}

static struct contents read_log(void)
{
    struct contents c = {0};
    struct store_query q = {.until = UINT64_MAX};
    uint64_t reached;
    ck_assert_int_eq(store_read(rig.reader, &q, note_record, &c, &reached), ERR_OK);
    return c;
}

static void check_log(const uint64_t *offsets, size_t count)
{
    struct contents c = read_log();
    ck_assert_uint_eq(c.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(c.offsets[i], offsets[i]);
}

#define CHECK_LOG(...)                                                                             \
    check_log((const uint64_t[]){__VA_ARGS__},                                                     \
              sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* --- groups --- */

START_TEST(offsets_are_dense_and_results_in_order)
{
    rig_start(&rig);
    ck_assert_uint_eq(broker_head(rig.broker), 0);
    struct publish *list =
        list_of(publish_of("a", NULL), pair_of("b", NULL, "a", NULL), publish_of("c", NULL), NULL);
    struct batch *b = rig_commit_apart(&rig, list);
    ck_assert_uint_eq(b->first, 1);
    ck_assert_uint_eq(b->last, 4);
    ck_assert_uint_eq(b->count, 4);
    static const char *const topics[] = {"a", "b", "a", "c"};
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(b->messages[i]->offset, i + 1);
        ck_assert_str_eq(b->messages[i]->topic->name, topics[i]);
        ck_assert_uint_eq(b->messages[i]->epoch, rig.log.epoch);
        ck_assert_uint_eq(b->messages[i]->time_ms, rig.now_ms);
    }
    check_result(list, ERR_OK, 1);
    check_result(list->next, ERR_OK, 2);
    ck_assert_uint_eq(list->next->items[1].offset, 3);
    check_result(list->next->next, ERR_OK, 4);
    ck_assert_uint_eq(broker_head(rig.broker), 4);
    ck_assert_uint_eq(rig_topic(&rig, "a")->last, 3);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 2);
    list_free(list);
    rig_hand_over(&rig, b);
    ck_assert_uint_eq(rig_publish(&rig, "a"), 5);
    CHECK_LOG(1, 2, 3, 4, 5);
}
END_TEST

START_TEST(an_empty_publish_is_a_probe)
{
    rig_start(&rig);
    struct publish *list = list_of(publish_create(0), publish_create(0), NULL);
    ck_assert_ptr_null(rig_commit_apart(&rig, list));
    ck_assert_int_eq(list->result, ERR_OK);
    ck_assert_uint_eq(rig.appends, 0);
    ck_assert_uint_eq(broker_head(rig.broker), 0);
    list_free(list);
    publish_free(NULL);
}
END_TEST

START_TEST(a_publish_is_stored_whole_or_not_at_all)
{
    rig.options.max_topics = 2;
    rig_start(&rig);
    struct publish *list = list_of(publish_of("a", NULL), pair_of("b", "k", "too-many", NULL),
                                   publish_of("b", "k"), publish_of("too-many", NULL), NULL);
    rig_commit(&rig, list);
    check_result(list, ERR_OK, 1);
    ck_assert_int_eq(list->next->result, ERR_LIMIT);
    check_result(list->next->next, ERR_OK, 2); /* the failed one's key counts for nothing */
    ck_assert_int_eq(list->next->next->next->result, ERR_LIMIT);
    list_free(list);
    CHECK_LOG(1, 2);
    ck_assert_uint_eq(rig_publish(&rig, "a"), 3);
}
END_TEST

START_TEST(subscribers_of_all_workers_are_counted)
{
    rig_start(&rig);
    struct interest *in = broker_interest(rig.broker);
    ck_assert_int_eq(interest_add(in, "a", 1, 0), ERR_OK);
    ck_assert_int_eq(interest_add(in, "#", 1, 1), ERR_OK);
    ck_assert_int_eq(interest_add(in, "a", 1, 3), ERR_OK);
    struct publish *p = pair_of("a", "k", "b", NULL);
    rig_commit(&rig, p);
    ck_assert_uint_eq(p->items[0].subscribers, 3);
    ck_assert_uint_eq(p->items[1].subscribers, 1);
    publish_free(p);
    interest_remove(in, "a", 1, 0);
    p = pair_of("a", "k", "b", NULL); /* a duplicate and a new one */
    rig_commit(&rig, p);
    ck_assert_uint_eq(p->items[0].offset, 1);
    ck_assert_uint_eq(p->items[0].subscribers, 2);
    ck_assert_uint_eq(p->items[1].subscribers, 1);
    publish_free(p);
    /* Who does not ask is not made to wait for it. */
    uint64_t before = interest_steps(in);
    p = pair_of("a", NULL, "b", NULL);
    p->uncounted = true;
    rig_commit(&rig, p);
    ck_assert_uint_eq(p->items[0].subscribers, 0);
    ck_assert_uint_eq(interest_steps(in), before);
    publish_free(p);
}
END_TEST

START_TEST(time_never_runs_backwards)
{
    rig_start(&rig);
    uint64_t newest = rig.now_ms + 5000;
    static const int steps[] = {0, 5000, -1000, -600000, 1000};
    for (int i = 0; i < 5; i++) {
        rig.now_ms += (uint64_t)(int64_t)steps[i];
        rig_publish(&rig, "a");
    }
    struct contents c = read_log();
    ck_assert_uint_eq(c.count, 5);
    for (size_t i = 1; i < 5; i++)
        ck_assert_uint_eq(c.times[i], newest);
}
END_TEST

START_TEST(time_goes_on_from_the_log)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    uint64_t newest = rig.now_ms;
    rig_restart(&rig, true);
    rig.now_ms -= 10000;
    rig_publish(&rig, "a");
    rig.now_ms += 20000;
    rig_publish(&rig, "a");
    struct contents c = read_log();
    ck_assert_uint_eq(c.times[1], newest);
    ck_assert_uint_eq(c.times[2], newest + 10000);
}
END_TEST

/* --- duplicates --- */

START_TEST(the_same_key_answers_the_first_offset)
{
    rig_start(&rig);
    struct publish *list =
        list_of(publish_of("a", "k"), publish_of("a", "k"), pair_of("a", "k", "a", "other"),
                publish_of("b", "k"), pair_of("c", "twice", "c", "twice"), NULL);
    rig_commit(&rig, list);
    static const uint64_t first[] = {1, 1, 1, 3, 4}, second[] = {0, 0, 2, 0, 4};
    const struct publish *p = list;
    for (int i = 0; i < 5; i++, p = p->next) {
        check_result(p, ERR_OK, first[i]);
        if (p->count > 1)
            ck_assert_uint_eq(p->items[1].offset, second[i]);
    }
    list_free(list);
    CHECK_LOG(1, 2, 3, 4);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 1);
    ck_assert_uint_eq(rig_publish(&rig, "a"), 5);
}
END_TEST

START_TEST(a_group_of_duplicates_stores_nothing)
{
    rig_start(&rig);
    rig_publish_key(&rig, "a", "k");
    unsigned appends = rig.appends;
    struct publish *p = publish_of("a", "k");
    ck_assert_ptr_null(rig_commit_apart(&rig, p));
    check_result(p, ERR_OK, 1);
    ck_assert_uint_eq(rig.appends, appends);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    publish_free(p);
}
END_TEST

START_TEST(a_key_is_free_again_after_the_window)
{
    rig_start(&rig);
    rig_publish_key(&rig, "a", "k");
    rig.now_ms += rig.options.dedup_window_ms;
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 1);
    rig.now_ms += 1;
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 2);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 2);
}
END_TEST

START_TEST(keys_survive_a_restart)
{
    rig_start(&rig);
    rig_publish_key(&rig, "a", "old");
    rig.now_ms += 40000;
    rig_publish_key(&rig, "a", "k");
    rig_publish_key(&rig, "b", "k");
    rig_publish(&rig, "b");
    rig.now_ms += 30000;
    rig_restart(&rig, _i);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "k"), 2);
    ck_assert_uint_eq(rig_publish_key(&rig, "b", "k"), 3);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "old"), 5);
}
END_TEST

START_TEST(the_newest_keys_survive_when_there_are_too_many)
{
    rig.options.dedup_max_keys = 2;
    rig_start(&rig);
    rig_publish_key(&rig, "a", "1");
    rig_publish_key(&rig, "a", "2");
    rig_publish_key(&rig, "a", "3");
    rig_restart(&rig, true);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "3"), 3);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "2"), 2);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "1"), 4);
}
END_TEST

/* --- memory topics --- */

START_TEST(memory_messages_leave_no_record)
{
    rig_start(&rig);
    ck_assert_uint_eq(rig_publish(&rig, "mem/a"), 1);
    struct publish *p = pair_of("mem/a", NULL, "b", NULL);
    rig_commit(&rig, p);
    check_result(p, ERR_OK, 2);
    publish_free(p);
    ck_assert_uint_eq(rig_publish(&rig, "mem/a"), 4);
    CHECK_LOG(3);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, 3);
    ck_assert(rig_topic(&rig, "mem/a")->memory);
    ck_assert(!rig_topic(&rig, "b")->memory);
}
END_TEST

/* The head is reserved far ahead, so that most memory publishes touch no disk. */
START_TEST(memory_messages_rarely_touch_the_disk)
{
    rig_start(&rig);
    rig_publish(&rig, "mem/a"); /* its topic, and the reserve */
    ck_assert_uint_eq(rig.appends, 1);
    for (int i = 0; i < 100; i++)
        rig_publish_run(&rig, "mem/a", 100);
    ck_assert_uint_eq(rig.appends, 1);
    rig_publish_run(&rig, "mem/a", 70000);
    ck_assert_uint_eq(rig.appends, 2);
}
END_TEST

START_TEST(offsets_of_memory_messages_are_never_used_again)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish_run(&rig, "mem/a", 10);
    uint32_t epoch = rig.log.epoch;
    rig_restart(&rig, true);
    ck_assert_uint_eq(rig.log.head, 11);
    rig_publish_run(&rig, "mem/a", 10);
    rig_restart(&rig, false);
    ck_assert_uint_ge(rig.log.head, 21); /* a hole up to the reserved mark */
    ck_assert_uint_eq(rig.log.epoch, epoch);
    uint64_t next = rig_publish(&rig, "a");
    ck_assert_uint_eq(next, rig.log.head + 1);
    /* With the reserve used up, and no further step taken since the start. */
    rig_publish_run(&rig, "mem/a", 3);
    rig_restart(&rig, false);
    ck_assert_uint_ge(rig.log.head, next + 3);
    ck_assert_uint_gt(rig_publish(&rig, "a"), next + 3);
}
END_TEST

/* Which offsets they had is known after a restart only if the hub could say so at its end. */
START_TEST(memory_messages_end_with_the_process)
{
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 3);
    rig_publish(&rig, "b");
    rig_restart(&rig, _i);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, _i ? 3 : rig.log.head);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, 0);
    ck_assert_uint_eq(rig_topic(&rig, "b")->floor, 0);
    ck_assert_uint_eq(rig_topic(&rig, "b")->messages, 1);
    rig_publish(&rig, "mem/a");
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, 1);
}
END_TEST

START_TEST(a_topic_declared_memory_later_loses_its_messages_the_same_way)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig.all_memory = true;
    rig_restart(&rig, true);
    ck_assert(rig_topic(&rig, "a")->memory);
    uint64_t last = rig_publish(&rig, "a");
    rig_restart(&rig, _i);
    ck_assert_uint_ge(rig_topic(&rig, "a")->floor, last);
}
END_TEST

/* The log marks a topic with its first memory message, whatever the configuration says before and
 * after; one that is only declared has lost nothing. */
START_TEST(a_topic_that_was_a_memory_one_for_a_while_loses_what_it_had_then)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish(&rig, "declared");
    rig.all_memory = true;
    rig_restart(&rig, true);
    uint64_t last = rig_publish(&rig, "a");
    rig.all_memory = false;
    rig_restart(&rig, _i);
    ck_assert(!rig_topic(&rig, "a")->memory);
    ck_assert_uint_ge(rig_topic(&rig, "a")->floor, last);
    ck_assert_uint_eq(rig_topic(&rig, "declared")->floor, 0);
    ck_assert_uint_eq(rig_topic(&rig, "declared")->messages, 1);
}
END_TEST

START_TEST(leaving_the_tail_raises_the_floor_of_memory_topics)
{
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 2);
    rig_publish(&rig, "b");
    rig_publish(&rig, "mem/a");
    rig_flush_tail(&rig);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, 4);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, 0);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->bytes, 0);
    ck_assert_uint_eq(rig_topic(&rig, "b")->floor, 0);
    ck_assert_uint_eq(rig_topic(&rig, "b")->messages, 1);
}
END_TEST

START_TEST(the_tail_weighs_what_it_may)
{
    rig.options.tail_bytes = 10000;
    rig_start(&rig);
    for (int i = 0; i < 1000; i++)
        rig_publish(&rig, "mem/a");
    uint64_t kept = rig_topic(&rig, "mem/a")->messages;
    ck_assert_uint_gt(kept, 10);
    ck_assert_uint_lt(kept, 10000 / (sizeof(struct message) + 5));
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, 1000 - kept);
    ck_assert_uint_eq(tail_first(&rig.tail, 0), 1000 - kept + 1);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->bytes, kept * 5);
}
END_TEST

static void encode_long(const struct message *m, struct buf *out)
{
    for (unsigned i = 0; i < 100; i++)
        buf_append(out, m->payload, m->payload_len);
}

/* Everybody who reads them shares what they are encoded as, which may be a multiple of them. */
START_TEST(the_tail_gets_shorter_when_its_encodings_are_long)
{
    static struct encoding encoding = {.name = "long", .encode = encode_long};
    enum { MESSAGES = 400, PAYLOAD = 1000, TAIL = 100 * PAYLOAD };
    char payload[PAYLOAD + 1];
    memset(payload, 'x', PAYLOAD);
    payload[PAYLOAD] = '\0';
    ck_assert_int_eq(encoding_register(&encoding), ERR_OK);
    rig.options.tail_bytes = TAIL;
    rig_start(&rig);
    for (int i = 0; i < MESSAGES; i++) {
        struct publish *p = publish_of("mem/a", NULL);
        message_unref(p->items[0].message);
        p->items[0].message = message_of("mem/a", payload, NULL);
        rig_commit(&rig, p);
        publish_free(p);
        struct tail_iter at = tail_seek(&rig.tail, rig.replay.head - 1);
        ck_assert_ptr_nonnull(message_encoded(tail_next(&rig.tail, &at), &encoding));
        ck_assert_uint_le(message_encoded_bytes(), 4 * TAIL + 3 * 100 * PAYLOAD);
    }
    ck_assert_uint_ge(rig_topic(&rig, "mem/a")->messages, 1);
    ck_assert_uint_le(rig_topic(&rig, "mem/a")->messages, 8);
}
END_TEST

START_TEST(the_tail_is_full_with_its_last_byte)
{
    struct publish *p = publish_of("mem/a", NULL);
    uint64_t weight = p->bytes - sizeof(*p);
    publish_free(p);
    rig.options.tail_bytes = 3 * weight - _i;
    rig_start(&rig);
    for (int i = 0; i < 3; i++)
        rig_publish(&rig, "mem/a");
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, (uint64_t)_i);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, 3 - (uint64_t)_i);
    rig_publish(&rig, "mem/a");
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, (uint64_t)_i + 1);
}
END_TEST

START_TEST(the_newest_batch_stays_however_heavy)
{
    rig.options.tail_bytes = 1;
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 50);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, 0);
    rig_publish_run(&rig, "mem/a", 50);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, 50);
}
END_TEST

/* --- a disk that fails --- */

START_TEST(durable_publishes_fail_with_the_disk_and_memory_ones_do_not)
{
    static const enum err faults[] = {ERR_NOSPACE, ERR_IO};
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig_publish(&rig, "b");
    rig.fault = faults[_i];
    struct publish *list =
        list_of(publish_of("mem/a", "m"), publish_of("b", "k"), publish_create(0),
                pair_of("mem/a", NULL, "b", NULL), publish_of("mem/a", NULL), NULL);
    struct batch *b = rig_commit_apart(&rig, list);
    const struct publish *p = list;
    check_result(p, ERR_OK, 3);
    check_result(p = p->next, faults[_i], 0);
    ck_assert_int_eq((p = p->next)->result, ERR_OK);
    check_result(p = p->next, faults[_i], 0);
    check_result(p = p->next, ERR_OK, 4);
    list_free(list);
    ck_assert_uint_eq(b->first, 3);
    ck_assert_uint_eq(b->last, 4);
    ck_assert_uint_eq(b->count, 2);
    ck_assert_uint_eq(b->messages[1]->offset, 4);
    rig_hand_over(&rig, b);

    rig.fault = ERR_OK;
    ck_assert_uint_eq(rig_publish_key(&rig, "b", "k"), 5); /* it had failed: not a duplicate */
    ck_assert_uint_eq(rig_publish_key(&rig, "b", "k"), 5);
    ck_assert_uint_eq(rig_publish_key(&rig, "mem/a", "m"), 3); /* it had not */
    CHECK_LOG(2, 5);
    ck_assert_uint_eq(rig_topic(&rig, "b")->messages, 2);
}
END_TEST

START_TEST(a_failed_group_leaves_nothing_behind)
{
    rig_start(&rig);
    rig_publish_key(&rig, "a", "k");
    rig.fault = ERR_NOSPACE;
    struct publish *list =
        list_of(publish_of("a", "new"), publish_of("a", "k"), publish_of("b", NULL), NULL);
    ck_assert_ptr_null(rig_commit_apart(&rig, list));
    for (const struct publish *p = list; p; p = p->next)
        ck_assert_int_eq(p->result, ERR_NOSPACE);
    list_free(list);
    ck_assert_uint_eq(broker_head(rig.broker), 1);
    ck_assert_uint_eq(rig_topic(&rig, "a")->last, 1);
    rig.fault = ERR_OK;
    ck_assert_uint_eq(rig_publish(&rig, "b"), 2);
    ck_assert_uint_eq(rig_publish_key(&rig, "a", "new"), 3);
    CHECK_LOG(1, 2, 3);
}
END_TEST

static void publish_in_vain(unsigned count)
{
    char topic[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(topic, sizeof(topic), "new/%u", i);
        struct publish *list = list_of(publish_of(topic, NULL), NULL);
        ck_assert_ptr_null(rig_commit_apart(&rig, list));
        list_free(list);
    }
}

START_TEST(groups_that_fail_again_and_again_take_no_memory)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig.fault = ERR_NOSPACE;
    publish_in_vain(200);
    size_t before = mallinfo2().uordblks;
    publish_in_vain(200);
    size_t after = mallinfo2().uordblks;
    ck_assert_uint_le(after, before + 200 * sizeof(void *));
    rig.fault = ERR_OK;
}
END_TEST

/* A topic that could not be stored must not keep others' memory publishes from working. */
START_TEST(memory_topics_work_beside_new_topics_on_a_full_disk)
{
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig.fault = ERR_NOSPACE;
    struct publish *list = list_of(publish_of("new", NULL), publish_of("mem/a", NULL), NULL);
    rig_commit(&rig, list);
    check_result(list, ERR_NOSPACE, 0);
    check_result(list->next, ERR_OK, 2);
    list_free(list);
    struct publish *p = publish_of("mem/new", NULL); /* its row must be stored first */
    rig_commit(&rig, p);
    check_result(p, ERR_NOSPACE, 0);
    publish_free(p);
    ck_assert_uint_eq(rig_publish(&rig, "mem/a"), 3);
    rig.fault = ERR_OK;
    ck_assert_uint_eq(rig_publish(&rig, "mem/new"), 4);
    ck_assert_uint_eq(rig_publish(&rig, "new"), 5);
    CHECK_LOG(5);
}
END_TEST

START_TEST(without_a_reserve_memory_publishes_need_the_disk)
{
    rig_start(&rig);
    rig_publish(&rig, "mem/a");
    rig.fault = ERR_IO;
    struct publish *p = publish_create(70000);
    for (uint32_t i = 0; i < p->count; i++)
        publish_set(p, i, message_of("mem/a", "", NULL));
    rig_commit(&rig, p);
    check_result(p, ERR_IO, 0);
    publish_free(p);
    ck_assert_uint_eq(rig_publish(&rig, "mem/a"), 2);
    rig.fault = ERR_OK;
    rig_publish_run(&rig, "mem/a", 70000);
    ck_assert_uint_eq(broker_head(rig.broker), 70002);
}
END_TEST

/* Random groups, now and then on a failing disk: what was acknowledged is there, once. */
START_TEST(nothing_is_lost_or_renumbered_by_failures)
{
    enum { GROUPS = 300, EACH = 8 };
    static const char *const topics[] = {"a", "b", "mem/a", "mem/b"};
    uint64_t head = 0, kept[GROUPS * EACH], count = 0;
    rig_start(&rig);
    random_seed();
    for (int g = 0; g < GROUPS; g++) {
        struct publish *list = NULL, *p;
        rig.fault = random_below(3) == 0 ? ERR_NOSPACE : ERR_OK;
        for (uint32_t n = random_below(EACH); n > 0; n--) {
            p = publish_of(topics[random_below(4)], NULL);
            p->next = list;
            list = p;
        }
        rig_commit(&rig, list);
        for (p = list; p; p = p->next) {
            if (p->result != ERR_OK)
                continue;
            ck_assert_uint_eq(p->items[0].offset, ++head);
            kept[count++] = head;
        }
        list_free(list);
    }
    ck_assert_uint_eq(broker_head(rig.broker), head);
    struct follower f = {0};
    follower_start_text(&rig, &f, "#", "earliest");
    ck_assert(!follower_read(&rig, &f));
    check_got(&f, kept, count);
    follower_finish(&rig, &f);
}
END_TEST

/* --- removals --- */

START_TEST(a_purge_takes_one_topic_away)
{
    uint64_t removed;
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3);
    rig_publish(&rig, "b");
    rig_publish(&rig, "a");
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "a"), &removed), ERR_OK);
    ck_assert_uint_eq(removed, 4);
    CHECK_LOG(4);
    ck_assert_uint_eq(rig_topic(&rig, "a")->floor, 5);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 0);
    ck_assert_uint_eq(rig_topic(&rig, "a")->bytes, 0);
    ck_assert_uint_eq(rig_publish(&rig, "a"), 6);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    CHECK_LOG(4, 6);
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "a"), &removed), ERR_OK);
    ck_assert_uint_eq(removed, 1);
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "a"), &removed), ERR_OK);
    ck_assert_uint_eq(removed, 0);
    ck_assert_uint_eq(rig_topic(&rig, "a")->floor, 6);
}
END_TEST

START_TEST(memory_topics_can_be_purged)
{
    uint64_t removed;
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 3);
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "mem/a"), &removed), ERR_OK);
    ck_assert_uint_eq(removed, 3);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, 3);
    rig_publish(&rig, "mem/a");
    rig_flush_tail(&rig); /* what was purged is not counted off again */
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, 0);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->bytes, 0);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->floor, 4);
}
END_TEST

START_TEST(a_topic_that_could_not_be_stored_can_be_purged)
{
    uint64_t removed;
    rig_start(&rig);
    rig.fault = ERR_NOSPACE;
    struct publish *p = publish_of("a", NULL);
    rig_commit(&rig, p);
    publish_free(p);
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "a"), &removed), ERR_OK);
    ck_assert_uint_eq(removed, 0);
    ck_assert_uint_eq(rig_topic(&rig, "a")->floor, 0);
}
END_TEST

START_TEST(a_trim_takes_the_oldest_away)
{
    rig_start(&rig);
    rig_publish_run(&rig, "a", 3);
    rig_publish(&rig, "b");
    rig_publish(&rig, "mem/a");
    rig_publish_run(&rig, "a", 2);
    ck_assert_uint_eq(rig_trim(&rig, 6), 5);
    CHECK_LOG(7);
    ck_assert_uint_eq(rig_topic(&rig, "a")->floor, 6);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1);
    ck_assert_uint_eq(rig_topic(&rig, "a")->bytes, 1);
    ck_assert_uint_eq(rig_topic(&rig, "b")->floor, 4);
    ck_assert_uint_eq(rig_topic(&rig, "b")->messages, 0);
    ck_assert_uint_eq(rig_topic(&rig, "mem/a")->messages, 1);
    ck_assert_uint_eq(rig_trim(&rig, 6), 0);
    ck_assert_uint_eq(rig_trim(&rig, UINT64_MAX), 1);
    ck_assert_uint_eq(rig_publish(&rig, "a"), 8);
}
END_TEST

START_TEST(large_removals_go_in_steps)
{
    uint64_t removed;
    rig_start(&rig);
    rig_publish_run(&rig, "a", 10000);
    rig_publish_run(&rig, "b", 10000);
    ck_assert_uint_eq(rig_trim(&rig, 9000), 9000);
    ck_assert_uint_eq(rig_topic(&rig, "a")->messages, 1000);
    ck_assert_int_eq(broker_purge(rig.broker, rig_topic(&rig, "b"), &removed), ERR_OK);
    ck_assert_uint_eq(removed, 10000);
    ck_assert_uint_eq(rig_topic(&rig, "b")->messages, 0);
    ck_assert_uint_eq(topic_row(rig.store, rig_topic(&rig, "b")->id).messages, 10000 - 1024);
    rig_retain(&rig);
    ck_assert_uint_eq(topic_row(rig.store, rig_topic(&rig, "b")->id).messages, 0);
    ck_assert_uint_eq(rig_trim(&rig, 20000), 1000);
}
END_TEST

/* --- restarts --- */

START_TEST(topics_and_their_totals_survive)
{
    rig_start(&rig);
    rig_publish_run(&rig, "a", 4);
    rig_publish(&rig, "b");
    rig_trim(&rig, 2);
    rig_purge(&rig, "b");
    uint32_t id = rig_topic(&rig, "a")->id;
    rig_restart(&rig, _i);
    const struct topic *a = rig_topic(&rig, "a"), *b = rig_topic(&rig, "b");
    ck_assert_uint_eq(a->id, id);
    ck_assert_uint_eq(a->messages, 2);
    ck_assert_uint_eq(a->bytes, 2);
    ck_assert_uint_eq(a->last, 4);
    ck_assert_uint_eq(a->floor, 2);
    ck_assert_uint_eq(b->messages, 0);
    ck_assert_uint_eq(b->floor, 5);
    ck_assert_uint_eq(broker_head(rig.broker), 5);
    ck_assert_uint_eq(rig_publish(&rig, "b"), 6);
    CHECK_LOG(3, 4, 6);
}
END_TEST

START_TEST(a_log_with_too_many_topics_is_refused)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish(&rig, "b");
    rig.options.max_topics = 1;
    struct broker *other = NULL;
    ck_assert_int_eq(broker_create(&rig.options, rig.store, &rig.log, rig.now_ms, &other),
                     ERR_LIMIT);
    ck_assert_ptr_null(other);
    broker_destroy(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("broker");
    TCase *t = tcase_create("memory store");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, offsets_are_dense_and_results_in_order);
    tcase_add_test(t, an_empty_publish_is_a_probe);
    tcase_add_test(t, a_publish_is_stored_whole_or_not_at_all);
    tcase_add_test(t, subscribers_of_all_workers_are_counted);
    tcase_add_test(t, time_never_runs_backwards);
    tcase_add_test(t, the_same_key_answers_the_first_offset);
    tcase_add_test(t, a_group_of_duplicates_stores_nothing);
    tcase_add_test(t, a_key_is_free_again_after_the_window);
    tcase_add_test(t, memory_messages_leave_no_record);
    tcase_add_test(t, memory_messages_rarely_touch_the_disk);
    tcase_add_test(t, leaving_the_tail_raises_the_floor_of_memory_topics);
    tcase_add_test(t, the_tail_weighs_what_it_may);
    tcase_add_test(t, the_tail_gets_shorter_when_its_encodings_are_long);
    tcase_add_loop_test(t, the_tail_is_full_with_its_last_byte, 0, 2);
    tcase_add_test(t, the_newest_batch_stays_however_heavy);
    tcase_add_loop_test(t, durable_publishes_fail_with_the_disk_and_memory_ones_do_not, 0, 2);
    tcase_add_test(t, a_failed_group_leaves_nothing_behind);
    tcase_add_test(t, groups_that_fail_again_and_again_take_no_memory);
    tcase_add_test(t, memory_topics_work_beside_new_topics_on_a_full_disk);
    tcase_add_test(t, without_a_reserve_memory_publishes_need_the_disk);
    tcase_add_test(t, nothing_is_lost_or_renumbered_by_failures);
    tcase_add_test(t, a_purge_takes_one_topic_away);
    tcase_add_test(t, memory_topics_can_be_purged);
    tcase_add_test(t, a_topic_that_could_not_be_stored_can_be_purged);
    tcase_add_test(t, a_trim_takes_the_oldest_away);
    tcase_add_test(t, large_removals_go_in_steps);
    tcase_add_test(t, a_log_with_too_many_topics_is_refused);
    suite_add_tcase(s, t);

    t = tcase_create("durable log");
    tcase_add_checked_fixture(t, setup_durable, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, time_goes_on_from_the_log);
    tcase_add_loop_test(t, keys_survive_a_restart, 0, 2);
    tcase_add_test(t, the_newest_keys_survive_when_there_are_too_many);
    tcase_add_test(t, offsets_of_memory_messages_are_never_used_again);
    tcase_add_loop_test(t, memory_messages_end_with_the_process, 0, 2);
    tcase_add_loop_test(t, a_topic_declared_memory_later_loses_its_messages_the_same_way, 0, 2);
    tcase_add_loop_test(t, a_topic_that_was_a_memory_one_for_a_while_loses_what_it_had_then, 0, 2);
    tcase_add_loop_test(t, durable_publishes_fail_with_the_disk_and_memory_ones_do_not, 0, 2);
    tcase_add_test(t, nothing_is_lost_or_renumbered_by_failures);
    tcase_add_test(t, large_removals_go_in_steps);
    tcase_add_loop_test(t, topics_and_their_totals_survive, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
