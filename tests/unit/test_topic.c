/* The table of topics: names, ids, growth, floors, and readers beside the one writer. */
#include "broker/topic_name.h"
#include "broker/topic_table.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 5000 }; /* several chunks of ids, several times the chains of an empty table */

static struct topic_table *table;

static void setup(void)
{
    table = topic_table_create(MANY);
    ck_assert_ptr_nonnull(table);
}

static void teardown(void)
{
    topic_table_destroy(table);
}

static struct topic *add(const char *name)
{
    struct topic *t = NULL;
    ck_assert_int_eq(topic_table_add(table, name, strlen(name), false, &t), ERR_OK);
    return t;
}

static struct topic *find(const char *name)
{
    return topic_table_find(table, name, strlen(name));
}

static const char *name_of(uint32_t id)
{
    static _Thread_local char name[32];
    snprintf(name, sizeof(name), "level/%u", id);
    return name;
}

START_TEST(topics_are_found_by_name_and_by_id)
{
    ck_assert_ptr_null(find("a"));
    ck_assert_ptr_null(topic_table_get(table, 1));
    struct topic *a = add("a"), *ab = add("ab");
    ck_assert_uint_eq(a->id, 1);
    ck_assert_uint_eq(ab->id, 2);
    ck_assert_str_eq(ab->name, "ab");
    ck_assert_uint_eq(ab->name_len, 2);
    ck_assert_ptr_eq(find("a"), a);
    ck_assert_ptr_eq(find("ab"), ab);
    ck_assert_ptr_null(find("abc"));
    ck_assert_ptr_eq(topic_table_get(table, 2), ab);
    ck_assert_ptr_null(topic_table_get(table, 0));
    ck_assert_ptr_null(topic_table_get(table, 3));
    ck_assert_ptr_null(topic_table_get(table, UINT32_MAX));
    ck_assert_uint_eq(topic_table_count(table), 2);
}
END_TEST

START_TEST(names_may_hold_any_utf8_and_be_as_long_as_allowed)
{
    char name[TOPIC_NAME_MAX + 1];
    memset(name, 'x', TOPIC_NAME_MAX);
    name[TOPIC_NAME_MAX] = '\0';
    struct topic *longest = add(name), *umlaut = add("ärger/ß");
    name[TOPIC_NAME_MAX - 1] = '\0';
    struct topic *shorter = add(name);
    ck_assert_ptr_eq(find("ärger/ß"), umlaut);
    ck_assert_ptr_eq(find(name), shorter);
    name[TOPIC_NAME_MAX - 1] = 'x';
    ck_assert_ptr_eq(find(name), longest);
    ck_assert_uint_eq(longest->name_len, TOPIC_NAME_MAX);
}
END_TEST

START_TEST(a_full_table_takes_no_more)
{
    static struct topic *topics[MANY + 1];
    struct topic *more = NULL;
    for (uint32_t id = 1; id <= MANY; id++)
        topics[id] = add(name_of(id));
    ck_assert_int_eq(topic_table_add(table, "more", 4, false, &more), ERR_LIMIT);
    ck_assert_ptr_null(more);
    ck_assert_ptr_null(find("more"));
    ck_assert_uint_eq(topic_table_count(table), MANY);
    for (uint32_t id = 1; id <= MANY; id++) {
        ck_assert_uint_eq(topics[id]->id, id);
        ck_assert_ptr_eq(find(name_of(id)), topics[id]);
        ck_assert_ptr_eq(topic_table_get(table, id), topics[id]);
    }
}
END_TEST

/* However many there are, a new one moves a few others at most, and so does one that goes. */
START_TEST(room_is_made_bit_by_bit)
{
    enum { MOVED_MAX = 16 };
    uint64_t before = 0;
    for (uint32_t i = 1; i <= MANY; i++) {
        add(name_of(i));
        ck_assert_uint_le(topic_table_steps(table) - before, MOVED_MAX);
        before = topic_table_steps(table);
    }
    ck_assert_uint_ge(before, MANY / 4); /* it did grow */
    for (uint32_t i = 1; i <= MANY; i++)
        ck_assert_str_eq(find(name_of(i))->name, name_of(i));
    for (uint32_t i = 1; i <= MANY; i += 2) {
        topic_table_forget(table, find(name_of(i)));
        ck_assert_uint_le(topic_table_steps(table) - before, MOVED_MAX);
        before = topic_table_steps(table);
    }
    for (uint32_t i = 1; i <= MANY; i++)
        ck_assert_int_eq(find(name_of(i)) == NULL, i % 2);
}
END_TEST

