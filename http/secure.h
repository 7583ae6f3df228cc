/*
 * HTTP over TLS, as far as requests are concerned: pages that are asked for without it are sent to
 * the secure listener, and browsers that came by it are told to stay (RFC 6797).
 */
#ifndef HTTP_SECURE_H
#define HTTP_SECURE_H

#include <stdbool.h>

struct exchange;

/* Adds Strict-Transport-Security to the coming answer, if the request came by TLS and http.hsts
 * says so. */
void secure_keep(struct exchange *x);
/* Answers a request for a page that came without TLS with its secure address, if
 * http.redirect_https says so; false: it is to be answered as any. */
bool secure_redirect(struct exchange *x);

#endif
