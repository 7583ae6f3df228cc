/* The store's topics and their totals: what a removal takes off, and when nothing is left. */
#include "storage/catalog.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct catalog catalog;

static void setup(void)
{
    catalog_init(&catalog);
}

static void teardown(void)
{
    catalog_finish(&catalog);
}

static enum err add(uint32_t id, uint64_t last, uint64_t floor)
{
    struct store_topic t = {
        .id = id, .name_len = 1, .name = "a", .last = last, .floor = floor, .messages = 9};
    return catalog_add(&catalog, &t);
}

static struct catalog_topic *added(uint32_t id, uint64_t last, uint64_t floor)
{
    ck_assert_int_eq(add(id, last, floor), ERR_OK);
    return catalog_find(&catalog, id);
}

START_TEST(ids_ascend)
{
    struct store_topic nameless = {.id = 9, .name = "a"};
    added(3, 0, 0);
    ck_assert_int_eq(add(3, 0, 0), ERR_INVALID);
    ck_assert_int_eq(add(2, 0, 0), ERR_INVALID);
    ck_assert_int_eq(catalog_add(&catalog, &nameless), ERR_INVALID);
    added(4, 0, 0);
    added(7, 0, 0);
    ck_assert_uint_eq(catalog_count(&catalog), 3);
    catalog_undo_add(&catalog, 3);
    ck_assert_uint_eq(catalog_count(&catalog), 1);
    ck_assert_uint_eq(catalog.last_id, 3);
    added(4, 0, 0);
}
END_TEST

START_TEST(a_topic_begins_with_what_it_is_told)
{
    struct catalog_topic *t = added(1, 8, 5);
    struct store_topic d = catalog_describe(t);
    ck_assert_uint_eq(d.messages, 0); /* they are counted as they are found */
    ck_assert_uint_eq(d.last, 8);
    ck_assert_uint_eq(d.floor, 5);
    ck_assert(!d.unswept);
    ck_assert_uint_eq(t->swept, 5);
    ck_assert_uint_eq(t->newest, 8);
    catalog_appended(t, 10, 7);
    d = catalog_describe(t);
    ck_assert_uint_eq(d.messages, 1);
    ck_assert_uint_eq(d.bytes, 7);
    ck_assert_uint_eq(d.last, 10);
}
END_TEST

/* Of two things either is enough: no record is counted, or none can be where they are looked for.
 */
START_TEST(a_topic_is_empty_without_records_or_when_all_is_swept)
{
    struct catalog_topic *t = added(1, 8, 0);
    ck_assert(catalog_is_empty(t));
    catalog_appended(t, 10, 1);
    ck_assert(!catalog_is_empty(t));
    t->swept = 9;
    ck_assert(!catalog_is_empty(t));
    t->swept = 10;
    ck_assert(catalog_is_empty(t));
}
END_TEST

START_TEST(a_topic_is_unswept_while_a_floor_hides_records)
{
    struct catalog_topic *t = added(1, 0, 0);
    catalog_appended(t, 10, 1);
    t->floor = 10;
    ck_assert(catalog_describe(t).unswept);
    t->swept = 10;
    ck_assert(!catalog_describe(t).unswept);
    t->swept = 9;
    t->messages = 0;
    ck_assert(!catalog_describe(t).unswept);
}
END_TEST

/* A floor may be above the newest record, and one that was forgotten before above both. */
START_TEST(the_mark_is_the_highest_that_was_there)
{
    struct catalog_topic *t = added(1, 8, 12), *u = added(2, 20, 3), *v = added(3, 15, 15);
    ck_assert_uint_eq(catalog_mark_with(&catalog, t), 12);
    ck_assert_uint_eq(catalog_mark_with(&catalog, u), 20);
    catalog_forget(&catalog, u);
    ck_assert_uint_eq(catalog.forgotten, 20);
    ck_assert_ptr_null(catalog_find(&catalog, 2));
    ck_assert_uint_eq(catalog_mark_with(&catalog, v), 20);
    catalog_forget(&catalog, v);
    ck_assert_uint_eq(catalog.forgotten, 20);
    catalog_collect(&catalog);
    ck_assert_uint_eq(catalog_count(&catalog), 1);
}
END_TEST

/* What a removal tells. */
struct told {
    unsigned floors, lefts;
    uint64_t floor, messages, bytes;
    uint64_t floor_then; /* that readers had when it was told */
};

