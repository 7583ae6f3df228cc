/* Publishing by exchanges of no version: what is stored, what is refused, and what is told of what
 * became of a publish. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_exchange.h"

#define TEXT  "Content-Type: text/plain\n"
#define BATCH "Content-Type: application/x-ndjson\n"
#define LINE  "{\"topic\":\"a\",\"data\":1}\n"

enum { MESSAGE_MAX = 100, BODY_MAX = 64 << 10 };

static struct desk desk;
static struct fake fake;

static void setup(void)
{
    desk_open(&desk);
    desk.settings->max_message_bytes = MESSAGE_MAX;
    desk.settings->max_body_bytes = BODY_MAX;
    fake_open(&fake, &desk);
}

static void teardown(void)
{
    fake_close(&fake);
    desk_close(&desk);
}

static bool said(const char *text)
{
    return strstr(fake_answer(&fake)->body.data, text) != NULL;
}

START_TEST(a_publish_is_answered_when_it_is_stored)
{
    fake_ask(&fake, "POST", "/t/a", TEXT, "hello");
    ck_assert_uint_eq(fake.count, 0);
    ck_assert_uint_eq(fake.wait_ms, 0);
    desk_commit(&desk);
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_uint_eq(fake_answer(&fake)->status, 201);
    ck_assert(said("{\"id\":\"1-"));
    ck_assert(fake_has_line(&fake, "Content-Type: application/json\r\n"));
    ck_assert(!fake.asked);
}
END_TEST

START_TEST(a_batch_is_answered_with_all_ids)
{
    fake_ask(&fake, "POST", "/t", BATCH, LINE LINE);
    desk_commit(&desk);
    ck_assert_uint_eq(fake_answer(&fake)->status, 201);
    ck_assert(said("{\"ids\":[\"1-"));
    ck_assert(said(",\"2-"));
}
END_TEST

/* Many lines take several turns. */
START_TEST(a_long_batch_goes_on_later)
{
    struct buf text = {0};
    while (text.len < BODY_MAX / 2)
        buf_puts(&text, LINE);
    buf_putc(&text, '\0');
    fake_ask(&fake, "POST", "/t", BATCH, text.data);
    buf_finish(&text);
    ck_assert_ptr_null(fake.publish);
    ck_assert(fake.asked && fake.exchange.waiter);
    ck_assert_uint_gt(exchange_held(&fake.exchange), BODY_MAX / 2);
    while (!fake.publish)
        desk_go_on(&desk);
    desk_commit(&desk);
    ck_assert_uint_eq(fake_answer(&fake)->status, 201);
}
END_TEST

static const struct {
    const char *target, *fields, *body;
    unsigned status;
} refused[] = {
    {"/t/a%2B", TEXT, "x", 400},
    {"/t/a", "Content-Type: text\n", "x", 400},
    {"/t/a", "Content-Type: application/json\n", "{", 400},
    {"/t/a", TEXT, "\xFF", 400},
    {"/t/a", TEXT "Longwire-Event: \n", "x", 400},
    {"/t/a", TEXT "Longwire-Event: longwire.x\n", "x", 400},
    {"/t/a", TEXT "Idempotency-Key: \n", "x", 400},
    {"/t/a", TEXT "Longwire-Expect-Last: x\n", "x", 400},
    {"/t/a", TEXT "Content-Encoding: gzip\n", "x", 415},
    {"/t", TEXT, LINE, 415},
    {"/t", BATCH "Longwire-Expect-Last: 1-1\n", LINE, 400},
    {"/t", BATCH, "", 400},
    {"/t", BATCH, "{\"topic\":\"a\"}\n", 400},
};

START_TEST(what_is_wrong_is_told_and_not_published)
{
    fake_ask(&fake, "POST", refused[_i].target, refused[_i].fields, refused[_i].body);
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_uint_eq(fake_answer(&fake)->status, refused[_i].status);
    ck_assert(fake_has_line(&fake, "Content-Type: application/problem+json\r\n"));
    ck_assert_uint_eq(desk_count(&desk, COUNTER_publishes), 0);
}
END_TEST

