#include "access/key.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/constant_time.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

struct key {
    char *kid;
    enum key_kind kind;
    unsigned algorithms; /* bits */
    struct {
        unsigned char *bytes;
        size_t n;
    } secret;
    mbedtls_rsa_context *rsa; /* KEY_RSA */
    mbedtls_ecp_group *group; /* KEY_P256, KEY_P384 */
    mbedtls_ecp_point *point;
};

enum {
    EC_BYTES_MAX = 48,      /* of a coordinate */
    EXPONENT_BYTES_MAX = 8, /* larger ones are of no use, and slow */
};

/* --- what differs between mbedTLS 2.28 and 3.6 --- */

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

static void init_rsa(mbedtls_rsa_context *rsa)
{
    mbedtls_rsa_init(rsa);
}

/* Nothing random is needed: what is encrypted is refused, and nothing is checked by chance. */
static int no_random(void *ctx, unsigned char *out, size_t n)
{
    (void)ctx;
    memset(out, 1, n);
    return 0;
}

static int parse_private(mbedtls_pk_context *pk, const unsigned char *text, size_t n)
{
    return mbedtls_pk_parse_key(pk, text, n, NULL, 0, no_random, NULL);
}

static int verify_pkcs1(mbedtls_rsa_context *rsa, mbedtls_md_type_t type, unsigned hash_n,
                        const unsigned char *hash, const unsigned char *signature)
{
    return mbedtls_rsa_rsassa_pkcs1_v15_verify(rsa, type, hash_n, hash, signature);
}

static int verify_pss(mbedtls_rsa_context *rsa, mbedtls_md_type_t type, unsigned hash_n,
                      const unsigned char *hash, const unsigned char *signature)
{
    return mbedtls_rsa_rsassa_pss_verify_ext(rsa, type, hash_n, hash, type, (int)hash_n, signature);
}

#else

#define MBEDTLS_PRIVATE(member) member

static void init_rsa(mbedtls_rsa_context *rsa)
{
    mbedtls_rsa_init(rsa, MBEDTLS_RSA_PKCS_V15, 0);
}

static int parse_private(mbedtls_pk_context *pk, const unsigned char *text, size_t n)
{
    return mbedtls_pk_parse_key(pk, text, n, NULL, 0);
}

static int verify_pkcs1(mbedtls_rsa_context *rsa, mbedtls_md_type_t type, unsigned hash_n,
                        const unsigned char *hash, const unsigned char *signature)
{
    return mbedtls_rsa_rsassa_pkcs1_v15_verify(rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, type, hash_n,
                                               hash, signature);
}

static int verify_pss(mbedtls_rsa_context *rsa, mbedtls_md_type_t type, unsigned hash_n,
                      const unsigned char *hash, const unsigned char *signature)
{
    return mbedtls_rsa_rsassa_pss_verify_ext(rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, type, hash_n,
                                             hash, type, (int)hash_n, signature);
}

#endif

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

static bool verify_secret(const struct key *k, enum algorithm a, const void *text, size_t n,
                          const unsigned char *signature, size_t signature_n)
{
    const mbedtls_md_info_t *hash = mbedtls_md_info_from_type(hash_of(a));
    unsigned char mac[MBEDTLS_MD_MAX_SIZE];
    return hash && signature_n == mbedtls_md_get_size(hash) &&
           mbedtls_md_hmac(hash, k->secret.bytes, k->secret.n, text, n, mac) == 0 &&
           mbedtls_ct_memcmp(mac, signature, signature_n) == 0;
}

/* HASH has the bytes that the algorithm's has. */
static bool verify_rsa(const struct key *k, enum algorithm a, const unsigned char *hash,
                       const unsigned char *signature, size_t signature_n)
{
    bool pss = a == ALGORITHM_PS256 || a == ALGORITHM_PS384 || a == ALGORITHM_PS512;
    unsigned hash_n = algorithm_bits(a) / 8;
    return signature_n == mbedtls_rsa_get_len(k->rsa) &&
           (pss ? verify_pss(k->rsa, hash_of(a), hash_n, hash, signature)
                : verify_pkcs1(k->rsa, hash_of(a), hash_n, hash, signature)) == 0;
}

static size_t number_bytes(enum key_kind kind)
{
    return kind == KEY_P256 ? 32 : EC_BYTES_MAX;
}

/* r and s behind each other (RFC 7518 section 3.4); mbedTLS refuses those that are 0 or too large.
 */
