/* Requests and answers of a WebSocket with envelopes, and the lines of a batch. */
#include "frontends/ws/ws_control.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/ndjson.h"

static struct buf scratch, out;
static struct ws_control c;
static char *text; /* the parsed one, in memory of exactly its size */

static void teardown(void)
{
    buf_finish(&scratch);
    buf_finish(&out);
    free(text);
    text = NULL;
}

/* The fault's code, "" for none. */
static const char *parse(const char *json)
{
    size_t n = strlen(json);
    free(text);
    text = malloc(n ? n : 1);
    memcpy(text, json, n);
    const struct fault *fault = ws_control_parse(text, n, &scratch, &c);
    ck_assert(!fault || fault->message[0]);
    return fault ? fault->code : "";
}

static void expect_bytes(const char *data, size_t n, const char *expected)
{
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(n, strlen(expected));
    ck_assert_mem_eq(data, expected, n);
}

START_TEST(subscribe)
{
    ck_assert_str_eq(parse("{\"op\":\"subscribe\",\"topic\":\"a/b\"}"), "");
    ck_assert_int_eq(c.op, WS_OP_SUBSCRIBE);
    expect_bytes(c.topic.data, c.topic.len, "a/b");
    ck_assert_int_eq(c.after.kind, AFTER_LATEST);
    ck_assert_ptr_null(c.ref.data);
    ck_assert_str_eq(parse("{\"ref\":\"x\\n\",\"after\":\"1042-9\",\"topic\":\"a\\/+/#\","
                           "\"op\":\"subscribe\",\"other\":[]}"),
                     "");
    expect_bytes(c.topic.data, c.topic.len, "a/+/#");
    ck_assert_int_eq(c.after.kind, AFTER_CURSOR);
    ck_assert_uint_eq(c.after.cursor.offset, 1042);
    ck_assert_uint_eq(c.after.cursor.epoch, 9);
    expect_bytes(c.ref.data, c.ref.len, "\"x\\n\"");
    ck_assert_str_eq(parse("{\"op\":\"subscribe\",\"topic\":\"a\",\"after\":\"-5\"}"), "");
    ck_assert_int_eq(c.after.kind, AFTER_LAST);
    ck_assert_uint_eq(c.after.last, 5);
    ck_assert_str_eq(parse("{\"op\":\"subscribe\",\"topic\":\"a\",\"after\":null}"), "");
    ck_assert_int_eq(c.after.kind, AFTER_LATEST);
}
END_TEST

START_TEST(other_ops)
{
    ck_assert_str_eq(parse("{\"op\":\"unsubscribe\",\"topic\":\"#\",\"ref\":-1.50e3}"), "");
    ck_assert_int_eq(c.op, WS_OP_UNSUBSCRIBE);
    expect_bytes(c.topic.data, c.topic.len, "#");
    expect_bytes(c.ref.data, c.ref.len, "-1.50e3");
    ck_assert_str_eq(parse("{\"op\":\"auth\",\"token\":\"a.b.c\"}"), "");
    ck_assert_int_eq(c.op, WS_OP_AUTH);
    expect_bytes(c.token.data, c.token.len, "a.b.c");
    ck_assert_str_eq(parse("{\"op\":\"p\\u0069ng\",\"ref\":null}"), "");
    ck_assert_int_eq(c.op, WS_OP_PING);
    ck_assert_ptr_null(c.ref.data);
}
END_TEST

static void publishes(const char *json, enum message_kind kind, const char *payload)
{
    ck_assert_str_eq(parse(json), "");
    ck_assert_int_eq(c.op, WS_OP_PUBLISH);
    ck_assert_int_eq(c.publish.kind, kind);
    ck_assert_uint_eq(c.publish.payload_len, strlen(payload));
    if (*payload)
        ck_assert_mem_eq(c.publish.payload, payload, strlen(payload));
}

#define PUBLISH "{\"op\":\"publish\",\"topic\":\"a\","

