/*
 * Our records with OpenSSL on the other side: both ends of a handshake are its own, then we take
 * the server's place with the keys that it logs. Only tests know it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/hex.h"
#include "net/tls/tls_record.h"

/* Each loop test runs with both versions and all suites. */
enum { KINDS = 2 * TLS_SUITES, PADDED_TO = 512 };

static struct tls_keys keys;
static struct tls_record *record;
static SSL_CTX *contexts[2]; /* of the client, of the server */
static SSL *client, *server;
static uint8_t text[TLS_TEXT_MAX], sealed[TLS_SEALED_MAX];

/* --- keys --- */

static size_t read_hex(const char *at, uint8_t *out, size_t most)
{
    size_t n = 0;
    for (; n < most && hex_value(at[0]) >= 0 && hex_value(at[1]) >= 0; at += 2)
        out[n++] = (uint8_t)(hex_value(at[0]) << 4 | hex_value(at[1]));
    return n;
}

static void take_secret(struct tls_direction *d, const char *hex)
{
    keys.secret_len = (uint8_t)read_hex(hex, d->secret, sizeof(d->secret));
    ck_assert_int_eq(tls_direction_derive(d, keys.suite, keys.secret_len), ERR_OK);
}

static OSSL_PARAM octets(const char *name, const void *data, size_t n)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)data, n);
}

/* RFC 5246 section 6.3. */
static void expand(const uint8_t *master, size_t n, uint8_t *block, size_t block_len)
{
    uint8_t randoms[2 * SSL3_RANDOM_SIZE];
    char hash[] = "SHA384";
    if (keys.suite != TLS_AES_256_GCM)
        strcpy(hash, "SHA256");
    SSL_get_server_random(server, randoms, SSL3_RANDOM_SIZE);
    SSL_get_client_random(server, randoms + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("digest", hash, 0),
        octets("secret", master, n),
        octets("seed", "key expansion", 13),
        octets("seed", randoms, sizeof(randoms)),
        OSSL_PARAM_END,
    };
    ck_assert_int_eq(EVP_KDF_derive(ctx, block, block_len, params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static void take_master(const char *hex)
{
    uint8_t master[48], block[2 * (TLS_KEY_MAX + TLS_IV_SIZE)], *at = block;
    size_t key_len = tls_key_len(keys.suite), iv_len = keys.suite == TLS_CHACHA20_POLY1305 ? 12 : 4;
    expand(master, read_hex(hex, master, sizeof(master)), block, 2 * (key_len + iv_len));
    memcpy(keys.in.key, at, key_len);
    memcpy(keys.out.key, at += key_len, key_len);
    memcpy(keys.in.iv, at += key_len, iv_len);
    memcpy(keys.out.iv, at + iv_len, iv_len);
    keys.in.seq = keys.out.seq = 1; /* behind Finished */
}

/* "NAME CLIENT-RANDOM SECRET" */
static void take_line(const SSL *ssl, const char *line)
{
    (void)ssl;
    const char *secret = strrchr(line, ' ') + 1;
    if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0)
        take_secret(&keys.in, secret);
    else if (strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0)
        take_secret(&keys.out, secret);
    else if (strncmp(line, "CLIENT_RANDOM ", 14) == 0)
        take_master(secret);
}

/* --- handshakes --- */

static void certify(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    ck_assert_int_eq(SSL_CTX_use_certificate(ctx, cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static SSL_CTX *new_context(const SSL_METHOD *method)
{
    static const char *const old[] = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                      "ECDHE-ECDSA-AES256-GCM-SHA384",
                                      "ECDHE-ECDSA-CHACHA20-POLY1305"},
                             *const new[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                             "TLS_CHACHA20_POLY1305_SHA256"};
    SSL_CTX *ctx = SSL_CTX_new(method);
    ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, keys.version), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, keys.version), 1);
    ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, old[keys.suite]), 1);
    ck_assert_int_eq(SSL_CTX_set_ciphersuites(ctx, new[keys.suite]), 1);
    return ctx;
}

static SSL *new_end(SSL_CTX *ctx)
{
    SSL *ssl = SSL_new(ctx);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return ssl;
}

static void pass(SSL *from, SSL *to)
{
    char *data;
    long n = BIO_get_mem_data(SSL_get_wbio(from), &data);
    if (n > 0)
        BIO_write(SSL_get_rbio(to), data, (int)n);
    (void)BIO_reset(SSL_get_wbio(from));
}

static void shake_hands(void)
{
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(client);
        pass(client, server);
        SSL_do_handshake(server);
        pass(server, client);
    }
    ck_assert(SSL_is_init_finished(client) && SSL_is_init_finished(server));
}

static void begin(int kind)
{
    keys = (struct tls_keys){.version = kind < TLS_SUITES ? TLS_1_2 : TLS_1_3,
                             .suite = (uint8_t)(kind % TLS_SUITES)};
    contexts[0] = new_context(TLS_client_method());
    contexts[1] = new_context(TLS_server_method());
    certify(contexts[1]);
    SSL_CTX_set_num_tickets(contexts[1], 0);
    SSL_CTX_set_keylog_callback(contexts[1], take_line);
    client = new_end(contexts[0]);
    server = new_end(contexts[1]);
    shake_hands();
    record = malloc(tls_record_size(&keys));
    tls_record_init(record, &keys);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 31 + i / 251);
}

static void end(void)
{
    tls_record_finish(record);
    free(record);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(contexts[0]);
    SSL_CTX_free(contexts[1]);
    ERR_clear_error();
}

/* --- both sides --- */

