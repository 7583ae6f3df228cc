/* The list of topics that nobody may need: who is in it, since when, and who is taken out. */
#include "broker/idle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"

enum { TOPICS = 5, START = 1000000 };

static struct topic_table *table;
static struct interest *interest;
static struct idle_topics idle;
static struct topic *topics[TOPICS]; /* a, b, c, d, e */
static const struct topic *used;     /* by something that shows in no figure */
static unsigned asked;               /* whether one is in use */

static void setup(void)
{
    table = topic_table_create(TOPICS);
    interest = interest_create(0, 1);
    memset(&idle, 0, sizeof(idle));
    used = NULL;
    asked = 0;
    for (int i = 0; i < TOPICS; i++) {
        const char name = (char)('a' + i);
        ck_assert_int_eq(topic_table_add(table, &name, 1, false, &topics[i]), ERR_OK);
    }
}

static void teardown(void)
{
    topic_table_destroy(table);
    interest_destroy(interest);
}

static void note_all(uint64_t step_ms)
{
    for (int i = 0; i < TOPICS; i++)
        idle_note(&idle, topics[i], START + (uint64_t)i * step_ms);
}

static bool in_use(void *ctx, const struct topic *t)
{
    (void)ctx;
    asked++;
    return t == used;
}

/* The names of what is taken. */
static const char *take(uint64_t now_ms, uint64_t before_ms, size_t looks, size_t max)
{
    static char names[TOPICS + 1];
    struct topic *ret[TOPICS];
    size_t n = idle_take(&idle, interest, in_use, NULL, now_ms, before_ms, looks, ret, max);
    for (size_t i = 0; i < n; i++)
        names[i] = ret[i]->name[0];
    names[n] = '\0';
    return names;
}

START_TEST(what_has_messages_or_keys_or_a_purge_is_not_noted)
{
    topics[0]->messages = 1;
    topics[1]->keys = 1;
    topics[2]->unswept = true;
    note_all(0);
    ck_assert_str_eq(take(START, START, TOPICS, TOPICS), "de");
    ck_assert_str_eq(take(START, START, TOPICS, TOPICS), "");
    ck_assert_ptr_null(idle.first);
    topics[0]->messages = 0;
    idle_note(&idle, topics[0], START);
    ck_assert_str_eq(take(START, START, TOPICS, TOPICS), "a");
}
END_TEST

START_TEST(the_first_is_due_after_its_time)
{
    ck_assert_uint_eq(idle_due_ms(&idle, START), UINT64_MAX);
    note_all(10);
    ck_assert_uint_eq(idle_due_ms(&idle, START + 100), START + IDLE_KEPT_MS);
    ck_assert_str_eq(take(START + 100, START - 1, TOPICS, TOPICS), "");
    ck_assert_str_eq(take(START + 100, START, TOPICS, TOPICS), "a");
    ck_assert_uint_eq(idle_due_ms(&idle, START + 100), START + 10 + IDLE_KEPT_MS);
    ck_assert_str_eq(take(START + 100, START + 30, TOPICS, TOPICS), "bcd");
    ck_assert_str_eq(take(START + 100, START + 100, TOPICS, TOPICS), "e");
    ck_assert_uint_eq(idle_due_ms(&idle, START + 100), UINT64_MAX);
}
END_TEST

START_TEST(no_more_are_taken_or_looked_at_than_was_said)
{
    note_all(0);
    ck_assert_str_eq(take(START, START, TOPICS, 2), "ab");
    used = topics[2];
    ck_assert_str_eq(take(START, START, 2, TOPICS), "d"); /* c was looked at, too */
    ck_assert_str_eq(take(START, START, 0, TOPICS), "");
    ck_assert_str_eq(take(START, START, TOPICS, 0), "");
    ck_assert_str_eq(take(START, START, TOPICS, TOPICS), "e");
    used = NULL;
    ck_assert_str_eq(take(START, START, TOPICS, TOPICS), "c");
}
END_TEST

