/*
 * Where a subscriber starts, what it gets next, and what it is told that it lost. One worker, one
 * thread; random histories are in test_replay_random.c, threads in test_replay_races.c.
 */
#include "broker/replay.h"

#include <check.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "tests/unit/broker_fixture.h"

static struct rig rig;
static struct follower f;

static void setup(void)
{
    rig_init(&rig, false);
    memset(&f, 0, sizeof(f));
}

static void setup_durable(void)
{
    rig_init(&rig, true);
    memset(&f, 0, sizeof(f));
}

static void teardown(void)
{
    if (rig.broker)
        follower_finish(&rig, &f);
    rig_finish(&rig);
}

static void clear_got(void)
{
    f.count = 0;
}

/* a at 1, 3, 5 ... 19, b at 2, 4 ... 18, c at 20. */
static void publish_twenty(void)
{
    for (int i = 1; i <= 20; i++)
        rig_publish(&rig, i == 20 ? "c" : i % 2 ? "a" : "b");
}

static void check_gap(enum gap_reason reason, uint64_t requested, uint32_t epoch, uint64_t resumed)
{
    ck_assert_str_eq(gap_reason_name(f.gap.reason), gap_reason_name(reason));
    if (reason == GAP_NONE)
        return;
    ck_assert_uint_eq(f.gap.requested.offset, requested);
    ck_assert_uint_eq(f.gap.requested.epoch, epoch);
    ck_assert_uint_eq(f.gap.resumed, resumed);
}

/* --- starting places --- */

START_TEST(earliest_is_the_first_kept_message)
{
    rig_start(&rig);
    publish_twenty();
    rig_trim(&rig, 14);
    follower_start_text(&rig, &f, "a c", "earliest");
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 15, 17, 19, 20);
}
END_TEST

/* A set whose topics are too many to be looked for reads all of the log, which may be long: what is
 * looked at to find its first message is no more than a slice may. The place is before that, and
 * nothing is missed. */
START_TEST(the_first_message_is_not_looked_for_everywhere)
{
    enum { OTHERS = 40000, LOOKED_MAX = 2 * 16384 + 1 };
    static const char *const afters[] = {"earliest", "-5", "0"};
    rig.options.tail_bytes = 1 << 20;
    rig_start(&rig);
    rig_publish(&rig, _i == 2 ? "a" : "other");
    rig_publish_run(&rig, "other", OTHERS);
    rig_publish(&rig, "a");
    rig.reads_all = true;
    if (_i == 2)
        rig_trim(&rig, 1);
    uint64_t looked = rig.replay.looked;
    follower_start_text(&rig, &f, "a", afters[_i]);
    ck_assert_uint_le(rig.replay.looked - looked, LOOKED_MAX);
    ck_assert_int_eq(f.gap.reason, _i == 2 ? GAP_TRIMMED : GAP_NONE);
    while (follower_read(&rig, &f))
        ;
    CHECK_GOT(&f, OTHERS + 2);
}
END_TEST

START_TEST(latest_is_the_head)
{
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "#", "latest");
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert_uint_eq(f.position.offset, 20);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT_NOTHING(&f);
    rig_publish(&rig, "a");
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 21);
}
END_TEST

static const struct {
    const char *filters, *after;
    uint64_t first; /* offset of the first message; 0 = none */
} lasts[] = {
    {"a", "-1", 19},      {"a", "-3", 15},     {"b", "-3", 14},
    {"a b", "-3", 17},    {"c", "-1", 20},     {"c", "-5", 20},
    {"+", "-20", 1},      {"#", "-100000", 1}, {"#", "-18446744073709551615", 1},
    {"nothing", "-3", 0},
};

