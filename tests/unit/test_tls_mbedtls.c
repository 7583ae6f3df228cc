/* Our records against those of mbedTLS: with the same keys and data, the same bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/version.h>

#include "net/tls/tls_record.h"
#include "tests/unit/tls_pair.h"

/* 2.28 has no TLS 1.3. */
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 &&                                                        \
    defined(MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED)
enum { KINDS = 2 * TLS_SUITES };
#else
enum { KINDS = TLS_SUITES };
#endif

static struct tls_pair pair;
static struct tls_record *record; /* in the place of the server's */
static uint8_t text[TLS_TEXT_MAX], sealed[TLS_SEALED_MAX];

/* Under 1.3 a secret that both know beforehand goes with SHA-256. */
static bool is_spoken(int kind)
{
    return kind != TLS_SUITES + TLS_AES_256_GCM;
}

static void begin(int kind)
{
    tls_pair_open(&pair, kind < TLS_SUITES ? TLS_1_2 : TLS_1_3,
                  (enum tls_suite)(kind % TLS_SUITES));
    record = malloc(tls_record_size(&pair.keys));
    tls_record_init(record, &pair.keys);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 31 + i / 251);
}

static void end(void)
{
    tls_record_finish(record);
    free(record);
    tls_pair_close(&pair);
}

static const size_t sizes[] = {1, 2, 15, 16, 17, 127, 128, 1000, TLS_TEXT_MAX - 1, TLS_TEXT_MAX};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* What the server has sealed is what we have. Under 1.3 mbedTLS pads data and its type to whole
 * blocks of 16 bytes, which we do not. */
static void check_same(size_t n, size_t sealed_len)
{
    if (pair.keys.version == TLS_1_2 || (n + 1) % 16 == 0) {
        ck_assert_uint_eq(sealed_len, pair.server.out.len);
        ck_assert_mem_eq(sealed, pair.server.out.data, sealed_len);
    }
    buf_clear(&pair.server.out);
}

/* Under 1.3 mbedTLS seals no more at once than what leaves room for the type. */
static bool is_sealed_at_once(size_t n)
{
    return n <= (size_t)mbedtls_ssl_get_max_out_record_payload(&pair.server.ssl);
}

static void mbedtls_seals(struct tls_end *e, size_t n)
{
    ck_assert_int_eq(mbedtls_ssl_write(&e->ssl, text, n), (int)n);
}

/* The client reads what we have sealed. */
static void check_client_reads(size_t n, size_t sealed_len)
{
    static uint8_t got[TLS_TEXT_MAX];
    buf_append(&pair.client.in, sealed, sealed_len);
    for (size_t at = 0; at < n;) {
        int r = mbedtls_ssl_read(&pair.client.ssl, got + at, n - at);
        ck_assert_int_gt(r, 0);
        at += (size_t)r;
    }
    ck_assert_mem_eq(got, text, n);
}

START_TEST(what_we_seal_is_what_mbedtls_seals)
{
    size_t len;
    if (!is_spoken(_i))
        return;
    begin(_i);
    for (int i = 0; i < SIZES; i++) {
        ck_assert_int_eq(tls_record_seal(record, text, sizes[i], sealed, &len), ERR_OK);
        if (is_sealed_at_once(sizes[i])) {
            mbedtls_seals(&pair.server, sizes[i]);
            check_same(sizes[i], len);
        }
        check_client_reads(sizes[i], len);
    }
    end();
}
END_TEST

static enum tls_what open_what_client_said(struct tls_opened *o)
{
    size_t n;
    uint8_t *said = (uint8_t *)pair.client.out.data;
    ck_assert_int_eq(tls_record_measure(record, said, &n), TLS_ALERT_NONE);
    ck_assert_uint_eq(n, pair.client.out.len);
    return tls_record_open(record, said, n, o);
}

START_TEST(what_mbedtls_seals_we_open)
{
    struct tls_opened o;
    if (!is_spoken(_i))
        return;
    begin(_i);
    for (int i = 0; i < SIZES && is_sealed_at_once(sizes[i]); i++) {
        mbedtls_seals(&pair.client, sizes[i]);
        ck_assert_int_eq(open_what_client_said(&o), TLS_DATA);
        ck_assert_uint_eq(o.n, sizes[i]);
        ck_assert_mem_eq(o.data, text, o.n);
        buf_clear(&pair.client.out);
    }
    end();
}
END_TEST

START_TEST(both_end_alike)
{
    struct tls_opened o;
    size_t len;
    if (!is_spoken(_i))
        return;
    begin(_i);
    ck_assert_int_eq(mbedtls_ssl_close_notify(&pair.client.ssl), 0);
    ck_assert_int_eq(open_what_client_said(&o), TLS_ENDS);
    ck_assert_int_eq(mbedtls_ssl_close_notify(&pair.server.ssl), 0);
    ck_assert_int_eq(tls_record_seal_alert(record, TLS_ALERT_close_notify, sealed, &len), ERR_OK);
    check_same(TLS_ALERT_SIZE, len);
    buf_append(&pair.client.in, sealed, len);
    ck_assert_int_eq(mbedtls_ssl_read(&pair.client.ssl, text, 1),
                     MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
    end();
}
END_TEST

START_TEST(a_fatal_alert_is_heard)
{
    size_t len;
    if (!is_spoken(_i))
        return;
    begin(_i);
    ck_assert_int_eq(tls_record_seal_alert(record, TLS_ALERT_bad_record_mac, sealed, &len), ERR_OK);
    buf_append(&pair.client.in, sealed, len);
    ck_assert_int_eq(mbedtls_ssl_read(&pair.client.ssl, text, 1),
                     MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_mbedtls");
    TCase *t = tcase_create("records");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, what_we_seal_is_what_mbedtls_seals, 0, KINDS);
    tcase_add_loop_test(t, what_mbedtls_seals_we_open, 0, KINDS);
    tcase_add_loop_test(t, both_end_alike, 0, KINDS);
    tcase_add_loop_test(t, a_fatal_alert_is_heard, 0, KINDS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
