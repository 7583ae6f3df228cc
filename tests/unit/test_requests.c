/* Requests at the edges of what is taken: the last that is, and the first that is not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/h1_protocol.h"
#include "tests/unit/desk.h"

#define HOST "Host: localhost\r\n"

enum { MESSAGE_MAX = 1000, BODY_MAX = 5000, TOPICS_MAX = 3, LIMIT_MAX = 5 };

static struct desk desk;
static struct client client;

static void setup(void)
{
    desk_open(&desk);
    desk.settings->max_message_bytes = MESSAGE_MAX;
    desk.settings->max_body_bytes = BODY_MAX;
    desk.settings->subscriptions = TOPICS_MAX;
    desk.settings->poll_limit = LIMIT_MAX;
    desk.settings->poll_wait_max_ms = 3000;
    desk.settings->demo = true;
    client_open(&client, &desk, false);
}

static void setup_roaming(void)
{
    setup();
    client_close(&client);
    desk.roams = true;
    client_open(&client, &desk, false);
}

static void teardown(void)
{
    client_close(&client);
    desk_close(&desk);
}

/* On a connection of its own, since some end it. Returns the status; `client` has heard the rest.
 */
static unsigned ask(const char *text)
{
    client_close(&client);
    client_open(&client, &desk, false);
    uint64_t before = desk_count(&desk, COUNTER_publishes);
    client_say(&client, text);
    if (desk_count(&desk, COUNTER_publishes) > before)
        desk_commit(&desk);
    client_hear_all(&client);
    ck_assert_uint_le(client_times(&client, "\r\nDate: "), 1);
    return client.got.len > 12 ? (unsigned)strtoul(client.got.data + 9, NULL, 10) : 0;
}

static unsigned get(const char *path, const char *fields)
{
    struct buf text = {0};
    buf_printf(&text, "GET %s HTTP/1.1\r\n" HOST "%s\r\n", path, fields);
    buf_putc(&text, '\0');
    unsigned status = ask(text.data);
    buf_finish(&text);
    return status;
}

static unsigned post(const char *path, const char *fields, const char *body)
{
    struct buf text = {0};
    buf_printf(&text, "POST %s HTTP/1.1\r\n" HOST "%sContent-Length: %zu\r\n\r\n%s", path, fields,
               strlen(body), body);
    buf_putc(&text, '\0');
    unsigned status = ask(text.data);
    buf_finish(&text);
    return status;
}

/* N bytes of C, valid until the next call. */
static const char *repeated(size_t n, char c)
{
    static char text[6000];
    ck_assert_uint_lt(n, sizeof(text));
    memset(text, c, n);
    text[n] = '\0';
    return text;
}

static const struct {
    const char *path, *fields;
    unsigned status;
} gets[] = {
    {"/t?topic=a&topic=b&topic=c&wait=0", "", 200},
    {"/t?topic=a&topic=b&topic=c&topic=d&wait=0", "", 400},
    {"/t/a?topic=b&topic=c&wait=0", "", 200},
    {"/t/a?topic=b&topic=c&topic=d&wait=0", "", 400},
    {"/t?wait=0", "", 400},
    {"/t?topic=a&topic=b&topic=c&after=latest", "Accept: text/event-stream\r\n", 200},
    {"/t?topic=a&topic=b&topic=c&topic=d", "Accept: text/event-stream\r\n", 400},
    {"/t/a?wait=0&limit=1", "", 200},
    {"/t/a?wait=0&limit=0", "", 400},
    {"/t/a?wait=0&limit=", "", 400},
    {"/t/a?wait=0&limit=/", "", 400},
    {"/t/a?wait=0&limit=:", "", 400},
    {"/t/a?wait=0&limit=1x", "", 400},
    {"/t/a?wait=0&limit=9", "", 200},
    {"/t/a?wait=0.0", "", 200},
    {"/t/a?wait=/", "", 400},
    {"/t/a?wait=:", "", 400},
    {"/t/a?wait=-1", "", 400},
    {"/t/a?wait=0x0", "", 400},
    {"/t/a?wait=1000001", "", 400},
    {"/t/a?wait=0&format=raw", "", 204},
    {"/t/a?wait=0&format=envelope", "", 200},
    {"/t/a?wait=0&format=rawer", "", 400},
    {"/t?topic=a&topic=b&wait=0&format=raw", "", 400},
    {"/t?topic=a%2F%2B&wait=0&format=raw", "", 400},
    {"/t?topic=a&wait=0&format=raw", "", 204},
    {"/t/a?wait=0&after=earliest", "", 200},
    {"/t/a?wait=0&after=", "", 400},
    {"/t/a?wait=0&after=x", "", 400},
    {"/t/a?wait=0&lastEventId=", "", 200},
    {"/t/a?wait=0&lastEventId=x", "", 400},
    {"/t/a?wait=0&wait=0", "", 400},
    {"/t/a?wait=0&limit=1&limit=1", "", 400},
    {"/t/a?wait=0&other=1&other=1", "", 200},
    {"/t/a%00?wait=0", "", 400},
    {"/t/?wait=0", "", 404},
    {"/t/%2B?wait=0", "", 400},
    {"/t/$a?wait=0", "", 400},
    {"/healthz", "", 200},
    {"/healthz/", "", 404},
    {"/health", "", 404},
    {"/cursor", "", 200},
    {"/metrics", "", 200},
    {"/longwire.js", "", 200},
    {"/", "", 200},
    {"/demo/demo.js", "", 200},
    {"/demo/demo.css", "", 200},
    {"/demo/icon.svg", "", 200},
    {"/demo/demo.html", "", 404},
    {"/demo/", "", 404},
    {"/ws", "", 426},
    {"/session/x", "", 405},
};

