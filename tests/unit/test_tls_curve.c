/*
 * Keys that mbedTLS agrees on: it does so by libsodium's X25519, which gives what its own
 * multiplication does, and other curves are as they were.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/ecdh.h>

#include "net/tls/tls_curve.h"

#ifdef WITH_LIBSODIUM

typedef unsigned char byte;

int __wrap_crypto_scalarmult_curve25519(byte *out, const byte *secret, const byte *point);
int __real_crypto_scalarmult_curve25519(byte *out, const byte *secret, const byte *point);
int __wrap_crypto_scalarmult_curve25519_base(byte *out, const byte *secret);
int __real_crypto_scalarmult_curve25519_base(byte *out, const byte *secret);

static unsigned calls;

int __wrap_crypto_scalarmult_curve25519(byte *out, const byte *secret, const byte *point)
{
    calls++;
    return __real_crypto_scalarmult_curve25519(out, secret, point);
}

int __wrap_crypto_scalarmult_curve25519_base(byte *out, const byte *secret)
{
    calls++;
    return __real_crypto_scalarmult_curve25519_base(out, secret);
}

static int random_bytes(void *ctx, unsigned char *out, size_t n)
{
    (void)ctx;
    return getrandom(out, n, 0) == (ssize_t)n ? 0 : -1;
}

static mbedtls_ecdh_context server, client;

static void setup(void)
{
    tls_curve_use();
    calls = 0;
    mbedtls_ecdh_init(&server);
    mbedtls_ecdh_init(&client);
}

static void teardown(void)
{
    mbedtls_ecdh_free(&server);
    mbedtls_ecdh_free(&client);
}

/* As a handshake does; returns how long the secret is. */
static size_t agree(mbedtls_ecp_group_id curve, uint8_t *hers, uint8_t *his, size_t size)
{
    uint8_t text[256];
    const unsigned char *at = text;
    size_t n, m;
    ck_assert_int_eq(mbedtls_ecdh_setup(&server, curve), 0);
    ck_assert_int_eq(mbedtls_ecdh_setup(&client, curve), 0);
    ck_assert_int_eq(mbedtls_ecdh_make_params(&server, &n, text, sizeof(text), random_bytes, NULL),
                     0);
    ck_assert_int_eq(mbedtls_ecdh_read_params(&client, &at, text + n), 0);
    ck_assert_int_eq(mbedtls_ecdh_make_public(&client, &n, text, sizeof(text), random_bytes, NULL),
                     0);
    ck_assert_int_eq(mbedtls_ecdh_read_public(&server, text, n), 0);
    ck_assert_int_eq(mbedtls_ecdh_calc_secret(&server, &n, hers, size, random_bytes, NULL), 0);
    ck_assert_int_eq(mbedtls_ecdh_calc_secret(&client, &m, his, size, random_bytes, NULL), 0);
    ck_assert_uint_eq(n, m);
    return n;
}

/* Q is D times OF. */
static void check_product(mbedtls_ecp_group *group, const mbedtls_ecp_point *q,
                          const mbedtls_mpi *d, const mbedtls_ecp_point *of)
{
    mbedtls_ecp_point p;
    mbedtls_ecp_point_init(&p);
    ck_assert_int_eq(mbedtls_ecp_mul(group, &p, d, of, random_bytes, NULL), 0);
    ck_assert_int_eq(mbedtls_ecp_point_cmp(&p, q), 0);
    mbedtls_ecp_point_free(&p);
}

START_TEST(both_sides_have_the_same_secret)
{
    static const struct {
        mbedtls_ecp_group_id curve;
        unsigned calls;
    } of[] = {{MBEDTLS_ECP_DP_CURVE25519, 4}, {MBEDTLS_ECP_DP_SECP256R1, 0}};
    uint8_t hers[64], his[64];
    size_t n = agree(of[_i].curve, hers, his, sizeof(hers));
    ck_assert_uint_eq(n, 32);
    ck_assert_mem_eq(hers, his, n);
    ck_assert_uint_eq(calls, of[_i].calls);
    check_product(&server.grp, &server.Q, &server.d, &server.grp.G);
    check_product(&client.grp, &client.Q, &client.d, &client.grp.G);
}
END_TEST

/* Of many keys, what mbedTLS's own multiplication gives. */
START_TEST(it_is_what_mbedtls_computes)
{
    mbedtls_ecp_group *group = &server.grp;
    mbedtls_ecp_point theirs, product;
    mbedtls_mpi d, z;
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&z);
    mbedtls_ecp_point_init(&theirs);
    mbedtls_ecp_point_init(&product);
    ck_assert_int_eq(mbedtls_ecp_group_load(group, MBEDTLS_ECP_DP_CURVE25519), 0);
    ck_assert_int_eq(mbedtls_ecdh_gen_public(group, &d, &theirs, random_bytes, NULL), 0);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(mbedtls_ecp_gen_privkey(group, &d, random_bytes, NULL), 0);
        ck_assert_int_eq(mbedtls_ecdh_compute_shared(group, &z, &theirs, &d, random_bytes, NULL),
                         0);
        ck_assert_int_eq(mbedtls_ecp_mul(group, &product, &d, &theirs, random_bytes, NULL), 0);
        ck_assert_int_eq(mbedtls_mpi_cmp_mpi(&product.X, &z), 0);
        ck_assert_int_eq(mbedtls_ecp_copy(&theirs, &product), 0);
    }
    ck_assert_uint_eq(calls, 51);
    mbedtls_mpi_free(&d);
    mbedtls_mpi_free(&z);
    mbedtls_ecp_point_free(&theirs);
    mbedtls_ecp_point_free(&product);
}
END_TEST

START_TEST(a_point_that_is_nobodys_is_refused)
{
    static const unsigned char zero[33] = {32};
    size_t n;
    uint8_t text[256];
    ck_assert_int_eq(mbedtls_ecdh_setup(&server, MBEDTLS_ECP_DP_CURVE25519), 0);
    ck_assert_int_eq(mbedtls_ecdh_make_params(&server, &n, text, sizeof(text), random_bytes, NULL),
                     0);
    ck_assert_int_eq(mbedtls_ecdh_read_public(&server, zero, sizeof(zero)), 0);
    ck_assert_int_ne(mbedtls_ecdh_calc_secret(&server, &n, text, sizeof(text), random_bytes, NULL),
                     0);
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, both_sides_have_the_same_secret, 0, 2);
    tcase_add_test(t, it_is_what_mbedtls_computes);
    tcase_add_test(t, a_point_that_is_nobodys_is_refused);
}

#else

static void add_tests(TCase *t)
{
    (void)t;
}

#endif

int main(void)
{
    Suite *s = suite_create("tls_curve");
    TCase *t = tcase_create("tls_curve");
    add_tests(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
