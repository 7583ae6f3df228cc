/* What all shared encodings have in common, and the envelope alone. */
#include <check.h>

#include "delivery/envelope_encoding.h"
#include "frontends/resp/resp_encoding.h"
#include "frontends/sse/sse_encoding.h"
#include "frontends/ws/ws_encoding.h"
#include "tests/unit/encoding_fixture.h"

START_TEST(slots_are_unique)
{
    struct encoding *all[] = {&sse_encoding_raw,        &sse_encoding_envelope,
                              &ws_encoding_envelope,    &ws_encoding_raw,
                              &envelope_encoding,       &resp_encoding_message,
                              &resp_encoding_message3,  &ws_encoding_envelope_deflate,
                              &ws_encoding_raw_deflate, &envelope_encoding_packed,
                              &sse_encoding_raw_gzip,   &sse_encoding_envelope_gzip};
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        ck_assert_int_eq(encoding_register(all[i]), ERR_OK);
        ck_assert_uint_ne(all[i]->slot, MESSAGE_UNSHARED);
        ck_assert(!(seen & 1u << all[i]->slot));
        seen |= 1u << all[i]->slot;
    }
}
END_TEST

START_TEST(poll_is_the_envelope)
{
    payload(MESSAGE_TEXT, "x", 1);
    expect_encoded(&envelope_encoding, ENVELOPE_HEAD "\"data\":\"x\"}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("encodings");
    TCase *tc = tcase_create("encodings");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, encoding_setup, encoding_teardown);
    tcase_add_test(tc, slots_are_unique);
    tcase_add_test(tc, poll_is_the_envelope);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
