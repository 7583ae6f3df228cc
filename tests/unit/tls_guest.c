#include "tests/unit/tls_guest.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/ecp.h>
#include <mbedtls/version.h>

static int random_bytes(void *ctx, unsigned char *out, size_t n)
{
    (void)ctx;
    ck_assert_int_eq(getrandom(out, n, 0), (ssize_t)n); /* up to 256 bytes are never cut */
    return 0;
}

/* --- certificates --- */

static void write_file(const char *path, const char *ending, const void *text)
{
    char file[256];
    snprintf(file, sizeof(file), "%s.%s", path, ending);
    FILE *f = fopen(file, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static void make_key(mbedtls_pk_context *key)
{
    mbedtls_pk_init(key);
    ck_assert_int_eq(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
    ck_assert_int_eq(
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), random_bytes, NULL), 0);
}

static void set_serial(mbedtls_x509write_cert *c)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    unsigned char one = 1;
    ck_assert_int_eq(mbedtls_x509write_crt_set_serial_raw(c, &one, 1), 0);
#else
    mbedtls_mpi one;
    mbedtls_mpi_init(&one);
    ck_assert_int_eq(mbedtls_mpi_lset(&one, 1), 0);
    ck_assert_int_eq(mbedtls_x509write_crt_set_serial(c, &one), 0);
    mbedtls_mpi_free(&one);
#endif
}

void tls_guest_sign(const char *path, const char *subject)
{
    unsigned char text[4096];
    mbedtls_pk_context key;
    mbedtls_x509write_cert c;
    make_key(&key);
    ck_assert_int_eq(mbedtls_pk_write_key_pem(&key, text, sizeof(text)), 0);
    write_file(path, "key", text);
    mbedtls_x509write_crt_init(&c);
    mbedtls_x509write_crt_set_md_alg(&c, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&c, &key);
    mbedtls_x509write_crt_set_issuer_key(&c, &key);
    ck_assert_int_eq(mbedtls_x509write_crt_set_subject_name(&c, subject), 0);
    ck_assert_int_eq(mbedtls_x509write_crt_set_issuer_name(&c, subject), 0);
    ck_assert_int_eq(mbedtls_x509write_crt_set_validity(&c, "20200101000000", "20600101000000"), 0);
    ck_assert_int_eq(mbedtls_x509write_crt_set_basic_constraints(&c, 1, -1), 0);
    set_serial(&c);
    ck_assert_int_eq(mbedtls_x509write_crt_pem(&c, text, sizeof(text), random_bytes, NULL), 0);
    write_file(path, "pem", text);
    mbedtls_x509write_crt_free(&c);
    mbedtls_pk_free(&key);
}

/* --- bytes --- */

static int give(void *ctx, const unsigned char *data, size_t n)
{
    struct tls_guest *g = ctx;
    buf_append(&g->out, data, n);
    return (int)n;
}

static int take(void *ctx, unsigned char *out, size_t n)
{
    struct tls_guest *g = ctx;
    size_t left = g->in.len - g->used, m = n < left ? n : left;
    if (m == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, g->in.data + g->used, m);
    g->used += m;
    return (int)m;
}

/* --- the client --- */

void tls_guest_init(struct tls_guest *g, const char *host)
{
    memset(g, 0, sizeof(*g));
    mbedtls_ssl_init(&g->ssl);
    mbedtls_ssl_config_init(&g->conf);
    mbedtls_x509_crt_init(&g->chain);
    mbedtls_pk_init(&g->key);
    ck_assert_int_eq(mbedtls_ssl_config_defaults(&g->conf, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_authmode(&g->conf, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&g->conf, random_bytes, NULL);
    ck_assert_int_eq(mbedtls_ssl_setup(&g->ssl, &g->conf), 0);
    ck_assert_int_eq(mbedtls_ssl_set_hostname(&g->ssl, host), 0);
    mbedtls_ssl_set_bio(&g->ssl, g, give, take, NULL);
}

void tls_guest_finish(struct tls_guest *g)
{
    mbedtls_ssl_free(&g->ssl);
    mbedtls_ssl_config_free(&g->conf);
    mbedtls_x509_crt_free(&g->chain);
    mbedtls_pk_free(&g->key);
    buf_finish(&g->in);
    buf_finish(&g->out);
}

void tls_guest_speak_12(struct tls_guest *g)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    mbedtls_ssl_conf_max_tls_version(&g->conf, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
    ck_assert_int_eq(mbedtls_ssl_session_reset(&g->ssl), 0);
}

void tls_guest_show(struct tls_guest *g, const char *path)
{
    char file[256];
    snprintf(file, sizeof(file), "%s.pem", path);
    ck_assert_int_eq(mbedtls_x509_crt_parse_file(&g->chain, file), 0);
    snprintf(file, sizeof(file), "%s.key", path);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    ck_assert_int_eq(mbedtls_pk_parse_keyfile(&g->key, file, NULL, random_bytes, NULL), 0);
#else
    ck_assert_int_eq(mbedtls_pk_parse_keyfile(&g->key, file, NULL), 0);
#endif
    ck_assert_int_eq(mbedtls_ssl_conf_own_cert(&g->conf, &g->chain, &g->key), 0);
}

bool tls_guest_step(struct tls_guest *g)
{
    int r = mbedtls_ssl_handshake(&g->ssl);
    ck_assert(r == 0 || r == MBEDTLS_ERR_SSL_WANT_READ);
    return r == 0;
}
