#include "net/tls/tls_curve.h"

#include <string.h>

#include <mbedtls/ecdh.h>

#include "base/x25519.h"

void tls_curve_use(void)
{
}

#if TLS_CURVE_IS_OURS

typedef int random_fn(void *ctx, unsigned char *out, size_t n);

/* Q = D * POINT, both of which have X alone. */
static int multiply(mbedtls_mpi *q, const mbedtls_mpi *d, const uint8_t point[X25519_SIZE])
{
    uint8_t secret[X25519_SIZE], out[X25519_SIZE];
    int r = mbedtls_mpi_write_binary_le(d, secret, sizeof(secret));
    if (r == 0 && !x25519(out, secret, point))
        r = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    if (r == 0)
        r = mbedtls_mpi_read_binary_le(q, out, sizeof(out));
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(out, sizeof(out));
    return r;
}

static int public_x25519(mbedtls_ecp_point *q, const mbedtls_mpi *d)
{
    int r = multiply(&q->X, d, x25519_base);
    mbedtls_mpi_free(&q->Y); /* as mbedTLS has it: there is none */
    return r ? r : mbedtls_mpi_lset(&q->Z, 1);
}

static int shared_x25519(mbedtls_mpi *z, const mbedtls_ecp_point *q, const mbedtls_mpi *d)
{
    uint8_t point[X25519_SIZE];
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
