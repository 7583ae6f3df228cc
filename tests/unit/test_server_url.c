/* Addresses of servers that the hub asks, as the configuration writes them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "daemon/server_url.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *text, *parts; /* "HOST PORT AUTHORITY PATH"; NULL: it is none */
} examples[] = {
    {"http://auth.example", "auth.example 80 auth.example "},
    {"http://auth.example/", "auth.example 80 auth.example /"},
    {"http://auth_1:8000/who?app=1&b=%20", "auth_1 8000 auth_1:8000 /who?app=1&b=%20"},
    {"http://127.0.0.1:80?x", "127.0.0.1 80 127.0.0.1:80 ?x"},
    {"http://[::1]:9/a:b", "::1 9 [::1]:9 /a:b"},
    {"http://[::1]", "::1 80 [::1] "},
    {"unix:/run/app.sock", "unix /run/app.sock localhost "},
    {"unix:/run/app.sock:/who?a:b", "unix /run/app.sock localhost /who?a:b"},
    {"unix:/run/app.sock:", "unix /run/app.sock localhost "},
    {"", NULL},
    {"auth.example", NULL},
    {"https://auth.example/", NULL},
    {"HTTP://auth.example/", NULL},
    {"http://", NULL},
    {"http:///who", NULL},
    {"http://:80/", NULL},
    {"http://a:/", NULL},
    {"http://a:0/", NULL},
    {"http://a:65536/", NULL},
    {"http://a:080/", NULL},
    {"http://a:8 0/", NULL},
    {"http://user@a/", NULL},
    {"http://a b/", NULL},
    {"http://a/b c", NULL},
    {"http://a/#b", NULL},
    {"http://a/\xC3\xBC", NULL},
    {"http://[::1/", NULL},
    {"http://[127.0.0.1]/", NULL},
    {"http://[::1]x/", NULL},
    {"http://::1/", NULL},
    {"unix:", NULL},
    {"unix:app.sock", NULL},
    {"unix:/run/app.sock:who", NULL},
    {"unix:/run/app.sock:/a b", NULL},
};

START_TEST(is_taken_apart)
{
    struct server_url u;
    struct buf out = {0};
    bool good = server_url_parse(examples[_i].text, &u);
    ck_assert_int_eq(good, examples[_i].parts != NULL);
    if (!good)
        return;
    if (u.is_unix)
        buf_printf(&out, "unix %.*s", (int)u.host_len, u.host);
    else
        buf_printf(&out, "%.*s %.*s", (int)u.host_len, u.host, (int)u.port_len, u.port);
    buf_printf(&out, " %.*s %s", (int)u.authority_len, u.authority, u.path);
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data, examples[_i].parts);
    buf_finish(&out);
}
END_TEST

START_TEST(has_a_name_or_an_address)
{
    ck_assert(server_url_has_name("http://auth.example:8000/"));
    ck_assert(server_url_has_name("http://localhost"));
    ck_assert(!server_url_has_name("http://127.0.0.1/"));
    ck_assert(!server_url_has_name("http://[::1]:80/"));
    ck_assert(!server_url_has_name("unix:/run/app.sock"));
}
END_TEST

START_TEST(is_bounded)
{
    char text[400] = "unix:/";
    memset(text + 6, 'a', 106);
    struct server_url u;
    ck_assert(server_url_parse(text, &u));
    text[112] = 'a';
    ck_assert(!server_url_parse(text, &u));
    memcpy(text, "http://", 7);
    memset(text + 7, 'a', 390);
    ck_assert(!server_url_parse(text, &u));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("server_url");
    TCase *c = tcase_create("server_url");
    tcase_add_loop_test(c, is_taken_apart, 0, COUNT(examples));
    tcase_add_test(c, has_a_name_or_an_address);
    tcase_add_test(c, is_bounded);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
