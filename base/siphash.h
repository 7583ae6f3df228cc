/*
 * SipHash-2-4 with 128 bits (Aumasson, Bernstein 2012): a keyed hash of short texts. Who does not
 * know the key can neither find two texts with the same value nor tell a value from chance; for
 * texts of a few hundred bytes it takes a tenth of SHA-256's time.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>

enum { SIPHASH_KEY_SIZE = 16, SIPHASH_SIZE = 16 };

void siphash(const unsigned char key[SIPHASH_KEY_SIZE], const void *data, size_t n,
             unsigned char out[SIPHASH_SIZE]);

#endif