static bool verify_ec(const struct key *k, const unsigned char *hash,
                      const unsigned char *signature, size_t signature_n)
{
    size_t n = number_bytes(k->kind);
    if (signature_n != 2 * n)
        return false;
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    bool good = mbedtls_mpi_read_binary(&r, signature, n) == 0 &&
                mbedtls_mpi_read_binary(&s, signature + n, n) == 0 &&
                mbedtls_ecdsa_verify(k->group, hash, n, k->point, &r, &s) == 0;
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return good;
}

bool key_verify(const struct key *k, enum algorithm a, const void *text, size_t n,
                const unsigned char *signature, size_t signature_n)
{
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    if (!key_bears(k, a))
        return false;
    if (k->kind == KEY_SECRET)
        return verify_secret(k, a, text, n, signature, signature_n);
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(hash_of(a));
    if (!info || mbedtls_md(info, text, n, hash) != 0)
        return false;
    return k->kind == KEY_RSA ? verify_rsa(k, a, hash, signature, signature_n)
                              : verify_ec(k, hash, signature, signature_n);
}

/* mbedTLS keeps what it needs for all signatures of a key where it verifies the first; from then on
 * threads do not change what they share. */
static void use_once(struct key *k)
{
    unsigned char one[KEY_SIGNATURE_MAX] = {0}, hash[EC_BYTES_MAX] = {1};
    if (k->kind == KEY_RSA) {
        size_t n = mbedtls_rsa_get_len(k->rsa);
        one[n - 1] = 2;
        verify_rsa(k, ALGORITHM_RS256, hash, one, n);
    } else if (k->kind != KEY_SECRET) {
        size_t n = number_bytes(k->kind);
        one[n - 1] = one[2 * n - 1] = 1;
        verify_ec(k, hash, one, 2 * n);
    }
}

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

static enum err import_rsa(mbedtls_rsa_context *rsa, const unsigned char *modulus, size_t modulus_n,
                           const unsigned char *exponent, size_t exponent_n)
{
    if (modulus_n == 0 || modulus_n > KEY_RSA_BITS_MAX / 8)
        return ERR_LIMIT;
    if (exponent_n == 0 || exponent_n > EXPONENT_BYTES_MAX ||
        mbedtls_rsa_import_raw(rsa, modulus, modulus_n, NULL, 0, NULL, 0, NULL, 0, exponent,
                               exponent_n) != 0 ||
        mbedtls_rsa_complete(rsa) != 0)
        return ERR_INVALID;
    if (mbedtls_rsa_get_len(rsa) < KEY_RSA_BITS_MIN / 8)
        return ERR_LIMIT;
    return mbedtls_rsa_check_pubkey(rsa) == 0 ? ERR_OK : ERR_INVALID;
}

static const unsigned char *without_zeros(const unsigned char *number, size_t *n)
{
    for (; *n > 0 && *number == 0; number++)
        (*n)--;
    return number;
}

enum err key_create_rsa(const char *kid, const unsigned char *modulus, size_t modulus_n,
                        const unsigned char *exponent, size_t exponent_n, struct key **ret)
{
    struct key *k = create(kid, KEY_RSA);
    if (!k || !(k->rsa = calloc(1, sizeof(*k->rsa)))) {
        key_destroy(k);
        return ERR_NOMEM;
    }
    init_rsa(k->rsa);
    modulus = without_zeros(modulus, &modulus_n);
    exponent = without_zeros(exponent, &exponent_n);
    enum err e = import_rsa(k->rsa, modulus, modulus_n, exponent, exponent_n);
    if (e != ERR_OK) {
        key_destroy(k);
        return e;
    }
    use_once(k);
    *ret = k;
    return ERR_OK;
}

static enum err import_ec(struct key *k, const unsigned char *x, const unsigned char *y)
{
    size_t n = number_bytes(k->kind);
    unsigned char both[1 + 2 * EC_BYTES_MAX] = {0x04}; /* uncompressed (SEC 1 section 2.3.3) */
    memcpy(both + 1, x, n);
    memcpy(both + 1 + n, y, n);
    mbedtls_ecp_group_id id =
        k->kind == KEY_P256 ? MBEDTLS_ECP_DP_SECP256R1 : MBEDTLS_ECP_DP_SECP384R1;
    if (mbedtls_ecp_group_load(k->group, id) != 0)
        return ERR_NOMEM;
    bool good = mbedtls_ecp_point_read_binary(k->group, k->point, both, 1 + 2 * n) == 0 &&
                mbedtls_ecp_check_pubkey(k->group, k->point) == 0;
    return good ? ERR_OK : ERR_INVALID;
}