/* _i selects the row, and whether the older half has left the tail. */
START_TEST(minus_n_is_the_last_n_of_the_set)
{
    int row = _i / 2;
    rig_start(&rig);
    if (_i % 2)
        rig.options.tail_bytes = 1;
    for (int i = 1; i <= 20; i++) {
        rig_publish(&rig, i == 20 ? "c" : i % 2 ? "a" : "b");
        if (i == 10 && _i % 2)
            tail_drop_below(&rig.tail, 11);
    }
    follower_start_text(&rig, &f, lasts[row].filters, lasts[row].after);
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
    ck_assert_uint_eq(f.count ? f.got[0] : 0, lasts[row].first);
    if (f.count) {
        struct after a;
        ck_assert_int_eq(after_parse(lasts[row].after, strlen(lasts[row].after), &a), ERR_OK);
        ck_assert_uint_le(f.count, a.last);
        ck_assert_uint_eq(f.got[f.count - 1], strchr("c+#", lasts[row].filters[0]) ? 20
                                              : strchr(lasts[row].filters, 'a')    ? 19
                                                                                   : 18);
    }
}
END_TEST

static enum err start_last(uint64_t n)
{
    struct after a = {.kind = AFTER_LAST, .last = n};
    struct gap gap;
    return replay_start(&rig.replay, f.sub.feed, &a, 0, &f.position, &gap);
}

START_TEST(minus_n_has_a_limit)
{
    rig_start(&rig);
    rig_publish(&rig, "b");
    rig_publish_run(&rig, "a", REPLAY_LAST_MAX + 2);
    follower_join(&rig, &f, "a");
    ck_assert_int_eq(start_last(REPLAY_LAST_MAX), ERR_OK);
    ck_assert_uint_eq(f.position.offset, 3);
    ck_assert_int_eq(start_last(REPLAY_LAST_MAX + 1), ERR_LIMIT);
    ck_assert_int_eq(start_last(REPLAY_LAST_MAX + 2), ERR_OK); /* all that there are */
    ck_assert_uint_eq(f.position.offset, 1);
    ck_assert_int_eq(start_last(UINT64_MAX), ERR_OK);
    ck_assert_uint_eq(f.position.offset, 1);
}
END_TEST

/* Each piece looks at no more than a slice of work has room for, wherever the messages are. */
START_TEST(counting_back_takes_many_small_pieces)
{
    static const char *const filters[] = {"a", "#"};
    struct replay_count count = {0};
    unsigned pieces = 0;
    uint64_t most = 0;
    enum err e;
    rig_start(&rig);
    for (int i = 0; i < 10; i++) {
        rig_publish_run(&rig, "b", 1000);
        rig_publish_run(&rig, "a", 500);
        if (i == 7 && _i / 2)
            tail_drop_below(&rig.tail, 8000);
    }
    follower_join(&rig, &f, filters[_i % 2]);
    do {
        uint64_t looked = rig.replay.looked;
        e = replay_count_back(&rig.replay, f.sub.feed, 4000, &count);
        most = rig.replay.looked - looked > most ? rig.replay.looked - looked : most;
        pieces++;
    } while (e == ERR_AGAIN);
    ck_assert_int_eq(e, ERR_OK);
    ck_assert_uint_le(most, 2100);
    ck_assert_uint_ge(pieces, 2);
    ck_assert_int_eq(start_last(4000), ERR_OK);
    ck_assert_uint_eq(f.position.offset, count.place);
    ck_assert_uint_eq(count.place, _i % 2 ? 11000 : 4000);
}
END_TEST

/* Dropped before its first message, a subscriber comes back with the cursor that it began with:
 * what was lost before it came is still none of its business. */
START_TEST(the_first_cursor_is_one_to_come_back_with)
{
    static const char *const starts[] = {"earliest", "-3", "-100", "latest"};
    rig_start(&rig);
    publish_twenty();
    if (_i / 4)
        rig_purge(&rig, "a");
    else
        rig_trim(&rig, 12);
    follower_start_text(&rig, &f, "a", starts[_i % 4]);
    struct after a = {.kind = AFTER_CURSOR, .cursor = {f.position.offset, rig.log.epoch}};
    follower_finish(&rig, &f);
    follower_start(&rig, &f, "a", &a);
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
    if (_i / 4 || _i % 4 == 3)
        CHECK_GOT_NOTHING(&f);
    else if (_i % 4 == 1)
        CHECK_GOT(&f, 15, 17, 19);
    else
        CHECK_GOT(&f, 13, 15, 17, 19);
}
END_TEST