START_TEST(small_limits_hold)
{
    struct topic *t;
    for (uint32_t max = 1; max <= 3; max++) {
        struct topic_table *small = topic_table_create(max);
        for (uint32_t id = 1; id <= max; id++)
            ck_assert_int_eq(topic_table_add(small, name_of(id), strlen(name_of(id)), false, &t),
                             ERR_OK);
        ck_assert_uint_eq(t->id, max);
        ck_assert_ptr_eq(topic_table_get(small, max), t);
        ck_assert_int_eq(topic_table_add(small, "more", 4, false, &t), ERR_LIMIT);
        topic_table_destroy(small);
    }
    topic_table_destroy(NULL);
}
END_TEST

START_TEST(floors_only_rise)
{
    struct topic *a = add("a"), *b = add("b");
    uint64_t serial = topic_table_floor_serial(table);
    ck_assert(!topic_table_floors_moved(table, serial));
    topic_table_raise_floor(table, a, 10);
    ck_assert(topic_table_floors_moved(table, serial));
    ck_assert_uint_eq(a->floor, 10);
    ck_assert_uint_eq(a->floor_serial, topic_table_floor_serial(table));
    serial = topic_table_floor_serial(table);
    topic_table_raise_floor(table, a, 10);
    topic_table_raise_floor(table, a, 9);
    ck_assert_uint_eq(a->floor, 10);
    ck_assert(!topic_table_floors_moved(table, serial));
    topic_table_raise_floor(table, b, 5);
    ck_assert_uint_eq(b->floor, 5);
    ck_assert_uint_gt(b->floor_serial, a->floor_serial);
    ck_assert_uint_eq(topic_table_floor_max(table), 10);
}
END_TEST

START_TEST(evictions_raise_floors_without_counting_as_removals)
{
    struct topic *a = add("a"), *b = add("b");
    uint64_t serial = topic_table_floor_serial(table);
    topic_table_evict(table, a, 7);
    ck_assert_uint_eq(a->floor, 7);
    ck_assert_uint_eq(a->evicted, 7);
    ck_assert_uint_eq(topic_table_evicted(table), 7);
    ck_assert(!topic_table_floors_moved(table, serial));
    ck_assert_uint_eq(topic_table_floor_max(table), 0);
    /* What was purged has gone already. */
    topic_table_raise_floor(table, b, 20);
    topic_table_evict(table, b, 20);
    ck_assert_uint_eq(b->evicted, 0);
    topic_table_evict(table, b, 21);
    ck_assert_uint_eq(b->evicted, 21);
    ck_assert_uint_eq(b->floor, 21);
    ck_assert_uint_eq(topic_table_evicted(table), 21);
}
END_TEST

static void publish_at(struct topic *t, uint64_t now_ms, int count)
{
    while (count--)
        topic_rate_add(t, now_ms);
}

START_TEST(the_rate_is_that_of_the_last_seconds)
{
    enum { W = TOPIC_RATE_WINDOW_MS };
    const uint64_t start = 100 * W;
    struct topic *t = add("a");
    ck_assert_double_eq(topic_rate(t, start), 0);
    publish_at(t, start, 50);
    ck_assert_double_eq(topic_rate(t, start + W - 1), 50 * 1000.0 / W);
    /* In the next window the one before counts in proportion to what it still covers. */
    ck_assert_double_eq(topic_rate(t, start + W + W / 2), 25 * 1000.0 / W);
    publish_at(t, start + W + W / 2, 10);
    ck_assert_double_eq(topic_rate(t, start + W + W / 2), 35 * 1000.0 / W);
    ck_assert_double_eq(topic_rate(t, start + 2 * W), 10 * 1000.0 / W);
    ck_assert_double_eq(topic_rate(t, start + 3 * W), 0);
    publish_at(t, start + 9 * W, 5);
    ck_assert_double_eq(topic_rate(t, start + 9 * W), 5 * 1000.0 / W);
}
END_TEST

