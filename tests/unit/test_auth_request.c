/* The delegated decision: whom the hub asks about a client, when, and what comes of the answer. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/token.h"
#include "http/auth_cache.h"
#include "http/auth_request.h"
#include "http/client/breaker.h"
#include "net/peer.h"
#include "tests/unit/desk.h"
#include "tests/unit/far_server.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define ALICE    "{\"sub\":\"alice\",\"longwire\":{\"subscribe\":[\"a/#\"]}}"
#define BOB      "{\"sub\":\"bob\"}"

enum { CLIENTS = 3, STEP_MS = 20 };

static struct desk desk;
static struct client clients[CLIENTS];
static struct remote *remote;
static struct http_fields *fields;
static int listener, server; /* -1: the hub has not come yet */

/* --- questions --- */

static struct asks {
    struct auth_question question; /* first */
    bool done;
    unsigned status;
    char sub[32], challenge[64], detail[128];
    unsigned retry_s;
} asks[CLIENTS];

static void note(struct asks *a, const struct auth_decision *d)
{
    ck_assert(!a->done);
    a->done = true;
    a->status = d->who ? 200 : d->status;
    a->retry_s = d->retry_s;
    snprintf(a->sub, sizeof(a->sub), "%s", d->who ? d->who->sub : "");
    snprintf(a->challenge, sizeof(a->challenge), "%s", d->challenge ? d->challenge : "");
    snprintf(a->detail, sizeof(a->detail), "%s", d->detail ? d->detail : "");
}

static void answered(struct auth_question *q, const struct auth_decision *d)
{
    note((struct asks *)q, d);
}

/* Client I asks as S says; true: the answer was known. */
static bool ask_as(unsigned i, struct auth_subject s)
{
    struct auth_decision d;
    memset(&asks[i], 0, sizeof(asks[i]));
    asks[i].question.answered = answered;
    s.conn = clients[i].conn;
    if (!auth_request_ask(&s, &asks[i].question, &d))
        return false;
    note(&asks[i], &d);
    return true;
}

static bool ask(unsigned i)
{
    return ask_as(i, (struct auth_subject){.fields = fields});
}

static void put_field(const char *name, const char *value)
{
    http_fields_add(fields, name, strlen(name), value, strlen(value));
}

/* --- the server --- */

static struct loop *loop(void)
{
    return &desk.worker->loop;
}

static const char *is_asked(void)
{
    if (server < 0)
        server = far_comes(loop(), listener);
    return far_gets_head(loop(), server);
}

static void answers(const char *status, const char *more, const char *body)
{
    struct buf text = {0};
    buf_printf(&text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, more, strlen(body),
               body);
    buf_putc(&text, '\0');
    far_says(server, text.data);
    buf_finish(&text);
}

static void is_told(unsigned i, unsigned status)
{
    for (int n = 0; n < FAR_TURNS && !asks[i].done; n++)
        far_turn(loop());
    ck_assert_msg(asks[i].done, "client %u is not told", i);
    ck_assert_uint_eq(asks[i].status, status);
}

/* Client I is asked about, and the server answers. */
static void decide(unsigned i, const char *status, const char *more, const char *body)
{
    ck_assert(!ask(i));
    is_asked();
    answers(status, more, body);
    for (int n = 0; n < FAR_TURNS && !asks[i].done; n++)
        far_turn(loop());
    ck_assert(asks[i].done);
}

static void hang_up(void)
{
    close(server);
    server = -1;
    for (int i = 0; i < 5; i++)
        far_turn(loop());
}

static void wait_ms(uint64_t ms)
{
    desk_wait(&desk, ms);
}

static void set_up(void)
{
    desk_open(&desk);
    ck_assert_int_eq(token_init(), ERR_OK);
    remote = remote_create("auth", 4, "/who");
    listener = far_listen(remote);
    server = -1;
    desk.settings->auth.remote = remote_ref(remote);
    desk.settings->auth.timeout_ms = 1000;
    desk.settings->auth.connections = 2;
    desk.settings->auth.cache = 16;
    for (unsigned i = 0; i < CLIENTS; i++)
        client_open(&clients[i], &desk, false);
    fields = http_fields_take();
    put_field("Cookie", "session=1");
}

