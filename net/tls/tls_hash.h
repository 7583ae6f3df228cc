/*
 * SHA-256 for mbedTLS.
 *
 * mbedTLS 2.28 takes 4,300 instructions for a block of 64 bytes, and a handshake that takes up a
 * session again hashes a hundred of them. It lets who builds it replace the function that does one
 * (MBEDTLS_SHA256_PROCESS_ALT), which a program can do as well, as tls_curve.h says. What stands in
 * its place is GNU Nettle's, which uses what the processor has for it.
 *
 * Of 3.6 nothing is replaced, nor with `configure --without-nettle`.
 */
#ifndef NET_TLS_TLS_HASH_H
#define NET_TLS_TLS_HASH_H

/* Before the first handshake: has the linker take tls_hash.c into the program. */
void tls_hash_use(void);

#endif