START_TEST(get_is_answered)
{
    ck_assert_uint_eq(get(gets[_i].path, gets[_i].fields), gets[_i].status);
}
END_TEST

static const struct {
    const char *path, *fields, *body;
    unsigned status;
} posts[] = {
    {"/t/a", "", "x", 201},
    {"/t/a", "", "", 201},
    {"/t/+", "", "x", 400},
    {"/t/a", "Content-Type: application/json\r\n", "{\"a\":1}", 201},
    {"/t/a", "Content-Type: application/json\r\n", "{\"a\":1", 400},
    {"/t/a", "Content-Type: text/plain\r\n", "\xff", 400},
    {"/t/a", "Content-Type: application/octet-stream\r\n", "\xff", 201},
    {"/t/a", "Content-Type: \r\n", "x", 400},
    {"/t/a", "Longwire-Event: \r\n", "x", 400},
    {"/t/a", "Longwire-Event: e\r\n", "x", 201},
    {"/t/a", "Longwire-Event: longwire.e\r\n", "x", 400},
    {"/t/a", "Idempotency-Key: \r\n", "x", 400},
    {"/t/a", "Idempotency-Key: k\r\n", "x", 201},
    {"/t/a", "Longwire-Expect-Last: 0\r\n", "x", 201},
    {"/t/a", "Longwire-Expect-Last: x\r\n", "x", 400},
    {"/t/a", "Content-Encoding: gzip\r\n", "x", 415},
    {"/t", "", "{\"topic\":\"a\",\"data\":1}", 415},
    {"/t", "Content-Type: application/json\r\n", "{\"topic\":\"a\",\"data\":1}", 415},
    {"/t", "Content-Type: application/x-ndjson\r\n", "{\"topic\":\"a\",\"data\":1}", 201},
    {"/t", "Content-Type: application/x-ndjson\r\n", "", 400},
    {"/t", "Content-Type: application/x-ndjson\r\n", "\n\n", 400},
    {"/t", "Content-Type: application/x-ndjson\r\n", "{\"topic\":\"+\",\"data\":1}", 400},
    {"/t", "Content-Type: application/x-ndjson\r\nLongwire-Expect-Last: 0\r\n",
     "{\"topic\":\"a\",\"data\":1}", 400},
    {"/healthz", "", "x", 405},
    {"/nowhere", "", "x", 404},
    {"/session/x", "", "{}", 404},
};

START_TEST(post_is_answered)
{
    ck_assert_uint_eq(post(posts[_i].path, posts[_i].fields, posts[_i].body), posts[_i].status);
    if (posts[_i].status != 201)
        ck_assert_uint_eq(desk_count(&desk, COUNTER_publishes), 0);
}
END_TEST

