/*
 * Random histories against a plain model: followers that keep nothing but their cursor and come
 * back at random get exactly their messages, in order, or are told that some are lost, and are told
 * nothing else. Publishes, workers that lag, trims, purges, evictions, restarts and crashes; topics
 * that are forgotten and come again, after which whoever wants topics that are not known may be
 * told too much. Some take what another one of their feed has read, however long ago.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "tests/unit/broker_fixture.h"

enum { FOLLOWERS = 8, MESSAGES_MAX = 1 << 16, HELD_MAX = 8, FILTERS_SIZE = 64 };

static const char *const names[] = {"a/1",   "a/2",     "b",      "c/1/2", "mem/1",
                                    "mem/2", "mem/3/4", "_p/1/2", "_q"};
static const char *const filters[] = {"a/1",   "a/2",  "b",     "mem/1", "mem/2", "mem/3/4",
                                      "a/+",   "+",    "c/#",   "mem/#", "#",     "+/+",
                                      "mem/+", "none", "c/1/2", "_p/#",  "_q",    "+/#"};

enum { NAMES = sizeof(names) / sizeof(names[0]), FILTERS = sizeof(filters) / sizeof(filters[0]) };

static struct rig rig;

/* --- the model --- */

/* All messages ever, by ascending offset. */
static struct {
    uint64_t offset;
    uint8_t name; /* index of names */
    bool lost;
} messages[MESSAGES_MAX];
static size_t message_count;

/* Memory topics known at a restart may have lost anything up to there. */
static uint64_t restarted_at;
static bool known_then[NAMES];

static struct {
    struct follower f;
    char filters[FILTERS_SIZE];
    bool connected;
    bool started; /* has a cursor */
    struct cursor cursor;
    size_t checked;          /* f.got[0..checked-1] have been compared */
    bool told[MESSAGES_MAX]; /* lost messages that it knows of, or never asked for */
} model[FOLLOWERS];

static size_t taken; /* steps that were taken from another */

/* Topics that came into being when some had been forgotten, and may have been one of them; how
 * often one was forgotten; gaps that were told without a loss. */
static bool born_late[NAMES];
static size_t forgotten, excess;

/* Batches on the way to the worker. */
static struct batch *held[HELD_MAX];
static size_t held_count;

static bool is_memory(size_t name)
{
    return strncmp(names[name], "mem/", 4) == 0;
}

static bool matches(int i, size_t name)
{
    for (const char *at = model[i].filters; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (topic_matches(at, n, names[name], strlen(names[name])))
            return true;
        at += n;
    }
    return false;
}

