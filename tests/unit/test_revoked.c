/* Tokens that count no longer, kept as notes of a log: here of the store in memory. */
#include "broker/revoked.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store.h"

enum { NOW = 1000000 };

static struct store *store;
static struct revoked *revoked;

static void set_up(void)
{
    struct store_options o = {.readers_max = 1};
    struct store_state state;
    ck_assert_int_eq(store_memory_open(&o, &store, &state), ERR_OK);
    ck_assert_int_eq(revoked_create(store, &revoked), ERR_OK);
}

static void tear_down(void)
{
    revoked_destroy(revoked);
    store_close(store, 0, true);
}

/* As a hub that starts again. */
static void reopen(void)
{
    revoked_destroy(revoked);
    ck_assert_int_eq(revoked_create(store, &revoked), ERR_OK);
}

static void add(enum revocation_kind kind, const char *name, int64_t upto_s, int64_t until_s)
{
    struct revocation v = {kind, name, upto_s, until_s};
    ck_assert_int_eq(revoked_add(revoked, &v, NOW), ERR_OK);
}

START_TEST(a_token_is_revoked_by_its_id)
{
    ck_assert(!revoked_has(revoked, "a", "alice", NOW, NOW));
    add(REVOKE_JTI, "a", 0, 0);
    for (int round = 0; round < 2; round++) {
        ck_assert(revoked_has(revoked, "a", "alice", NOW, NOW));
        ck_assert(revoked_has(revoked, "a", "", 0, NOW + 1000000));
        ck_assert(!revoked_has(revoked, "b", "a", NOW, NOW));
        ck_assert(!revoked_has(revoked, "", "", NOW, NOW));
        reopen();
    }
}
END_TEST

START_TEST(all_of_a_subject_up_to_a_moment)
{
    add(REVOKE_SUB, "alice", NOW - 10, 0);
    for (int round = 0; round < 2; round++) {
        ck_assert(revoked_has(revoked, "", "alice", NOW - 10, NOW));
        ck_assert(revoked_has(revoked, "x", "alice", 1, NOW));
        ck_assert(revoked_has(revoked, "x", "alice", 0, NOW)); /* it does not say when */
        ck_assert(!revoked_has(revoked, "x", "alice", NOW - 9, NOW));
        ck_assert(!revoked_has(revoked, "alice", "bob", 1, NOW));
        reopen();
    }
}
END_TEST

START_TEST(it_is_kept_for_so_long)
{
    add(REVOKE_JTI, "a", 0, NOW + 100);
    ck_assert(revoked_has(revoked, "a", "", 0, NOW + 100));
    ck_assert(!revoked_has(revoked, "a", "", 0, NOW + 101));
    add(REVOKE_SUB, "alice", NOW, NOW + 50);
    ck_assert(revoked_has(revoked, "", "alice", NOW, NOW + 50));
    ck_assert(!revoked_has(revoked, "", "alice", NOW, NOW + 51));
}
END_TEST

/* Whoever says less later takes nothing back. */
START_TEST(what_was_said_before_counts_too)
{
    add(REVOKE_SUB, "alice", NOW, NOW + 100);
    add(REVOKE_SUB, "alice", NOW - 50, NOW + 10);
    reopen();
    ck_assert(revoked_has(revoked, "", "alice", NOW, NOW + 100));
    ck_assert_uint_eq(revoked_count(revoked), 1);
    add(REVOKE_SUB, "alice", NOW + 5, 0);
    ck_assert(revoked_has(revoked, "", "alice", NOW + 5, NOW + 1000000));
    /* But not what was over. */
    add(REVOKE_JTI, "a", 0, NOW - 1);
    add(REVOKE_JTI, "a", 0, NOW + 1);
    ck_assert(revoked_has(revoked, "a", "", 0, NOW + 1));
    ck_assert(!revoked_has(revoked, "a", "", 0, NOW + 2));
}
END_TEST

START_TEST(one_is_taken_back)
{
    uint64_t serial = revoked_serial(revoked);
    add(REVOKE_SUB, "alice", NOW, 0);
    add(REVOKE_JTI, "alice", 0, 0);
    ck_assert_uint_ne(revoked_serial(revoked), serial);
    ck_assert_int_eq(revoked_remove(revoked, REVOKE_SUB, "alice"), ERR_OK);
    ck_assert_int_eq(revoked_remove(revoked, REVOKE_SUB, "alice"), ERR_NOT_FOUND);
    for (int round = 0; round < 2; round++) {
        ck_assert(!revoked_has(revoked, "", "alice", 1, NOW));
        ck_assert(revoked_has(revoked, "alice", "", 1, NOW));
        reopen();
    }
}
END_TEST

