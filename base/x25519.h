/*
 * X25519 (RFC 7748 section 5): the multiplication that TLS agrees on keys by. What mbedTLS 2.28 has
 * for it is written for any curve, and takes twenty times as long.
 *
 * Its time and what it reads depend on no secret. Only where the compiler has numbers of 128 bits
 * (__SIZEOF_INT128__), as for all machines of 64. Pure.
 */
#ifndef BASE_X25519_H
#define BASE_X25519_H

#include <stdbool.h>
#include <stdint.h>

enum { X25519_SIZE = 32 };

/* The point whose multiples are public keys. */
extern const uint8_t x25519_base[X25519_SIZE];

/* OUT, which may be one of the others, gets SECRET times POINT. False: it is zero, so POINT is one
 * of the few that nobody's public key is (RFC 7748 section 6.1). */
bool x25519(uint8_t out[X25519_SIZE], const uint8_t secret[X25519_SIZE],
            const uint8_t point[X25519_SIZE]);

#endif
