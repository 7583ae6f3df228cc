/*
 * For whom a request was forwarded: what trusted proxies say by Forwarded, X-Forwarded-For or
 * X-Real-IP.
 */
#ifndef HTTP_FORWARDING_H
#define HTTP_FORWARDING_H

#include <stdbool.h>

struct conn;
struct http_fields;

/* Whether a request with F says that it came through a proxy, be it true or not. */
bool forwarding_is_said(const struct http_fields *f);
/* A request of C begins, whose fields F are there: its client is C's peer from now on, and C is
 * trusted accordingly. Nothing changes for connections that do not come from a trusted proxy. */
void forwarding_take(struct conn *c, const struct http_fields *f);

#endif
