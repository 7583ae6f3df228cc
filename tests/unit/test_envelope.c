/* The envelope: its members, and what each kind of payload becomes. */
#include "delivery/envelope.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct topic *topic;
static struct buf out;

static void setup(void)
{
    static const char name[] = "prices/\"A\"";
    topic = calloc(1, sizeof(*topic) + sizeof(name));
    memcpy(topic->name, name, sizeof(name));
    topic->name_len = sizeof(name) - 1;
}

static void teardown(void)
{
    free(topic);
    buf_finish(&out);
}

/* The envelope of a payload, as a NUL-terminated text valid until the next call. */
static const char *envelope(enum message_kind kind, const char *event, const char *payload,
                            size_t n)
{
    struct message m = {.offset = 1042,
                        .epoch = 3824910012u,
                        .time_ms = 1795332675042u,
                        .topic = topic,
                        .payload = payload,
                        .payload_len = (uint32_t)n,
                        .event = event,
                        .event_len = (uint8_t)strlen(event),
                        .kind = (uint8_t)kind};
    buf_clear(&out);
    envelope_append(&m, &out);
    buf_putc(&out, '\0');
    ck_assert(!out.failed);
    return out.data;
}

#define HEAD                                                                                       \
    "{\"id\":\"1042-3824910012\",\"topic\":\"prices/\\\"A\\\"\","                                  \
    "\"time\":\"2026-11-22T07:31:15.042Z\","

START_TEST(json_is_verbatim)
{
    ck_assert_str_eq(envelope(MESSAGE_JSON, "", "{\"n\":18446744073709551615}", 26),
                     HEAD "\"data\":{\"n\":18446744073709551615}}");
}
END_TEST

START_TEST(json_line_ends_become_blanks)
{
    ck_assert_str_eq(envelope(MESSAGE_JSON, "", "\r\n[1,\n2\r]", 9), HEAD "\"data\":  [1, 2 ]}");
}
END_TEST

START_TEST(text_is_a_string)
{
    ck_assert_str_eq(envelope(MESSAGE_TEXT, "up \"1\"", "a\"\\\n\r\t\b\x1F\x7F\xE2\x80\xA8", 12),
                     HEAD "\"event\":\"up \\\"1\\\"\","
                          "\"data\":\"a\\\"\\\\\\n\\r\\t\\u0008\\u001f\x7F\xE2\x80\xA8\"}");
}
END_TEST

START_TEST(binary_is_base64)
{
    ck_assert_str_eq(envelope(MESSAGE_BINARY, "", "\x00\xFF\x10", 3),
                     HEAD "\"data\":\"AP8Q\",\"encoding\":\"base64\"}");
    ck_assert_str_eq(envelope(MESSAGE_BINARY, "", "\xFF", 1),
                     HEAD "\"data\":\"/w==\",\"encoding\":\"base64\"}");
}
END_TEST

START_TEST(empty_payloads)
{
    ck_assert_str_eq(envelope(MESSAGE_TEXT, "", NULL, 0), HEAD "\"data\":\"\"}");
    ck_assert_str_eq(envelope(MESSAGE_BINARY, "", NULL, 0),
                     HEAD "\"data\":\"\",\"encoding\":\"base64\"}");
}
END_TEST

/* The stored form of a message with these, likewise. */
static const char *stored(enum message_kind kind, const char *key, const char *payload)
{
    struct message m = {.offset = 1042,
                        .epoch = 3824910012u,
                        .time_ms = 1795332675042u,
                        .topic = topic,
                        .payload = payload,
                        .payload_len = (uint32_t)strlen(payload),
                        .event = "up",
                        .event_len = 2,
                        .key = key,
                        .key_len = (uint8_t)strlen(key),
                        .kind = (uint8_t)kind};
    buf_clear(&out);
    envelope_append_stored(&m, &out);
    buf_putc(&out, '\0');
    ck_assert(!out.failed);
    return out.data;
}

START_TEST(stored_messages_have_their_key_and_kind)
{
#define EVENT HEAD "\"event\":\"up\","
    ck_assert_str_eq(stored(MESSAGE_TEXT, "", "x"), EVENT "\"data\":\"x\"}");
    ck_assert_str_eq(stored(MESSAGE_TEXT, "k\"1", "x"), EVENT "\"key\":\"k\\\"1\",\"data\":\"x\"}");
    ck_assert_str_eq(stored(MESSAGE_BINARY, "\xFF", "x"),
                     EVENT "\"key_base64\":\"/w==\",\"data\":\"eA==\",\"encoding\":\"base64\"}");
    ck_assert_str_eq(stored(MESSAGE_JSON, "", " \"x\""),
                     EVENT "\"data\": \"x\",\"kind\":\"json\"}");
    ck_assert_str_eq(stored(MESSAGE_TEXT, "", "\"x\""), EVENT "\"data\":\"\\\"x\\\"\"}");
    ck_assert_str_eq(stored(MESSAGE_JSON, "", "12"), EVENT "\"data\":12}");
    ck_assert_str_eq(stored(MESSAGE_JSON, "", "[\"x\"]"), EVENT "\"data\":[\"x\"]}");
}
END_TEST

/* Every byte value below 0x80, read back by another implementation. */
START_TEST(strings_survive_a_round_trip)
{
    char text[128];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)i;
    buf_clear(&out);
    envelope_json_string(&out, text, sizeof(text));
    json_t *v = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(v);
    ck_assert_uint_eq(json_string_length(v), sizeof(text));
    ck_assert_mem_eq(json_string_value(v), text, sizeof(text));
    json_decref(v);
}
END_TEST

/* What has to be escaped, at each place of texts of each length, alone and next to another one. */
START_TEST(escapes_at_every_place)
{
    enum { LONGEST = 40 };
    static const char specials[] = {'"', '\\', '\n', '\0', '\x1F'};
    for (size_t n = 1; n <= LONGEST; n++)
        for (size_t place = 0; place < n; place++) {
            char text[LONGEST];
            memset(text, 'x', sizeof(text));
            text[place] = specials[(n + place) % sizeof(specials)];
            if (place % 3 == 0)
                text[(place + 1) % n] = specials[n % sizeof(specials)];
            buf_clear(&out);
            envelope_json_string(&out, text, n);
            json_t *v = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            ck_assert_ptr_nonnull(v);
            ck_assert_uint_eq(json_string_length(v), n);
            ck_assert_mem_eq(json_string_value(v), text, n);
            json_decref(v);
        }
}
END_TEST

START_TEST(long_binary_matches_its_length)
{
    enum { SIZE = 100000 };
    char *payload = malloc(SIZE);
    memset(payload, 'x', SIZE);
    const char *text = envelope(MESSAGE_BINARY, "", payload, SIZE);
    json_t *v = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(v);
    ck_assert_uint_eq(json_string_length(json_object_get(v, "data")), (SIZE + 2) / 3 * 4);
    json_decref(v);
    free(payload);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("envelope");
    TCase *tc = tcase_create("envelope");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, json_is_verbatim);
    tcase_add_test(tc, json_line_ends_become_blanks);
    tcase_add_test(tc, text_is_a_string);
    tcase_add_test(tc, binary_is_base64);
    tcase_add_test(tc, empty_payloads);
    tcase_add_test(tc, stored_messages_have_their_key_and_kind);
    tcase_add_test(tc, strings_survive_a_round_trip);
    tcase_add_test(tc, escapes_at_every_place);
    tcase_add_test(tc, long_binary_matches_its_length);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