/* By name and by id, whatever else lies in the way; in random order, against what is left. */
START_TEST(forgotten_topics_are_not_found)
{
    static bool there[MANY + 1];
    for (uint32_t id = 1; id <= MANY; id++)
        there[add(name_of(id))->id] = true;
    uint32_t left = MANY;
    for (uint32_t i = 0, id = 1; i < MANY - 100; i++, id = (id * 7919 + 13) % MANY + 1) {
        while (!there[id])
            id = id % MANY + 1;
        topic_table_forget(table, topic_table_get(table, id));
        there[id] = false;
        left--;
        if (i % 1000)
            continue;
        ck_assert(!topic_table_collect(table));
        ck_assert_uint_eq(topic_table_count(table), left);
        for (uint32_t k = 1; k <= MANY; k += 17) {
            struct topic *t = topic_table_get(table, k);
            ck_assert_int_eq(t != NULL, there[k]);
            ck_assert_ptr_eq(find(name_of(k)), t);
        }
    }
    struct id_walk all = topic_table_walk(table, 0);
    const struct topic *t;
    while ((t = id_walk_next(&all)))
        ck_assert(there[t->id]);
    ck_assert_uint_eq(topic_table_last_id(table), MANY);
    ck_assert_uint_eq(add("again")->id, MANY + 1);
}
END_TEST

START_TEST(ids_may_be_used_up)
{
    struct topic *t;
    ck_assert_int_eq(topic_table_load(table, 7, "a", 1, false, &t), ERR_OK);
    ck_assert_int_eq(topic_table_load(table, UINT32_MAX - 2, "b", 1, false, &t), ERR_OK);
    topic_table_set_forgotten(table, UINT32_MAX - 1, 0);
    ck_assert_uint_eq(add("c")->id, UINT32_MAX);
    ck_assert_int_eq(topic_table_add(table, "d", 1, false, &t), ERR_LIMIT);
    topic_table_forget(table, find("c"));
    ck_assert_int_eq(topic_table_add(table, "d", 1, false, &t), ERR_LIMIT);
    ck_assert_uint_eq(topic_table_count(table), 2);
}
END_TEST

START_TEST(the_forgotten_share_one_mark)
{
    struct topic *a = add("a"), *b = add("b"), *c = add("c");
    topic_table_raise_floor(table, a, 5);
    topic_table_raise_floor(table, b, 9);
    topic_table_evict(table, c, 12);
    uint64_t serial = topic_table_floor_serial(table);
    topic_table_forget(table, b);
    struct topic_forgotten f = topic_table_forgotten(table);
    ck_assert_uint_eq(f.mark, 9);
    ck_assert_uint_eq(f.floor_serial, 2);
    ck_assert_uint_eq(f.evicted, 0);
    topic_table_forget(table, a);
    ck_assert_uint_eq(topic_table_forgotten(table).mark, 9);
    topic_table_forget(table, c);
    f = topic_table_forgotten(table);
    ck_assert_uint_eq(f.mark, 12);
    ck_assert_uint_eq(f.evicted, 12);
    ck_assert_uint_eq(topic_table_floor_serial(table), serial); /* it is no removal */
    struct topic *again = add("b");
    ck_assert_uint_eq(again->id, 4);
    ck_assert_uint_eq(again->floor, 12);
    ck_assert_uint_eq(again->floor_serial, 2);
    ck_assert_uint_eq(again->evicted, 12);
    ck_assert_uint_eq(again->last, 0);
}
END_TEST

/* What the log told of them at the start holds for topics that come later, not for those in it. */
START_TEST(the_start_tells_of_the_forgotten)
{
    struct topic *a, *b;
    ck_assert_int_eq(topic_table_load(table, 7, "a", 1, false, &a), ERR_OK);
    topic_table_set_forgotten(table, 3, 0);
    ck_assert_uint_eq(topic_table_last_id(table), 7);
    ck_assert(!topic_table_floors_moved(table, 0));
    topic_table_raise_floor(table, a, 50);
    topic_table_set_forgotten(table, 9, 40);
    struct topic_forgotten f = topic_table_forgotten(table);
    ck_assert_uint_eq(f.mark, 40);
    ck_assert_uint_eq(f.floor_serial, 2);
    ck_assert_uint_eq(topic_table_floor_serial(table), 2);
    ck_assert(!topic_table_floors_moved(table, 2));
    ck_assert_uint_eq(topic_table_floor_max(table), 50);
    topic_table_set_forgotten(table, 9, 60);
    ck_assert_uint_eq(topic_table_floor_max(table), 60);
    ck_assert_int_eq(topic_table_load(table, 10, "b", 1, true, &b), ERR_OK);
    ck_assert(b->memory);
    ck_assert_uint_eq(b->floor, 0);
    ck_assert_uint_eq(b->floor_serial, 0);
    struct topic *c = add("c");
    ck_assert(!c->memory);
    ck_assert_uint_eq(c->id, 11);
    ck_assert_uint_eq(c->floor, 60);
    ck_assert_uint_eq(c->floor_serial, 3);
}
END_TEST

