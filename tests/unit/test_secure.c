/* What has to do with HTTP over TLS in answers: the way of pages to it, and staying there. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_exchange.h"

#define PAGE "Accept: text/html,application/xhtml+xml,*/*;q=0.8\n"

static struct desk desk;
static struct fake fake;

static void setup(void)
{
    desk_open(&desk);
    desk.settings->redirect_https = 443;
    desk.settings->hsts_ms = 3600 * 1000;
    fake_open(&fake, &desk);
    fake.host = "hub.example:8420";
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

static unsigned publish(const char *fields)
{
    fake_ask(&fake, "POST", "/t/a", fields, "text");
    desk_commit(&desk);
    return fake_answer(&fake)->status;
}

static void check_sent_to(const char *location)
{
    char line[256];
    snprintf(line, sizeof(line), "Location: %s\r\n", location);
    ck_assert_uint_eq(fake_answer(&fake)->status, 308);
    ck_assert_msg(fake_has_line(&fake, line), "%s in\n%s", line, fake_answer(&fake)->lines.data);
    ck_assert(fake_has_line(&fake, "Cache-Control: no-store\r\n"));
}

START_TEST(pages_are_redirected)
{
    ask("GET", "/", PAGE);
    check_sent_to("https://hub.example/");
    ask("HEAD", "/?a=b&c", PAGE);
    check_sent_to("https://hub.example/?a=b&c");
    ask("GET", "/demo/x%20y", PAGE);
    check_sent_to("https://hub.example/demo/x%20y");
    ask("GET", "/", "Accept: application/json\nAccept: TEXT/HTML;q=0.1\n");
    check_sent_to("https://hub.example/");
}
END_TEST

START_TEST(the_host_keeps_its_name_and_changes_its_port)
{
    desk.settings->redirect_https = 8443;
    ask("GET", "/", PAGE);
    check_sent_to("https://hub.example:8443/");
    fake.host = "hub.example";
    ask("GET", "/", PAGE);
    check_sent_to("https://hub.example:8443/");
    fake.host = "[2001:db8::1]:80";
    ask("GET", "/", PAGE);
    check_sent_to("https://[2001:db8::1]:8443/");
    desk.settings->redirect_https = 443;
    fake.host = "[2001:db8::1]";
    ask("GET", "/", PAGE);
    check_sent_to("https://[2001:db8::1]/");
}
END_TEST

/* What programs ask for stays as it is: they would have sent their secrets by then. */
START_TEST(nothing_else_is)
{
    fake.host = "localhost";
    ck_assert_uint_eq(ask("GET", "/", NULL), 200);
    ck_assert_uint_eq(ask("GET", "/", "Accept: */*\n"), 200);
    ck_assert_uint_eq(ask("GET", "/", "Accept: text/html;q=0\n"), 200);
    ck_assert_uint_eq(ask("GET", "/healthz", PAGE), 200);
    ck_assert_uint_eq(ask("GET", "/t/a?wait=0", PAGE), 200);
    ck_assert_uint_eq(publish(PAGE), 201);
    ck_assert_uint_eq(ask("POST", "/", PAGE), 405);
    ck_assert_uint_eq(ask("OPTIONS", "/", PAGE), 204);
    ck_assert_uint_eq(ask("GET", "/nothing", PAGE), 404);
    ck_assert_uint_eq(ask("GET", "/.well-known/acme-challenge/x", PAGE), 404);
}
END_TEST

START_TEST(not_what_a_proxy_passes_on)
{
    fake.host = "localhost";
    ck_assert_uint_eq(ask("GET", "/", PAGE "X-Forwarded-Proto: https\n"), 200);
    ck_assert_uint_eq(ask("GET", "/", PAGE "Via: 1.1 proxy\n"), 200);
    fake.exchange.status_only = true;
    ck_assert_uint_eq(ask("GET", "/metrics", PAGE), 200);
    fake.exchange.status_only = false;
    fake.conn->local = true;
    ck_assert_uint_eq(ask("GET", "/", PAGE), 200);
}
END_TEST

START_TEST(not_without_a_host)
{
    fake.host = NULL;
    ck_assert_uint_eq(ask("GET", "/", PAGE), 200);
    fake.host = "";
    ck_assert_uint_eq(ask("GET", "/", PAGE), 403);
}
END_TEST

START_TEST(not_unless_it_is_wished)
{
    desk.settings->redirect_https = 0;
    fake.host = "localhost";
    ck_assert_uint_eq(ask("GET", "/", PAGE), 200);
}
END_TEST

START_TEST(who_came_by_tls_is_told_to_stay)
{
    static const char line[] = "Strict-Transport-Security: max-age=3600\r\n";
    fake.host = "localhost";
    ck_assert_uint_eq(ask("GET", "/healthz", NULL), 200);
    ck_assert(!fake_has_line(&fake, "Strict-Transport-Security"));
    fake_secure(&fake);
    ck_assert_uint_eq(ask("GET", "/", PAGE), 200);
    ck_assert(fake_has_line(&fake, line));
    ck_assert_uint_eq(ask("GET", "/t/a?wait=0", NULL), 200);
    ck_assert(fake_has_line(&fake, line));
    ck_assert_uint_eq(publish(NULL), 201);
    ck_assert(fake_has_line(&fake, line));
    ck_assert_uint_eq(ask("GET", "/nothing", NULL), 404);
    ck_assert(fake_has_line(&fake, line));
    desk.settings->hsts_ms = 0;
    ck_assert_uint_eq(ask("GET", "/healthz", NULL), 200);
    ck_assert(!fake_has_line(&fake, "Strict-Transport-Security"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("secure");
    TCase *t = tcase_create("secure");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, pages_are_redirected);
    tcase_add_test(t, the_host_keeps_its_name_and_changes_its_port);
    tcase_add_test(t, nothing_else_is);
    tcase_add_test(t, not_what_a_proxy_passes_on);
    tcase_add_test(t, not_without_a_host);
    tcase_add_test(t, not_unless_it_is_wished);
    tcase_add_test(t, who_came_by_tls_is_told_to_stay);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