START_TEST(publish_data)
{
    publishes(PUBLISH "\"data\": { \"n\" : 18446744073709551616 , \"f\":1.10 } }", MESSAGE_JSON,
              "{ \"n\" : 18446744073709551616 , \"f\":1.10 }");
    publishes(PUBLISH "\"data\":null}", MESSAGE_JSON, "null");
    publishes(PUBLISH "\"data\":-0}", MESSAGE_JSON, "-0");
    publishes(PUBLISH "\"data\":\"a\\n\\u00e9 \\ud83d\\ude00\"}", MESSAGE_TEXT,
              "a\n\xC3\xA9 \xF0\x9F\x98\x80");
    publishes(PUBLISH "\"data\":\"\"}", MESSAGE_TEXT, "");
    publishes(PUBLISH "\"data\":\"{}\",\"encoding\":null}", MESSAGE_TEXT, "{}");
}
END_TEST

START_TEST(publish_binary)
{
    ck_assert_str_eq(parse(PUBLISH "\"encoding\":\"base64\",\"data\":\"AP8\\u003d\"}"), "");
    ck_assert_int_eq(c.publish.kind, MESSAGE_BINARY);
    ck_assert_uint_eq(c.publish.payload_len, 2);
    ck_assert_mem_eq(c.publish.payload, "\0\xFF", 2);
    publishes(PUBLISH "\"encoding\":\"base64\",\"data\":\"\"}", MESSAGE_BINARY, "");
}
END_TEST

START_TEST(publish_event_and_key)
{
    publishes(PUBLISH "\"data\":1,\"event\":\"t\\u00e9\",\"key\":\"k 1\",\"ref\":7}", MESSAGE_JSON,
              "1");
    expect_bytes(c.publish.topic, c.publish.topic_len, "a");
    expect_bytes(c.publish.event, c.publish.event_len, "t\xC3\xA9");
    expect_bytes(c.publish.key, c.publish.key_len, "k 1");
    expect_bytes(c.ref.data, c.ref.len, "7");
    publishes(PUBLISH "\"data\":1,\"event\":null,\"key\":null}", MESSAGE_JSON, "1");
    ck_assert_uint_eq(c.publish.event_len, 0);
    ck_assert_uint_eq(c.publish.key_len, 0);
}
END_TEST

START_TEST(publish_expect)
{
    publishes(PUBLISH "\"data\":1,\"expect\":\"1042-4294967295\",\"key\":\"k\"}", MESSAGE_JSON,
              "1");
    ck_assert(c.publish.conditional);
    ck_assert_uint_eq(c.publish.expect.offset, 1042);
    ck_assert_uint_eq(c.publish.expect.epoch, UINT32_MAX);
    expect_bytes(c.publish.key, c.publish.key_len, "k");
    publishes(PUBLISH "\"expect\":\"\\u0030\",\"data\":\"t\"}", MESSAGE_TEXT, "t");
    ck_assert(c.publish.conditional);
    ck_assert_uint_eq(c.publish.expect.offset, 0);
    ck_assert_uint_eq(c.publish.expect.epoch, 0);
    publishes(PUBLISH "\"data\":1}", MESSAGE_JSON, "1");
    ck_assert(!c.publish.conditional);
    /* Only publishes have one. */
    ck_assert_str_eq(parse("{\"op\":\"subscribe\",\"topic\":\"a\",\"expect\":[]}"), "");
}
END_TEST

