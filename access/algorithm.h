/* The algorithms of signatures (RFC 7518 section 3.1), and which keys may bear them. Pure. */
#ifndef ACCESS_ALGORITHM_H
#define ACCESS_ALGORITHM_H

#include <stddef.h>

enum key_kind { KEY_SECRET, KEY_RSA, KEY_P256, KEY_P384 };

/* algorithm, name, kind of key, bits of its hash */
#define ALGORITHM_TABLE(X)                                                                         \
    X(ALGORITHM_HS256, "HS256", KEY_SECRET, 256)                                                   \
    X(ALGORITHM_HS384, "HS384", KEY_SECRET, 384)                                                   \
    X(ALGORITHM_HS512, "HS512", KEY_SECRET, 512)                                                   \
    X(ALGORITHM_RS256, "RS256", KEY_RSA, 256)                                                      \
    X(ALGORITHM_RS384, "RS384", KEY_RSA, 384)                                                      \
    X(ALGORITHM_RS512, "RS512", KEY_RSA, 512)                                                      \
    X(ALGORITHM_PS256, "PS256", KEY_RSA, 256)                                                      \
    X(ALGORITHM_PS384, "PS384", KEY_RSA, 384)                                                      \
    X(ALGORITHM_PS512, "PS512", KEY_RSA, 512)                                                      \
    X(ALGORITHM_ES256, "ES256", KEY_P256, 256)                                                     \
    X(ALGORITHM_ES384, "ES384", KEY_P384, 384)

enum algorithm {
#define ALGORITHM_ENUM(algorithm, name, kind, bits) algorithm,
    ALGORITHM_TABLE(ALGORITHM_ENUM)
#undef ALGORITHM_ENUM
        ALGORITHMS
};

const char *algorithm_name(enum algorithm a);
enum key_kind algorithm_kind(enum algorithm a);
unsigned algorithm_bits(enum algorithm a);
/* ALGORITHMS: NAME, N bytes, is none; letter case matters. */
enum algorithm algorithm_find(const char *name, size_t n);
/* All that a key of KIND may bear, as bits. */
unsigned algorithms_of(enum key_kind kind);

#endif
