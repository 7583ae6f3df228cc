/*
 * A client and a server of mbedTLS in one thread, whose handshake is done and has given its keys
 * away: somebody else's record layer to compare ours with.
 */
#ifndef TESTS_UNIT_TLS_PAIR_H
#define TESTS_UNIT_TLS_PAIR_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>

#include "base/buf.h"
#include "net/tls/tls_keys.h"

struct tls_end {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    struct buf in, out; /* what has come, and what it has said */
};

struct tls_pair {
    struct tls_end client, server;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    struct tls_keys keys; /* the server's */
};

/* In place, after the handshake; V is one that this mbedTLS speaks. */
void tls_pair_open(struct tls_pair *p, enum tls_version v, enum tls_suite s);
void tls_pair_close(struct tls_pair *p);

#endif
