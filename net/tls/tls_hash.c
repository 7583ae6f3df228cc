#include "net/tls/tls_hash.h"

void tls_hash_use(void)
{
}

#ifdef WITH_NETTLE

#include <string.h>

#include <mbedtls/sha256.h>
#include <nettle/sha2.h>

/* Called by mbedTLS: DATA, one block, goes into the state of CTX, which is all of it that matters
 * here; of how much has been hashed mbedTLS keeps account. The state of an HMAC is as secret as its
 * key, so nothing of it stays. */
int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx,
                                    const unsigned char data[SHA256_BLOCK_SIZE])
{
    struct sha256_ctx one;
    _Static_assert(sizeof(one.state) == sizeof(ctx->state), "both have the state of FIPS 180-4");
    memcpy(one.state, ctx->state, sizeof(one.state));
    one.count = 0;
    one.index = 0;
    sha256_update(&one, SHA256_BLOCK_SIZE, data);
    memcpy(ctx->state, one.state, sizeof(one.state));
    explicit_bzero(one.state, sizeof(one.state));
    return 0;
}

#endif
