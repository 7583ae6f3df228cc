/* Documents for administrators: counted while they are made, bit by bit, and dropped when nobody
 * wants them any more. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "tests/unit/desk.h"

enum { TOPICS = 990, CLIENTS = 600, TURNS_MAX = 1000 };

static struct desk desk;
static struct client asker;

static void setup(void)
{
    desk_open(&desk);
    client_open_resp(&asker, &desk);
}

static void teardown(void)
{
    client_close(&asker);
    desk_close(&desk);
}

static void make_topics(void)
{
    char name[32];
    for (int i = 0; i < TOPICS; i++) {
        struct topic *t;
        snprintf(name, sizeof(name), "topic/number/%d", i);
        ck_assert_int_eq(topic_table_add(hub_topics(desk.hub), name, strlen(name), false, &t),
                         ERR_OK);
    }
}

/* What the process holds for its peers, as counted. */
static uint64_t counted(void)
{
    return desk.process.memory.held;
}

/* How many turns it takes until a document of at least BYTES has come; in each of them it grows by
 * less than PART, and it is counted as far as it is there. */
static unsigned turns_for(const char *command, size_t bytes, size_t part)
{
    unsigned turns = 0;
    uint64_t before = 0;
    client_say(&asker, command);
    while (desk.worker->errands) {
        desk_take_mail(&desk);
        ck_assert_uint_lt(++turns, TURNS_MAX);
        ck_assert_uint_lt(counted(), before + part);
        before = counted() > before ? counted() : before;
    }
    ck_assert_uint_gt(before, bytes / 2);
    client_hear_all(&asker);
    ck_assert_uint_gt(asker.got.len, bytes);
    ck_assert_uint_eq(counted(), 0);
    return turns;
}

START_TEST(topics_are_counted_while_they_are_listed)
{
    make_topics();
    ck_assert_uint_ge(turns_for("HUB TOPICS\r\n", 140 * TOPICS, 300000), TOPICS / 256);
}
END_TEST

START_TEST(clients_are_listed_some_in_a_turn)
{
    static struct client others[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        client_open(&others[i], &desk, false);
    ck_assert_uint_ge(turns_for("HUB CLIENTS\r\n", 150 * CLIENTS, 300000), CLIENTS / 128);
    ck_assert_uint_ge(turns_for("CLIENT LIST\r\n", 150 * CLIENTS, 300000), CLIENTS / 128);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&others[i]);
}
END_TEST

/* Those that have ended by the time their turn comes are not in it, and those that are held for it
 * go all the same. */
START_TEST(clients_may_go_while_they_are_listed)
{
    static struct client others[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        client_open(&others[i], &desk, false);
    client_say(&asker, "HUB CLIENTS\r\n");
    desk_take_mail(&desk);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&others[i]);
    while (desk.worker->errands)
        desk_take_mail(&desk);
    unsigned told = client_times(&asker, "\"transport\"");
    ck_assert_uint_ge(told, 1);
    ck_assert_uint_le(told, 1 + 128);
}
END_TEST

static const char *const jobs[] = {"HUB TOPICS\r\n", "HUB CLIENTS\r\n"};

/* Whoever is refused for what it holds gives it back soon. */
START_TEST(a_document_that_nobody_waits_for_is_not_made)
{
    static struct client others[CLIENTS];
    make_topics();
    for (int i = 0; i < CLIENTS; i++)
        client_open(&others[i], &desk, false);
    client_say(&asker, jobs[_i]);
    desk_take_mail(&desk);
    conn_refuse(asker.conn);
    unsigned turns = 0;
    for (; desk.worker->errands; turns++)
        desk_take_mail(&desk);
    ck_assert_uint_le(turns, 2 + 3 * _i);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&others[i]);
}
END_TEST

static Suite *documents_suite(void)
{
    Suite *s = suite_create("documents");
    TCase *t = tcase_create("documents");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, topics_are_counted_while_they_are_listed);
    tcase_add_test(t, clients_are_listed_some_in_a_turn);
    tcase_add_test(t, clients_may_go_while_they_are_listed);
    tcase_add_loop_test(t, a_document_that_nobody_waits_for_is_not_made, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(documents_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
