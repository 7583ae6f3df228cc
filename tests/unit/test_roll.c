/* What has been told to be here and what is: step by step, over restarts, and against a model. */
#include "broker/roll.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "broker/interest.h"
#include "broker/presence_rules.h"
#include "storage/store.h"

enum { LINGER = 100 };

static struct store *store;
static struct interest *interest;
static struct presence_rules rules;
static struct roll *roll;
static uint64_t now, wait_ms;
static unsigned wakes;
static struct buf told; /* "+a -b " */
/* What is to be noted when that is told. */
static struct buf notes[64];
static char note_names[64][ROLL_NOTE_SIZE];
static uint32_t note_count;

static void count_wake(void *ctx)
{
    (void)ctx;
    wakes++;
}

static void open_roll(void)
{
    const struct roll_options o = {&rules, LINGER};
    interest = interest_create(1 << 20, 1);
    ck_assert_ptr_nonnull(interest);
    ck_assert_int_eq(roll_create(&o, interest, store, &roll), ERR_OK);
    interest_watch(interest, &(struct interest_watcher){roll_topic_came, roll_topic_went, roll});
    roll_set_wake(roll, count_wake, NULL);
}

static void close_roll(void)
{
    roll_destroy(roll);
    ck_assert_uint_eq(interest_bytes(interest), 0);
    interest_destroy(interest);
}

static void set_up(void)
{
    struct store_options o = {.readers_max = 1};
    struct store_state state;
    now = 1000;
    wakes = 0;
    ck_assert_int_eq(store_memory_open(&o, &store, &state), ERR_OK);
    ck_assert_int_eq(presence_rules_add(&rules, "no", false), ERR_OK);
    ck_assert_int_eq(presence_rules_add(&rules, "#", true), ERR_OK);
    open_roll();
}

static void tear_down(void)
{
    close_roll();
    presence_rules_finish(&rules);
    store_close(store, 0, true);
    buf_finish(&told);
}

static void come(const char *topic)
{
    ck_assert_int_eq(interest_add(interest, topic, strlen(topic), 0), ERR_OK);
}

static void leave(const char *topic)
{
    interest_remove(interest, topic, strlen(topic), 0);
}

static enum err change_member(const char *name, bool going, const char *more)
{
    const struct roll_change c = {
        .name = name,
        .len = strlen(name),
        .more = more,
        .more_len = strlen(more),
        .member = true,
        .going = going,
    };
    return roll_member(roll, &c);
}

static bool take(void *ctx, const struct roll_change *c)
{
    (void)ctx;
    buf_printf(&told, "%s%.*s%.*s ", c->going ? "-" : "+", (int)c->len, c->name, (int)c->more_len,
               c->more ? c->more : "");
    memcpy(note_names[note_count], c->note, ROLL_NOTE_SIZE);
    notes[note_count] = (struct buf){0};
    if (!c->going)
        buf_printf(&notes[note_count], "%c%.*s", c->member ? 'm' : 't', (int)c->len, c->name);
    note_count++;
    return true;
}

/* As the clerk does, who may fail. */
static void tell(uint32_t max, bool done)
{
    told.len = 0;
    note_count = 0;
    roll_take(roll, now, max, take, NULL, &wait_ms);
    buf_putc(&told, '\0');
    for (uint32_t i = 0; i < note_count; i++) {
        if (done)
            ck_assert_int_eq(store_put_note(store, note_names[i], notes[i].data, notes[i].len),
                             ERR_OK);
        buf_finish(&notes[i]);
    }
}

static void expect(const char *what)
{
    tell(64, true);
    ck_assert_str_eq(told.data, what);
    roll_told(roll, true);
}

