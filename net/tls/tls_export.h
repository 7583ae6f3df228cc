/*
 * What mbedTLS tells while a handshake goes on: the keys of its records (RFC 5246 section 6.3, RFC
 * 8446 section 7.1), and whether it was resumed.
 *
 * mbedTLS 2.28 calls a function of the configuration, which many handshakes share, and does not say
 * for which of them; so each thread notes which one it steps.
 */
#ifndef NET_TLS_TLS_EXPORT_H
#define NET_TLS_TLS_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/tls/tls_keys.h"

struct mbedtls_ssl_config;
struct mbedtls_ssl_context;

enum {
    TLS_EXPORT_NAME_MAX = 255,
    TLS_EXPORT_BLOCK_MAX = 2 * (TLS_KEY_MAX + TLS_IV_SIZE),
};

/* Of one handshake. */
struct tls_export {
    const char *name; /* that the client asks for; "" if for none */
    bool resumed;
    bool told;            /* keys are there */
    struct tls_keys keys; /* version, suite and numbers of records are set by tls_export_finish */
    uint8_t block[TLS_EXPORT_BLOCK_MAX]; /* 1.2, mbedTLS 3: a key block for any suite */
};

/* Wipes what it knows. */
void tls_export_wipe(struct tls_export *e);

/* Has CONF tell. */
void tls_export_configure(struct mbedtls_ssl_config *conf);
/* What SSL tells goes to E; before the first step. */
void tls_export_attach(struct tls_export *e, struct mbedtls_ssl_context *ssl);
/* The handshake that this thread steps from now on is E's. */
void tls_export_enter(struct tls_export *e);
struct tls_export *tls_export_current(void);
/* The handshake of SSL is over, and since our side's last keys were taken into use SENT records
 * have left: completes the keys. ERR_FORMAT: another version or suite than the compact link knows;
 * ERR_NOMEM. */
MUST_CHECK enum err tls_export_finish(struct tls_export *e, const struct mbedtls_ssl_context *ssl,
                                      unsigned sent);

#endif
