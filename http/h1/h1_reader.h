/* Input of an HTTP/1.1 connection becomes exchanges: heads, bodies, and when not to read. */
#ifndef HTTP_H1_H1_READER_H
#define HTTP_H1_H1_READER_H

#include "http/h1/h1.h"

/* Reads what there is of DATA; returns how much that is. H may be freed behind it: then C speaks
 * another protocol. */
size_t h1_read(struct conn *c, struct h1 *h, char *data, size_t n);
/* What has been put off goes on. */
void h1_go_on(struct conn *c, struct h1 *h);
/* The exchange, whose token was being verified, goes on (exchange.h). */
void h1_judged(struct exchange *x);
/* The body may be silent for body_timeout from now on. */
void h1_begin_body_time(struct conn *c, struct h1 *h);

#endif