START_TEST(minus_n_counts_memory_messages)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish_run(&rig, "mem/a", 2);
    rig_publish(&rig, "a");
    follower_start_text(&rig, &f, "#", "-3");
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 2, 3, 4);
}
END_TEST

/* Offset n has time n * 1000 after the first. */
static void start_at_time(uint64_t ms)
{
    struct after a = {.kind = AFTER_TIME, .time_ms = ms};
    follower_finish(&rig, &f);
    follower_start(&rig, &f, "#", &a);
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
}

/* _i: everything in the tail; the older half in the log only. */
START_TEST(a_time_is_the_first_message_at_or_after_it)
{
    rig_start(&rig);
    uint64_t zero = rig.now_ms;
    for (int i = 1; i <= 8; i++) {
        rig.now_ms = zero + (uint64_t)i * 1000;
        rig_publish(&rig, i == 3 || i == 6 || i == 7 ? "mem/a" : "a");
        if (i == 4 && _i)
            tail_drop_below(&rig.tail, 5);
    }
    start_at_time(zero + 5000);
    CHECK_GOT(&f, 5, 6, 7, 8);
    start_at_time(zero + 5001);
    CHECK_GOT(&f, 6, 7, 8);
    start_at_time(zero + 6001);
    CHECK_GOT(&f, 7, 8);
    start_at_time(zero + 8000);
    CHECK_GOT(&f, 8);
    start_at_time(zero + 8001);
    CHECK_GOT_NOTHING(&f);
    ck_assert_uint_eq(f.position.offset, 8);
    start_at_time(zero + 4000);
    CHECK_GOT(&f, 4, 5, 6, 7, 8);
    if (_i)
        return;
    start_at_time(0);
    CHECK_GOT(&f, 1, 2, 3, 4, 5, 6, 7, 8);
    start_at_time(zero + 2500);
    CHECK_GOT(&f, 3, 4, 5, 6, 7, 8);
}
END_TEST

/* --- cursors --- */

enum { FORMER = 111, OLDER = 222, UNKNOWN = 999, OURS = 0 /* stands for the log's own */ };

enum removal { NOTHING, TRIM_6, PURGE_A, TRIM_6_PURGE_A };

struct decision {
    const char *filters;
    uint64_t offset;
    uint32_t epoch;
    enum removal removal;
    enum gap_reason reason;
    uint64_t resumed; /* when there is a gap */
    uint64_t first;   /* offset of the first message delivered; 0 = none */
};

