/*
 * A key that signatures are verified with, by mbedTLS, 2.28 or 3.x. It has one kind, and bears
 * algorithms of that kind alone: what is a public key is never taken for a secret.
 *
 * Immutable once made; any thread may verify with it.
 */
#ifndef ACCESS_KEY_H
#define ACCESS_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "access/algorithm.h"
#include "base/err.h"

enum {
    KEY_SECRET_MIN = 32,   /* bytes (RFC 7518 section 3.2, of HS256) */
    KEY_SECRET_MAX = 4096, /* bytes */
    KEY_RSA_BITS_MIN = 2048,
    KEY_RSA_BITS_MAX = 8192,
    KEY_SIGNATURE_MAX = KEY_RSA_BITS_MAX / 8, /* bytes */
};

struct key;

/* KID is copied. ERR_LIMIT: N is out of range; ERR_NOMEM. */
MUST_CHECK enum err key_create_secret(const char *kid, const void *bytes, size_t n,
                                      struct key **ret);
/* Of its modulus and exponent, big-endian. ERR_LIMIT: the modulus has too few bits or too many;
 * ERR_INVALID: it is no such key; ERR_NOMEM. */
MUST_CHECK enum err key_create_rsa(const char *kid, const unsigned char *modulus, size_t modulus_n,
                                   const unsigned char *exponent, size_t exponent_n,
                                   struct key **ret);
/* Of the coordinates of its point, big-endian, each as long as the curve's numbers. KIND is
 * KEY_P256 or KEY_P384. ERR_INVALID: it is no point of the curve; ERR_NOMEM. */
MUST_CHECK enum err key_create_ec(const char *kid, enum key_kind kind, const unsigned char *x,
                                  size_t x_n, const unsigned char *y, size_t y_n, struct key **ret);
/* Of the N bytes of a public key, PEM or DER, or of a private one, of which the public part is
 * taken; TEXT has a NUL behind it. ERR_FORMAT: it is none; ERR_LIMIT, ERR_INVALID: as above, or
 * another curve; ERR_NOMEM. */
MUST_CHECK enum err key_create_pem(const char *kid, const char *text, size_t n, struct key **ret);
/* NULL is accepted. */
void key_destroy(struct key *k);

const char *key_kid(const struct key *k);
enum key_kind key_kind(const struct key *k);
/* Whether verifying takes so long that a worker should not (key_verify: 50 us to 2 ms). */
bool key_is_costly(const struct key *k);
/* Leaves only those of ALGORITHMS, bits. False: none would be left, or one is not of its kind. */
bool key_restrict(struct key *k, unsigned algorithms);
bool key_bears(const struct key *k, enum algorithm a);
/* Whether the SIGNATURE_N bytes are the signature of the N bytes of TEXT. A must be borne. */
bool key_verify(const struct key *k, enum algorithm a, const void *text, size_t n,
                const unsigned char *signature, size_t signature_n);

#endif