static void tell_floor(void *ctx, uint32_t id, uint64_t floor)
{
    struct told *told = ctx;
    told->floors++;
    told->floor = floor;
    told->floor_then = catalog_find(&catalog, id)->floor;
}

static void tell_left(void *ctx, const struct store_topic *t)
{
    struct told *told = ctx;
    told->lefts++;
    told->messages = t->messages;
    told->bytes = t->bytes;
}

START_TEST(a_removal_is_told_and_then_counted)
{
    struct told told = {0};
    struct store_removal r = {.floor = tell_floor, .left = tell_left, .ctx = &told};
    struct catalog_topic *t = added(1, 0, 0);
    catalog_appended(t, 1, 10);
    catalog_appended(t, 2, 20);
    catalog_appended(t, 3, 30);
    catalog_note_gone(&catalog, t, 1, 10);
    catalog_note_gone(&catalog, t, 2, 20);
    ck_assert_uint_eq(catalog_messages_left(t), 1);
    ck_assert_uint_eq(catalog_bytes_left(t), 30);
    catalog_raise_floors(&catalog, &r);
    ck_assert_uint_eq(told.floors, 1);
    ck_assert_uint_eq(told.floor, 2);
    ck_assert_uint_eq(told.floor_then, 0);
    ck_assert_uint_eq(t->floor, 2);
    ck_assert_uint_eq(t->messages, 3);
    catalog_raise_floors(&catalog, &r);
    ck_assert_uint_eq(told.floors, 1); /* it is there already */
    catalog_commit_gone(&catalog, &r);
    ck_assert_uint_eq(told.lefts, 1);
    ck_assert_uint_eq(told.messages, 1);
    ck_assert_uint_eq(told.bytes, 30);
    ck_assert_uint_eq(t->swept, 2);
    catalog_commit_gone(&catalog, &r);
    ck_assert_uint_eq(told.lefts, 1); /* nothing is noted any more */
    ck_assert_uint_eq(t->messages, 1);
}
END_TEST

START_TEST(a_removal_that_failed_takes_nothing_off)
{
    struct told told = {0};
    struct store_removal r = {.left = tell_left, .ctx = &told};
    struct catalog_topic *t = added(1, 0, 0), *u = added(2, 0, 0);
    catalog_appended(t, 1, 10);
    catalog_appended(u, 2, 20);
    catalog_note_gone(&catalog, t, 1, 10);
    catalog_note_gone(&catalog, u, 2, 20);
    catalog_drop_gone(&catalog);
    ck_assert_uint_eq(catalog_messages_left(t), 1);
    ck_assert_uint_eq(catalog_bytes_left(u), 20);
    catalog_note_gone(&catalog, u, 2, 20);
    catalog_commit_gone(&catalog, &r);
    ck_assert_uint_eq(told.lefts, 1);
    ck_assert_uint_eq(t->messages, 1);
    ck_assert_uint_eq(t->swept, 0);
    ck_assert_uint_eq(u->messages, 0);
}
END_TEST

/* What is gone may have been counted otherwise, and swept further, before. */
START_TEST(totals_and_places_do_not_go_back)
{
    struct store_removal r = {0};
    struct catalog_topic *t = added(1, 9, 9);
    catalog_note_gone(&catalog, t, 4, 100);
    catalog_raise_floors(&catalog, &r);
    ck_assert_uint_eq(t->floor, 9);
    catalog_commit_gone(&catalog, &r);
    ck_assert_uint_eq(t->messages, 0);
    ck_assert_uint_eq(t->bytes, 0);
    ck_assert_uint_eq(t->swept, 9);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("catalog");
    TCase *t = tcase_create("catalog");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, ids_ascend);
    tcase_add_test(t, a_topic_begins_with_what_it_is_told);
    tcase_add_test(t, a_topic_is_empty_without_records_or_when_all_is_swept);
    tcase_add_test(t, a_topic_is_unswept_while_a_floor_hides_records);
    tcase_add_test(t, the_mark_is_the_highest_that_was_there);
    tcase_add_test(t, a_removal_is_told_and_then_counted);
    tcase_add_test(t, a_removal_that_failed_takes_nothing_off);
    tcase_add_test(t, totals_and_places_do_not_go_back);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