static const struct decision decisions[] = {
    /* places in this log */
    {"#", 0, OURS, NOTHING, GAP_NONE, 0, 1},
    {"#", 7, OURS, NOTHING, GAP_NONE, 0, 8},
    {"a", 7, OURS, NOTHING, GAP_NONE, 0, 9},
    {"#", 19, OURS, NOTHING, GAP_NONE, 0, 20},
    {"#", 20, OURS, NOTHING, GAP_NONE, 0, 0},
    {"#", 21, OURS, NOTHING, GAP_AHEAD, 20, 0},
    {"a", UINT64_MAX, OURS, NOTHING, GAP_AHEAD, 20, 0},
    {"#", 21, OURS, TRIM_6_PURGE_A, GAP_AHEAD, 20, 0},
    /* former epochs: exact up to where they are certain */
    {"#", 0, FORMER, NOTHING, GAP_NONE, 0, 1},
    {"#", 7, FORMER, NOTHING, GAP_NONE, 0, 8},
    {"#", 8, FORMER, NOTHING, GAP_NONE, 0, 9},
    {"#", 9, FORMER, NOTHING, GAP_EPOCH, 8, 9},
    {"b", 9, FORMER, NOTHING, GAP_EPOCH, 9, 10},
    {"#", 300, FORMER, NOTHING, GAP_EPOCH, 8, 9},
    {"#", 5, OLDER, NOTHING, GAP_NONE, 0, 6},
    {"#", 6, OLDER, NOTHING, GAP_EPOCH, 5, 6},
    {"#", 3, FORMER, TRIM_6, GAP_TRIMMED, 6, 7},
    {"#", 6, FORMER, TRIM_6, GAP_NONE, 0, 7},
    {"#", 6, OLDER, TRIM_6, GAP_EPOCH, 6, 7},
    /* unknown epochs: from the beginning */
    {"#", 3, UNKNOWN, NOTHING, GAP_EPOCH, 0, 1},
    {"b", 3, UNKNOWN, NOTHING, GAP_EPOCH, 1, 2},
    {"#", 3, UNKNOWN, TRIM_6, GAP_EPOCH, 6, 7},
    {"a", 0, UNKNOWN, PURGE_A, GAP_EPOCH, 20, 0},
    {"nothing", 3, UNKNOWN, NOTHING, GAP_EPOCH, 20, 0},
    /* trimmed up to 6: a loses 1, 3 and 5, b loses 2, 4 and 6, c loses nothing */
    {"a", 0, OURS, TRIM_6, GAP_TRIMMED, 6, 7},
    {"a", 4, OURS, TRIM_6, GAP_TRIMMED, 6, 7},
    {"a", 5, OURS, TRIM_6, GAP_NONE, 0, 7},
    {"b", 5, OURS, TRIM_6, GAP_TRIMMED, 7, 8},
    {"b", 6, OURS, TRIM_6, GAP_NONE, 0, 8},
    {"a b", 5, OURS, TRIM_6, GAP_TRIMMED, 6, 7},
    {"#", 5, OURS, TRIM_6, GAP_TRIMMED, 6, 7},
    {"#", 6, OURS, TRIM_6, GAP_NONE, 0, 7},
    {"c", 0, OURS, TRIM_6, GAP_NONE, 0, 20},
    {"nothing c", 0, OURS, TRIM_6, GAP_NONE, 0, 20},
    {"nothing", 0, OURS, TRIM_6, GAP_NONE, 0, 0},
    /* purged */
    {"a", 10, OURS, PURGE_A, GAP_TRIMMED, 20, 0},
    {"a", 18, OURS, PURGE_A, GAP_TRIMMED, 20, 0},
    {"a", 19, OURS, PURGE_A, GAP_NONE, 0, 0},
    {"a c", 18, OURS, PURGE_A, GAP_TRIMMED, 19, 20},
    {"a b", 10, OURS, PURGE_A, GAP_TRIMMED, 11, 12},
    {"b", 10, OURS, PURGE_A, GAP_NONE, 0, 12},
    {"#", 10, OURS, PURGE_A, GAP_TRIMMED, 11, 12},
    {"#", 19, OURS, PURGE_A, GAP_NONE, 0, 20},
    {"+", 5, OURS, TRIM_6_PURGE_A, GAP_TRIMMED, 7, 8},
    {"b", 5, OURS, TRIM_6_PURGE_A, GAP_TRIMMED, 7, 8},
    {"b", 6, OURS, TRIM_6_PURGE_A, GAP_NONE, 0, 8},
};

enum { DECISIONS = sizeof(decisions) / sizeof(decisions[0]) };

