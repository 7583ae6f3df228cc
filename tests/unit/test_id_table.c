/* Things with ascending ids (id_table.h), and when those that were taken out are freed (grace.h).
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/id_table.h"

struct thing {
    uint32_t id;
    struct grace_item retired;
};

static struct grace grace;
static struct id_table table;
static size_t freed;

static void setup(void)
{
    grace_init(&grace);
    id_table_init(&table, &grace);
    freed = 0;
}

static void teardown(void)
{
    id_table_finish(&table);
    grace_finish(&grace);
}

static void free_thing(struct grace_item *item)
{
    struct thing *t = (struct thing *)((char *)item - offsetof(struct thing, retired));
    t->id = 0;
    free(t);
    freed++;
}

static void add(uint32_t id)
{
    struct thing *t = calloc(1, sizeof(*t));
    t->id = id;
    ck_assert_int_eq(id_table_add(&table, id, t), ERR_OK);
}

static void take_out(uint32_t id)
{
    struct thing *t = id_table_get(&table, id);
    id_table_remove(&table, id);
    grace_retire(&grace, &t->retired, free_thing);
}

static uint32_t id_at(uint32_t id)
{
    const struct thing *t = id_table_get(&table, id);
    return t ? t->id : 0;
}

static uint32_t id_from(uint32_t id)
{
    const struct thing *t = id_table_next(&table, id);
    return t ? t->id : 0;
}

static void take_all_out(void)
{
    for (uint32_t id = id_from(0); id; id = id_from(0))
        take_out(id);
}

START_TEST(an_empty_table_has_nothing)
{
    ck_assert_uint_eq(id_table_count(&table), 0);
    ck_assert_ptr_null(id_table_get(&table, 1));
    ck_assert_ptr_null(id_table_next(&table, 0));
    id_table_remove(&table, 1);
}
END_TEST

START_TEST(things_are_found_and_walked)
{
    static const uint32_t ids[] = {1, 2, 3, 9, 1000, 70000, UINT32_MAX};
    enum { COUNT = sizeof(ids) / sizeof(ids[0]) };
    for (size_t i = 0; i < COUNT; i++)
        add(ids[i]);
    ck_assert_uint_eq(id_table_count(&table), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(id_at(ids[i]), ids[i]);
        ck_assert_uint_eq(id_from(ids[i]), ids[i]);
        ck_assert_uint_eq(id_from(i ? ids[i - 1] + 1 : 0), ids[i]);
    }
    ck_assert_uint_eq(id_at(4), 0);
    ck_assert_uint_eq(id_at(0), 0);
    take_out(9);
    id_table_remove(&table, 9);
    ck_assert_uint_eq(id_at(9), 0);
    ck_assert_uint_eq(id_from(4), 1000);
    ck_assert_uint_eq(id_table_count(&table), COUNT - 1);
    take_all_out();
    ck_assert_uint_eq(id_table_count(&table), 0);
}
END_TEST

/* As when a commit failed that would have made it known. */
START_TEST(an_id_may_be_taken_back)
{
    for (int round = 0; round < 3; round++) {
        for (uint32_t id = 1; id <= 300; id++)
            add(id);
        for (uint32_t id = 300; id > 200; id--)
            take_out(id);
        add(201);
        ck_assert_uint_eq(id_at(201), 201);
        add(250); /* some of them were passed over */
        ck_assert_uint_eq(id_from(202), 250);
        ck_assert_uint_eq(id_table_count(&table), 202);
        take_all_out();
        grace_collect(&grace);
        id_table_finish(&table);
    }
}
END_TEST

/* Ids that were taken back leave no hole in which a lower one would get lost. */
START_TEST(an_id_may_be_lower_than_one_that_was_taken_back)
{
    for (uint32_t id = 1; id <= 10; id++)
        add(id);
    add(50);
    take_out(50);
    add(20);
    add(30);
    ck_assert_uint_eq(id_at(20), 20);
    ck_assert_uint_eq(id_at(30), 30);
    ck_assert_uint_eq(id_from(11), 20);
    ck_assert_uint_eq(id_from(21), 30);
    ck_assert_uint_eq(id_table_count(&table), 12);
    take_all_out();
}
END_TEST

/* A million that come and go in a window, against what is known of them. */
START_TEST(room_follows_what_is_there)
{
    enum { IDS = 1000000, WINDOW = 1000 };
    for (uint32_t id = 1; id <= IDS; id++) {
        add(id);
        if (id > WINDOW && (id - WINDOW) % 100 != 0)
            take_out(id - WINDOW);
        if (id % 1000 == 0)
            ck_assert(!grace_collect(&grace));
    }
    ck_assert_uint_eq(id_table_count(&table), WINDOW + (IDS - WINDOW) / 100);
    uint32_t seen = 0;
    for (uint32_t id = id_from(0); id; id = id_from(id + 1), seen++)
        if (id % 100 != 0)
            ck_assert_uint_gt(id, IDS - WINDOW);
    ck_assert_uint_eq(seen, id_table_count(&table));
    take_all_out();
    ck_assert_uint_eq(id_from(0), 0);
}
END_TEST