static void tear_down(void)
{
    if (server >= 0)
        close(server);
    close(listener);
    http_fields_give_back(fields);
    for (unsigned i = 0; i < CLIENTS; i++) {
        auth_request_drop(&asks[i].question);
        client_close(&clients[i]);
    }
    loop()->draining = true;
    desk_wait(&desk, 6000); /* connections to the server end */
    auth_request_finish_thread();
    remote_unref(remote);
    desk_close(&desk);
}

/* --- what is told --- */

static void has_line(const char *head, const char *line)
{
    char text[256];
    snprintf(text, sizeof(text), "\r\n%s\r\n", line);
    ck_assert_msg(strstr(head, text) != NULL, "%s is not in\n%s", line, head);
}

START_TEST(the_server_is_told_of_the_request)
{
    struct ip_port from = {.ip = ip_from_v4("\x05\x06\x07\x08"), .port = 9};
    conn_set_peer(clients[0].conn, peer_create(&from, false));
    put_field("Cookie", "more=2");
    put_field("User-Agent", "Browser/1");
    put_field("Origin", "https://app.example");
    put_field("X-Private", "x");
    put_field("Content-Length", "7");
    ck_assert(!ask_as(0, (struct auth_subject){.fields = fields,
                                               .host = "hub.example",
                                               .method = "POST",
                                               .target = "/t/a?x=y",
                                               .target_len = 8,
                                               .token = "abc.def",
                                               .token_len = 7}));
    const char *head = is_asked();
    ck_assert_ptr_eq(strstr(head, "GET /who HTTP/1.1\r\n"), head);
    has_line(head, "Host: auth");
    has_line(head, "Authorization: Bearer abc.def");
    has_line(head, "Cookie: session=1; more=2");
    has_line(head, "User-Agent: Browser/1");
    has_line(head, "Origin: https://app.example");
    has_line(head, "X-Forwarded-For: 5.6.7.8");
    has_line(head, "X-Forwarded-Host: hub.example");
    has_line(head, "X-Forwarded-Proto: http");
    has_line(head, "X-Original-Method: POST");
    has_line(head, "X-Original-URI: /t/a?x=y");
    ck_assert_ptr_null(strstr(head, "X-Private"));
    ck_assert_ptr_null(strstr(head, "Content-Length"));
}
END_TEST

/* A token of the query was decoded, and may have held anything. */
START_TEST(nothing_is_smuggled_in_a_token)
{
    ck_assert(
        ask_as(0, (struct auth_subject){.fields = fields, .token = "a\r\nX: y", .token_len = 7}));
    is_told(0, 401);
    ck_assert(ask_as(0, (struct auth_subject){.fields = fields, .token = "", .token_len = 0}));
    is_told(0, 401);
    ck_assert(!far_has_come(loop(), listener));
}
END_TEST

/* --- what it answers --- */

START_TEST(claims_let_in)
{
    decide(0, "200 OK", "", ALICE);
    is_told(0, 200);
    ck_assert_str_eq(asks[0].sub, "alice");
}
END_TEST

START_TEST(a_refusal_is_passed_on)
{
    decide(0, "401 Unauthorized", "WWW-Authenticate: Bearer realm=\"app\"\r\n", "no");
    is_told(0, 401);
    ck_assert_str_eq(asks[0].challenge, "Bearer realm=\"app\"");
    ck_assert(ask(0)); /* known, for this connection */
    is_told(0, 401);
    ck_assert_str_eq(asks[0].challenge, "Bearer realm=\"app\"");
    decide(1, "403 Forbidden", "Cache-Control: max-age=60\r\n", "");
    is_told(1, 403);
    ck_assert(ask(2));
    is_told(2, 403);
    ck_assert_str_eq(asks[2].challenge, "");
    ck_assert_uint_eq(desk_count(&desk, COUNTER_auth_denied), 2);
}
END_TEST

