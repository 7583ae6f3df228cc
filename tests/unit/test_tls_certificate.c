/* Certificates as the tools tell people of them: names, days, and what is wrong. */
#include <string.h>
#include <time.h>

#include <check.h>
#include <mbedtls/x509_crt.h>

#include "tests/unit/certificate_pem.h"
#include "tools/client/tls_certificate.h"

enum { DAY_S = 24 * 60 * 60 };

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

static time_t day(int year, int month, int number)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = number, .tm_hour = 12};
    return timegm(&tm);
}

static time_t crt_end(void)
{
    return day(2026, 3, 4) - DAY_S / 2;
}

static struct tls_certificate describe(uint32_t flags, const char *host, time_t now)
{
    struct tls_certificate c;
    tls_certificate_describe(&crt, flags, host, now, &c);
    return c;
}

static bool matches(const char *name, const char *host)
{
    return tls_name_matches(name, strlen(name), host);
}

START_TEST(names_match)
{
    ck_assert(matches("a.example", "a.example"));
    ck_assert(matches("A.Example", "a.eXample"));
    ck_assert(matches("a.example", "a.example."));
    ck_assert(matches("*.example", "a.example"));
    ck_assert(!matches("*.example", "example"));
    ck_assert(!matches("*.example", ".example"));
    ck_assert(!matches("*.example", "b.a.example"));
    ck_assert(!matches("*", "example"));
    ck_assert(!matches("*.", "a."));
    ck_assert(!matches("a*.example", "ab.example"));
    ck_assert(!matches("a.example", "a.example.org"));
    ck_assert(!matches("a.example.org", "a.example"));
    ck_assert(!matches("", "a"));
}
END_TEST

START_TEST(says_what_it_is)
{
    struct tls_certificate c = describe(0, "localhost", day(2026, 2, 21));
    ck_assert_str_eq(c.names, "localhost, *.b.example, 127.0.0.1");
    ck_assert_str_eq(c.issuer, "Longwire unit");
    ck_assert_str_eq(c.problems, "");
    ck_assert_int_eq(c.days_left, 10);
}
END_TEST

START_TEST(is_for_names_and_addresses)
{
    static const char *const good[] = {"localhost", "a.b.example", "127.0.0.1"};
    static const char *const bad[] = {"b.example", "127.0.0.2", "::1", "::ffff:127.0.0.1", "1"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_str_eq(describe(0, good[i], day(2026, 2, 1)).problems, "");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_ptr_nonnull(strstr(describe(0, bad[i], day(2026, 2, 1)).problems,
                                     ", but for localhost, *.b.example, 127.0.0.1"));
}
END_TEST

START_TEST(counts_days)
{
    ck_assert_int_eq(describe(0, "localhost", crt_end()).days_left, 0);
    ck_assert_int_eq(describe(0, "localhost", crt_end() - DAY_S).days_left, 1);
    ck_assert_int_eq(describe(0, "localhost", crt_end() - DAY_S + 1).days_left, 0);
    ck_assert_int_eq(describe(0, "localhost", crt_end() + 1).days_left, -1);
    ck_assert_int_eq(describe(0, "localhost", crt_end() + DAY_S + 1).days_left, -2);
}
END_TEST

START_TEST(tells_what_is_wrong)
{
    time_t now = day(2026, 2, 1);
    ck_assert_str_eq(describe(0, "localhost", day(2026, 3, 6)).problems,
                     "has expired on 2026-03-04");
    ck_assert_str_eq(describe(0, "localhost", day(2026, 1, 1)).problems,
                     "is not valid before 2026-01-02");
    ck_assert_str_eq(describe(MBEDTLS_X509_BADCERT_EXPIRED, "localhost", now).problems,
                     "depends on a certificate that has expired");
    ck_assert_str_eq(describe(MBEDTLS_X509_BADCERT_FUTURE, "localhost", now).problems,
                     "depends on a certificate that is not valid yet");
    ck_assert_str_eq(describe(MBEDTLS_X509_BADCERT_NOT_TRUSTED, "localhost", now).problems,
                     "is issued by Longwire unit, whom nobody here trusts, and comes without the "
                     "certificate of its issuer");
    ck_assert_str_eq(
        describe(MBEDTLS_X509_BADCERT_BAD_KEY | MBEDTLS_X509_BADCERT_REVOKED, "localhost", now)
            .problems,
        "has a key or a signature that is too weak; is revoked");
}
END_TEST

/* Long names cut the texts, and nothing else. */
START_TEST(bounds_texts)
{
    char host[1024];
    memset(host, 'h', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    struct tls_certificate c = describe(UINT32_MAX, host, day(2026, 3, 6));
    ck_assert(strlen(c.problems) < sizeof(c.problems));
    ck_assert_ptr_nonnull(strstr(c.problems, "is not for hhh"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_certificate");
    TCase *t = tcase_create("tls_certificate");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, names_match);
    tcase_add_test(t, says_what_it_is);
    tcase_add_test(t, is_for_names_and_addresses);
    tcase_add_test(t, counts_days);
    tcase_add_test(t, tells_what_is_wrong);
    tcase_add_test(t, bounds_texts);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