/* They come behind the others, with the time of now, and are not looked at twice in one call. */
START_TEST(what_somebody_needs_is_noted_again)
{
    note_all(0);
    used = topics[1];
    ck_assert_int_eq(interest_add(interest, "c", 1, 0), ERR_OK);
    ck_assert_int_eq(interest_add(interest, "#", 1, 0), ERR_OK); /* needs no topic */
    ck_assert_str_eq(take(START + 50, START + 50, 100, TOPICS), "ade");
    ck_assert_uint_eq(asked, TOPICS);
    ck_assert_uint_eq(idle_due_ms(&idle, START + 50), START + 50 + IDLE_KEPT_MS);
    used = NULL;
    interest_remove(interest, "c", 1, 0);
    ck_assert_str_eq(take(START + 60, START + 49, 100, TOPICS), "");
    ck_assert_str_eq(take(START + 60, START + 50, 100, TOPICS), "bc");
    interest_remove(interest, "#", 1, 0);
}
END_TEST

/* Whoever was in use meanwhile has to wait for as long as the others. */
START_TEST(time_begins_anew_with_each_note)
{
    note_all(0);
    idle_note(&idle, topics[0], START + 40);
    ck_assert_str_eq(take(START + 40, START + 39, 100, TOPICS), "bcde");
    ck_assert_str_eq(take(START + 40, START + 39, 100, TOPICS), "");
    ck_assert_uint_eq(idle_due_ms(&idle, START + 40), START + 40 + IDLE_KEPT_MS);
    ck_assert_str_eq(take(START + 40, START + 40, 100, TOPICS), "a");
}
END_TEST

START_TEST(what_is_not_idle_any_more_is_left_out)
{
    note_all(0);
    topics[0]->messages = 1;
    topics[4]->keys = 1;
    ck_assert_str_eq(take(START, START, 100, TOPICS), "bcd");
    ck_assert_ptr_null(idle.first);
    topics[0]->messages = 0;
    idle_note(&idle, topics[0], START);
    ck_assert_str_eq(take(START, START, 100, TOPICS), "a");
}
END_TEST

START_TEST(a_clock_that_goes_back_holds_nobody)
{
    note_all(0);
    ck_assert_uint_eq(idle_due_ms(&idle, START - 500), START - 500 + IDLE_KEPT_MS);
    ck_assert_str_eq(take(START - 500, START - 500, 1, TOPICS), "a");
    ck_assert_str_eq(take(START - 500, START - 500, 100, TOPICS), "bcde");
}
END_TEST

START_TEST(a_clock_that_is_set_takes_all_along)
{
    note_all(10);
    idle_step_clock(&idle, 5000);
    ck_assert_uint_eq(idle_due_ms(&idle, START + 6000), START + 5000 + IDLE_KEPT_MS);
    ck_assert_str_eq(take(START + 6000, START + 5000, 100, TOPICS), "a");
    ck_assert_str_eq(take(START + 6000, START + 5020, 100, TOPICS), "bc");
    idle_step_clock(&idle, -4000);
    ck_assert_str_eq(take(START + 2000, START + 1029, 100, TOPICS), "");
    ck_assert_str_eq(take(START + 2000, START + 1030, 100, TOPICS), "d");
    ck_assert_str_eq(take(START + 2000, START + 1040, 100, TOPICS), "e");
}
END_TEST

START_TEST(a_clock_that_is_set_takes_later_notes_along)
{
    idle_note(&idle, topics[0], START);
    idle_note(&idle, topics[0], START + 40);
    idle_step_clock(&idle, 5000);
    ck_assert_str_eq(take(START + 6000, START + 5039, 100, TOPICS), "");
    ck_assert_uint_eq(idle_due_ms(&idle, START + 6000), START + 6000 + IDLE_KEPT_MS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("idle");
    TCase *t = tcase_create("idle");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_has_messages_or_keys_or_a_purge_is_not_noted);
    tcase_add_test(t, the_first_is_due_after_its_time);
    tcase_add_test(t, no_more_are_taken_or_looked_at_than_was_said);
    tcase_add_test(t, what_somebody_needs_is_noted_again);
    tcase_add_test(t, time_begins_anew_with_each_note);
    tcase_add_test(t, what_is_not_idle_any_more_is_left_out);
    tcase_add_test(t, a_clock_that_goes_back_holds_nobody);
    tcase_add_test(t, a_clock_that_is_set_takes_all_along);
    tcase_add_test(t, a_clock_that_is_set_takes_later_notes_along);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
