/* How long what may take over HTTP, and what time its answers tell; whatever the version. */
#ifndef HTTP_HTTP_TIME_H
#define HTTP_HTTP_TIME_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct loop;

/* How long the answer to a publish may take for which its client waits; ms. */
enum { HTTP_TIME_PUBLISH_MS = 30000 };

/* When the body of a request of C, of which nothing is there, is too late; monotonic ms. */
uint64_t http_time_body(const struct conn *c);
/* The same, UNTIL so far, when N bytes of it have come: they win back what they may take, so that a
 * trickle does not hold the connection for ever. */
uint64_t http_time_body_goes_on(const struct conn *c, uint64_t until, size_t n);
/* The Date of L's turn. */
const char *http_time_date(const struct loop *l);

#endif