START_TEST(tells_the_first_and_the_last)
{
    come("a");
    come("a");
    ck_assert_uint_eq(wakes, 1);
    come("b/+");
    come("no");
    expect("+a ");
    ck_assert_uint_eq(wait_ms, UINT64_MAX);
    leave("a");
    expect("");
    ck_assert_uint_eq(wait_ms, UINT64_MAX);
    leave("a");
    expect("");
    ck_assert_uint_eq(wait_ms, LINGER);
    now += LINGER - 1;
    expect("");
    ck_assert_uint_eq(wait_ms, 1);
    now++;
    expect("-a ");
    ck_assert_uint_eq(roll_names(roll), 0);
    leave("b/+");
    leave("no");
}
END_TEST

START_TEST(who_comes_back_in_time_has_never_gone)
{
    come("a");
    expect("+a ");
    leave("a");
    expect("");
    now += LINGER - 1;
    come("a");
    now += LINGER;
    expect("");
    leave("a");
    expect("");
    now += LINGER;
    expect("-a ");
}
END_TEST

START_TEST(what_is_being_told_is_told_and_its_opposite_behind_it)
{
    come("a");
    leave("a"); /* before anybody was told */
    expect("+a ");
    expect("");
    now += LINGER;
    tell(64, true);
    ck_assert_str_eq(told.data, "-a ");
    come("a");
    leave("a");
    come("a");
    roll_told(roll, true);
    expect("+a ");
    leave("a");
}
END_TEST

START_TEST(what_was_not_told_is_the_next_again)
{
    come("a");
    come("b");
    tell(1, false);
    ck_assert_str_eq(told.data, "+a ");
    ck_assert_uint_eq(wait_ms, 0);
    come("c");
    roll_told(roll, false);
    expect("+a +b +c ");
    leave("b");
    expect("");
    now += LINGER;
    tell(64, false);
    come("b"); /* while it is told to be gone, in vain */
    roll_told(roll, false);
    expect("-b ");
    expect("+b ");
    leave("a");
    leave("b");
    leave("c");
}
END_TEST

START_TEST(wakes_once_until_it_is_heard)
{
    come("a");
    come("b");
    ck_assert_uint_eq(wakes, 1);
    roll_awake(roll);
    expect("+a +b ");
    leave("a");
    leave("b");
    ck_assert_uint_eq(wakes, 2);
}
END_TEST

START_TEST(members_go_at_once_and_bring_what_is_told_with_them)
{
    ck_assert_int_eq(change_member("x", false, "!1"), ERR_OK);
    come("x"); /* a topic of that name is another one */
    expect("+x!1 +x ");
    ck_assert_int_eq(change_member("x", false, "!2"), ERR_OK);
    expect("");
    ck_assert_int_eq(change_member("x", true, "!3"), ERR_OK);
    ck_assert_int_eq(change_member("y", true, "!4"), ERR_OK);
    expect("-x!3 ");
    leave("x");
}
END_TEST

START_TEST(names_have_a_bound)
{
    static char name[ROLL_NAME_MAX + 2];
    memset(name, 'x', sizeof(name) - 1);
    ck_assert_int_eq(change_member(name, false, ""), ERR_TOO_LARGE);
    name[ROLL_NAME_MAX] = '\0';
    ck_assert_int_eq(change_member(name, false, ""), ERR_OK);
}
END_TEST

START_TEST(takes_what_subscriptions_may)
{
    char topic[16];
    enum err e = ERR_OK;
    int n = 0;
    for (; e == ERR_OK && n < 100000; n++) {
        snprintf(topic, sizeof(topic), "t%d", n);
        e = interest_add(interest, topic, strlen(topic), 0);
    }
    ck_assert_int_eq(e, ERR_FULL);
    ck_assert(!interest_has(interest, topic, strlen(topic)));
    ck_assert_uint_eq(roll_names(roll), (uint64_t)n - 1);
    while (--n) {
        snprintf(topic, sizeof(topic), "t%d", n - 1);
        leave(topic);
    }
}
END_TEST

