/*
 * What access/ says of an exchange and of its client, by the settings: pages of other origins,
 * requests for a foreign host, and anonymous peers on listeners that are not on loopback. Says so,
 * and answers nothing.
 */
#ifndef HTTP_HTTP_ACCESS_H
#define HTTP_HTTP_ACCESS_H

#include <stdbool.h>

#include "access/access.h"
#include "http/exchange.h"

bool http_may(const struct conn *c, enum access_right right);
bool http_may_nothing(const struct conn *c);

/* Whether X is for a host that is none of this machine's: on a loopback listener, its page may have
 * been pointed here (DNS rebinding). Behind forwarding_take. */
bool http_access_is_foreign_host(const struct exchange *x);
/* Looks at the Origin of X: whether its pages have access. Adds the CORS lines that the answer
 * needs. */
bool http_access_take_origin(struct exchange *x);
/* The lines that answer a preflight, if the request with FIELDS is one. */
void http_access_put_preflight(const struct http_fields *fields, struct buf *lines);

#endif
