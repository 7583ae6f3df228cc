/* Where a subscriber starts: by places, by cursors of this and of former epochs, after restarts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "tests/unit/replay_fixture.h"

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

int main(void)
{
    Suite *s = suite_create("replay_start");
    TCase *t = tcase_create("starts");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, replay_setup, replay_teardown);
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

    t = tcase_create("durable log");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, replay_setup_durable, replay_teardown);
    tcase_add_loop_test(t, a_restart_loses_memory_messages, 0, 2);
    tcase_add_test(t, a_clean_stop_hides_no_crash);
    tcase_add_loop_test(t, a_cursor_is_exact_or_a_gap_is_told, 0, 2 * DECISIONS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
