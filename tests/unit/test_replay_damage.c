/* Records that cannot be read are a gap in their place, and nobody else's. */
#include <check.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "tests/unit/replay_fixture.h"

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
    Suite *s = suite_create("replay_damage");
    TCase *t = tcase_create("durable log");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, replay_setup_durable, replay_teardown);
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