START_TEST(faults)
{
    static const struct {
        const char *json, *code;
    } cases[] = {
        {"", "bad_json"},
        {"{", "bad_json"},
        {"{\"op\":\"ping\"", "bad_json"},
        {"{\"op\":\"ping\",\"op\":\"ping\"}", "bad_json"},
        {"{\"op\":\"ping\"} x", "bad_json"},
        {"\"ping\"", "bad_request"},
        {"[]", "bad_request"},
        {"{}", "bad_request"},
        {"{\"op\":1}", "bad_request"},
        {"{\"op\":null}", "bad_request"},
        {"{\"op\":\"\"}", "unknown_op"},
        {"{\"op\":\"Ping\"}", "unknown_op"},
        {"{\"op\":\"pings\"}", "unknown_op"},
        {"{\"op\":\"subscribe\"}", "bad_request"},
        {"{\"op\":\"subscribe\",\"topic\":7}", "bad_request"},
        {"{\"op\":\"subscribe\",\"topic\":null}", "bad_request"},
        {"{\"op\":\"subscribe\",\"topic\":\"\"}", "bad_topic"},
        {"{\"op\":\"subscribe\",\"topic\":\"/a\"}", "bad_topic"},
        {"{\"op\":\"subscribe\",\"topic\":\"a\\u0000\"}", "bad_topic"},
        {"{\"op\":\"subscribe\",\"topic\":\"a#\"}", "bad_topic"},
        {"{\"op\":\"subscribe\",\"topic\":\"+/+/+/+/+/+/+/+/+/+\"}", ""},
        {"{\"op\":\"subscribe\",\"topic\":\"+/+/+/+/+/+/+/+/+/+/+\"}", "bad_topic"},
        {"{\"op\":\"subscribe\",\"topic\":\"a\",\"after\":5}", "bad_request"},
        {"{\"op\":\"subscribe\",\"topic\":\"a\",\"after\":\"x\"}", "bad_cursor"},
        {"{\"op\":\"subscribe\",\"topic\":\"a\",\"after\":\"\"}", "bad_cursor"},
        {"{\"op\":\"unsubscribe\"}", "bad_request"},
        {"{\"op\":\"auth\"}", "bad_request"},
        {"{\"op\":\"auth\",\"token\":{}}", "bad_request"},
        {"{\"op\":\"publish\",\"data\":1}", "bad_request"},
        {"{\"op\":\"publish\",\"topic\":\"a/+\",\"data\":1}", "bad_topic"},
        {PUBLISH "\"event\":\"x\"}", "bad_request"},
        {PUBLISH "\"data\":1,\"event\":5}", "bad_request"},
        {PUBLISH "\"data\":1,\"event\":\"\"}", "bad_event"},
        {PUBLISH "\"data\":1,\"event\":\"longwire.gap\"}", "bad_event"},
        {PUBLISH "\"data\":1,\"event\":\"a\\nb\"}", "bad_event"},
        {PUBLISH "\"data\":1,\"key\":5}", "bad_request"},
        {PUBLISH "\"data\":1,\"key\":\"\"}", "bad_key"},
        {PUBLISH "\"data\":1,\"expect\":null}", "bad_request"},
        {PUBLISH "\"data\":1,\"expect\":1042}", "bad_request"},
        {PUBLISH "\"data\":1,\"expect\":false}", "bad_request"},
        {PUBLISH "\"data\":1,\"expect\":{\"last\":\"1\"}}", "bad_request"},
        {PUBLISH "\"data\":1,\"expect\":[\"1\"]}", "bad_request"},
        {PUBLISH "\"data\":1,\"expect\":\"\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\"latest\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\"-1\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\" 1\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\"01-7\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\"1-7\\u0000\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\"18446744073709551616\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\"2026-11-22T07:31:15Z\"}", "bad_cursor"},
        {PUBLISH "\"data\":1,\"expect\":\"1\",\"expect\":\"1\"}", "bad_json"},
        {PUBLISH "\"data\":1,\"encoding\":\"base64\"}", "bad_data"},
        {PUBLISH "\"data\":\"AP8\",\"encoding\":\"base64\"}", "bad_data"},
        {PUBLISH "\"data\":\"A\\nP8=\",\"encoding\":\"base64\"}", "bad_data"},
        {PUBLISH "\"data\":\"AP8=\",\"encoding\":\"hex\"}", "bad_request"},
        {PUBLISH "\"data\":\"AP8=\",\"encoding\":1}", "bad_request"},
        {"{\"op\":\"ping\",\"ref\":{}}", "bad_request"},
        {"{\"op\":\"ping\",\"ref\":true}", "bad_request"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *code = parse(cases[i].json);
        ck_assert_msg(strcmp(code, cases[i].code) == 0, "%s: %s", cases[i].json, code);
    }
}
END_TEST

START_TEST(names_have_limits)
{
    char name[257], json[512];
    memset(name, 'n', sizeof(name));
    snprintf(json, sizeof(json), PUBLISH "\"data\":1,\"key\":\"%.255s\"}", name);
    ck_assert_str_eq(parse(json), "");
    snprintf(json, sizeof(json), PUBLISH "\"data\":1,\"key\":\"%.256s\"}", name);
    ck_assert_str_eq(parse(json), "bad_key");
    snprintf(json, sizeof(json), PUBLISH "\"data\":1,\"event\":\"%.256s\"}", name);
    ck_assert_str_eq(parse(json), "bad_event");
    snprintf(json, sizeof(json), "{\"op\":\"subscribe\",\"topic\":\"%.256s\"}", name);
    ck_assert_str_eq(parse(json), "bad_topic");
    snprintf(json, sizeof(json), "{\"op\":\"ping\",\"ref\":\"%.254s\"}", name);
    ck_assert_str_eq(parse(json), "");
    ck_assert_uint_eq(c.ref.len, WS_CONTROL_REF_MAX);
    snprintf(json, sizeof(json), "{\"op\":\"ping\",\"ref\":\"%.255s\"}", name);
    ck_assert_str_eq(parse(json), "bad_request");
    ck_assert_ptr_null(c.ref.data);
}
END_TEST

START_TEST(faults_keep_the_ref)
{
    ck_assert_str_eq(parse("{\"op\":\"what\",\"ref\":12}"), "unknown_op");
    expect_bytes(c.ref.data, c.ref.len, "12");
    ck_assert_str_eq(parse("{\"ref\":12,\"op\":\"what\",}"), "bad_json");
    ck_assert_ptr_null(c.ref.data);
}
END_TEST

static void expect_out(const char *json)
{
    expect_bytes(out.data, out.len, json);
    json_t *v = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(v);
    json_decref(v);
    buf_clear(&out);
}

START_TEST(answers)
{
    static const struct fault fault = {"bad_topic", "a \"topic\""};
    char raw[] = "\"r\"";
    struct json_slice ref = {raw, 3}, none = {NULL, 0};
    ws_control_subscribed(&out, "a/\"b", 4, "5-9", &ref);
    expect_out("{\"op\":\"subscribed\",\"topic\":\"a/\\\"b\",\"cursor\":\"5-9\",\"ref\":\"r\"}");
    ws_control_unsubscribed(&out, "a", 1, NULL);
    expect_out("{\"op\":\"unsubscribed\",\"topic\":\"a\"}");
    ws_control_published(&out, "6-9", &ref);
    expect_out("{\"op\":\"published\",\"id\":\"6-9\",\"ref\":\"r\"}");
    ws_control_authenticated(&out, 0, &none);
    expect_out("{\"op\":\"authenticated\"}");
    ws_control_authenticated(&out, 1764495600, &ref);
    expect_out("{\"op\":\"authenticated\",\"expires\":1764495600,\"ref\":\"r\"}");
    ws_control_expired(&out, "revoked");
    expect_out("{\"op\":\"expired\",\"reason\":\"revoked\"}");
    ws_control_pong(&out, &ref);
    expect_out("{\"op\":\"pong\",\"ref\":\"r\"}");
    ws_control_error(&out, &fault, &ref);
    expect_out("{\"op\":\"error\",\"code\":\"bad_topic\",\"message\":\"a \\\"topic\\\"\","
               "\"ref\":\"r\"}");
    ws_control_conflict(&out, &fault, "8-9", &ref);
    expect_out("{\"op\":\"error\",\"code\":\"bad_topic\",\"message\":\"a \\\"topic\\\"\","
               "\"current\":\"8-9\",\"ref\":\"r\"}");
    ws_control_over(&out, &fault, 7, &ref);
    expect_out("{\"op\":\"error\",\"code\":\"bad_topic\",\"message\":\"a \\\"topic\\\"\","
               "\"retry_after\":7,\"ref\":\"r\"}");
    ws_control_over(&out, &fault, 0, NULL);
    expect_out("{\"op\":\"error\",\"code\":\"bad_topic\",\"message\":\"a \\\"topic\\\"\"}");
    ws_control_gap(&out, "1-8", "3-9", "epoch", NULL, 0);
    expect_out("{\"op\":\"gap\",\"requested\":\"1-8\",\"resumed\":\"3-9\",\"reason\":\"epoch\"}");
    ws_control_live(&out, "7-9", NULL, 0);
    expect_out("{\"op\":\"live\",\"cursor\":\"7-9\"}");
}
END_TEST

START_TEST(batch_lines)
{
    char batch[] =
        "\r\n{\"topic\":\"a\",\"data\":{\"x\":1}}\r\n \t\n{\"topic\":\"b\",\"data\":\"t\","
        "\"event\":\"e\",\"key\":\"k\"}\n[]\n{\"topic\":\"c\",\"data\":1";
    char *p = batch, *line;
    size_t n = sizeof(batch) - 1, len, number = 0;
    struct message_init m;
    ck_assert(ndjson_next_line(&p, &n, &line, &len, &number));
    ck_assert_uint_eq(number, 2);
    ck_assert_ptr_null(ndjson_line_parse(line, len, &scratch, &m));
    expect_bytes(m.topic, m.topic_len, "a");
    expect_bytes(m.payload, m.payload_len, "{\"x\":1}");
    ck_assert_int_eq(m.kind, MESSAGE_JSON);
    ck_assert(ndjson_next_line(&p, &n, &line, &len, &number));
    ck_assert_uint_eq(number, 4);
    ck_assert_ptr_null(ndjson_line_parse(line, len, &scratch, &m));
    expect_bytes(m.payload, m.payload_len, "t");
    expect_bytes(m.event, m.event_len, "e");
    expect_bytes(m.key, m.key_len, "k");
    ck_assert(ndjson_next_line(&p, &n, &line, &len, &number));
    ck_assert_str_eq(ndjson_line_parse(line, len, &scratch, &m)->code, "bad_request");
    ck_assert(ndjson_next_line(&p, &n, &line, &len, &number));
    ck_assert_uint_eq(number, 6);
    ck_assert_str_eq(ndjson_line_parse(line, len, &scratch, &m)->code, "bad_json");
    ck_assert(!ndjson_next_line(&p, &n, &line, &len, &number));
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(batch_lines_expect)
{
    static const struct {
        const char *line, *code;
    } lines[] = {
        {"{\"topic\":\"a\",\"data\":1,\"expect\":\"12-7\"}", ""},
        {"{\"topic\":\"a\",\"data\":1}", ""}, /* nothing is left of the line before */
        {"{\"topic\":\"a\",\"data\":1,\"expect\":null}", "bad_request"},
        {"{\"topic\":\"a\",\"data\":1,\"expect\":12}", "bad_request"},
        {"{\"topic\":\"a\",\"data\":1,\"expect\":\"12-0x7\"}", "bad_cursor"},
        {"{\"topic\":\"a\",\"data\":1,\"expect\":\"1\",\"e\\u0078pect\":\"1\"}", "bad_json"},
    };
    struct message_init m;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        char line[128];
        strcpy(line, lines[i].line);
        const struct fault *fault = ndjson_line_parse(line, strlen(line), &scratch, &m);
        ck_assert_str_eq(fault ? fault->code : "", lines[i].code);
        if (fault)
            continue;
        ck_assert_int_eq(m.conditional, i == 0);
        ck_assert_uint_eq(m.expect.offset, i == 0 ? 12 : 0);
        ck_assert_uint_eq(m.expect.epoch, i == 0 ? 7 : 0);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ws_control");
    TCase *tc = tcase_create("ws_control");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, subscribe);
    tcase_add_test(tc, other_ops);
    tcase_add_test(tc, publish_data);
    tcase_add_test(tc, publish_binary);
    tcase_add_test(tc, publish_event_and_key);
    tcase_add_test(tc, publish_expect);
    tcase_add_test(tc, faults);
    tcase_add_test(tc, names_have_limits);
    tcase_add_test(tc, faults_keep_the_ref);
    tcase_add_test(tc, answers);
    tcase_add_test(tc, batch_lines);
    tcase_add_test(tc, batch_lines_expect);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
