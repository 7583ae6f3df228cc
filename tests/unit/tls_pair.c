#include "tests/unit/tls_pair.h"

#include <check.h>
#include <string.h>

#include <mbedtls/version.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

static const unsigned char psk[16] = "a shared secret", identity[] = "somebody";

/* --- bytes --- */

static int give(void *ctx, const unsigned char *data, size_t n)
{
    struct tls_end *e = ctx;
    buf_append(&e->out, data, n);
    return (int)n;
}

static int take(void *ctx, unsigned char *out, size_t n)
{
    struct tls_end *e = ctx;
    size_t m = n < e->in.len ? n : e->in.len;
    if (!m)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, e->in.data, m);
    buf_consume(&e->in, m);
    return (int)m;
}

static void pass(struct tls_end *from, struct tls_end *to)
{
    buf_append(&to->in, from->out.data, from->out.len);
    buf_clear(&from->out);
}

/* --- keys --- */

/* RFC 5246 section 6.3, without keys for MACs. */
static void take_block(struct tls_keys *k, const unsigned char *block, size_t key_len,
                       size_t iv_len)
{
    memcpy(k->in.key, block, key_len);
    memcpy(k->out.key, block + key_len, key_len);
    memcpy(k->in.iv, block + 2 * key_len, iv_len);
    memcpy(k->out.iv, block + 2 * key_len + iv_len, iv_len);
    k->in.seq = k->out.seq = 1; /* behind Finished */
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

static void take_secret(struct tls_keys *k, struct tls_direction *d, const unsigned char *secret,
                        size_t n)
{
    k->secret_len = (uint8_t)n;
    memcpy(d->secret, secret, n);
    ck_assert_int_eq(tls_direction_derive(d, k->suite, n), ERR_OK);
}

static void export(void *ctx, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                   size_t n, const unsigned char client[32], const unsigned char server[32],
                   mbedtls_tls_prf_types prf)
{
    struct tls_keys *k = ctx;
    size_t key_len = tls_key_len(k->suite), iv_len = k->suite == TLS_CHACHA20_POLY1305 ? 12 : 4;
    unsigned char randoms[64], block[2 * (TLS_KEY_MAX + TLS_IV_SIZE)];
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET)
        take_secret(k, &k->in, secret, n);
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET)
        take_secret(k, &k->out, secret, n);
    if (type != MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET)
        return;
    memcpy(randoms, server, 32);
    memcpy(randoms + 32, client, 32);
    ck_assert_int_eq(mbedtls_ssl_tls_prf(prf, secret, n, "key expansion", randoms, 64, block,
                                         2 * (key_len + iv_len)),
                     0);
    take_block(k, block, key_len, iv_len);
}

static void ask_for_keys(struct tls_pair *p)
{
    mbedtls_ssl_set_export_keys_cb(&p->server.ssl, export, &p->keys);
}

static void set_version(mbedtls_ssl_config *c, enum tls_version v)
{
    mbedtls_ssl_protocol_version to = (mbedtls_ssl_protocol_version)v;
    ck_assert_int_eq(psa_crypto_init(), PSA_SUCCESS);
    mbedtls_ssl_conf_min_tls_version(c, to);
    mbedtls_ssl_conf_max_tls_version(c, to);
#ifdef MBEDTLS_SSL_PROTO_TLS1_3
    mbedtls_ssl_conf_tls13_key_exchange_modes(c, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK);
#endif
}

#else

static int export(void *ctx, const unsigned char *master, const unsigned char *block,
                  size_t mac_len, size_t key_len, size_t iv_len, const unsigned char client[32],
                  const unsigned char server[32], mbedtls_tls_prf_types prf)
{
    struct tls_keys *k = ctx;
    (void)master;
    (void)client;
    (void)server;
    (void)prf;
    ck_assert_uint_eq(mac_len, 0);
    ck_assert_uint_eq(key_len, tls_key_len(k->suite));
    take_block(k, block, key_len, iv_len);
    return 0;
}

