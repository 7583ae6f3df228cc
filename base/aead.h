/*
 * Authenticated encryption with associated data (RFC 5116): AES-GCM and ChaCha20-Poly1305, by
 * mbedTLS, 2.28 or 3.x. And what TLS 1.3 derives keys with (RFC 8446 section 7.1).
 *
 * Keys are set up anew for each text: who has many keys and uses each of them now and then keeps
 * nothing between two uses but the key itself. What is set up is wiped.
 */
#ifndef BASE_AEAD_H
#define BASE_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum aead_algorithm { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 };

enum { AEAD_NONCE_SIZE = 12, AEAD_TAG_SIZE = 16, AEAD_KEY_MAX = 32 };

/* What one text is sealed with; all borrowed for the call. */
struct aead {
    enum aead_algorithm algorithm;
    const uint8_t *key;   /* aead_key_size() bytes */
    const uint8_t *nonce; /* AEAD_NONCE_SIZE bytes, never twice with a key */
    const uint8_t *ad;    /* what is not in the text, and authenticated with it */
    size_t ad_len;
};

size_t aead_key_size(enum aead_algorithm a);
/* Writes the N bytes of IN, encrypted, and a tag behind them to OUT: N + AEAD_TAG_SIZE bytes, which
 * may begin where IN does. ERR_NOMEM. */
MUST_CHECK enum err aead_seal(const struct aead *a, const void *in, size_t n, void *out);
/* The other way: N bytes, of which the last AEAD_TAG_SIZE are the tag. ERR_CORRUPT: it is not what
 * was sealed, and nothing of it is in OUT; ERR_NOMEM. */
MUST_CHECK enum err aead_open(const struct aead *a, const void *in, size_t n, void *out);

/* HKDF-Expand-Label with an empty context: writes N bytes (at most 255) to OUT. SECRET_LEN, 32 or
 * 48, says whether the hash is SHA-256 or SHA-384. ERR_NOMEM. */
MUST_CHECK enum err aead_expand_label(const uint8_t *secret, size_t secret_len, const char *label,
                                      uint8_t *out, size_t n);

#endif
