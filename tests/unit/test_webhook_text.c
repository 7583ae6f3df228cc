/* What hooks are sent: events, batches, the signature, and when it is tried again. */
#include "http/webhook/webhook_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_slice.h"
#include "broker/roll.h"

static struct buf out;

static void tear_down(void)
{
    buf_finish(&out);
}

static void expect(const char *text)
{
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data, text);
    out.len = 0;
}

static const struct webhook_id id = {17, 0x9f3c12ab5d60e871};

START_TEST(an_event_of_a_topic)
{
    struct roll_change c = {.name = "a\"b", .len = 3};
    webhook_put_event(&out, &id, 1795332675042, &c);
    ck_assert(json_valid(out.data, out.len));
    ck_assert_uint_eq(webhook_seq_of(out.data, out.len), 17);
    expect("{\"id\":\"17-9f3c12ab5d60e871\",\"time\":\"2026-11-22T07:31:15.042Z\","
           "\"event\":\"occupied\",\"topic\":\"a\\\"b\"}");
    c.going = true;
    webhook_put_event(&out, &id, 0, &c);
    ck_assert_ptr_nonnull(memmem(out.data, out.len, "\"vacated\"", 9));
}
END_TEST

/* Whatever stands in their names. */
START_TEST(an_event_of_a_member)
{
    static const char payload[] = "{\"sub\":\"x,\\\"since\\\":,\",\"since\":\"s\",\"info\":{\"a\":"
                                  "\",\\\"since\\\":\"},\"number\":3}";
    size_t rest;
    struct buf name = {0};
    ck_assert(webhook_put_member(&name, "t", 1, payload, sizeof(payload) - 1, &rest));
    ck_assert_uint_eq(name.len, strlen("\"topic\":\"t\",\"sub\":\"x,\\\"since\\\":,\""));
    struct roll_change c = {
        .name = name.data,
        .len = name.len,
        .more = payload + rest,
        .more_len = sizeof(payload) - 2 - rest,
        .member = true,
    };
    webhook_put_event(&out, &id, 0, &c);
    ck_assert(json_valid(out.data, out.len));
    expect("{\"id\":\"17-9f3c12ab5d60e871\",\"time\":\"1970-01-01T00:00:00.000Z\","
           "\"event\":\"join\",\"topic\":\"t\",\"sub\":\"x,\\\"since\\\":,\",\"since\":\"s\","
           "\"info\":{\"a\":\",\\\"since\\\":\"},\"number\":3}");
    c.going = true;
    c.more = NULL;
    c.more_len = 0;
    webhook_put_event(&out, &id, 0, &c);
    ck_assert(json_valid(out.data, out.len));
    ck_assert(!webhook_put_member(&name, "t", 1, "{}", 2, &rest));
    buf_finish(&name);
}
END_TEST

START_TEST(what_is_no_event_has_no_number)
{
    static const char *const texts[] = {"", "{}", "{\"id\":\"", "{\"id\":\"x\"}", "{\"id\":17}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_uint_eq(webhook_seq_of(texts[i], strlen(texts[i])), 0);
    ck_assert_uint_eq(webhook_seq_of("{\"id\":\"18446744073709551615-", 28), UINT64_MAX);
    ck_assert_uint_eq(webhook_seq_of("{\"id\":\"179", 9), 17); /* cut off */
}
END_TEST

START_TEST(a_batch)
{
    webhook_put_batch(&out, "{},{}", 5, 0);
    expect("{\"events\":[{},{}]}");
    webhook_put_batch(&out, "{}", 2, 3);
    expect("{\"gap\":{\"missing\":3},\"events\":[{}]}");
}
END_TEST

/* Python: hmac.new(b'secret', b'1492774577.{"events":[]}', 'sha256').hexdigest() */
START_TEST(a_signature)
{
    ck_assert_int_eq(webhook_put_signature(&out, "secret", 6, 1492774577, "{\"events\":[]}", 13),
                     ERR_OK);
    expect("Longwire-Signature: t=1492774577,"
           "v1=5186f8ec5776a38242d31aa6adfb88d76d93ceeb2df55a8e3d14e8feef61089e\r\n");
}
END_TEST

START_TEST(tries_come_further_and_further_apart)
{
    uint64_t most = WEBHOOK_RETRY_MS;
    for (unsigned failures = 1; failures < 100; failures++) {
        ck_assert_uint_eq(webhook_retry_ms(failures, 0), most / 2);
        for (uint32_t chance = 1; chance; chance *= 7) {
            uint64_t ms = webhook_retry_ms(failures, chance);
            ck_assert_uint_ge(ms, most / 2);
            ck_assert_uint_le(ms, most);
            if (chance > UINT32_MAX / 7)
                break;
        }
        most = most * 2 < WEBHOOK_RETRY_MAX_MS ? most * 2 : WEBHOOK_RETRY_MAX_MS;
    }
    ck_assert_uint_le(webhook_retry_ms(UINT32_MAX, UINT32_MAX), WEBHOOK_RETRY_MAX_MS);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("webhook_text");
    tcase_add_checked_fixture(c, NULL, tear_down);
    tcase_add_test(c, an_event_of_a_topic);
    tcase_add_test(c, an_event_of_a_member);
    tcase_add_test(c, what_is_no_event_has_no_number);
    tcase_add_test(c, a_batch);
    tcase_add_test(c, a_signature);
    tcase_add_test(c, tries_come_further_and_further_apart);
    Suite *s = suite_create("webhook_text");
    suite_add_tcase(s, c);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