static const struct {
    const char *status, *body;
} bad[] = {
    {"200 OK", "<html>"},      {"200 OK", ""},
    {"200 OK", "{\"sub\":7}"}, {"200 OK", "{\"longwire\":{\"subscribe\":[\"a/#/b\"]}}"},
    {"200 OK", "{\"exp\":1}"}, {"204 No Content", ""},
    {"302 Found", ""},         {"404 Not Found", ""},
};

/* It is the trouble of one client: others are asked about. */
START_TEST(what_is_no_decision_lets_nobody_in)
{
    for (int i = 0; i < 2 * BREAKER_FAILURES; i++) {
        decide(0, bad[_i].status, "Cache-Control: max-age=60\r\n", bad[_i].body);
        is_told(0, 503);
        ck_assert_uint_eq(asks[0].retry_s, 1);
    }
    decide(0, "200 OK", "", ALICE);
    is_told(0, 200);
}
END_TEST

START_TEST(claims_that_are_too_long_are_none)
{
    char body[CLAIMS_BYTES_MAX + 100];
    memset(body, ' ', sizeof(body));
    body[sizeof(body) - 1] = '\0';
    decide(0, "200 OK", "", body);
    is_told(0, 503);
}
END_TEST

/* --- how long it counts --- */

START_TEST(many_wait_for_one_answer)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        ck_assert(!ask(i));
    is_asked();
    auth_request_drop(&asks[1].question);
    answers("200 OK", "", ALICE);
    is_told(0, 200);
    is_told(2, 200);
    ck_assert(!asks[1].done);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_auth_asked), 1);
}
END_TEST

START_TEST(it_counts_as_long_as_it_says)
{
    decide(0, "200 OK", "Cache-Control: max-age=5\r\n", ALICE);
    ck_assert(ask(1));
    is_told(1, 200);
    ck_assert_str_eq(asks[1].sub, "alice");
    wait_ms(4800);
    ck_assert(ask(1));
    wait_ms(400);
    server = -1;
    decide(1, "200 OK", "", BOB);
    ck_assert_str_eq(asks[1].sub, "bob");
}
END_TEST

/* Whoever polls is not asked about with every poll. */
START_TEST(it_counts_for_its_connection)
{
    decide(0, "200 OK", "Cache-Control: no-store\r\n", ALICE);
    ck_assert(ask(0));
    is_told(0, 200);
    decide(1, "200 OK", "", ALICE); /* not for another one */
    decide(0, "200 OK", "", ALICE); /* the last one counts */
    wait_ms(AUTH_CONNECTION_MS - 200);
    ck_assert(ask(0));
    wait_ms(400);
    server = -1;
    ck_assert(!ask(0));
}
END_TEST

START_TEST(it_counts_for_the_same_credentials)
{
    decide(0, "200 OK", "Cache-Control: max-age=60\r\n", ALICE);
    struct auth_subject s = {.fields = fields, .token = "abc", .token_len = 3};
    ck_assert(!ask_as(0, s));
    is_asked();
    answers("200 OK", "Cache-Control: max-age=60\r\n", BOB);
    is_told(0, 200);
    ck_assert_str_eq(asks[0].sub, "bob");
    ck_assert(ask(1));
    ck_assert_str_eq(asks[1].sub, "alice");
    ck_assert(ask_as(1, s));
    ck_assert_str_eq(asks[1].sub, "bob");
    struct ip_port from = {.ip = ip_from_v4("\x05\x06\x07\x08"), .port = 9};
    conn_set_peer(clients[2].conn, peer_create(&from, false));
    ck_assert(!ask(2)); /* the same, from elsewhere */
}
END_TEST

START_TEST(another_configuration_forgets)
{
    decide(0, "200 OK", "Cache-Control: max-age=60\r\n", ALICE);
    ck_assert(ask(0));
    desk.worker->settings_serial++;
    ck_assert(!ask(0));
}
END_TEST

