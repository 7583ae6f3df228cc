/*
 * The little cryptography that the wire formats need: SHA-1, SHA-256, base64 (RFC 4648 section 4)
 * and one block of AES-128 (FIPS 197), from mbedTLS, 2.28 or 3.x. TLS itself is not here.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum { CRYPTO_SHA1_SIZE = 20, CRYPTO_SHA256_SIZE = 32, CRYPTO_BLOCK_SIZE = 16 };

/* Writes the digest of N bytes into OUT (CRYPTO_SHA1_SIZE bytes); ERR_NOMEM when mbedTLS, which may
 * be built with hardware drivers, fails. */
MUST_CHECK enum err crypto_sha1(const void *data, size_t n, unsigned char *out);
MUST_CHECK enum err crypto_sha256(const void *data, size_t n, unsigned char *out);
/* HMAC of it with a key of KEY_N bytes (RFC 2104), CRYPTO_SHA256_SIZE bytes. */
MUST_CHECK enum err crypto_hmac_sha256(const void *key, size_t key_n, const void *data, size_t n,
                                       unsigned char *out);
/* Encrypts, or decrypts, one block: KEY, IN and OUT are of CRYPTO_BLOCK_SIZE. ERR_NOMEM as above.
 */
MUST_CHECK enum err crypto_seal(const unsigned char *key, const unsigned char *in,
                                unsigned char *out);
MUST_CHECK enum err crypto_unseal(const unsigned char *key, const unsigned char *in,
                                  unsigned char *out);
/* Length of the base64 form of N bytes, padding included, no NUL. N < SIZE_MAX / 2. */
size_t crypto_base64_len(size_t n);
/* Appends the base64 form, padded, in one line. */
void crypto_base64_append(struct buf *out, const void *data, size_t n);
/* Appends what TEXT stands for. ERR_INVALID: a wrong character, length or padding, white space
 * included; ERR_NOMEM. On error OUT is as before, but for `failed`. */
MUST_CHECK enum err crypto_base64_decode(struct buf *out, const char *text, size_t n);

#endif
