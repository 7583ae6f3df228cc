#include "net/tls/tls_keys.h"

#include <string.h>

size_t tls_key_len(enum tls_suite s)
{
    return s == TLS_AES_128_GCM ? 16 : 32;
}

void tls_keys_wipe(struct tls_keys *k)
{
    explicit_bzero(k, sizeof(*k));
}