START_TEST(what_the_former_configuration_decides_is_not_remembered)
{
    ck_assert(!ask(0));
    is_asked();
    desk.worker->settings_serial++;
    ck_assert(!ask_as(1, (struct auth_subject){.fields = fields, .token = "abc", .token_len = 3}));
    answers("200 OK", "Cache-Control: max-age=60\r\n", ALICE);
    is_told(0, 200);
    ck_assert(!ask(2));
}
END_TEST

/* --- a server that fails --- */

START_TEST(nobody_waits_for_ever)
{
    ck_assert(!ask(0));
    is_asked();
    wait_ms(1200);
    is_told(0, 503);
    ck_assert_uint_eq(asks[0].retry_s, 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_auth_failed), 1);
}
END_TEST

START_TEST(a_server_that_fails_is_left_alone)
{
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        ck_assert(!ask(0));
        is_asked();
        answers("500 Internal Server Error", "", "oops");
        is_told(0, 503);
    }
    ck_assert(ask(0));
    is_told(0, 503);
    ck_assert_uint_ge(asks[0].retry_s, 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_auth_unasked), 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_auth_asked), BREAKER_FAILURES);
    wait_ms(BREAKER_PAUSE_MS + 100);
    put_field("Cookie", "second=2"); /* another client */
    ck_assert(!ask(1));
    put_field("Cookie", "third=3");
    ck_assert(ask(2)); /* one may find out */
    is_told(2, 503);
    is_asked();
    answers("200 OK", "", BOB);
    is_told(1, 200);
    ck_assert(!ask(2));
}
END_TEST

START_TEST(nobody_there_is_told)
{
    close(listener);
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        ask(0);
        is_told(0, 503);
    }
    ck_assert(ask(0));
    listener = dup(0);
}
END_TEST

START_TEST(a_connection_that_breaks_is_a_failure)
{
    ck_assert(!ask(0));
    is_asked();
    hang_up();
    is_told(0, 503);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_auth_failed), 1);
}
END_TEST

/* --- the cache --- */

static struct auth_cached cached(unsigned i)
{
    struct auth_cached d = {.status = 403, .fresh_ms = 100};
    memcpy(d.hash, &i, sizeof(i));
    return d;
}

START_TEST(what_is_remembered_is_bounded)
{
    struct auth_cache *c = auth_cache_create(30);
    unsigned found = 0;
    for (unsigned i = 0; i < 1000; i++) {
        struct auth_cached d = cached(i);
        auth_cache_keep(c, &d);
        ck_assert_ptr_nonnull(auth_cache_find(c, d.hash, 0, 99));
        ck_assert_ptr_null(auth_cache_find(c, d.hash, 0, 100));
    }
    for (unsigned i = 0; i < 1000; i++) {
        struct auth_cached d = cached(i);
        found += auth_cache_find(c, d.hash, 0, 99) != NULL;
    }
    ck_assert_uint_eq(found, 32);
    auth_cache_destroy(c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("auth_request");
    TCase *c = tcase_create("auth_request");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, the_server_is_told_of_the_request);
    tcase_add_test(c, nothing_is_smuggled_in_a_token);
    tcase_add_test(c, claims_let_in);
    tcase_add_test(c, a_refusal_is_passed_on);
    tcase_add_loop_test(c, what_is_no_decision_lets_nobody_in, 0, COUNT(bad));
    tcase_add_test(c, claims_that_are_too_long_are_none);
    tcase_add_test(c, many_wait_for_one_answer);
    tcase_add_test(c, it_counts_as_long_as_it_says);
    tcase_add_test(c, it_counts_for_its_connection);
    tcase_add_test(c, it_counts_for_the_same_credentials);
    tcase_add_test(c, another_configuration_forgets);
    tcase_add_test(c, what_the_former_configuration_decides_is_not_remembered);
    tcase_add_test(c, nobody_waits_for_ever);
    tcase_add_test(c, a_server_that_fails_is_left_alone);
    tcase_add_test(c, nobody_there_is_told);
    tcase_add_test(c, a_connection_that_breaks_is_a_failure);
    tcase_add_test(c, what_is_remembered_is_bounded);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
