/*
 * Agreeing on keys over X25519, for mbedTLS.
 *
 * mbedTLS 2.28 takes a millisecond for each of the two multiplications of a handshake, more than
 * for all else of it. It lets who builds it replace the two functions that do them
 * (MBEDTLS_ECDH_GEN_PUBLIC_ALT, MBEDTLS_ECDH_COMPUTE_SHARED_ALT); with Debian's build, which is a
 * shared library, a program does so by having functions of these names, which the library's calls
 * find first. That is what tls_curve.c has. A library that is bound to its own goes on with them,
 * and is only slower.
 *
 * X25519 is libsodium's. Of 3.6 nothing is replaced, nor with `configure --without-libsodium`.
 */
#ifndef NET_TLS_TLS_CURVE_H
#define NET_TLS_TLS_CURVE_H

/* Before the first handshake. Also has the linker take tls_curve.c into the program. */
void tls_curve_use(void);

#endif