/* _i selects the row, and whether the messages are still in the tail. */
START_TEST(a_cursor_is_exact_or_a_gap_is_told)
{
    const struct decision *d = &decisions[_i / 2];
    rig_start(&rig);
    rig.log.former_count = 2;
    rig.log.former[0] = (struct store_former){FORMER, 8};
    rig.log.former[1] = (struct store_former){OLDER, 5};
    publish_twenty();
    if (d->removal == TRIM_6 || d->removal == TRIM_6_PURGE_A)
        rig_trim(&rig, 6);
    if (d->removal == PURGE_A || d->removal == TRIM_6_PURGE_A)
        rig_purge(&rig, "a");
    if (_i % 2)
        tail_drop_below(&rig.tail, 21);
    uint32_t epoch = d->epoch == OURS ? rig.log.epoch : d->epoch;
    struct after a = {.kind = AFTER_CURSOR, .cursor = {d->offset, epoch}};
    follower_start(&rig, &f, d->filters, &a);
    check_gap(d->reason, d->offset, epoch, d->resumed);
    ck_assert(!follower_read(&rig, &f)); /* told once, at the start */
    ck_assert_uint_eq(f.count ? f.got[0] : 0, d->first);
    if (f.count && d->reason != GAP_NONE)
        ck_assert_uint_eq(f.got[0], d->resumed + 1);
}
END_TEST

START_TEST(a_bare_offset_is_one_of_this_log)
{
    rig_start(&rig);
    publish_twenty();
    follower_start_text(&rig, &f, "a", "16");
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 17, 19);
    follower_finish(&rig, &f);
    rig_trim(&rig, 6);
    follower_start_text(&rig, &f, "a", "0-0");
    check_gap(GAP_TRIMMED, 0, rig.log.epoch, 6);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "a", "21");
    check_gap(GAP_AHEAD, 21, rig.log.epoch, 20);
}
END_TEST

/* Another worker was further on: this one will get there. */
START_TEST(a_cursor_from_a_faster_worker_waits)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    struct publish *list = list_of(publish_of("a", NULL), publish_of("a", NULL), NULL);
    struct batch *b = rig_commit_apart(&rig, list);
    list_free(list);
    follower_start_text(&rig, &f, "a", "2");
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert_uint_eq(f.position.offset, 2);
    ck_assert_int_eq(follower_step(&rig, &f), ERR_OK);
    ck_assert_uint_eq(f.position.offset, 2);
    rig_hand_over(&rig, b);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 3);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "a", "4");
    check_gap(GAP_AHEAD, 4, rig.log.epoch, 3);
}
END_TEST

/* A clean stop cannot know what a crash before it has lost. */
START_TEST(a_clean_stop_hides_no_crash)
{
    rig_start(&rig);
    rig_publish_run(&rig, "mem/a", 3);
    rig_crash(&rig);
    rig_start(&rig);
    uint64_t head = rig.log.head;
    rig_stop(&rig);
    rig_start(&rig);
    follower_start_text(&rig, &f, "mem/a", "1");
    check_gap(GAP_TRIMMED, 1, rig.log.epoch, head);
}
END_TEST

/* The memory messages may have been anywhere up to the head. */
START_TEST(a_restart_loses_memory_messages)
{
    rig_start(&rig);
    rig_publish(&rig, "a");
    rig_publish(&rig, "mem/a");
    rig_publish(&rig, "a");
    if (_i)
        rig_crash(&rig);
    else
        rig_stop(&rig);
    rig_start(&rig);
    uint64_t head = rig.log.head, next = rig_publish(&rig, "mem/a");
    follower_start_text(&rig, &f, "a", "1");
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 3);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "mem/a", "1");
    check_gap(GAP_TRIMMED, 1, rig.log.epoch, head);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, next);
    follower_finish(&rig, &f);
    follower_start_text(&rig, &f, "#", "1");
    check_gap(GAP_TRIMMED, 1, rig.log.epoch, 2);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 3, next);
    follower_finish(&rig, &f);
    /* Who had them all has lost nothing; that is known if the hub could say so at its end. */
    follower_start_text(&rig, &f, "mem/a", "2");
    if (_i)
        check_gap(GAP_TRIMMED, 2, rig.log.epoch, head);
    else
        check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, next);
}
END_TEST

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

