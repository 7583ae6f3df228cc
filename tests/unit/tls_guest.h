/*
 * A client's end of TLS, by mbedTLS, without sockets; and certificates that are made on the spot.
 * Assertions are Check's.
 */
#ifndef TESTS_UNIT_TLS_GUEST_H
#define TESTS_UNIT_TLS_GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "base/buf.h"

struct tls_guest {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    struct buf in, out; /* what has come; what it has said, to be taken by who carries it */
    size_t used;        /* of `in` */
};

/* In place; judges no certificate. HOST: the name that it asks for. */
void tls_guest_init(struct tls_guest *g, const char *host);
void tls_guest_finish(struct tls_guest *g);
/* Before the handshake begins: no newer version than 1.2. */
void tls_guest_speak_12(struct tls_guest *g);
/* The same: shows what tls_guest_sign has made. */
void tls_guest_show(struct tls_guest *g, const char *path);
/* Goes on with the handshake, which must not fail; true: it is over. */
bool tls_guest_step(struct tls_guest *g);

/* A certificate that SUBJECT has signed for itself, and is an authority of: PATH.pem, PATH.key. */
void tls_guest_sign(const char *path, const char *subject);

#endif
