/*
 * What TLS handshakes need and do not change: certificates and their keys, by name, versions,
 * suites and curves, the authorities that clients are judged by, the keys of tickets.
 *
 * Immutable and counted by references; a renewed certificate is a new context. Those that are at
 * work with the former one keep it as long as they need it. `struct tls_current` has the one for
 * the handshakes that begin.
 */
#ifndef NET_TLS_TLS_CONTEXT_H
#define NET_TLS_TLS_CONTEXT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct mbedtls_ssl_config;
struct tls_context;

/* A certificate, and for whom. */
struct tls_host {
    const char *name; /* in lower case, "*.example.org" for one level; NULL: all that have no own */
    const char *certificate, *key; /* files in PEM form: the chain, the host's own first */
};

/* Bits of tls_options.versions. */
enum { TLS_SPEAKS_1_2 = 1, TLS_SPEAKS_1_3 = 2 };

struct tls_options {
    const struct tls_host *hosts; /* borrowed; the first one is without a name */
    size_t host_count;
    unsigned versions;     /* 1.3 is left out where mbedTLS is older than 3.6 */
    const char *client_ca; /* file of those who sign clients' certificates; NULL: none asked for */
    bool tickets;          /* are given */
    const char *ticket_key_file; /* NULL: a random key */
    bool compact;                /* records are ours, and not mbedTLS's */
    bool h2;                     /* is offered */
};

/* Of which option it is told what is wrong. */
enum tls_option { TLS_CERTIFICATE, TLS_KEY, TLS_VERSIONS, TLS_CLIENT_CA, TLS_TICKET_KEY_FILE };

struct tls_fault {
    enum tls_option option;
    size_t host;     /* TLS_CERTIFICATE, TLS_KEY: number of the host */
    struct buf text; /* what is wrong, and what is allowed; to follow the file's name */
};

/* Reads all files. FORMER (may be NULL): the tickets that it gave are still taken. On failure
 * FAULT, empty before, says why (its text is the caller's to finish): ERR_INVALID, ERR_ACCESS
 * (cannot be read), ERR_NOMEM. */
MUST_CHECK enum err tls_context_create(const struct tls_options *o,
                                       const struct tls_context *former, struct tls_context **ret,
                                       struct tls_fault *fault);
struct tls_context *tls_context_ref(struct tls_context *c);
/* NULL is fine. */
void tls_context_unref(struct tls_context *c);

/* What a handshake is set up with; valid as long as C. */
const struct mbedtls_ssl_config *tls_context_config(const struct tls_context *c);
bool tls_context_is_compact(const struct tls_context *c);
/* For a name that a client asks for, in lower case. */
size_t tls_context_host(const struct tls_context *c, const char *name);

/* What is told of the certificates; valid as long as C. */
struct tls_certificate {
    const char *name;     /* of the host; NULL: the first */
    const char *file;     /* that it was read from */
    char subject[128];    /* "CN=example.org" */
    char issuer[128];     /* the same of who signed it */
    char names[256];      /* that it is for: "example.org, *.example.org" (tls_names.h) */
    char kind[24];        /* "ECDSA 256", "RSA 2048" */
    int64_t from_s, to_s; /* Unix: when it is good */
};
size_t tls_context_certificates(const struct tls_context *c);
/* How handshakes go; valid as long as C. */
struct tls_manner {
    unsigned versions; /* TLS_SPEAKS_…, that are really spoken */
    bool h2, compact, client_ca, tickets;
    bool shared_tickets; /* their keys come from a file */
};
const struct tls_manner *tls_context_manner(const struct tls_context *c);
const struct tls_certificate *tls_context_certificate(const struct tls_context *c, size_t i);

/* Which one handshakes begin with. In place; any thread. */
struct tls_current {
    pthread_mutex_t lock;
    struct tls_context *context; /* NULL: none */
};

void tls_current_init(struct tls_current *t);
void tls_current_finish(struct tls_current *t);
/* Takes C instead of the former one. */
void tls_current_set(struct tls_current *t, struct tls_context *c);
/* Returns a reference; NULL if there is none. */
struct tls_context *tls_current_get(struct tls_current *t);

#endif