/* Nothing is loaded yet. */
static struct key *create_empty_ec(const char *kid, enum key_kind kind)
{
    struct key *k = create(kid, kind);
    if (!k)
        return NULL;
    k->group = calloc(1, sizeof(*k->group));
    k->point = calloc(1, sizeof(*k->point));
    if (!k->group || !k->point) {
        key_destroy(k);
        return NULL;
    }
    mbedtls_ecp_group_init(k->group);
    mbedtls_ecp_point_init(k->point);
    return k;
}

enum err key_create_ec(const char *kid, enum key_kind kind, const unsigned char *x, size_t x_n,
                       const unsigned char *y, size_t y_n, struct key **ret)
{
    if (x_n != number_bytes(kind) || y_n != x_n)
        return ERR_INVALID;
    struct key *k = create_empty_ec(kid, kind);
    enum err e = k ? import_ec(k, x, y) : ERR_NOMEM;
    if (e != ERR_OK) {
        key_destroy(k);
        return e;
    }
    use_once(k);
    *ret = k;
    return ERR_OK;
}

static enum err from_rsa(const char *kid, const mbedtls_rsa_context *rsa, struct key **ret)
{
    unsigned char modulus[KEY_RSA_BITS_MAX / 8], exponent[EXPONENT_BYTES_MAX];
    size_t n = mbedtls_rsa_get_len(rsa);
    if (n > sizeof(modulus))
        return ERR_LIMIT;
    if (mbedtls_rsa_export_raw(rsa, modulus, n, NULL, 0, NULL, 0, NULL, 0, exponent,
                               sizeof(exponent)) != 0)
        return ERR_INVALID;
    return key_create_rsa(kid, modulus, n, exponent, sizeof(exponent), ret);
}

static enum err from_ec(const char *kid, const mbedtls_ecp_keypair *pair, struct key **ret)
{
    const mbedtls_ecp_group *group = &pair->MBEDTLS_PRIVATE(grp);
    unsigned char both[1 + 2 * EC_BYTES_MAX];
    size_t n;
    if ((group->id != MBEDTLS_ECP_DP_SECP256R1 && group->id != MBEDTLS_ECP_DP_SECP384R1) ||
        mbedtls_ecp_point_write_binary(group, &pair->MBEDTLS_PRIVATE(Q),
                                       MBEDTLS_ECP_PF_UNCOMPRESSED, &n, both, sizeof(both)) != 0)
        return ERR_INVALID;
    enum key_kind kind = group->id == MBEDTLS_ECP_DP_SECP256R1 ? KEY_P256 : KEY_P384;
    n = number_bytes(kind);
    return key_create_ec(kid, kind, both + 1, n, both + 1 + n, n, ret);
}

/* What is in PEM counts with the NUL behind it. */
static bool parse(mbedtls_pk_context *pk, const char *text, size_t n)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t len = memmem(text, n, "-----BEGIN", 10) ? n + 1 : n;
    if (mbedtls_pk_parse_public_key(pk, bytes, len) == 0)
        return true;
    mbedtls_pk_free(pk);
    mbedtls_pk_init(pk);
    return parse_private(pk, bytes, len) == 0;
}

enum err key_create_pem(const char *kid, const char *text, size_t n, struct key **ret)
{
    enum err e = ERR_FORMAT;
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    if (!parse(&pk, text, n))
        e = ERR_FORMAT;
    else if (mbedtls_pk_get_type(&pk) == MBEDTLS_PK_RSA)
        e = from_rsa(kid, mbedtls_pk_rsa(pk), ret);
    else if (mbedtls_pk_get_type(&pk) == MBEDTLS_PK_ECKEY)
        e = from_ec(kid, mbedtls_pk_ec(pk), ret);
    mbedtls_pk_free(&pk);
    return e;
}

static void destroy_ec(struct key *k)
{
    if (k->point)
        mbedtls_ecp_point_free(k->point);
    if (k->group)
        mbedtls_ecp_group_free(k->group);
    free(k->point);
    free(k->group);
}

void key_destroy(struct key *k)
{
    if (!k)
        return;
    if (k->secret.bytes)
        mbedtls_platform_zeroize(k->secret.bytes, k->secret.n);
    free(k->secret.bytes);
    if (k->rsa)
        mbedtls_rsa_free(k->rsa);
    free(k->rsa);
    destroy_ec(k);
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