static void ask_for_keys(struct tls_pair *p)
{
    mbedtls_ssl_conf_export_keys_ext_cb(&p->server.config, export, &p->keys);
}

static void set_version(mbedtls_ssl_config *c, enum tls_version v)
{
    ck_assert_int_eq(v, TLS_1_2);
    mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}

#endif

/* --- the handshake --- */

/* Lists end with a zero, and stay where they are. */
static const int *suites_of(enum tls_version v, enum tls_suite s)
{
    static const int old[TLS_SUITES][2] = {
        [TLS_AES_128_GCM] = {MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256},
        [TLS_AES_256_GCM] = {MBEDTLS_TLS_PSK_WITH_AES_256_GCM_SHA384},
        [TLS_CHACHA20_POLY1305] = {MBEDTLS_TLS_PSK_WITH_CHACHA20_POLY1305_SHA256},
    };
    static const int new[TLS_SUITES][2] = {{0x1301}, {0x1302}, {0x1303}};
    return v == TLS_1_3 ? new[s] : old[s];
}

static void open_end(struct tls_pair *p, struct tls_end *e, int side, enum tls_version v,
                     enum tls_suite s)
{
    mbedtls_ssl_config_init(&e->config);
    mbedtls_ssl_init(&e->ssl);
    ck_assert_int_eq(mbedtls_ssl_config_defaults(&e->config, side, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    set_version(&e->config, v);
    mbedtls_ssl_conf_rng(&e->config, mbedtls_ctr_drbg_random, &p->random);
    mbedtls_ssl_conf_ciphersuites(&e->config, suites_of(v, s));
    ck_assert_int_eq(
        mbedtls_ssl_conf_psk(&e->config, psk, sizeof(psk), identity, sizeof(identity) - 1), 0);
}

static void connect_ends(struct tls_pair *p)
{
    int client = 1, server = 1;
    for (int i = 0; i < 100 && (client || server); i++) {
        client = client ? mbedtls_ssl_handshake(&p->client.ssl) : 0;
        pass(&p->client, &p->server);
        server = server ? mbedtls_ssl_handshake(&p->server.ssl) : 0;
        pass(&p->server, &p->client);
    }
    ck_assert_int_eq(client, 0);
    ck_assert_int_eq(server, 0);
}

void tls_pair_open(struct tls_pair *p, enum tls_version v, enum tls_suite s)
{
    memset(p, 0, sizeof(*p));
    p->keys = (struct tls_keys){.version = (uint16_t)v, .suite = (uint8_t)s};
    mbedtls_entropy_init(&p->entropy);
    mbedtls_ctr_drbg_init(&p->random);
    ck_assert_int_eq(mbedtls_ctr_drbg_seed(&p->random, mbedtls_entropy_func, &p->entropy, NULL, 0),
                     0);
    open_end(p, &p->client, MBEDTLS_SSL_IS_CLIENT, v, s);
    open_end(p, &p->server, MBEDTLS_SSL_IS_SERVER, v, s);
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    ask_for_keys(p);
#endif
    ck_assert_int_eq(mbedtls_ssl_setup(&p->client.ssl, &p->client.config), 0);
    ck_assert_int_eq(mbedtls_ssl_setup(&p->server.ssl, &p->server.config), 0);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    ask_for_keys(p);
#endif
    mbedtls_ssl_set_bio(&p->client.ssl, &p->client, give, take, NULL);
    mbedtls_ssl_set_bio(&p->server.ssl, &p->server, give, take, NULL);
    connect_ends(p);
}

static void close_end(struct tls_end *e)
{
    mbedtls_ssl_free(&e->ssl);
    mbedtls_ssl_config_free(&e->config);
    buf_finish(&e->in);
    buf_finish(&e->out);
}

void tls_pair_close(struct tls_pair *p)
{
    close_end(&p->client);
    close_end(&p->server);
    mbedtls_ctr_drbg_free(&p->random);
    mbedtls_entropy_free(&p->entropy);
}
