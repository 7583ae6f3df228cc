#include "tests/unit/token_maker.h"

#include <mbedtls/md.h>
#include <string.h>

#include "base/base64url.h"
#include "tests/require.h"

void token_make(struct buf *out, const char *header, const char *claims, const void *secret,
                size_t n)
{
    unsigned char mac[32];
    buf_clear(out);
    base64url_append(out, header, strlen(header));
    buf_putc(out, '.');
    base64url_append(out, claims, strlen(claims));
    REQUIRE(mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), secret, n,
                            (const unsigned char *)out->data, out->len, mac) == 0);
    buf_putc(out, '.');
    base64url_append(out, mac, sizeof(mac));
    buf_putc(out, '\0');
    REQUIRE(!out->failed);
    out->len--;
}

void token_make_good(struct buf *out, const char *claims)
{
    token_make(out, TOKEN_HS256, claims, TOKEN_SECRET, strlen(TOKEN_SECRET));
}