/* The next record of what the client has said. */
static enum tls_what open_next(struct tls_opened *o)
{
    static uint8_t said[TLS_RECORD_MAX];
    size_t n;
    BIO *from = SSL_get_wbio(client);
    ck_assert_int_eq(BIO_read(from, said, TLS_HEADER_SIZE), TLS_HEADER_SIZE);
    ck_assert_int_eq(tls_record_measure(record, said, &n), TLS_ALERT_NONE);
    ck_assert_int_eq(BIO_read(from, said + TLS_HEADER_SIZE, (int)n - TLS_HEADER_SIZE),
                     (int)n - TLS_HEADER_SIZE);
    return tls_record_open(record, said, n, o);
}

static void check_client_reads(size_t n)
{
    static uint8_t got[TLS_TEXT_MAX];
    size_t len, at = 0, m;
    ck_assert_int_eq(tls_record_seal(record, text, n, sealed, &len), ERR_OK);
    BIO_write(SSL_get_rbio(client), sealed, (int)len);
    for (; at < n; at += m)
        ck_assert_int_eq(SSL_read_ex(client, got + at, n - at, &m), 1);
    ck_assert_mem_eq(got, text, n);
}

static void check_client_writes(size_t n)
{
    struct tls_opened o;
    size_t m;
    ck_assert_int_eq(SSL_write_ex(client, text, n, &m), 1);
    ck_assert_int_eq(open_next(&o), TLS_DATA);
    ck_assert_uint_eq(o.n, n);
    ck_assert_mem_eq(o.data, text, n);
}

static const size_t sizes[] = {1, 15, 16, 17, 128, 1000, TLS_TEXT_MAX - 1, TLS_TEXT_MAX};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

START_TEST(data_comes_and_goes)
{
    begin(_i);
    for (int i = 0; i < SIZES; i++) {
        check_client_writes(sizes[i]);
        check_client_reads(sizes[i]);
    }
    end();
}
END_TEST

/* Its part of the nonce under 1.2 is a number of its own. */
START_TEST(what_we_seal_is_what_openssl_seals)
{
    size_t len, m;
    char *theirs;
    begin(_i);
    for (int i = 0; i < SIZES && (keys.version == TLS_1_3 || keys.suite == TLS_CHACHA20_POLY1305);
         i++) {
        ck_assert_int_eq(SSL_write_ex(server, text, sizes[i], &m), 1);
        ck_assert_int_eq(tls_record_seal(record, text, sizes[i], sealed, &len), ERR_OK);
        ck_assert_int_eq(BIO_get_mem_data(SSL_get_wbio(server), &theirs), (long)len);
        ck_assert_mem_eq(sealed, theirs, len);
        (void)BIO_reset(SSL_get_wbio(server));
    }
    end();
}
END_TEST

START_TEST(padding_is_no_data)
{
    begin(TLS_SUITES + _i);
    SSL_set_block_padding(client, PADDED_TO);
    for (int i = 0; i < SIZES; i++)
        check_client_writes(sizes[i]);
    end();
}
END_TEST

START_TEST(keys_are_updated_on_both_sides)
{
    struct tls_opened o;
    begin(TLS_SUITES + _i);
    for (int i = 0; i < 6; i++) {
        int wish = i % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
        ck_assert_int_eq(SSL_key_update(client, wish), 1);
        ck_assert_int_eq(SSL_do_handshake(client), 1);
        ck_assert_int_eq(open_next(&o), TLS_NOTHING);
        ck_assert_int_eq(record->owes_update, i % 2);
        check_client_writes(100);
        check_client_reads(100);
        ck_assert(!record->owes_update);
    }
    end();
}
END_TEST

static void send_alert(enum tls_alert a)
{
    size_t n;
    ck_assert_int_eq(tls_record_seal_alert(record, a, sealed, &n), ERR_OK);
    BIO_write(SSL_get_rbio(client), sealed, (int)n);
}

START_TEST(both_end)
{
    struct tls_opened o;
    char byte;
    begin(_i);
    ck_assert_int_eq(SSL_shutdown(client), 0);
    ck_assert_int_eq(open_next(&o), TLS_ENDS);
    send_alert(TLS_ALERT_close_notify);
    ck_assert_int_eq(SSL_get_error(client, SSL_read(client, &byte, 1)), SSL_ERROR_ZERO_RETURN);
    ck_assert_int_eq(SSL_shutdown(client), 1);
    end();
}
END_TEST

START_TEST(a_fatal_alert_is_heard)
{
    char byte;
    begin(_i);
    send_alert(TLS_ALERT_bad_record_mac);
    ck_assert_int_eq(SSL_get_error(client, SSL_read(client, &byte, 1)), SSL_ERROR_SSL);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    end();
}
END_TEST

START_TEST(renegotiation_is_refused)
{
    struct tls_opened o;
    begin(_i);
    ck_assert_int_eq(SSL_renegotiate(client), 1);
    SSL_do_handshake(client);
    ck_assert_int_eq(open_next(&o), TLS_REPLIES);
    ck_assert_int_eq(o.alert, TLS_ALERT_no_renegotiation);
    send_alert(o.alert);
    ck_assert_int_eq(SSL_get_error(client, SSL_do_handshake(client)), SSL_ERROR_SSL);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_openssl");
    TCase *t = tcase_create("records");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, data_comes_and_goes, 0, KINDS);
    tcase_add_loop_test(t, what_we_seal_is_what_openssl_seals, 0, KINDS);
    tcase_add_loop_test(t, padding_is_no_data, 0, TLS_SUITES);
    tcase_add_loop_test(t, keys_are_updated_on_both_sides, 0, TLS_SUITES);
    tcase_add_loop_test(t, both_end, 0, KINDS);
    tcase_add_loop_test(t, a_fatal_alert_is_heard, 0, KINDS);
    tcase_add_loop_test(t, renegotiation_is_refused, 0, TLS_SUITES);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
