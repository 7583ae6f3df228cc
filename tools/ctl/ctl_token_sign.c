#include "tools/ctl/ctl_token_sign.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/asn1.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

#include "access/key.h"

enum { SIGNATURE_MAX = 1024 };

/* mbedTLS's f_rng. */
static int random_bytes(void *ctx, unsigned char *out, size_t n)
{
    (void)ctx;
    for (size_t got = 0; got < n;) {
        ssize_t m = getrandom(out + got, n - got, 0);
        if (m < 0)
            return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
        got += (size_t)m;
    }
    return 0;
}

/* --- what differs between mbedTLS 2.28 and 3.6 --- */

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

static int parse(mbedtls_pk_context *pk, const unsigned char *text, size_t n)
{
    return mbedtls_pk_parse_key(pk, text, n, NULL, 0, random_bytes, NULL);
}

static int sign(mbedtls_pk_context *pk, mbedtls_md_type_t type, const unsigned char *hash,
                size_t hash_n, unsigned char *out, size_t *ret_n)
{
    return mbedtls_pk_sign(pk, type, hash, hash_n, out, SIGNATURE_MAX, ret_n, random_bytes, NULL);
}

#else

static int parse(mbedtls_pk_context *pk, const unsigned char *text, size_t n)
{
    return mbedtls_pk_parse_key(pk, text, n, NULL, 0);
}

static int sign(mbedtls_pk_context *pk, mbedtls_md_type_t type, const unsigned char *hash,
                size_t hash_n, unsigned char *out, size_t *ret_n)
{
    return mbedtls_pk_sign(pk, type, hash, hash_n, out, ret_n, random_bytes, NULL);
}

#endif

/* --- what a file holds --- */

static bool is_pem(const char *text, size_t n)
{
    return memmem(text, n, "-----BEGIN", 10) != NULL;
}

static size_t secret_len(const char *text, size_t n)
{
    if (n > 0 && text[n - 1] == '\n')
        n--;
    return n > 0 && text[n - 1] == '\r' ? n - 1 : n;
}

/* Finish it, whatever comes of it. */
static bool read_private(mbedtls_pk_context *pk, const char *text, size_t n)
{
    mbedtls_pk_init(pk);
    return parse(pk, (const unsigned char *)text, n + 1) == 0;
}

static enum algorithm algorithm_of(const mbedtls_pk_context *pk)
{
    if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA)
        return ALGORITHM_RS256;
    if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY)
        return ALGORITHMS;
    switch (mbedtls_pk_get_bitlen(pk)) {
    case 256:
        return ALGORITHM_ES256;
    case 384:
        return ALGORITHM_ES384;
    default:
        return ALGORITHMS;
    }
}

enum algorithm ctl_token_algorithm(const char *text, size_t n)
{
    mbedtls_pk_context pk;
    if (!is_pem(text, n))
        return secret_len(text, n) >= KEY_SECRET_MIN ? ALGORITHM_HS256 : ALGORITHMS;
    enum algorithm a = read_private(&pk, text, n) ? algorithm_of(&pk) : ALGORITHMS;
    mbedtls_pk_free(&pk);
    return a;
}

/* --- signing --- */

static mbedtls_md_type_t hash_of(enum algorithm a)
{
    unsigned bits = algorithm_bits(a);
    return bits == 256 ? MBEDTLS_MD_SHA256 : bits == 384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA512;
}

static enum err sign_secret(const char *text, size_t n, const mbedtls_md_info_t *hash,
                            const char *signed_text, size_t signed_n, struct buf *out)
{
    unsigned char mac[MBEDTLS_MD_MAX_SIZE];
    if (mbedtls_md_hmac(hash, (const unsigned char *)text, secret_len(text, n),
                        (const unsigned char *)signed_text, signed_n, mac) != 0)
        return ERR_NOMEM;
    buf_append(out, mac, mbedtls_md_get_size(hash));
    return out->failed ? ERR_NOMEM : ERR_OK;
}

/* Appends a number of a DER signature, N bytes long; false: there is none at *P. */
static bool put_number(unsigned char **p, const unsigned char *end, size_t n, struct buf *out)
{
    size_t len;
    if (mbedtls_asn1_get_tag(p, end, &len, MBEDTLS_ASN1_INTEGER) != 0)
        return false;
    for (; len > n && **p == 0; len--)
        (*p)++;
    if (len > n)
        return false;
    for (size_t zeros = n - len; zeros > 0; zeros--)
        buf_putc(out, '\0');
    buf_append(out, *p, len);
    *p += len;
    return true;
}

/* DER to r and s behind each other (RFC 7518 section 3.4). */
static bool put_pair(unsigned char *der, size_t der_n, size_t n, struct buf *out)
{
    unsigned char *p = der, *end = der + der_n;
    size_t len;
    return mbedtls_asn1_get_tag(&p, end, &len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) ==
               0 &&
           put_number(&p, end, n, out) && put_number(&p, end, n, out);
}

static bool is_pss(enum algorithm a)
{
    return a == ALGORITHM_PS256 || a == ALGORITHM_PS384 || a == ALGORITHM_PS512;
}

static enum err sign_private(mbedtls_pk_context *pk, enum algorithm a, const unsigned char *hash,
                             struct buf *out)
{
    unsigned char bytes[SIGNATURE_MAX];
    size_t n, number = algorithm_bits(a) / 8;
    if (algorithm_of(pk) == ALGORITHMS || algorithm_kind(algorithm_of(pk)) != algorithm_kind(a))
        return ERR_INVALID;
    if (is_pss(a))
        mbedtls_rsa_set_padding(mbedtls_pk_rsa(*pk), MBEDTLS_RSA_PKCS_V21, hash_of(a));
    if (sign(pk, hash_of(a), hash, number, bytes, &n) != 0)
        return ERR_INVALID;
    if (algorithm_kind(a) == KEY_RSA)
        buf_append(out, bytes, n);
    else if (!put_pair(bytes, n, number, out))
        return ERR_INVALID;
    return out->failed ? ERR_NOMEM : ERR_OK;
}

enum err ctl_token_sign(const char *text, size_t n, enum algorithm a, const char *signed_text,
                        size_t signed_n, struct buf *out)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(hash_of(a));
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    mbedtls_pk_context pk;
    if (!info)
        return ERR_INVALID;
    if (!is_pem(text, n))
        return algorithm_kind(a) == KEY_SECRET
                   ? sign_secret(text, n, info, signed_text, signed_n, out)
                   : ERR_INVALID;
    enum err e = ERR_INVALID;
    if (read_private(&pk, text, n) &&
        mbedtls_md(info, (const unsigned char *)signed_text, signed_n, hash) == 0)
        e = sign_private(&pk, a, hash, out);
    mbedtls_pk_free(&pk);
    return e;
}