START_TEST(names_have_a_length)
{
    char name[REVOCATION_NAME_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct revocation v = {REVOKE_SUB, name, NOW, 0};
    ck_assert_int_eq(revoked_add(revoked, &v, NOW), ERR_INVALID);
    v.name = "";
    ck_assert_int_eq(revoked_add(revoked, &v, NOW), ERR_INVALID);
    add(REVOKE_SUB, name + 1, NOW, 0);
    reopen();
    ck_assert(revoked_has(revoked, "", name + 1, NOW, NOW));
}
END_TEST

/* What a later version, or somebody's hand, has left there is passed over. */
START_TEST(strange_notes_are_passed_over)
{
    ck_assert_int_eq(store_put_note(store, "revoked.kid.x", "1 2", 3), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "revoked.jti.x", "one two", 7), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "revoked.jti.", "1 2", 3), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "revoked.sub.y", "7 0", 3), ERR_OK);
    reopen();
    ck_assert_uint_eq(revoked_count(revoked), 1);
    ck_assert(revoked_has(revoked, "", "y", 7, NOW));
}
END_TEST

static void count_one(void *ctx, const struct revocation *v)
{
    ck_assert_int_eq(strncmp(v->name, v->kind == REVOKE_JTI ? "j" : "s", 1), 0);
    ++*(unsigned *)ctx;
}

static void count_note(void *ctx, const char *name, const void *value, size_t n)
{
    (void)name;
    (void)value;
    (void)n;
    ++*(unsigned *)ctx;
}

START_TEST(many_are_found_and_what_is_over_goes)
{
    enum { MANY = 3000 };
    char name[16];
    unsigned seen = 0, notes = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%c%d", i % 2 ? 'j' : 's', i);
        add(i % 2 ? REVOKE_JTI : REVOKE_SUB, name, NOW, NOW + 10);
    }
    reopen();
    revoked_each(revoked, NOW, count_one, &seen);
    ck_assert_uint_eq(seen, MANY);
    ck_assert(revoked_has(revoked, "j2999", "", 0, NOW));
    ck_assert(revoked_has(revoked, "", "s0", 0, NOW));
    /* Some of what is over goes with each that comes later. */
    for (int i = 0; i < MANY; i++) {
        struct revocation v = {REVOKE_JTI, "jlast", NOW, 0};
        ck_assert_int_eq(revoked_add(revoked, &v, NOW + 11), ERR_OK);
    }
    ck_assert_uint_eq(revoked_count(revoked), 1);
    ck_assert_int_eq(store_notes(store, "", count_note, &notes), ERR_OK);
    ck_assert_uint_eq(notes, 1);
}
END_TEST

static _Atomic bool over;

static void *ask(void *arg)
{
    unsigned *found = arg;
    while (!over)
        *found += revoked_has(revoked, "j1", "always", 1, NOW);
    return NULL;
}

/* Others ask meanwhile: what is there for good is always found. */
START_TEST(others_ask_while_it_changes)
{
    pthread_t thread;
    unsigned found = 0;
    char name[16];
    add(REVOKE_SUB, "always", NOW, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, ask, &found), 0);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "j%d", i % 300);
        add(REVOKE_JTI, name, 0, 0);
        ck_assert(revoked_has(revoked, name, "", 0, NOW));
        if (i % 3 == 0)
            ck_assert_int_eq(revoked_remove(revoked, REVOKE_JTI, name), ERR_OK);
    }
    over = true;
    pthread_join(thread, NULL);
    ck_assert(revoked_has(revoked, "", "always", 1, NOW));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revoked");
    TCase *c = tcase_create("revoked");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_token_is_revoked_by_its_id);
    tcase_add_test(c, all_of_a_subject_up_to_a_moment);
    tcase_add_test(c, it_is_kept_for_so_long);
    tcase_add_test(c, what_was_said_before_counts_too);
    tcase_add_test(c, one_is_taken_back);
    tcase_add_test(c, names_have_a_length);
    tcase_add_test(c, strange_notes_are_passed_over);
    tcase_add_test(c, many_are_found_and_what_is_over_goes);
    tcase_add_test(c, others_ask_while_it_changes);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
