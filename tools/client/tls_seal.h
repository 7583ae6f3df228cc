/* Sealing records of TLS by AES-128-GCM, for nobody: what that alone takes. */
#ifndef TOOLS_CLIENT_TLS_SEAL_H
#define TOOLS_CLIENT_TLS_SEAL_H

#include <stddef.h>

#include "base/err.h"

struct tls_sealer;

enum { TLS_RECORD_MAX = 16384 };

/* ERR_NOMEM. */
MUST_CHECK enum err tls_sealer_create(struct tls_sealer **ret);
void tls_sealer_destroy(struct tls_sealer *s);
/* Seals N bytes, TLS_RECORD_MAX at most, as one record. ERR_NOMEM, as mbedTLS may say. */
MUST_CHECK enum err tls_sealer_seal(struct tls_sealer *s, size_t n);

#endif
