/*
 * What a request may, and who gets it: the route, the rights of the client, its host and its origin
 * (http_access.h); whatever the version of HTTP.
 */
#ifndef HTTP_DISPATCH_H
#define HTTP_DISPATCH_H

#include "http/exchange.h"

/* Hands in what stands at which path (borrowed), for all threads: before the first connection. */
void dispatch_set_routes(const struct http_routes *r);
/* The bit of the method NAME. */
enum http_method dispatch_method(const char *name);
/* The head of X is there (x->fields, method_name, host, url, method). Finds out what is asked, and
 * refuses what cannot be before a body is read, or answers what needs none: then the exchange has
 * ended. Otherwise x->route and x->body_max are set, or, while x->judging, will be by
 * dispatch_judged, for which ops->judged() tells the time. */
void dispatch_head(struct exchange *x);
void dispatch_judged(struct exchange *x);
/* All of it is there: its route answers, now or later. */
void dispatch_run(struct exchange *x);

#endif
