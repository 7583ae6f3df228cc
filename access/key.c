#include "access/key.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/constant_time.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

struct key {
    char *kid;
    enum key_kind kind;
    unsigned algorithms; /* bits */
    struct {
        unsigned char *bytes;
        size_t n;
    } secret;
};

/* --- making --- */

static struct key *create(const char *kid, enum key_kind kind)
{
    struct key *k = calloc(1, sizeof(*k));
    char *copy = strdup(kid);
    if (!k || !copy) {
        free(k);
        free(copy);
        return NULL;
    }
    k->kid = copy;
    k->kind = kind;
    k->algorithms = algorithms_of(kind);
    return k;
}

enum err key_create_secret(const char *kid, const void *bytes, size_t n, struct key **ret)
{
    if (n < KEY_SECRET_MIN || n > KEY_SECRET_MAX)
        return ERR_LIMIT;
    struct key *k = create(kid, KEY_SECRET);
    unsigned char *copy = k ? malloc(n) : NULL;
    if (!copy) {
        key_destroy(k);
        return ERR_NOMEM;
    }
    memcpy(copy, bytes, n);
    k->secret.bytes = copy;
    k->secret.n = n;
    *ret = k;
    return ERR_OK;
}

void key_destroy(struct key *k)
{
    if (!k)
        return;
    if (k->secret.bytes)
        mbedtls_platform_zeroize(k->secret.bytes, k->secret.n);
    free(k->secret.bytes);
    free(k->kid);
    free(k);
}

/* --- what it is --- */

const char *key_kid(const struct key *k)
{
    return k->kid;
}

enum key_kind key_kind(const struct key *k)
{
    return k->kind;
}

bool key_is_costly(const struct key *k)
{
    return k->kind != KEY_SECRET;
}

bool key_restrict(struct key *k, unsigned algorithms)
{
    if (!algorithms || (algorithms & ~k->algorithms))
        return false;
    k->algorithms = algorithms;
    return true;
}

bool key_bears(const struct key *k, enum algorithm a)
{
    return k->algorithms & 1u << a;
}

/* --- verifying --- */

static mbedtls_md_type_t hash_of(enum algorithm a)
{
    switch (algorithm_bits(a)) {
    case 256:
        return MBEDTLS_MD_SHA256;
    case 384:
        return MBEDTLS_MD_SHA384;
    default:
        return MBEDTLS_MD_SHA512;
    }
}

static bool verify_secret(const struct key *k, const mbedtls_md_info_t *hash, const void *text,
                          size_t n, const unsigned char *signature, size_t signature_n)
{
    unsigned char mac[MBEDTLS_MD_MAX_SIZE];
    return signature_n == mbedtls_md_get_size(hash) &&
           mbedtls_md_hmac(hash, k->secret.bytes, k->secret.n, text, n, mac) == 0 &&
           mbedtls_ct_memcmp(mac, signature, signature_n) == 0;
}

bool key_verify(const struct key *k, enum algorithm a, const void *text, size_t n,
                const unsigned char *signature, size_t signature_n)
{
    const mbedtls_md_info_t *hash = mbedtls_md_info_from_type(hash_of(a));
    if (!hash || !key_bears(k, a))
        return false;
    return verify_secret(k, hash, text, n, signature, signature_n);
}
