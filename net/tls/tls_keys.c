#include "net/tls/tls_keys.h"

#include <string.h>

#include "base/aead.h"

size_t tls_key_len(enum tls_suite s)
{
    return s == TLS_AES_128_GCM ? 16 : 32;
}

enum err tls_direction_derive(struct tls_direction *d, enum tls_suite s, size_t secret_len)
{
    struct tls_direction new = *d;
    enum err e = aead_expand_label(d->secret, secret_len, "key", new.key, tls_key_len(s));
    if (e == ERR_OK)
        e = aead_expand_label(d->secret, secret_len, "iv", new.iv, TLS_IV_SIZE);
    new.seq = 0;
    if (e == ERR_OK)
        *d = new;
    explicit_bzero(&new, sizeof(new));
    return e;
}

void tls_keys_wipe(struct tls_keys *k)
{
    explicit_bzero(k, sizeof(*k));
}
