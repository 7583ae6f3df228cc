/* What a request may and who gets it, by exchanges of no version; and the pages of the hub. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "tests/unit/fake_exchange.h"

#define TEXT "Content-Type: text/plain\n"

static struct desk desk;
static struct fake fake;

static void setup(void)
{
    desk_open(&desk);
    fake_open(&fake, &desk);
}

static void teardown(void)
{
    fake_close(&fake);
    desk_close(&desk);
}

static unsigned ask(const char *method, const char *target, const char *fields)
{
    fake_ask(&fake, method, target, fields, NULL);
    return fake_answer(&fake)->status;
}

static bool said(const char *text)
{
    return strstr(fake_answer(&fake)->body.data, text) != NULL;
}

START_TEST(pages_answer)
{
    ck_assert_uint_eq(ask("GET", "/healthz", NULL), 200);
    ck_assert_str_eq(fake_answer(&fake)->body.data, "ok\n");
    ck_assert_uint_eq(ask("GET", "/cursor", NULL), 200);
    ck_assert(said("{\"cursor\":\"0-"));
    ck_assert_uint_eq(ask("GET", "/metrics", NULL), 200);
    ck_assert(said("longwire_connections{transport=\"fake\"} 1\n"));
    ck_assert_uint_eq(ask("GET", "/", NULL), 200);
    ck_assert_uint_eq(ask("GET", "/longwire.js", NULL), 200);
    ck_assert(fake_has_line(&fake, "Content-Type: text/javascript"));
    ck_assert(fake_has_line(&fake, "Cache-Control: no-cache\r\n"));
    ck_assert_uint_eq(ask("GET", "/demo/demo.js", NULL), 404);
}
END_TEST

START_TEST(answers_say_that_they_are_data)
{
    ask("GET", "/healthz", NULL);
    ck_assert(fake_has_line(&fake, "X-Content-Type-Options: nosniff\r\n"));
    ck_assert(fake_has_line(&fake, "Content-Security-Policy: default-src 'none'"));
    ck_assert(fake_has_line(&fake, "Cache-Control: no-store\r\n"));
}
END_TEST

START_TEST(methods_and_paths_are_told_apart)
{
    ck_assert_uint_eq(ask("GET", "/nothing", NULL), 404);
    ck_assert_uint_eq(ask("GET", "/t/%", NULL), 400);
    ck_assert_uint_eq(ask("BREW", "/t/a", NULL), 501);
    ck_assert_uint_eq(ask("DELETE", "/t/a", NULL), 405);
    ck_assert(fake_has_line(&fake, "Allow: GET, HEAD, POST, OPTIONS\r\n"));
    ck_assert_uint_eq(ask("OPTIONS", "/t/a", NULL), 204);
    ck_assert(fake_has_line(&fake, "Allow: GET, HEAD, POST, OPTIONS\r\n"));
    ck_assert_uint_eq(ask("OPTIONS", "*", NULL), 204);
    ck_assert(!fake_has_line(&fake, "Allow"));
    ck_assert_uint_eq(ask("GET", "*", NULL), 404);
}
END_TEST

START_TEST(origins_are_told_apart)
{
    ck_assert_uint_eq(ask("GET", "/healthz", "Origin: http://localhost:1\n"), 200);
    ck_assert(fake_has_line(&fake, "Access-Control-Allow-Origin: http://localhost:1\r\n"));
    ck_assert(fake_has_line(&fake, "Vary: Origin\r\n"));
    ck_assert_uint_eq(ask("GET", "/healthz", "Origin: https://a.example\n"), 200);
    ck_assert(!fake_has_line(&fake, "Access-Control-Allow-Origin"));
    ck_assert_uint_eq(ask("POST", "/t/a", TEXT "Origin: https://a.example\n"), 403);
    ck_assert_uint_eq(ask("OPTIONS", "/t/a", "Origin: https://a.example\n"), 403);
    ck_assert_uint_eq(ask("OPTIONS", "/t/a",
                          "Origin: http://localhost\n"
                          "Access-Control-Request-Method: POST\n"),
                      204);
    ck_assert(fake_has_line(&fake, "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"));
}
END_TEST

/* Not of this machine, where nothing is allowed to such. */
START_TEST(strangers_may_what_the_settings_say)
{
    fake.exchange.trusted = false;
    ck_assert_uint_eq(ask("GET", "/t/a?wait=0", NULL), 403);
    ck_assert_uint_eq(ask("POST", "/t/a", TEXT), 403);
    ck_assert_uint_eq(ask("GET", "/cursor", NULL), 403);
    ck_assert_uint_eq(ask("GET", "/metrics", NULL), 403);
    ck_assert_uint_eq(ask("GET", "/healthz", NULL), 200);
    desk.settings->anonymous |= ACCESS_SUBSCRIBE;
    ck_assert_uint_eq(ask("GET", "/t/a?wait=0", NULL), 200);
    ck_assert_uint_eq(ask("POST", "/t/a", TEXT), 403);
    desk.settings->anonymous |= ACCESS_STATUS;
    ck_assert_uint_eq(ask("GET", "/metrics", NULL), 200);
    desk.settings->anonymous |= ACCESS_PUBLISH;
    fake_ask(&fake, "POST", "/t/a", TEXT, "x");
    desk_commit(&desk);
    ck_assert_uint_eq(fake_answer(&fake)->status, 201);
}
END_TEST

START_TEST(a_listener_for_figures_has_nothing_else)
{
    fake.exchange.trusted = false;
    fake.exchange.status_only = true;
    ck_assert_uint_eq(ask("GET", "/metrics", NULL), 200);
    ck_assert_uint_eq(ask("GET", "/healthz", NULL), 200);
    ck_assert_uint_eq(ask("GET", "/t/a?wait=0", NULL), 404);
}
END_TEST

/* A path is needed, and there is no memory for it: an EventSource must not be told so. */
START_TEST(who_has_ended_is_asked_for_nothing_more)
{
    exchange_drop(&fake.exchange, CLOSE_NOMEM);
    ck_assert(fake_is_closed(&fake));
    ck_assert_uint_eq(fake.count, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("exchange");
    TCase *t = tcase_create("dispatch");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, pages_answer);
    tcase_add_test(t, answers_say_that_they_are_data);
    tcase_add_test(t, methods_and_paths_are_told_apart);
    tcase_add_test(t, origins_are_told_apart);
    tcase_add_test(t, strangers_may_what_the_settings_say);
    tcase_add_test(t, a_listener_for_figures_has_nothing_else);
    tcase_add_test(t, who_has_ended_is_asked_for_nothing_more);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