static size_t first_above(uint64_t offset)
{
    size_t low = 0, high = message_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (messages[mid].offset > offset)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static bool lost_above(int i, uint64_t offset, bool untold)
{
    for (size_t m = first_above(offset); m < message_count; m++)
        if (messages[m].lost && matches(i, messages[m].name) && !(untold && model[i].told[m]))
            return true;
    return false;
}

/* A memory topic of the set was there at the last restart. */
static bool may_have_lost(int i, uint64_t offset)
{
    for (size_t name = 0; name < NAMES; name++)
        if (known_then[name] && is_memory(name) && matches(i, name) && offset < restarted_at)
            return true;
    return false;
}

static void mark_told(int i, uint64_t offset)
{
    for (size_t m = first_above(offset); m < message_count; m++)
        model[i].told[m] |= messages[m].lost && matches(i, messages[m].name);
}

/* Where delivery goes on after OFFSET: before the first kept message that the worker knows. */
static uint64_t resumed_after(int i, uint64_t offset)
{
    for (size_t m = first_above(offset); m < message_count; m++)
        if (!messages[m].lost && matches(i, messages[m].name))
            return messages[m].offset <= rig.replay.head ? messages[m].offset - 1 : rig.replay.head;
    return offset > rig.replay.head ? offset : rig.replay.head;
}

/* --- forgetting --- */

static bool is_pattern_in(const char *at, size_t n)
{
    return memchr(at, '+', n) || memchr(at, '#', n);
}

static bool may_be_forgotten(const char *filter, size_t n)
{
    for (size_t name = 0; name < NAMES; name++)
        if (strlen(names[name]) == n && memcmp(names[name], filter, n) == 0)
            return born_late[name] || !rig_topic(&rig, names[name]);
    return true;
}

/* Whether I may be told of a loss above OFFSET only since some topic was forgotten. */
static bool may_be_excess(int i, uint64_t offset)
{
    if (topic_table_forgotten(rig.replay.topics).mark <= offset)
        return false;
    for (const char *at = model[i].filters; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (is_pattern_in(at, n) || may_be_forgotten(at, n))
            return true;
        at += n;
    }
    return false;
}

/* Which topics are known: before something that may forget some, and after it. */
static void note_known(bool known[NAMES])
{
    for (size_t name = 0; name < NAMES; name++)
        known[name] = rig_topic(&rig, names[name]) != NULL;
}

static void note_forgotten(const bool known[NAMES])
{
    for (size_t name = 0; name < NAMES; name++) {
        bool is_known = rig_topic(&rig, names[name]) != NULL;
        if (is_known && !known[name])
            born_late[name] = topic_table_forgotten(rig.replay.topics).mark > 0;
        if (is_known || !known[name])
            continue;
        for (size_t m = 0; m < message_count; m++)
            ck_assert(messages[m].lost || messages[m].name != name);
        forgotten++;
    }
}

static void forget_idle(void)
{
    bool known[NAMES];
    note_known(known);
    rig.now_ms += random_below(2 * IDLE_KEPT_MS);
    rig_retain(&rig);
    note_forgotten(known);
}

/* --- losing --- */

static void lose_evicted(uint64_t tail_first)
{
    for (size_t m = 0; m < message_count; m++)
        messages[m].lost |= messages[m].offset < tail_first && is_memory(messages[m].name);
}

static void trim_some(void)
{
    if (message_count == 0)
        return;
    uint64_t upto = messages[random_below((uint32_t)message_count)].offset;
    rig_trim(&rig, upto);
    for (size_t m = 0; m < message_count && messages[m].offset <= upto; m++)
        messages[m].lost |= !is_memory(messages[m].name);
}

static void purge_one(void)
{
    size_t name = random_below(NAMES);
    if (!rig_topic(&rig, names[name]))
        return;
    rig_purge(&rig, names[name]);
    for (size_t m = 0; m < message_count; m++)
        messages[m].lost |= messages[m].name == name;
}

/* --- publishing --- */

static void hand_over(size_t count)
{
    for (size_t i = 0; i < count; i++)
        rig_hand_over(&rig, held[i]);
    held_count -= count;
    memmove(held, held + count, held_count * sizeof(held[0]));
}

static void publish_some(void)
{
    struct publish *p = publish_create(random_below(5) + 1);
    for (uint32_t i = 0; i < p->count; i++) {
        uint8_t name = (uint8_t)random_below(NAMES);
        publish_set(p, i, message_of(names[name], "payload", NULL));
        messages[message_count + i].name = name;
        messages[message_count + i].lost = false;
    }
    bool known[NAMES];
    note_known(known);
    if (held_count == HELD_MAX)
        hand_over(1);
    struct batch *b = rig_commit_apart(&rig, p);
    note_forgotten(known);
    if (p->result == ERR_LIMIT) { /* no topic could be forgotten */
        ck_assert_uint_lt(rig.options.max_topics, NAMES);
        ck_assert_ptr_null(b);
        publish_free(p);
        return;
    }
    held[held_count++] = b;
    ck_assert_int_eq(p->result, ERR_OK);
    for (uint32_t i = 0; i < p->count; i++) {
        ck_assert(message_count == 0 || p->items[i].offset > messages[message_count - 1].offset);
        messages[message_count++].offset = p->items[i].offset;
    }
    lose_evicted(held[held_count - 1]->tail_first);
    publish_free(p);
}

/* --- followers --- */

/* Everything above FROM up to the place must have been delivered or told. */
static void check_passed(int i, uint64_t from, uint64_t to)
{
    for (size_t m = first_above(from); m < message_count && messages[m].offset <= to; m++)
        if (matches(i, messages[m].name))
            ck_assert_msg(messages[m].lost && model[i].told[m],
                          "follower %d (%s) passed %s message %llu untold", i, model[i].filters,
                          messages[m].lost ? "lost" : "kept",
                          (unsigned long long)messages[m].offset);
}

static void check_progress(int i, uint64_t from)
{
    struct follower *f = &model[i].f;
    for (; model[i].checked < f->count; model[i].checked++) {
        uint64_t offset = f->got[model[i].checked];
        size_t m = first_above(offset - 1);
        ck_assert_uint_gt(offset, from);
        ck_assert_uint_eq(messages[m].offset, offset);
        ck_assert(matches(i, messages[m].name));
        ck_assert(!messages[m].lost);
        check_passed(i, from, offset - 1);
        from = offset;
    }
    check_passed(i, from, f->position.offset);
}

/* On the way a gap is only told for something new. */
static void check_gap(int i, uint64_t offset, bool at_start)
{
    const struct gap *gap = &model[i].f.gap;
    ck_assert_int_eq(gap->reason, GAP_TRIMMED);
    ck_assert_uint_eq(gap->resumed, resumed_after(i, offset));
    ck_assert_uint_eq(gap->requested.offset, offset);
    bool lost = lost_above(i, offset, !at_start) || may_have_lost(i, offset);
    ck_assert(lost || may_be_excess(i, offset));
    excess += !lost;
    mark_told(i, offset);
}

static void step(int i)
{
    struct follower *f = &model[i].f;
    uint64_t from = f->position.offset;
    f->stop_after = random_below(2) ? random_below(20) + 1 : 0;
    if (follower_take(&rig, f))
        taken++;
    else
        ck_assert_int_eq(follower_step(&rig, f), ERR_OK);
    if (f->gap.reason != GAP_NONE)
        check_gap(i, from, false);
    check_progress(i, from);
    model[i].cursor = (struct cursor){f->position.offset, rig.log.epoch};
}

/* The others of I's feed come right behind it, as after a restart of the hub. */
static void step_together(int i)
{
    step(i);
    for (int j = 0; j < FOLLOWERS; j++)
        if (j != i && model[j].connected && model[j].f.sub.feed == model[i].f.sub.feed)
            step(j);
}

static void choose_filters(int i)
{
    char *at = model[i].filters;
    rig.reads_all = random_below(3) == 0;
    if (random_below(2)) {
        strcpy(at, "a/+ mem/#"); /* some share a feed */
        return;
    }
    for (uint32_t n = random_below(3) + 1; n > 0; n--)
        at += sprintf(at, "%s%s", at > model[i].filters ? " " : "", filters[random_below(FILTERS)]);
}

static void start_anew(int i)
{
    static const struct after starts[] = {
        {.kind = AFTER_LATEST}, {.kind = AFTER_EARLIEST}, {.kind = AFTER_LAST, .last = 7}};
    struct follower *f = &model[i].f;
    const struct after *a = &starts[random_below(3)];
    choose_filters(i);
    memset(model[i].told, 0, sizeof(model[i].told));
    follower_start(&rig, f, model[i].filters, a);
    ck_assert_int_eq(f->gap.reason, GAP_NONE);
    if (a->kind != AFTER_LATEST)
        mark_told(i, 0);
    if (a->kind == AFTER_EARLIEST)
        ck_assert_uint_eq(f->position.offset, resumed_after(i, 0));
    if (a->kind == AFTER_LATEST)
        ck_assert_uint_eq(f->position.offset, rig.replay.head);
}

/* The last offset that is certain in a former epoch. */
static uint64_t certain_in(uint32_t epoch)
{
    for (size_t i = 0; i < rig.log.former_count; i++)
        if (rig.log.former[i].epoch == epoch)
            return rig.log.former[i].last;
    return 0;
}

static void come_back(int i)
{
    struct follower *f = &model[i].f;
    struct cursor c = model[i].cursor;
    struct after a = {.kind = AFTER_CURSOR, .cursor = c};
    follower_start(&rig, f, model[i].filters, &a);
    uint64_t from = c.offset;
    bool foreign = c.epoch != rig.log.epoch && c.offset > certain_in(c.epoch);
    if (foreign) {
        from = certain_in(c.epoch);
        ck_assert_int_eq(f->gap.reason, GAP_EPOCH);
        ck_assert_uint_eq(f->gap.resumed, resumed_after(i, from));
        mark_told(i, from);
    } else if (f->gap.reason != GAP_NONE) {
        check_gap(i, from, true);
    } else {
        ck_assert(!lost_above(i, from, false));
    }
    ck_assert_uint_eq(f->position.offset, from);
}

static void connect(int i)
{
    if (!model[i].started || random_below(20) == 0)
        start_anew(i);
    else
        come_back(i);
    model[i].started = model[i].connected = true;
    model[i].checked = 0;
    model[i].cursor = (struct cursor){model[i].f.position.offset, rig.log.epoch};
}

static void disconnect(int i)
{
    follower_finish(&rig, &model[i].f);
    model[i].connected = false;
}

static void visit_follower(void)
{
    int i = (int)random_below(FOLLOWERS);
    if (!model[i].connected)
        connect(i);
    else if (random_below(6) == 0)
        disconnect(i);
    else if (random_below(2))
        step(i);
    else
        step_together(i);
}

/* --- restarts --- */

static void restart(void)
{
    static char boot[] = "boot 0";
    while (held_count)
        batch_unref(held[--held_count]);
    for (int i = 0; i < FOLLOWERS; i++)
        if (model[i].connected)
            disconnect(i);
    for (size_t name = 0; name < NAMES; name++)
        known_then[name] = rig_topic(&rig, names[name]) != NULL;
    if (random_below(2))
        rig_stop(&rig);
    else
        rig_crash(&rig);
    if (random_below(3) == 0)
        boot[5]++; /* another boot: what was not synced may be lost, so the epoch changes */
    rig.boot_id = boot;
    rig_start(&rig);
    restarted_at = rig.log.head;
    for (size_t m = 0; m < message_count; m++)
        messages[m].lost |= is_memory(messages[m].name);
    ck_assert(message_count == 0 || rig.log.head >= messages[message_count - 1].offset);
}

/* --- running --- */

static void act(void)
{
    uint32_t what = random_below(1000);
    if (what < 400)
        publish_some();
    else if (what < 500)
        hand_over(random_below((uint32_t)held_count + 1));
    else if (what < 980)
        visit_follower();
    else if (what < 988)
        trim_some();
    else if (what < 994)
        purge_one();
    else if (what < 998)
        forget_idle();
    else if (rig.dir)
        restart();
}

static void finish(void)
{
    hand_over(held_count);
    for (int i = 0; i < FOLLOWERS; i++) {
        if (!model[i].connected)
            connect(i);
        while (model[i].f.position.offset < rig.replay.head)
            step(i);
        disconnect(i);
    }
}

static void run(bool durable, int actions)
{
    random_seed();
    rig_init(&rig, durable);
    rig.options.tail_bytes = 500 + random_below(20000);
    rig.options.max_topics = NAMES - 1 - random_below(2);
    rig_start(&rig);
    for (int n = 0; n < actions && message_count < MESSAGES_MAX - 8; n++)
        act();
    finish();
    rig_finish(&rig);
    printf("%zu topics forgotten, %zu gaps too many\n", forgotten, excess);
    ck_assert_uint_gt(taken, 10);
    ck_assert_uint_gt(forgotten, 0);
}

START_TEST(followers_get_all_or_are_told)
{
    run(false, 10000);
}
END_TEST

START_TEST(followers_get_all_or_are_told_over_restarts)
{
    run(true, 5000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("replay, random");
    TCase *t = tcase_create("random");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, followers_get_all_or_are_told, 0, 4);
    tcase_add_loop_test(t, followers_get_all_or_are_told_over_restarts, 0, 4);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
