/*
 * What access/ says of an exchange and of its client, by the settings: pages of other origins,
 * requests for a foreign host, and anonymous peers on listeners that are not on loopback. Says so,
 * and answers nothing.
 */
#ifndef HTTP_HTTP_ACCESS_H
#define HTTP_HTTP_ACCESS_H

#include <stdbool.h>

#include "access/access.h"
#include "access/token_fault.h"
#include "http/exchange.h"

/* With any topic at all. */
bool http_may(const struct conn *c, enum access_right right);
bool http_may_nothing(const struct conn *c);
/* To subscribe, if only to what is told of who comes and goes somewhere. */
bool http_may_follow(const struct conn *c);
/* Whether C may use the topic or pattern FILTER (N bytes) as RIGHT says; to subscribe below
 * _presence/ is to see the presence of what is named behind that. Asked once for a
 * subscription and once for a publish; a refusal is noted (audit.h), and RET says why. */
bool http_may_topic(const struct conn *c, enum access_right right, const char *filter, size_t n,
                    struct access_reason *ret);
/* The same for a subscription that is judged again; CONN is the connection (stream_rights.h). */
bool http_may_keep(void *conn, const char *filter, size_t n);
/* Whether C is of this machine, and may do what is allowed to that: it needs no token. */
bool http_is_local(const struct conn *c);
/* Whether clients may have tokens here at all: there is something that verifies them. */
bool http_takes_tokens(const struct conn *c);
/* Whether C has none, where it might have one. */
bool http_lacks_token(const struct conn *c);

/* --- refusals (RFC 6750 section 3): 401 for who might bring a token and has not, else 403 --- */

/* For DETAIL, a sentence without its full stop. */
void http_deny(struct exchange *x, const char *detail);
/* For what http_may_topic said; LINE not 0: of a batch. */
void http_deny_topic(struct exchange *x, const struct access_reason *r, const char *filter,
                     size_t n, size_t line);
/* 403: of a page whose origin may not. */
void http_deny_origin(struct exchange *x, const char *detail);
/* 401: its token does not count. */
void http_refuse_token(struct exchange *x, const struct token_why *why);
/* 400: what it brought is no token, or several (RFC 6750 section 3.1, invalid_request). */
void http_refuse_credentials(struct exchange *x, const char *detail);

/* Whether X is for a host that is none of this machine's: on a loopback listener, its page may have
 * been pointed here (DNS rebinding). Behind forwarding_take. */
bool http_access_is_foreign_host(const struct exchange *x);
/* Looks at the Origin of X: whether its pages have access. Adds the CORS lines that the answer
 * needs. */
bool http_access_take_origin(struct exchange *x);
/* The lines that answer a preflight, if the request with FIELDS is one. */
void http_access_put_preflight(const struct http_fields *fields, struct buf *lines);

#endif