START_TEST(a_route_says_how_long_a_body_may_be)
{
    fake_ask(&fake, "POST", "/t/a", TEXT, "x");
    ck_assert_uint_eq(fake.exchange.body_max, MESSAGE_MAX);
    desk_commit(&desk);
    fake_ask(&fake, "POST", "/t", BATCH, LINE);
    ck_assert_uint_eq(fake.exchange.body_max, BODY_MAX);
    desk_commit(&desk);
}
END_TEST

static const struct {
    enum err result;
    unsigned status;
    const char *line, *text;
} ends[] = {
    {ERR_CONFLICT, 409, "Longwire-Cursor: 7-", "\"current\":\"7-"},
    {ERR_LIMIT, 429, "Retry-After: 60\r\n", "hub.max_topics"},
    {ERR_NOSPACE, 503, "Retry-After: 5\r\n", "full"},
    {ERR_NOMEM, 503, "Retry-After: 5\r\n", "out of memory"},
    {ERR_GONE, 503, "Retry-After: 5\r\n", "removed"},
    {ERR_IO, 503, "Retry-After: 5\r\n", "cannot be written"},
};

START_TEST(what_became_of_it_is_told)
{
    fake.keeps_publishes = true;
    fake_ask(&fake, "POST", "/t/a", TEXT, "x");
    fake.publish->current = 7;
    fake_publish_ends(&fake, ends[_i].result);
    ck_assert_uint_eq(fake_answer(&fake)->status, ends[_i].status);
    ck_assert(fake_has_line(&fake, ends[_i].line));
    ck_assert(said(ends[_i].text));
}
END_TEST

START_TEST(a_conflict_in_a_batch_names_its_line)
{
    fake.keeps_publishes = true;
    fake_ask(&fake, "POST", "/t", BATCH, LINE "{\"topic\":\"a\",\"data\":1,\"expect\":\"1-1\"}\n");
    fake.publish->conflict = 1;
    fake_publish_ends(&fake, ERR_CONFLICT);
    ck_assert_uint_eq(fake_answer(&fake)->status, 409);
    ck_assert(said("Line 2: "));
}
END_TEST

START_TEST(one_that_cannot_be_handed_over_is_refused)
{
    fake.refuses_publishes = true;
    fake_ask(&fake, "POST", "/t/a", TEXT, "x");
    ck_assert_uint_eq(fake_answer(&fake)->status, 503);
    ck_assert(fake_has_line(&fake, "Retry-After: 1\r\n"));
}
END_TEST

START_TEST(nothing_is_published_while_the_hub_stops)
{
    desk.worker->loop.draining = true;
    fake_ask(&fake, "POST", "/t/a", TEXT, "x");
    ck_assert_uint_eq(fake_answer(&fake)->status, 503);
    ck_assert_ptr_null(fake.publish);
}
END_TEST

/* It waits for an empty publish, and for so long only. */
START_TEST(readiness_is_a_publish_that_is_waited_for)
{
    fake.keeps_publishes = true;
    fake_ask(&fake, "GET", "/readyz", NULL, NULL);
    ck_assert_uint_eq(fake.publish->count, 0);
    ck_assert_uint_gt(fake.wait_ms, 0);
    fake_publish_ends(&fake, ERR_OK);
    ck_assert_uint_eq(fake_answer(&fake)->status, 200);
    fake_ask(&fake, "GET", "/readyz", NULL, NULL);
    fake_publish_ends(&fake, ERR_IO);
    ck_assert_uint_eq(fake_answer(&fake)->status, 503);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("exchange_publish");
    TCase *t = tcase_create("publish");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_publish_is_answered_when_it_is_stored);
    tcase_add_test(t, a_batch_is_answered_with_all_ids);
    tcase_add_test(t, a_long_batch_goes_on_later);
    tcase_add_loop_test(t, what_is_wrong_is_told_and_not_published, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(t, a_route_says_how_long_a_body_may_be);
    tcase_add_loop_test(t, what_became_of_it_is_told, 0, sizeof(ends) / sizeof(ends[0]));
    tcase_add_test(t, a_conflict_in_a_batch_names_its_line);
    tcase_add_test(t, one_that_cannot_be_handed_over_is_refused);
    tcase_add_test(t, nothing_is_published_while_the_hub_stops);
    tcase_add_test(t, readiness_is_a_publish_that_is_waited_for);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
