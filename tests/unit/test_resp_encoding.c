/* Messages as pushes of RESP, and what replies look like in both of its versions. */
#include "frontends/resp/resp_encoding.h"

#include <check.h>
#include <stdint.h>

#include "frontends/resp/resp_reply.h"
#include "tests/unit/encoding_fixture.h"

START_TEST(push)
{
    payload(MESSAGE_BINARY, "p\r\n", 3);
    expect_encoded(&resp_encoding_message, "*3\r\n$7\r\nmessage\r\n$3\r\na/b\r\n$3\r\np\r\n\r\n");
    payload(MESSAGE_TEXT, NULL, 0);
    expect_encoded(&resp_encoding_message, "*3\r\n$7\r\nmessage\r\n$3\r\na/b\r\n$0\r\n\r\n");
    expect_encoded(&resp_encoding_message3, ">3\r\n$7\r\nmessage\r\n$3\r\na/b\r\n$0\r\n\r\n");
}
END_TEST

static void put_all_replies(enum resp_version v)
{
    resp_reply_simple(&out, "OK");
    resp_reply_error(&out, "ERR a\r\nb");
    resp_reply_integer(&out, -7);
    resp_reply_integer(&out, INT64_MIN);
    resp_reply_bulk(&out, "x\0y", 3);
    resp_reply_text(&out, v, "some\r\n", 6);
    resp_reply_null_bulk(&out, v);
    resp_reply_null_array(&out, v);
    resp_reply_array(&out, 12);
    resp_reply_map(&out, v, 2);
    resp_reply_set(&out, v, 3);
    resp_reply_push(&out, v, 0);
}

START_TEST(resp2_replies)
{
    put_all_replies(RESP2);
    static const char text[] = "+OK\r\n-ERR a  b\r\n:-7\r\n:-9223372036854775808\r\n$3\r\nx\0y\r\n"
                               "$6\r\nsome\r\n\r\n$-1\r\n*-1\r\n*12\r\n*4\r\n*3\r\n*0\r\n";
    expect(text, sizeof(text) - 1);
}
END_TEST

START_TEST(resp3_replies)
{
    put_all_replies(RESP3);
    static const char text[] = "+OK\r\n-ERR a  b\r\n:-7\r\n:-9223372036854775808\r\n$3\r\nx\0y\r\n"
                               "=10\r\ntxt:some\r\n\r\n_\r\n_\r\n*12\r\n%2\r\n~3\r\n>0\r\n";
    expect(text, sizeof(text) - 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("resp_encoding");
    TCase *tc = tcase_create("resp_encoding");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, encoding_setup, encoding_teardown);
    tcase_add_test(tc, push);
    tcase_add_test(tc, resp2_replies);
    tcase_add_test(tc, resp3_replies);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