START_TEST(whoever_is_forgotten_hides_all_that_it_had)
{
    struct topic *a = add("a"), *b = add("b");
    a->last = 30;
    topic_table_raise_floor(table, a, 20);
    topic_table_raise_floor(table, b, 25);
    ck_assert_uint_eq(topic_table_forgets(table), 0);
    topic_table_forget(table, a);
    ck_assert_uint_eq(topic_table_forgets(table), 1);
    ck_assert_uint_eq(topic_table_forgotten(table).mark, 30);
    ck_assert_uint_eq(topic_table_forgotten(table).floor_serial, 3);
    topic_table_forget(table, b);
    ck_assert_uint_eq(topic_table_forgets(table), 2);
    ck_assert_uint_eq(topic_table_forgotten(table).mark, 30);
    ck_assert_uint_eq(topic_table_forgotten(table).floor_serial, 3);
}
END_TEST

/* What was said of the forgotten before a name was looked up, and room for the last. */
START_TEST(a_topic_may_be_added_after_others_were_forgotten)
{
    static const struct topic_forgotten before = {.mark = 5, .floor_serial = 1, .evicted = 4};
    struct topic *t;
    add("a");
    topic_table_raise_floor(table, find("a"), 90);
    topic_table_forget(table, find("a"));
    ck_assert_int_eq(topic_table_add_after(table, "b", 1, true, &before, &t), ERR_OK);
    ck_assert_uint_eq(t->floor, 5);
    ck_assert_uint_eq(t->floor_serial, 1);
    ck_assert_uint_eq(t->evicted, 4);
    ck_assert(t->memory);
    ck_assert_uint_eq(topic_table_max(table), MANY);
}
END_TEST

START_TEST(a_forgotten_topic_waits_for_those_who_use_it)
{
    struct grace_reader r = {0};
    topic_table_join(table, &r);
    struct topic *a = add("a"), *b = topic_ref(add("b"));
    topic_table_enter(table, &r);
    topic_table_forget(table, a);
    topic_table_forget(table, b);
    ck_assert(topic_table_collect(table));
    ck_assert_str_eq(a->name, "a"); /* of use until the turn ends; the sanitizers know */
    topic_table_exit(&r);
    ck_assert(!topic_table_collect(table));
    ck_assert_str_eq(b->name, "b"); /* until the reference goes */
    topic_unref(b);
    topic_unref(NULL);
    topic_table_leave(table, &r);
}
END_TEST

static void *look_topics_up(void *arg)
{
    (void)arg;
    uint32_t seen = 0;
    while (seen < MANY) {
        uint32_t count = topic_table_count(table);
        ck_assert_uint_ge(count, seen);
        for (; seen < count; seen++) {
            struct topic *t = topic_table_get(table, seen + 1);
            ck_assert_uint_eq(t->id, seen + 1);
            ck_assert_str_eq(t->name, name_of(seen + 1));
            ck_assert_ptr_eq(find(name_of(seen + 1)), t);
        }
    }
    return NULL;
}

START_TEST(readers_run_beside_the_writer)
{
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&readers[i], NULL, look_topics_up, NULL), 0);
    for (uint32_t id = 1; id <= MANY; id++) {
        struct topic *t = add(name_of(id));
        topic_table_raise_floor(table, t, id);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("topic");
    TCase *t = tcase_create("table");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, topics_are_found_by_name_and_by_id);
    tcase_add_test(t, names_may_hold_any_utf8_and_be_as_long_as_allowed);
    tcase_add_test(t, a_full_table_takes_no_more);
    tcase_add_test(t, room_is_made_bit_by_bit);
    tcase_add_test(t, small_limits_hold);
    tcase_add_test(t, forgotten_topics_are_not_found);
    tcase_add_test(t, ids_may_be_used_up);
    tcase_add_test(t, the_forgotten_share_one_mark);
    tcase_add_test(t, the_start_tells_of_the_forgotten);
    tcase_add_test(t, whoever_is_forgotten_hides_all_that_it_had);
    tcase_add_test(t, a_topic_may_be_added_after_others_were_forgotten);
    tcase_add_test(t, a_forgotten_topic_waits_for_those_who_use_it);
    tcase_add_test(t, floors_only_rise);
    tcase_add_test(t, evictions_raise_floors_without_counting_as_removals);
    tcase_add_test(t, the_rate_is_that_of_the_last_seconds);
    tcase_add_test(t, readers_run_beside_the_writer);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
