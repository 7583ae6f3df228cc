/* The names that a certificate is for (RFC 5280, section 4.2.1.6), as text. */
#ifndef NET_TLS_TLS_NAMES_H
#define NET_TLS_TLS_NAMES_H

#include <stddef.h>

struct mbedtls_x509_crt;

/* Host names and addresses, ", " in between, into TEXT (SIZE bytes); as many as there is room for,
 * behind which "..." says that there are more. "" if there are none. */
void tls_names_list(const struct mbedtls_x509_crt *certificate, char *text, size_t size);

#endif
