/*
 * Connections that will speak HTTP/1.1 when their first byte comes, or HTTP/2 behind its preface,
 * which takes more bytes to be told from a request. Until then they have no state, so that who only
 * connects costs no more than a connection, and what many of them become stands side by side in
 * memory, with no holes where states were that they all had at once.
 */
#ifndef HTTP_H1_H1_SILENT_H
#define HTTP_H1_H1_SILENT_H

#include <stdbool.h>

#include "net/conn.h"

extern const struct protocol h1_silent_protocol;

/* A new TCP connection speaks h1_silent_protocol: sets it up. STATUS_ONLY: it may only ask for
 * figures and readiness. */
void h1_accepted(struct conn *c, bool status_only);
/* Hands in, for all threads and before the first connection, what one becomes whose client begins
 * with the preface of HTTP/2, while http.h2 says so. */
void h1_set_next(void (*adopt)(struct conn *c, bool status_only));
/* A connection turned out to speak HTTP, or is about to. */
void h1_adopt(struct conn *c);

#endif