START_TEST(a_start_tells_who_has_gone_meanwhile)
{
    come("away");
    come("back");
    ck_assert_int_eq(change_member("alice", false, "!"), ERR_OK);
    expect("+away +back +alice! ");
    come("untold");
    close_roll();
    open_roll();
    expect("");
    ck_assert_uint_eq(wait_ms, LINGER);
    come("back");
    come("new");
    now += LINGER;
    tell(64, true);
    ck_assert_ptr_nonnull(strstr(told.data, "+new "));
    ck_assert_ptr_nonnull(strstr(told.data, "-away "));
    ck_assert_ptr_nonnull(strstr(told.data, "-alice "));
    ck_assert_uint_eq(strlen(told.data), strlen("+new -away -alice "));
    roll_told(roll, true);
    ck_assert_uint_eq(roll_names(roll), 2);
    close_roll();
    open_roll();
    ck_assert_uint_eq(roll_names(roll), 2);
}
END_TEST

START_TEST(knows_where_it_stood)
{
    ck_assert_uint_eq(roll_start_of(roll)->next, 1);
    ck_assert_uint_eq(roll_start_of(roll)->cursor, 0);
    ck_assert_int_eq(store_put_note(store, roll_note_cursor, "1042 17", 7), ERR_OK);
    ck_assert_int_eq(store_put_note(store, roll_note_next, "20", 2), ERR_OK);
    close_roll();
    open_roll();
    ck_assert_uint_eq(roll_start_of(roll)->cursor, 1042);
    ck_assert_uint_eq(roll_start_of(roll)->seq, 17);
    ck_assert_uint_eq(roll_start_of(roll)->next, 20);
    ck_assert_uint_eq(roll_names(roll), 0);
}
END_TEST

/* Topics at random: each is told to come and go in turn, and in the end what is told is what is. */
START_TEST(ends_with_the_truth)
{
    enum { TOPICS = 8, STEPS = 20000 };
    bool is[TOPICS] = {0}, known[TOPICS] = {0};
    srand((unsigned)_i);
    for (int step = 0; step < STEPS + 4; step++) {
        char topic[2] = {(char)('a' + rand() % TOPICS), '\0'};
        unsigned i = (unsigned)(topic[0] - 'a');
        if (step < STEPS && rand() % 3 == 0) {
            is[i] ? leave(topic) : come(topic);
            is[i] = !is[i];
        }
        if (step < STEPS && rand() % 500 == 0) {
            close_roll();
            open_roll();
            memset(is, 0, sizeof(is));
        }
        now += step < STEPS ? (unsigned)rand() % 30 : LINGER;
        bool done = step >= STEPS || rand() % 4;
        tell(1 + (unsigned)rand() % 4 + (step < STEPS ? 0 : 64 - 5), done);
        for (const char *p = told.data; done && *p; p += 3) {
            ck_assert(known[p[1] - 'a'] == (*p == '-'));
            known[p[1] - 'a'] = *p == '+';
        }
        roll_told(roll, done);
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        char topic[2] = {(char)('a' + i), '\0'};
        ck_assert(known[i] == is[i]);
        if (is[i])
            leave(topic);
    }
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("roll");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, tells_the_first_and_the_last);
    tcase_add_test(c, who_comes_back_in_time_has_never_gone);
    tcase_add_test(c, what_is_being_told_is_told_and_its_opposite_behind_it);
    tcase_add_test(c, what_was_not_told_is_the_next_again);
    tcase_add_test(c, wakes_once_until_it_is_heard);
    tcase_add_test(c, members_go_at_once_and_bring_what_is_told_with_them);
    tcase_add_test(c, names_have_a_bound);
    tcase_add_test(c, takes_what_subscriptions_may);
    tcase_add_test(c, a_start_tells_who_has_gone_meanwhile);
    tcase_add_test(c, knows_where_it_stood);
    tcase_add_loop_test(c, ends_with_the_truth, 0, 4);
    Suite *s = suite_create("roll");
    suite_add_tcase(s, c);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