struct backwards {
    uint64_t got[64];
    size_t count, stop_at; /* refuses this one; 0 = none */
};

static bool note_backwards(void *ctx, struct message *m, bool shared)
{
    struct backwards *b = ctx;
    (void)shared;
    if (b->stop_at && b->count + 1 == b->stop_at)
        return false;
    b->got[b->count++] = m->offset;
    return true;
}

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

/* --- damage --- */

/* Flips a bit of the payload's end, in the log of a hub that does not run. */
static void damage_record(uint64_t offset)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi log;
    MDB_val key = {.mv_size = sizeof(offset), .mv_data = &offset}, value;
    char bytes[64];
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
    ck_assert_int_eq(mdb_env_open(env, rig.dir, 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, "log", 0, &log), 0);
    ck_assert_int_eq(mdb_get(txn, log, &key, &value), 0);
    ck_assert_uint_le(value.mv_size, sizeof(bytes));
    memcpy(bytes, value.mv_data, value.mv_size);
    bytes[value.mv_size - 1] ^= 1;
    value.mv_data = bytes;
    ck_assert_int_eq(mdb_put(txn, log, &key, &value, 0), 0);
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* a at 1, 3, 5 ... 19, b at 2 ... 18, c at 20; those of OFFSETS (0 at the end) cannot be read. They
 * are in a closed block: everybody knows whose they are. */
static void publish_and_damage(const uint64_t *offsets)
{
    rig_start(&rig);
    publish_twenty();
    rig_publish_run(&rig, "d", 4096);
    rig_stop(&rig);
    for (; *offsets; offsets++)
        damage_record(*offsets);
    rig_start(&rig);
}

START_TEST(damage_is_a_gap_in_its_place)
{
    publish_and_damage((const uint64_t[]){1, 5, 7, 11, 0});
    follower_start_text(&rig, &f, "a", _i ? "earliest" : "0");
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_DAMAGED, 0, rig.log.epoch, 2);
    CHECK_GOT_NOTHING(&f);
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_DAMAGED, 4, rig.log.epoch, 8); /* several in a row are one */
    CHECK_GOT(&f, 3);
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_DAMAGED, 10, rig.log.epoch, 12);
    CHECK_GOT(&f, 3, 9);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 3, 9, 13, 15, 17, 19);
}
END_TEST

START_TEST(damage_of_others_is_none)
{
    publish_and_damage((const uint64_t[]){1, 5, 7, 11, 0});
    follower_start_text(&rig, &f, "b c", "0");
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20);
}
END_TEST

/* The newest is not passed over either, and a place behind it is no place before it. */
START_TEST(damage_at_the_end_is_told_once)
{
    publish_and_damage((const uint64_t[]){19, 0});
    follower_start_text(&rig, &f, "a", "17");
    ck_assert(follower_read(&rig, &f));
    check_gap(GAP_DAMAGED, 18, rig.log.epoch, broker_head(rig.broker));
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT_NOTHING(&f);
}
END_TEST

START_TEST(damage_counts_among_the_last)
{
    publish_and_damage((const uint64_t[]){17, 0});
    follower_start_text(&rig, &f, "a", "-3");
    ck_assert(follower_read(&rig, &f));
    CHECK_GOT(&f, 15);
    ck_assert(!follower_read(&rig, &f));
    CHECK_GOT(&f, 15, 19);
    clear_got();
    follower_finish(&rig, &f);
    memset(&f, 0, sizeof(f));
    follower_start_text(&rig, &f, "a", "-2");
    ck_assert_uint_eq(f.position.offset, 16);
}
END_TEST

