#include "base/crypto.h"

#include <stdbool.h>
#include <string.h>

#include <mbedtls/aes.h>
#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

enum err crypto_sha1(const void *data, size_t n, unsigned char *out)
{
    /* The function that returns an int lost its suffix in 3.0. */
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_sha1(data, n, out) == 0 ? ERR_OK : ERR_NOMEM;
#else
    return mbedtls_sha1_ret(data, n, out) == 0 ? ERR_OK : ERR_NOMEM;
#endif
}

enum err crypto_sha256(const void *data, size_t n, unsigned char *out)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_sha256(data, n, out, 0) == 0 ? ERR_OK : ERR_NOMEM;
#else
    return mbedtls_sha256_ret(data, n, out, 0) == 0 ? ERR_OK : ERR_NOMEM;
#endif
}

enum err crypto_hmac_sha256(const void *key, size_t key_n, const void *data, size_t n,
                            unsigned char *out)
{
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    return mbedtls_md_hmac(sha256, key, key_n, data, n, out) == 0 ? ERR_OK : ERR_NOMEM;
}

enum err crypto_seal(const unsigned char *key, const unsigned char *in, unsigned char *out)
{
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    bool done = mbedtls_aes_setkey_enc(&aes, key, 8 * CRYPTO_BLOCK_SIZE) == 0 &&
                mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, in, out) == 0;
    mbedtls_aes_free(&aes);
    return done ? ERR_OK : ERR_NOMEM;
}

enum err crypto_unseal(const unsigned char *key, const unsigned char *in, unsigned char *out)
{
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    bool done = mbedtls_aes_setkey_dec(&aes, key, 8 * CRYPTO_BLOCK_SIZE) == 0 &&
                mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_DECRYPT, in, out) == 0;
    mbedtls_aes_free(&aes);
    return done ? ERR_OK : ERR_NOMEM;
}

size_t crypto_base64_len(size_t n)
{
    return (n + 2) / 3 * 4;
}

void crypto_base64_append(struct buf *out, const void *data, size_t n)
{
    size_t room = crypto_base64_len(n) + 1, used; /* mbedTLS adds a NUL */
    char *to = buf_reserve(out, room);
    if (!to)
        return;
    if (mbedtls_base64_encode((unsigned char *)to, room, &used, data, n) == 0)
        out->len += used;
    else
        out->failed = true;
}

enum err crypto_base64_decode(struct buf *out, const char *text, size_t n)
{
    size_t used;
    /* mbedTLS skips line ends, and accepts a last group that is not padded to four. */
    if (n % 4 != 0 ||
        (n && (memchr(text, '\n', n) || memchr(text, '\r', n) || memchr(text, ' ', n))))
        return ERR_INVALID;
    char *to = buf_reserve(out, n / 4 * 3 + 1);
    if (!to)
        return ERR_NOMEM;
    if (mbedtls_base64_decode((unsigned char *)to, n / 4 * 3 + 1, &used,
                              (const unsigned char *)text, n) != 0)
        return ERR_INVALID;
    out->len += used;
    return ERR_OK;
}
