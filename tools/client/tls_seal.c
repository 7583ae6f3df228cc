#include "tools/client/tls_seal.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/gcm.h>

enum { KEY_BITS = 128, NONCE_SIZE = 12, HEADER_SIZE = 13, TAG_SIZE = 16 };

struct tls_sealer {
    mbedtls_gcm_context gcm;
    unsigned char nonce[NONCE_SIZE];
    unsigned char plain[TLS_RECORD_MAX], sealed[TLS_RECORD_MAX];
};

enum err tls_sealer_create(struct tls_sealer **ret)
{
    static const unsigned char key[KEY_BITS / 8] = "a key of nobody";
    struct tls_sealer *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    mbedtls_gcm_init(&s->gcm);
    memset(s->plain, 'a', sizeof(s->plain));
    if (mbedtls_gcm_setkey(&s->gcm, MBEDTLS_CIPHER_ID_AES, key, KEY_BITS)) {
        tls_sealer_destroy(s);
        return ERR_NOMEM;
    }
    *ret = s;
    return ERR_OK;
}

void tls_sealer_destroy(struct tls_sealer *s)
{
    mbedtls_gcm_free(&s->gcm);
    free(s);
}

enum err tls_sealer_seal(struct tls_sealer *s, size_t n)
{
    unsigned char header[HEADER_SIZE] = {0}, tag[TAG_SIZE];
    for (size_t i = NONCE_SIZE; i > 0 && ++s->nonce[i - 1] == 0; i--)
        ;
    return mbedtls_gcm_crypt_and_tag(&s->gcm, MBEDTLS_GCM_ENCRYPT, n, s->nonce, NONCE_SIZE, header,
                                     HEADER_SIZE, s->plain, s->sealed, TAG_SIZE, tag)
               ? ERR_NOMEM
               : ERR_OK;
}