START_TEST(what_a_reader_may_see_is_kept)
{
    struct grace_reader one = {0}, other = {0};
    grace_join(&grace, &one);
    grace_join(&grace, &other);
    for (uint32_t id = 1; id <= 4; id++)
        add(id);
    grace_enter(&grace, &one);
    take_out(1);
    ck_assert(grace_collect(&grace));
    grace_enter(&grace, &other); /* it cannot find 1 any more */
    take_out(2);
    ck_assert(grace_collect(&grace));
    ck_assert_uint_eq(freed, 0);
    grace_exit(&one);
    ck_assert(grace_collect(&grace));
    ck_assert_uint_eq(freed, 1);
    grace_enter(&grace, &one);
    grace_exit(&other);
    ck_assert(!grace_collect(&grace));
    ck_assert_uint_eq(freed, 2);
    take_out(3);
    grace_exit(&one);
    grace_leave(&grace, &one);
    grace_leave(&grace, &other);
    ck_assert(!grace_collect(&grace));
    ck_assert_uint_eq(freed, 3);
    take_all_out();
}
END_TEST

/* Whatever they were embedded in before. */
static struct thing *used_thing(uint32_t id)
{
    static struct grace_item elsewhere;
    struct thing *t = calloc(1, sizeof(*t));
    t->id = id;
    t->retired = (struct grace_item){.next = &elsewhere, .era = UINT64_MAX};
    return t;
}

START_TEST(what_is_retired_is_freed_in_the_end)
{
    struct grace_reader inside = {0}, gone = {0};
    grace_join(&grace, &gone);
    grace_join(&grace, &inside);
    grace_leave(&grace, &gone);
    atomic_store(&gone.era, 1); /* nobody looks at it any more */
    for (uint32_t id = 1; id <= 3; id++)
        grace_retire(&grace, &used_thing(id)->retired, free_thing);
    ck_assert(!grace_collect(&grace));
    ck_assert_uint_eq(freed, 3);
    grace_enter(&grace, &inside);
    for (uint32_t id = 1; id <= 2; id++)
        grace_retire(&grace, &used_thing(id)->retired, free_thing);
    ck_assert(grace_collect(&grace));
    ck_assert_uint_eq(freed, 3);
    grace_exit(&inside);
    grace_leave(&grace, &inside);
    grace_finish(&grace);
    ck_assert_uint_eq(freed, 5);
    grace_init(&grace);
}
END_TEST

static atomic_bool over;

static void *look(void *arg)
{
    struct grace_reader r = {0};
    uint64_t *sum = arg;
    grace_join(&grace, &r);
    while (!over) {
        grace_enter(&grace, &r);
        uint32_t before = 0;
        for (const struct thing *t = id_table_next(&table, 0); t;
             t = id_table_next(&table, before + 1)) {
            if (t->id <= before) /* 0: freed */
                *sum = UINT64_MAX;
            before = t->id;
            const struct thing *same = id_table_get(&table, before);
            if (same && same->id != before)
                *sum = UINT64_MAX;
        }
        grace_exit(&r);
    }
    grace_leave(&grace, &r);
    return NULL;
}

START_TEST(readers_run_beside_the_owner)
{
    enum { READERS = 2, IDS = 100000, WINDOW = 50 };
    pthread_t threads[READERS];
    uint64_t sums[READERS] = {0};
    over = false;
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[i], NULL, look, &sums[i]);
    for (uint32_t id = 1; id <= IDS; id++) {
        add(id);
        if (id > WINDOW)
            take_out(id - WINDOW);
        grace_collect(&grace);
    }
    over = true;
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(sums[i], 0);
    }
    ck_assert(!grace_collect(&grace));
    ck_assert_uint_eq(freed, IDS - WINDOW);
    take_all_out();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("id_table");
    TCase *t = tcase_create("id_table");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, an_empty_table_has_nothing);
    tcase_add_test(t, things_are_found_and_walked);
    tcase_add_test(t, an_id_may_be_taken_back);
    tcase_add_test(t, an_id_may_be_lower_than_one_that_was_taken_back);
    tcase_add_test(t, room_follows_what_is_there);
    tcase_add_test(t, what_a_reader_may_see_is_kept);
    tcase_add_test(t, what_is_retired_is_freed_in_the_end);
    tcase_add_test(t, readers_run_beside_the_owner);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
