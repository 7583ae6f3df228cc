/* The names of a certificate as text, as far as there is room. */
#include <stdbool.h>
#include <string.h>

#include <check.h>
#include <mbedtls/x509_crt.h>

#include "net/tls/tls_names.h"
#include "tests/unit/certificate_pem.h"

static const char all[] = "localhost, *.b.example, 127.0.0.1";

static mbedtls_x509_crt crt;

static void setup(void)
{
    mbedtls_x509_crt_init(&crt);
    ck_assert_int_eq(mbedtls_x509_crt_parse(&crt, (const unsigned char *)certificate_pem,
                                            sizeof(certificate_pem)),
                     0);
}

static void teardown(void)
{
    mbedtls_x509_crt_free(&crt);
}

START_TEST(names_and_addresses)
{
    char text[256];
    tls_names_list(&crt, text, sizeof(text));
    ck_assert_str_eq(text, all);
}
END_TEST

START_TEST(more_than_there_is_room_for)
{
    char text[sizeof(all) + 16];
    for (size_t size = 8; size < sizeof(text); size++) {
        memset(text, 'x', sizeof(text));
        tls_names_list(&crt, text, size);
        size_t n = strlen(text);
        ck_assert_uint_lt(n, size);
        bool whole = strcmp(text, all) == 0;
        ck_assert(whole || (n >= 3 && strcmp(text + n - 3, "...") == 0));
        ck_assert_uint_eq(strncmp(text, all, n - (whole ? 0 : 3)), 0);
    }
    ck_assert_str_eq(text, all);
}
END_TEST

START_TEST(none)
{
    mbedtls_x509_crt empty;
    char text[8] = "before";
    mbedtls_x509_crt_init(&empty);
    tls_names_list(&empty, text, sizeof(text));
    ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_names");
    TCase *t = tcase_create("tls_names");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, names_and_addresses);
    tcase_add_test(t, more_than_there_is_room_for);
    tcase_add_test(t, none);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
