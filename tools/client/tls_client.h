/*
 * TLS as a client speaks it, by mbedTLS (2.28 or 3.x) over sockets that do not block. A program has
 * one `tls_client` for all its connections: what they trust, what they offer, and with `resume` the
 * session that later ones go on with. One thread.
 *
 * Nothing here refuses a certificate: whoever cares asks tls_stream_certificate() when the
 * handshake is done, and before anything is sent.
 */
#ifndef TOOLS_CLIENT_TLS_CLIENT_H
#define TOOLS_CLIENT_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/client/tls_certificate.h"

struct tls_client;
struct tls_stream; /* one connection; some 40 KB, which are mbedTLS's buffers */

struct tls_client_settings {
    bool check;          /* certificates, against those that are trusted */
    const char *ca_file; /* check: PEM, who is trusted; NULL = whom the system trusts */
    bool resume;         /* connections go on with the session of an earlier one */
    const char **alpn;   /* protocols offered, the best first, ended by NULL; borrowed */
};

/* ERR_NOT_FOUND, ERR_INVALID: ca_file (or the system's, see tls_client_trusted) cannot be read, or
 * has no certificates; ERR_NOMEM. */
MUST_CHECK enum err tls_client_create(const struct tls_client_settings *settings,
                                      struct tls_client **ret);
void tls_client_destroy(struct tls_client *c); /* NULL: nothing; its streams are gone */
/* The file of those whom the system trusts: SSL_CERT_FILE, or where Debian has it. */
const char *tls_client_trusted(void);

/* A stream over FD, which is connected, does not block, and stays the caller's. HOST is asked for
 * by SNI unless it is an address; borrowed for the call. ERR_NOMEM. */
MUST_CHECK enum err tls_stream_create(struct tls_client *c, int fd, const char *host,
                                      struct tls_stream **ret);
/* Says close_notify, if the socket takes it. NULL: nothing. */
void tls_stream_destroy(struct tls_stream *s);

enum tls_progress { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_FAILED };

/* Goes on with the handshake as far as the socket lets it; what it wants, wait for that. */
MUST_CHECK enum tls_progress tls_stream_handshake(struct tls_stream *s);
/* Why the handshake failed: a sentence without a full stop, made of constant text. */
const char *tls_stream_problem(const struct tls_stream *s);

/* As recv() and send() with MSG_DONTWAIT; errno EPROTO when TLS is broken. tls_stream_recv()
 * takes as much as is there, so that after less than N nothing waits in the stream. After EAGAIN
 * of tls_stream_send() the next call has the same bytes, and perhaps more behind them. */
ssize_t tls_stream_recv(struct tls_stream *s, void *data, size_t n);
ssize_t tls_stream_send(struct tls_stream *s, const void *data, size_t n);

/* Once the handshake is done: */
const char *tls_stream_version(const struct tls_stream *s); /* "TLSv1.2" */
const char *tls_stream_suite(const struct tls_stream *s);
const char *tls_stream_alpn(const struct tls_stream *s); /* NULL = none was agreed on */
bool tls_stream_resumed(const struct tls_stream *s);
/* What the server's certificate says, and what is wrong with it for HOST; false: it sent none. */
bool tls_stream_certificate(const struct tls_stream *s, const char *host,
                            struct tls_certificate *ret);

#endif
