/* What a server's certificate says to people (RFC 5280), and what is wrong with it: a sentence for
 * each. */
#ifndef TOOLS_CLIENT_TLS_CERTIFICATE_H
#define TOOLS_CLIENT_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"

struct mbedtls_x509_crt;

enum { TLS_CERTIFICATE_TEXT = 256 };

struct tls_certificate {
    char names[TLS_CERTIFICATE_TEXT];        /* whom it is for, ", " in between; the first few */
    char issuer[TLS_CERTIFICATE_TEXT];       /* the name of who signed it */
    char problems[2 * TLS_CERTIFICATE_TEXT]; /* "; " in between; "" = it is to be trusted */
    long days_left;                          /* whole days; negative when it has expired */
};

/* CHAIN is the server's certificate, and behind it those it sent besides; FLAGS is what mbedTLS
 * found about it, at NOW. */
void tls_certificate_describe(const struct mbedtls_x509_crt *chain, uint32_t flags,
                              const char *host, time_t now, struct tls_certificate *ret);

/* Whether a certificate's name of N bytes is HOST, or its first label is `*` and the others are
 * HOST's (RFC 9525, section 6.3). */
bool tls_name_matches(const char *name, size_t n, const char *host);

#endif
