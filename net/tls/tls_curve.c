#include "net/tls/tls_curve.h"

#ifndef WITH_LIBSODIUM

void tls_curve_use(void)
{
}

#else

#include <string.h>

#include <mbedtls/ecdh.h>
#include <sodium.h>

enum { SIZE = crypto_scalarmult_curve25519_BYTES };

typedef int random_fn(void *ctx, unsigned char *out, size_t n);

void tls_curve_use(void)
{
    /* It chooses by the processor; without, or if that fails, it is slower. */
    if (sodium_init() < 0)
        return;
}

/* Q = D * POINT, both of which have X alone; NULL is the group's own point. */
static int multiply(mbedtls_mpi *q, const mbedtls_mpi *d, const unsigned char *point)
{
    unsigned char secret[SIZE], out[SIZE];
    int r = mbedtls_mpi_write_binary_le(d, secret, sizeof(secret));
    if (r == 0 && (point ? crypto_scalarmult_curve25519(out, secret, point)
                         : crypto_scalarmult_curve25519_base(out, secret)) != 0)
        r = MBEDTLS_ERR_ECP_BAD_INPUT_DATA; /* the product is zero: a point that is nobody's */
    if (r == 0)
        r = mbedtls_mpi_read_binary_le(q, out, sizeof(out));
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(out, sizeof(out));
    return r;
}

static int public_x25519(mbedtls_ecp_point *q, const mbedtls_mpi *d)
{
    int r = multiply(&q->X, d, NULL);
    mbedtls_mpi_free(&q->Y); /* as mbedTLS has it: there is none */
    return r ? r : mbedtls_mpi_lset(&q->Z, 1);
}

static int shared_x25519(mbedtls_mpi *z, const mbedtls_ecp_point *q, const mbedtls_mpi *d)
{
    unsigned char point[SIZE];
    int r = mbedtls_mpi_write_binary_le(&q->X, point, sizeof(point));
    return r ? r : multiply(z, d, point);
}

static int shared_else(mbedtls_ecp_group *group, mbedtls_mpi *z, const mbedtls_ecp_point *q,
                       const mbedtls_mpi *d, random_fn *random, void *ctx)
{
    mbedtls_ecp_point p;
    mbedtls_ecp_point_init(&p);
    int r = mbedtls_ecp_mul(group, &p, d, q, random, ctx);
    if (r == 0 && mbedtls_ecp_is_zero(&p))
        r = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    if (r == 0)
        r = mbedtls_mpi_copy(z, &p.X);
    mbedtls_ecp_point_free(&p);
    return r;
}

/* --- called by mbedTLS --- */

int mbedtls_ecdh_gen_public(mbedtls_ecp_group *group, mbedtls_mpi *d, mbedtls_ecp_point *q,
                            random_fn *random, void *ctx)
{
    int r = mbedtls_ecp_gen_privkey(group, d, random, ctx);
    if (r)
        return r;
    return group->id == MBEDTLS_ECP_DP_CURVE25519
               ? public_x25519(q, d)
               : mbedtls_ecp_mul(group, q, d, &group->G, random, ctx);
}

int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *group, mbedtls_mpi *z,
                                const mbedtls_ecp_point *q, const mbedtls_mpi *d, random_fn *random,
                                void *ctx)
{
    return group->id == MBEDTLS_ECP_DP_CURVE25519 ? shared_x25519(z, q, d)
                                                  : shared_else(group, z, q, d, random, ctx);
}

#endif