static const struct {
    const char *text;
    unsigned status;
    const char *says;
} others[] = {
    {"OPTIONS /t/a HTTP/1.1\r\n" HOST "\r\n", 204, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
    {"OPTIONS /ws HTTP/1.1\r\n" HOST "\r\n", 204, "Allow: GET, OPTIONS\r\n"},
    {"OPTIONS /session/x HTTP/1.1\r\n" HOST "\r\n", 204, "Allow: POST, OPTIONS\r\n"},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204, "204 No Content"},
    {"OPTIONS /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, "nothing at this path"},
    {"PUT /t/a HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
    {"POST /healthz HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
    {"WALK /t/a HTTP/1.1\r\n" HOST "\r\n", 501, "not known"},
    {"HEAD /healthz HTTP/1.1\r\n" HOST "\r\n", 200, "Content-Length: 3\r\n"},
    {"HEAD /t/a HTTP/1.1\r\n" HOST "\r\n", 200, "\r\nLongwire-Cursor: "},
    {"HEAD /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, "problem+json"},
    {"GET /t/a?wait=0 HTTP/1.0\r\n\r\n", 200, "\"messages\":[]"},
    {"GET /t/a?wait=0 HTTP/1.1\r\n\r\n", 400, "Host"},
    {"GET /t/a?wait=0 HTTP/1.1\r\n" HOST HOST "\r\n", 400, "Host"},
    {"\1\r\n\r\n", 400, "problem+json"},
    {"GET /t/a HTTP/3.0\r\n" HOST "\r\n", 505, "problem+json"},
};

START_TEST(other_requests_are_answered)
{
    ck_assert_uint_eq(ask(others[_i].text), others[_i].status);
    if (others[_i].says)
        ck_assert_msg(client_heard(&client, others[_i].says), "not %s but: %s", others[_i].says,
                      client.got.data);
    if (strncmp(others[_i].text, "HEAD", 4) == 0)
        ck_assert_str_eq(client.got.data + client.got.len - 4, "\r\n\r\n");
}
END_TEST

START_TEST(a_message_may_have_so_many_bytes)
{
    ck_assert_uint_eq(post("/t/a", "", repeated(MESSAGE_MAX, 'x')), 201);
    ck_assert_uint_eq(post("/t/a", "", repeated(MESSAGE_MAX + 1, 'x')), 413);
    ck_assert(client_heard(&client, "Connection: close\r\n"));
}
END_TEST

/* Whose length is not known before. */
START_TEST(so_many_in_chunks_too)
{
    char text[200];
    for (int more = 0; more < 2; more++) {
        snprintf(text, sizeof(text),
                 "POST /t/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
                 MESSAGE_MAX - 1);
        client_close(&client);
        client_open(&client, &desk, false);
        client_say(&client, text);
        client_say(&client, repeated(MESSAGE_MAX - 1, 'x'));
        ck_assert_uint_eq(client_times(&client, "HTTP"), 0);
        client_say(&client, more ? "\r\n2\r\nxx\r\n0\r\n\r\n" : "\r\n1\r\nx\r\n0\r\n\r\n");
        if (!more)
            desk_commit(&desk);
        ck_assert(client_heard(&client, more ? "HTTP/1.1 413 " : "HTTP/1.1 201 "));
    }
}
END_TEST

START_TEST(a_batch_and_its_messages_may_have_so_many)
{
    static const char type[] = "Content-Type: application/x-ndjson\r\n";
    char line[7000];
    for (int more = 0; more < 2; more++) {
        snprintf(line, sizeof(line), "{\"topic\":\"a\",\"data\":\"%s\"}",
                 repeated(MESSAGE_MAX + (size_t)more, 'x'));
        ck_assert_uint_eq(post("/t", type, line), more ? 413 : 201);
    }
    ck_assert_uint_eq(post("/t", type, repeated(BODY_MAX, '\n')), 400);
    ck_assert_uint_eq(post("/t", type, repeated(BODY_MAX + 1, '\n')), 413);
}
END_TEST

START_TEST(keys_and_events_may_have_255_bytes)
{
    char fields[7000];
    static const char *const names[] = {"Idempotency-Key", "Longwire-Event"};
    for (int i = 0; i < 2; i++) {
        for (int n = 255; n <= 256; n++) {
            snprintf(fields, sizeof(fields), "%s: %s\r\n", names[i], repeated((size_t)n, 'k'));
            ck_assert_uint_eq(post("/t/a", fields, "x"), n == 255 ? 201 : 400);
        }
    }
}
END_TEST

START_TEST(a_batch_may_have_10000_lines)
{
    static const char line[] = "{\"topic\":\"a\",\"data\":1}\n";
    desk.settings->max_body_bytes = 1 << 20;
    for (int n = 10000; n <= 10001; n++) {
        struct buf body = {0};
        for (int i = 0; i < n; i++)
            buf_puts(&body, line);
        buf_putc(&body, '\0');
        ck_assert_uint_eq(post("/t", "Content-Type: application/x-ndjson\r\n", body.data),
                          n == 10000 ? 201 : 413);
        buf_finish(&body);
    }
    ck_assert_uint_eq(desk.worker->head, 10000);
}
END_TEST

START_TEST(a_poll_has_as_many_as_it_may)
{
    desk_publish(&desk, "a", 10, 10);
    static const unsigned limits[] = {1, 4, 5, 6, 100};
    for (int i = 0; i < 5; i++) {
        char path[100];
        snprintf(path, sizeof(path), "/t/a?after=earliest&wait=0&limit=%u", limits[i]);
        ck_assert_uint_eq(get(path, ""), 200);
        unsigned count = limits[i] < LIMIT_MAX ? limits[i] : LIMIT_MAX;
        ck_assert_uint_eq(client_times(&client, "\"topic\":"), count);
    }
    /* The same for one that waits. */
    client_close(&client);
    client_open(&client, &desk, false);
    client_say(&client, "GET /t/a?limit=3 HTTP/1.1\r\n" HOST "\r\n");
    desk_publish(&desk, "a", 4, 10);
    ck_assert_uint_eq(client_times(&client, "\"topic\":"), 3);
    client_say(&client, "GET /t/a?limit=4 HTTP/1.1\r\n" HOST "\r\n");
    client_forget(&client);
    desk_publish(&desk, "a", 4, 10);
    ck_assert_uint_eq(client_times(&client, "\"topic\":"), 4);
}
END_TEST

START_TEST(a_place_is_chosen_in_order)
{
    desk_publish(&desk, "a", 5, 10);
    get("/t/a?wait=0&after=1", "");
    ck_assert_uint_eq(client_times(&client, "\"topic\":"), 4);
    get("/t/a?wait=0&after=1&lastEventId=2", "");
    ck_assert_uint_eq(client_times(&client, "\"topic\":"), 3);
    get("/t/a?wait=0&after=1&lastEventId=2", "Last-Event-ID: 3\r\n");
    ck_assert_uint_eq(client_times(&client, "\"topic\":"), 2);
    get("/t/a?wait=0&after=1&lastEventId=2", "Last-Event-ID: \r\n");
    ck_assert_uint_eq(client_times(&client, "\"topic\":"), 3);
    get("/t/a?wait=0", "Last-Event-ID: strange\r\n");
    ck_assert(client_heard(&client, "\"reason\":\"epoch\""));
    get("/t/a?wait=0", "");
    ck_assert_uint_eq(client_times(&client, "\"topic\":"), 0);
}
END_TEST

START_TEST(prefer_says_how_long_where_the_query_does_not)
{
    ck_assert_uint_eq(get("/t/a", "Prefer: wait=0\r\n"), 200);
    ck_assert(client_heard(&client, "Preference-Applied: wait=0\r\n"));
    ck_assert_uint_eq(get("/t/a?wait=0", "Prefer: wait=2\r\n"), 200);
    ck_assert(!client_heard(&client, "Preference-Applied"));
    ck_assert_uint_eq(get("/t/a", "Prefer: wait=100\r\n"), 0);
    desk_wait(&desk, 2600);
    ck_assert(!client_heard(&client, "HTTP"));
    desk_wait(&desk, 800);
    ck_assert(client_heard(&client, "Preference-Applied: wait=3\r\n"));
}
END_TEST

/* A control object as a frame of a client, whose mask is zero. */
static const char *say(const char *object)
{
    char frame[7000] = {(char)0x81};
    size_t n = strlen(object), at = n < 126 ? 2 : 4;
    frame[1] = (char)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) {
        frame[2] = (char)(n >> 8);
        frame[3] = (char)n;
    }
    memcpy(frame + at + 4, object, n);
    client_forget(&client);
    client_say_bytes(&client, frame, at + 4 + n);
    if (desk.worker->publishes)
        desk_commit(&desk);
    return client_hear_all(&client);
}

static void upgrade(const char *path)
{
    char text[300];
    snprintf(text, sizeof(text),
             "GET %s HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             path);
    ck_assert_uint_eq(ask(text), 101);
}

START_TEST(a_websocket_may_have_so_many_topics)
{
    upgrade("/t?topic=a&topic=b");
    ck_assert_ptr_nonnull(strstr(say("{\"op\":\"subscribe\",\"topic\":\"c\"}"), "subscribed"));
    ck_assert_ptr_nonnull(strstr(say("{\"op\":\"subscribe\",\"topic\":\"d\"}"), "\"limit\""));
    ck_assert_ptr_nonnull(
        strstr(say("{\"op\":\"unsubscribe\",\"topic\":\"d\"}"), "not_subscribed"));
    ck_assert_ptr_nonnull(strstr(say("{\"op\":\"unsubscribe\",\"topic\":\"a\"}"), "unsubscribed"));
    ck_assert_ptr_nonnull(strstr(say("{\"op\":\"subscribe\",\"topic\":\"d\"}"), "subscribed"));
}
END_TEST

START_TEST(a_websocket_publishes_so_much)
{
    char object[7000];
    upgrade("/ws");
    for (int more = 0; more < 2; more++) {
        snprintf(object, sizeof(object), "{\"op\":\"publish\",\"topic\":\"a\",\"data\":\"%s\"}",
                 repeated(MESSAGE_MAX + (size_t)more, 'x'));
        ck_assert_ptr_nonnull(strstr(say(object), more ? "too_large" : "published"));
    }
    ck_assert_ptr_nonnull(strstr(say("{\"op\":\"auth\",\"token\":\"x\",\"ref\":7}"), "\"ref\":7"));
    ck_assert_ptr_nonnull(strstr(say("{\"op\":\"ping\",\"ref\":8}"), "\"pong\""));
    ck_assert_ptr_nonnull(strstr(say("{\"op\":\"nothing\"}"), "\"error\""));
    ck_assert_uint_eq(desk_count(&desk, COUNTER_ws_errors), 3);
}
END_TEST

START_TEST(a_raw_one_publishes_so_much)
{
    upgrade("/t/a?format=raw");
    ck_assert_uint_eq(client_times(&client, "xxxx"), 0);
    say(repeated(MESSAGE_MAX, 'x'));
    ck_assert_uint_eq(client_times(&client, "xxxx"), MESSAGE_MAX / 4);
    say(repeated(MESSAGE_MAX + 1, 'x'));
    ck_assert(client_ended(&client));
    ck_assert_uint_eq(desk.worker->head, 1);
}
END_TEST

static TCase *requests(const char *name, void (*set_up)(void))
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, set_up, teardown);
    tcase_add_loop_test(t, get_is_answered, 0, (int)(sizeof(gets) / sizeof(gets[0])));
    tcase_add_loop_test(t, post_is_answered, 0, (int)(sizeof(posts) / sizeof(posts[0])));
    tcase_add_loop_test(t, other_requests_are_answered, 0,
                        (int)(sizeof(others) / sizeof(others[0])));
    tcase_add_test(t, a_message_may_have_so_many_bytes);
    tcase_add_test(t, so_many_in_chunks_too);
    tcase_add_test(t, a_batch_and_its_messages_may_have_so_many);
    tcase_add_test(t, keys_and_events_may_have_255_bytes);
    tcase_add_test(t, a_batch_may_have_10000_lines);
    tcase_add_test(t, a_poll_has_as_many_as_it_may);
    tcase_add_test(t, a_place_is_chosen_in_order);
    tcase_add_test(t, prefer_says_how_long_where_the_query_does_not);
    tcase_add_test(t, a_websocket_may_have_so_many_topics);
    tcase_add_test(t, a_websocket_publishes_so_much);
    tcase_add_test(t, a_raw_one_publishes_so_much);
    return t;
}

static Suite *requests_suite(void)
{
    Suite *s = suite_create("requests");
    suite_add_tcase(s, requests("requests", setup));
    suite_add_tcase(s, requests("over a link that does what it likes", setup_roaming));
    return s;
}

int main(void)
{
    random_seed();
    SRunner *r = srunner_create(requests_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
