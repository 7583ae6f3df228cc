#include "base/aead.h"

#include <stdbool.h>
#include <string.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>

size_t aead_key_size(enum aead_algorithm a)
{
    return a == AEAD_AES_128_GCM ? 16 : 32;
}

/* --- AES-GCM --- */

static int set_gcm(mbedtls_gcm_context *gcm, const struct aead *a)
{
    mbedtls_gcm_init(gcm);
    return mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, a->key,
                              8 * (unsigned)aead_key_size(a->algorithm));
}

static bool seal_gcm(const struct aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
    mbedtls_gcm_context gcm;
    int e = set_gcm(&gcm, a);
    if (e == 0)
        e = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, n, a->nonce, AEAD_NONCE_SIZE,
                                      a->ad, a->ad_len, in, out, AEAD_TAG_SIZE, out + n);
    mbedtls_gcm_free(&gcm);
    return e == 0;
}

static enum err open_gcm(const struct aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
    mbedtls_gcm_context gcm;
    int e = set_gcm(&gcm, a);
    if (e == 0)
        e = mbedtls_gcm_auth_decrypt(&gcm, n, a->nonce, AEAD_NONCE_SIZE, a->ad, a->ad_len, in + n,
                                     AEAD_TAG_SIZE, in, out);
    mbedtls_gcm_free(&gcm);
    if (e == MBEDTLS_ERR_GCM_AUTH_FAILED)
        return ERR_CORRUPT;
    return e == 0 ? ERR_OK : ERR_NOMEM;
}

/* --- ChaCha20-Poly1305 --- */

static bool seal_chacha(const struct aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
    mbedtls_chachapoly_context c;
    mbedtls_chachapoly_init(&c);
    int e = mbedtls_chachapoly_setkey(&c, a->key);
    if (e == 0)
        e = mbedtls_chachapoly_encrypt_and_tag(&c, n, a->nonce, a->ad, a->ad_len, in, out, out + n);
    mbedtls_chachapoly_free(&c);
    return e == 0;
}

static enum err open_chacha(const struct aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
    mbedtls_chachapoly_context c;
    mbedtls_chachapoly_init(&c);
    int e = mbedtls_chachapoly_setkey(&c, a->key);
    if (e == 0)
        e = mbedtls_chachapoly_auth_decrypt(&c, n, a->nonce, a->ad, a->ad_len, in + n, in, out);
    mbedtls_chachapoly_free(&c);
    if (e == MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED)
        return ERR_CORRUPT;
    return e == 0 ? ERR_OK : ERR_NOMEM;
}

/* --- both --- */

enum err aead_seal(const struct aead *a, const void *in, size_t n, void *out)
{
    bool chacha = a->algorithm == AEAD_CHACHA20_POLY1305;
    return (chacha ? seal_chacha : seal_gcm)(a, in, n, out) ? ERR_OK : ERR_NOMEM;
}

enum err aead_open(const struct aead *a, const void *in, size_t n, void *out)
{
    bool chacha = a->algorithm == AEAD_CHACHA20_POLY1305;
    if (n < AEAD_TAG_SIZE)
        return ERR_CORRUPT;
    return (chacha ? open_chacha : open_gcm)(a, in, n - AEAD_TAG_SIZE, out);
}

/* --- keys from secrets --- */

enum { LABEL_MAX = 12, INFO_MAX = 2 + 1 + 6 + LABEL_MAX + 1 };

enum err aead_expand_label(const uint8_t *secret, size_t secret_len, const char *label,
                           uint8_t *out, size_t n)
{
    static const char prefix[] = "tls13 ";
    uint8_t info[INFO_MAX], *p = info;
    size_t len = strnlen(label, LABEL_MAX);
    mbedtls_md_type_t hash = secret_len == 48 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256;
    *p++ = 0;
    *p++ = (uint8_t)n;
    *p++ = (uint8_t)(sizeof(prefix) - 1 + len);
    p = (uint8_t *)memcpy(p, prefix, sizeof(prefix) - 1) + sizeof(prefix) - 1;
    p = (uint8_t *)memcpy(p, label, len) + len;
    *p++ = 0; /* no context */
    int e = mbedtls_hkdf_expand(mbedtls_md_info_from_type(hash), secret, secret_len, info,
                                (size_t)(p - info), out, n);
    return e == 0 ? ERR_OK : ERR_NOMEM;
}
