/*
 * One TLS handshake, of the server: bytes in, bytes out, no I/O (RFC 8446, RFC 5246; mbedTLS does
 * it). What comes of it is a link over that of the connection.
 *
 * Its steps are costly and run on a thread for such (crypto_threads.h); between two steps it takes
 * no thread, but 40 kB (TLS_HANDSHAKE_BYTES).
 */
#ifndef NET_TLS_TLS_HANDSHAKE_H
#define NET_TLS_TLS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/link.h"

struct tls_context;
struct tls_handshake;

/* What one makes the process hold: measured 35.6 kB with mbedTLS 2.28, up to 42 kB with 3.6. */
enum { TLS_HANDSHAKE_BYTES = 40 << 10 };

enum tls_outcome { TLS_GOES_ON, TLS_DONE, TLS_FAILED };

/* Why handshakes fail: name, text. */
#define TLS_FAILURE_TABLE(X)                                                                       \
    X(TLS_FAILED_ALERT, "the client ended it")                                                     \
    X(TLS_FAILED_VERSION, "no version that both speak")                                            \
    X(TLS_FAILED_SUITE, "no cipher suite, curve or application protocol that both have")           \
    X(TLS_FAILED_CERTIFICATE, "no client certificate, or none that tls.client_ca vouches "         \
                              "for")                                                               \
    X(TLS_FAILED_PROTOCOL, "the client broke the protocol")                                        \
    X(TLS_FAILED_INTERNAL, "internal error")

enum tls_failure {
#define TLS_FAILURE_ENUM(name, text) name,
    TLS_FAILURE_TABLE(TLS_FAILURE_ENUM)
#undef TLS_FAILURE_ENUM
        TLS_FAILURES
};

/* A constant sentence. */
const char *tls_failure_text(enum tls_failure f);

/* Takes a reference to C, in any case. NAME, at most 255 bytes: that the client asks for, "" if for
 * none. NULL when out of memory. Allocates next to nothing before its first step. */
struct tls_handshake *tls_handshake_create(struct tls_context *c, const char *name);
/* NULL is fine. */
void tls_handshake_destroy(struct tls_handshake *h);
/* N bytes came from the client: they are what the next step has. Not while one runs. ERR_NOMEM. */
MUST_CHECK enum err tls_handshake_feed(struct tls_handshake *h, const void *data, size_t n);
/* Goes on until it needs more from the client, or is over. Costly: up to some ms. */
enum tls_outcome tls_handshake_step(struct tls_handshake *h);
/* What is to be sent, whatever came of the step; to be emptied by who sends it. */
struct buf *tls_handshake_output(struct tls_handshake *h);

/* TLS_FAILED. */
enum tls_failure tls_handshake_failure(const struct tls_handshake *h);

/* TLS_DONE: */
bool tls_handshake_was_resumed(const struct tls_handshake *h);
/* Its records are going to be ours, and not mbedTLS's. */
bool tls_handshake_is_compact(const struct tls_handshake *h);
bool tls_handshake_chose_h2(const struct tls_handshake *h);
/* The subject of the client's certificate ("CN=alice,O=Example"), "" if there is none. */
const char *tls_handshake_subject(const struct tls_handshake *h);
/* Once: RET is what the connection, which has INNER, goes on with, whatever is returned; what came
 * behind the handshake is the first that it receives. ERR_NOMEM: it does not go on. */
MUST_CHECK enum err tls_handshake_link(struct tls_handshake *h, struct link inner,
                                       struct link *ret);

#endif
