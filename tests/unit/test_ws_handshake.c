/* Sec-WebSocket-Accept, the keys that are refused, the choice of the subprotocol, and whole
 * requests with their answers. */
#include "frontends/ws/ws_handshake.h"
#include "http/h1/http_request.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(the_rfcs_example)
{
    char accept[WS_HANDSHAKE_ACCEPT_SIZE];
    ck_assert_int_eq(ws_handshake_accept("dGhlIHNhbXBsZSBub25jZQ==", 24, accept), ERR_OK);
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

START_TEST(bad_keys)
{
    static const char *keys[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",    /* no padding */
        "dGhlIHNhbXBsZSBub25jZQ=",   /* too little */
        "dGhlIHNhbXBsZSBub25jZQ===", /* too much */
        "dGhlIHNhbXBsZSBub25jZWE=",  /* 17 bytes */
        "dGhlIHNhbXBsZSBub25jZWFh",  /* 18 bytes */
        "dGhlIHNhbXBsZSBub25j",      /* 15 bytes */
        "dGhlIHNhbXBsZSBub25jZ\n==", /* white space */
        "dGhlIHNhbXBs ZSBub25jZQ=",  /* blank */
        "dGhlIHNhbXBsZSBub25jZQ!=",  /* alphabet */
        "dGhl=HNhbXBsZSBub25jZQ==",  /* padding inside */
        "dGhlIHNhbXBsZSBub25j-Q==",  /* the other alphabet */
    };
    char accept[WS_HANDSHAKE_ACCEPT_SIZE] = "unchanged";
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        ck_assert_msg(ws_handshake_accept(keys[i], strlen(keys[i]), accept) == ERR_INVALID, "%s",
                      keys[i]);
    ck_assert_int_eq(ws_handshake_accept("dGhlIHNhbXBsZSBub25jZ\0==", 24, accept), ERR_INVALID);
    ck_assert_str_eq(accept, "unchanged");
}
END_TEST

/* The list lies in memory of exactly its size. */
static bool offers(const char *list)
{
    size_t n = strlen(list);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, list, n);
    bool found = ws_handshake_offers_protocol(copy, n);
    free(copy);
    return found;
}

START_TEST(protocol_lists)
{
    ck_assert(offers("longwire.v1"));
    ck_assert(offers("chat, longwire.v1"));
    ck_assert(offers("longwire.v1,chat"));
    ck_assert(offers(" ,\t longwire.v1 \t, x"));
    ck_assert(!offers(""));
    ck_assert(!offers(","));
    ck_assert(!offers("longwire.v2"));
    ck_assert(!offers("Longwire.v1"));
    ck_assert(!offers("longwire.v11"));
    ck_assert(!offers("longwire.v"));
    ck_assert(!offers("xlongwire.v1"));
    ck_assert(!offers("longwire.v1 x"));
}
END_TEST

static const struct http_limits limits = {
    .head_bytes = 4096, .target_bytes = 100, .headers = 20, .body_bytes = 0};

/* Reads an upgrade request with these header lines; its extensions if DEFLATE. */
static enum ws_handshake_result read_lines(const char *lines, bool deflate,
                                           struct ws_handshake *ret)
{
    struct http_request r;
    struct buf text = {0};
    size_t used;
    buf_printf(&text, "GET /ws HTTP/1.1\r\nHost: x\r\n%s\r\n", lines);
    http_request_init(&r, &limits);
    ck_assert_int_eq(http_request_feed(&r, text.data, text.len, &used), HTTP_READ_HEAD);
    enum ws_handshake_result result = ws_handshake_read(r.fields, false, deflate, 15, ret);
    http_request_finish(&r);
    buf_finish(&text);
    return result;
}

#define VERSION   "Sec-WebSocket-Version: 13\r\n"
#define KEY       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define EXTENSION "Sec-WebSocket-Extensions: "
#define PROTOCOL  "Sec-WebSocket-Protocol: "

START_TEST(what_requests_are_refused_for)
{
    static const struct {
        const char *lines;
        enum ws_handshake_result result;
    } cases[] = {
        {VERSION KEY, WS_HANDSHAKE_OK},
        {"", WS_HANDSHAKE_VERSION},
        {KEY, WS_HANDSHAKE_VERSION},
        {"Sec-WebSocket-Version: 8\r\n" KEY, WS_HANDSHAKE_VERSION},
        {"Sec-WebSocket-Version: 013\r\n" KEY, WS_HANDSHAKE_VERSION},
        {"Sec-WebSocket-Version: 13, 8\r\n" KEY, WS_HANDSHAKE_VERSION},
        {VERSION, WS_HANDSHAKE_KEY},
        {VERSION "Sec-WebSocket-Key: x\r\n", WS_HANDSHAKE_KEY},
        {VERSION KEY EXTENSION "a; b c\r\n", WS_HANDSHAKE_EXTENSION},
        {VERSION KEY EXTENSION "a\r\n" EXTENSION ";\r\n", WS_HANDSHAKE_EXTENSION},
        {VERSION KEY EXTENSION "\r\n", WS_HANDSHAKE_OK},
    };
    struct ws_handshake h;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int deflate = 0; deflate < 2; deflate++)
            ck_assert_msg(read_lines(cases[i].lines, deflate, &h) == cases[i].result, "%s",
                          cases[i].lines);
}
END_TEST

static void answers(const char *lines, bool deflate, const char *expected)
{
    struct ws_handshake h;
    struct buf out = {0};
    ck_assert_int_eq(read_lines(lines, deflate, &h), WS_HANDSHAKE_OK);
    ws_handshake_answer(&h, &out);
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data, expected);
    buf_finish(&out);
}

#define ANSWER "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

START_TEST(answers_to_requests)
{
    answers(VERSION KEY, true, ANSWER);
    answers(VERSION KEY PROTOCOL "a\r\n" PROTOCOL "b, longwire.v1\r\n", true,
            ANSWER PROTOCOL "longwire.v1\r\n");
    answers(VERSION KEY EXTENSION "a\r\n" EXTENSION "permessage-deflate\r\n", true,
            ANSWER EXTENSION "permessage-deflate; server_no_context_takeover; "
                             "client_no_context_takeover\r\n");
    answers(VERSION KEY EXTENSION "permessage-deflate\r\n", false, ANSWER);
    answers(VERSION KEY EXTENSION "permessage-deflate; server_max_window_bits=14\r\n", true,
            ANSWER);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ws_handshake");
    TCase *tc = tcase_create("ws_handshake");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, the_rfcs_example);
    tcase_add_test(tc, bad_keys);
    tcase_add_test(tc, protocol_lists);
    tcase_add_test(tc, what_requests_are_refused_for);
    tcase_add_test(tc, answers_to_requests);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