START_TEST(damage_ends_reading_backwards)
{
    struct backwards b = {0};
    publish_and_damage((const uint64_t[]){15, 0});
    follower_start_text(&rig, &f, "a", "0");
    ck_assert_int_eq(
        replay_reverse(&rig.replay, f.sub.feed, 0, 20, 100, note_backwards, &b, &f.gap), ERR_OK);
    check_gap(GAP_DAMAGED, 14, rig.log.epoch, 15);
    ck_assert_uint_eq(b.count, 2);
    b.count = 0;
    ck_assert_int_eq(replay_reverse(&rig.replay, f.sub.feed, 0, 20, 2, note_backwards, &b, &f.gap),
                     ERR_OK);
    check_gap(GAP_NONE, 0, 0, 0);
    ck_assert_uint_eq(b.count, 2);
}
END_TEST

START_TEST(damage_ends_at_the_given_offset)
{
    struct gap gap;
    publish_and_damage((const uint64_t[]){3, 5, 0});
    follower_start_text(&rig, &f, "a", "2");
    ck_assert_int_eq(replay_next(&rig.replay, f.sub.feed, &f.position, 4, NULL, NULL, &gap),
                     ERR_OK);
    ck_assert_int_eq(gap.reason, GAP_DAMAGED);
    ck_assert_uint_eq(f.position.offset, 4); /* what joins another may not overtake it */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("replay");
    TCase *t = tcase_create("starts");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, earliest_is_the_first_kept_message);
    tcase_add_loop_test(t, the_first_message_is_not_looked_for_everywhere, 0, 3);
    tcase_add_test(t, latest_is_the_head);
    tcase_add_loop_test(t, minus_n_is_the_last_n_of_the_set, 0,
                        2 * (int)(sizeof(lasts) / sizeof(lasts[0])));
    tcase_add_test(t, minus_n_has_a_limit);
    tcase_add_loop_test(t, counting_back_takes_many_small_pieces, 0, 4);
    tcase_add_loop_test(t, the_first_cursor_is_one_to_come_back_with, 0, 8);
    tcase_add_test(t, minus_n_counts_memory_messages);
    tcase_add_loop_test(t, a_time_is_the_first_message_at_or_after_it, 0, 2);
    tcase_add_loop_test(t, a_cursor_is_exact_or_a_gap_is_told, 0, 2 * DECISIONS);
    tcase_add_test(t, a_bare_offset_is_one_of_this_log);
    tcase_add_test(t, a_cursor_from_a_faster_worker_waits);
    suite_add_tcase(s, t);

    t = tcase_create("losses");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
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
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, what_another_has_read_is_taken_from_the_own_place_on, 0, 3);
    tcase_add_test(t, a_span_is_not_for_other_places_nor_beyond_the_end);
    tcase_add_loop_test(t, a_span_ends_with_a_removal, 0, 2);
    tcase_add_test(t, a_removal_before_a_span_is_told_to_each);
    tcase_add_test(t, a_span_ends_with_an_eviction);
    suite_add_tcase(s, t);

    t = tcase_create("reading");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
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
    tcase_add_checked_fixture(t, setup_durable, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, a_restart_loses_memory_messages, 0, 2);
    tcase_add_test(t, a_clean_stop_hides_no_crash);
    tcase_add_test(t, a_trim_hides_nothing_before_it_is_told);
    tcase_add_loop_test(t, a_cursor_is_exact_or_a_gap_is_told, 0, 2 * DECISIONS);
    tcase_add_test(t, log_and_tail_join_without_a_seam);
    tcase_add_test(t, a_stopped_visit_goes_on_where_it_stopped);
    tcase_add_test(t, backwards_over_tail_and_log);
    tcase_add_loop_test(t, damage_is_a_gap_in_its_place, 0, 2);
    tcase_add_test(t, damage_of_others_is_none);
    tcase_add_test(t, damage_at_the_end_is_told_once);
    tcase_add_test(t, damage_counts_among_the_last);
    tcase_add_test(t, damage_ends_reading_backwards);
    tcase_add_test(t, damage_ends_at_the_given_offset);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
