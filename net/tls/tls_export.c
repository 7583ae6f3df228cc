#include "net/tls/tls_export.h"

#include <string.h>

#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#include "base/aead.h"

static _Thread_local struct tls_export *current;

void tls_export_enter(struct tls_export *e)
{
    current = e;
}

struct tls_export *tls_export_current(void)
{
    return current;
}

void tls_export_wipe(struct tls_export *e)
{
    tls_keys_wipe(&e->keys);
    explicit_bzero(e->block, sizeof(e->block));
    e->told = false;
}

/* --- TLS 1.2 --- */

/* The key block (RFC 5246 section 6.3) of an AEAD suite: the client's key, ours, and the ivs. */
static void take_key_block(struct tls_export *e, const uint8_t *block, size_t key_len,
                           size_t iv_len)
{
    struct tls_keys *k = &e->keys;
    if (key_len > TLS_KEY_MAX || iv_len > TLS_IV_SIZE)
        return;
    memcpy(k->in.key, block, key_len);
    memcpy(k->out.key, block + key_len, key_len);
    memcpy(k->in.iv, block + 2 * key_len, iv_len);
    memcpy(k->out.iv, block + 2 * key_len + iv_len, iv_len);
    e->told = true;
}

static bool is_suite(const char *name, enum tls_suite *ret)
{
    if (strstr(name, "AES-128-GCM"))
        *ret = TLS_AES_128_GCM;
    else if (strstr(name, "AES-256-GCM"))
        *ret = TLS_AES_256_GCM;
    else if (strstr(name, "CHACHA20-POLY1305"))
        *ret = TLS_CHACHA20_POLY1305;
    else
        return false;
    return true;
}

#if MBEDTLS_VERSION_NUMBER < 0x03000000

static int on_keys(void *ctx, const unsigned char *master, const unsigned char *block,
                   size_t mac_len, size_t key_len, size_t iv_len,
                   const unsigned char client_random[32], const unsigned char server_random[32],
                   mbedtls_tls_prf_types prf)
{
    (void)ctx;
    (void)master;
    (void)client_random;
    (void)server_random;
    (void)prf;
    if (mac_len == 0)
        take_key_block(current, block, key_len, iv_len);
    return 0;
}

void tls_export_configure(struct mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_export_keys_ext_cb(conf, on_keys, NULL);
}

void tls_export_attach(struct tls_export *e, struct mbedtls_ssl_context *ssl)
{
    (void)e;
    (void)ssl;
}

static enum err complete(struct tls_export *e, const struct mbedtls_ssl_context *ssl, unsigned sent)
{
    (void)ssl;
    (void)sent;
    e->keys.version = TLS_1_2;
    e->keys.in.seq = e->keys.out.seq = 1; /* the Finished messages were 0 */
    return ERR_OK;
}

#else

/* Which suite it is going to be is not known yet: the block is so long that each finds its own in
 * it, and is cut when it is. */
static void take_master(struct tls_export *e, const unsigned char *master, size_t n,
                        const unsigned char *client_random, const unsigned char *server_random,
                        mbedtls_tls_prf_types prf)
{
    uint8_t seed[64];
    memcpy(seed, server_random, 32);
    memcpy(seed + 32, client_random, 32);
    e->told = mbedtls_ssl_tls_prf(prf, master, n, "key expansion", seed, sizeof(seed), e->block,
                                  sizeof(e->block)) == 0;
}

static void take_secret(struct tls_direction *d, struct tls_keys *k, const unsigned char *secret,
                        size_t n)
{
    if (n > TLS_SECRET_MAX)
        return;
    memcpy(d->secret, secret, n);
    k->secret_len = (uint8_t)n;
}

static void on_keys(void *ctx, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                    size_t n, const unsigned char client_random[32],
                    const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    struct tls_export *e = ctx;
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET)
        take_master(e, secret, n, client_random, server_random, prf);
    else if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET)
        take_secret(&e->keys.in, &e->keys, secret, n);
    else if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET)
        take_secret(&e->keys.out, &e->keys, secret, n);
}

void tls_export_configure(struct mbedtls_ssl_config *conf)
{
    (void)conf;
}

void tls_export_attach(struct tls_export *e, struct mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_set_export_keys_cb(ssl, on_keys, e);
}

static enum err expand(const struct tls_keys *k, struct tls_direction *d)
{
    size_t key_len = tls_key_len((enum tls_suite)k->suite);
    enum err e = aead_expand_label(d->secret, k->secret_len, "key", d->key, key_len);
    return e == ERR_OK ? aead_expand_label(d->secret, k->secret_len, "iv", d->iv, TLS_IV_SIZE) : e;
}

static enum err complete(struct tls_export *e, const struct mbedtls_ssl_context *ssl, unsigned sent)
{
    struct tls_keys *k = &e->keys;
    if (mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_2) {
        size_t key_len = tls_key_len((enum tls_suite)k->suite);
        take_key_block(e, e->block, key_len, k->suite == TLS_CHACHA20_POLY1305 ? TLS_IV_SIZE : 4);
        k->version = TLS_1_2;
        k->secret_len = 0;
        k->in.seq = k->out.seq = 1; /* the Finished messages were 0 */
        return ERR_OK;
    }
    e->told = k->secret_len > 0;
    k->version = TLS_1_3;
    k->in.seq = 0;
    k->out.seq = sent;
    enum err r = expand(k, &k->in);
    return r == ERR_OK ? expand(k, &k->out) : r;
}

#endif

enum err tls_export_finish(struct tls_export *e, const struct mbedtls_ssl_context *ssl,
                           unsigned sent)
{
    enum tls_suite suite;
    if (!is_suite(mbedtls_ssl_get_ciphersuite(ssl), &suite))
        return ERR_FORMAT;
    e->keys.suite = (uint8_t)suite;
    enum err r = complete(e, ssl, sent);
    return r == ERR_OK && !e->told ? ERR_FORMAT : r;
}
