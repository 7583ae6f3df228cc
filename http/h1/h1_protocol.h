/* HTTP/1.1 as a protocol of connections. */
#ifndef HTTP_H1_H1_PROTOCOL_H
#define HTTP_H1_H1_PROTOCOL_H

#include <stdbool.h>

#include "delivery/frontend.h"
#include "net/conn.h"

extern const struct protocol h1_protocol;

/* A new TCP connection speaks h1_protocol: sets it up. STATUS_ONLY: it may only ask for figures and
 * readiness. */
void h1_accepted(struct conn *c, bool status_only);
/* Hands in, for all threads and before the first connection, what one becomes whose client begins
 * with the preface of HTTP/2, while http.h2 says so. */
void h1_set_next(void (*adopt)(struct conn *c, bool status_only));
/* A connection of the local socket turned out to speak HTTP. */
void h1_adopt(struct conn *c);

/* Gives back the memory of heads. */
extern const struct frontend h1_frontend;

#endif
