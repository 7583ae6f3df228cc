/* Which hosts are this machine's own, whatever its names. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "access/host.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static const char *const loopback[] = {
    "localhost",          "localhost:8420",
    "localhost:",         "LocalHost:1",
    "app.localhost",      "a.b.LOCALHOST:3000",
    "127.0.0.1",          "127.0.0.1:8420",
    "127.255.255.254",    "[::1]",
    "[::1]:8420",         "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]:80",
};

static const char *const foreign[] = {
    "",
    ":8420",
    "example.org",
    "attacker.example:8420",
    "localhost.",
    "127.0.0.1.",
    ".localhost",
    "a..localhost",
    "localhost.example",
    "xlocalhost",
    "notlocalhost:80",
    "localhost.localdomain",
    "a@b.localhost",
    "local%68ost",
    "127.0.0.1.example",
    "127.1",
    "127.0.0.01",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0.0.0.0",
    "0",
    "128.0.0.1",
    "192.168.0.1",
    "[::]",
    "[::2]",
    "[::127.0.0.1]",
    "[::ffff:128.0.0.1]",
    "[::1%25lo]",
    "[127.0.0.1]",
    "[::1",
    "[]",
    "localhost.evil",
};

START_TEST(is_loopback)
{
    ck_assert_msg(host_is_loopback(loopback[_i]), "%s", loopback[_i]);
}
END_TEST

START_TEST(is_not_loopback)
{
    ck_assert_msg(!host_is_loopback(foreign[_i]), "%s", foreign[_i]);
}
END_TEST

START_TEST(names_are_whole_and_without_port)
{
    char hub[] = "hub.example", v6[] = "[2001:db8::1]", v4[] = "192.0.2.1";
    char *names[] = {hub, v6, v4};
    ck_assert(host_is_listed("hub.example", names, 3));
    ck_assert(host_is_listed("HUB.Example:8420", names, 3));
    ck_assert(host_is_listed("[2001:db8::1]:80", names, 3));
    ck_assert(host_is_listed("192.0.2.1", names, 3));
    ck_assert(!host_is_listed("hub.example", names, 0));
    ck_assert(!host_is_listed("hub.example.", names, 3));
    ck_assert(!host_is_listed("a.hub.example", names, 3));
    ck_assert(!host_is_listed("hub.exampl", names, 3));
    ck_assert(!host_is_listed("", names, 3));
}
END_TEST

START_TEST(names_count_of_who_came_directly)
{
    char hub[] = "hub.example";
    char *names[] = {hub};
    ck_assert(host_is_own(NULL, names, 1, false));
    ck_assert(host_is_own("localhost:8420", names, 1, false));
    ck_assert(host_is_own("hub.example:8420", names, 1, true));
    ck_assert(!host_is_own("hub.example:8420", names, 1, false));
    ck_assert(!host_is_own("other.example", names, 1, true));
    ck_assert(!host_is_own("", names, 1, true));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host");
    TCase *t = tcase_create("host");
    tcase_add_loop_test(t, is_loopback, 0, COUNT(loopback));
    tcase_add_loop_test(t, is_not_loopback, 0, COUNT(foreign));
    tcase_add_test(t, names_are_whole_and_without_port);
    tcase_add_test(t, names_count_of_who_came_directly);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
