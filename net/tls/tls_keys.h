/*
 * The keys of one TLS connection whose handshake is done: what the handshake hands over and the
 * record layer goes on with (RFC 5246 section 6.3, RFC 8446 section 7.3).
 *
 * Whoever has one wipes it as soon as it has been handed on.
 */
#ifndef NET_TLS_TLS_KEYS_H
#define NET_TLS_TLS_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* As they stand in records and hellos. */
enum tls_version { TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };

/* How records are sealed, whatever the version. */
enum tls_suite { TLS_AES_128_GCM, TLS_AES_256_GCM, TLS_CHACHA20_POLY1305, TLS_SUITES };

enum {
    TLS_KEY_MAX = 32,
    TLS_IV_SIZE = 12,
    TLS_SECRET_MAX = 48,
};

struct tls_direction {
    uint8_t key[TLS_KEY_MAX]; /* tls_key_len() bytes of it */
    /* Under 1.2 with AES-GCM the first 4 bytes count (the salt, RFC 5288 section 3). */
    uint8_t iv[TLS_IV_SIZE];
    uint64_t seq;                   /* of the next record */
    uint8_t secret[TLS_SECRET_MAX]; /* 1.3: application_traffic_secret_N, for KeyUpdate */
};

struct tls_keys {
    uint16_t version;   /* enum tls_version */
    uint8_t suite;      /* enum tls_suite */
    uint8_t secret_len; /* 1.3: 32 (SHA-256) or 48 (SHA-384), which is the suite's hash; else 0 */
    struct tls_direction in, out; /* from the peer; to it */
};

/* Bytes of the key of a suite. */
size_t tls_key_len(enum tls_suite s);
/* 1.3: the key and the iv of D from its secret (RFC 8446 section 7.3), of SECRET_LEN bytes; records
 * are counted from 0 again. ERR_NOMEM: D is as before. */
MUST_CHECK enum err tls_direction_derive(struct tls_direction *d, enum tls_suite s,
                                         size_t secret_len);
/* So that nothing of them is left in memory. */
void tls_keys_wipe(struct tls_keys *k);

#endif
