/*
 * Every refusal of a client comes by here, whatever the transport: it is counted by its reason, and
 * leaves a line of the log with who it was, what for, and which rule decided; few enough of them
 * that no stranger can fill it (net/refusals.h). The text of a token never does.
 *
 * What an answer of HTTP tells is told in the line of that answer (http_refusal.h), others have one
 * of their own.
 */
#ifndef HTTP_AUDIT_H
#define HTTP_AUDIT_H

#include "access/access.h"
#include "access/token_fault.h"
#include "delivery/frontend.h"

struct conn;

/* C brought a token that does not count. */
void audit_token(const struct conn *c, enum token_fault fault);
/* C brought several that differ, or what is none. */
void audit_credentials(const struct conn *c);
/* C may not use the N bytes FILTER as R says; its principal says who it is. */
void audit_right(const struct conn *c, const struct access_reason *r, const char *filter, size_t n);
/* C may do nothing before it brings a token (WebSocket), or brought none in time. */
void audit_silent(const struct conn *c);
/* A page of an origin that may not. */
void audit_origin(const struct conn *c);
/* A request for a host that is none of this machine's. */
void audit_host(const struct conn *c);
/* What is for others than C, whatever topics it has: figures, the page. */
void audit_private(const struct conn *c);
/* C has too much, as TEXT says (http_quota.h, which counts it). */
void audit_limit(const struct conn *c, const char *text);

/* What is to be told of the refusal that C is about to be answered, "" if that is nothing: valid
 * until the next one. It is told then. */
const char *audit_take(const struct conn *c);

/* What every worker does for it. */
extern const struct frontend audit_frontend;

#endif
