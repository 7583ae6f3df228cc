/*
 * Every refusal of a token or of a right comes by here, whatever the transport: who, what for, and
 * which rule decided. The text of a token never does.
 */
#ifndef HTTP_AUDIT_H
#define HTTP_AUDIT_H

#include "access/access.h"
#include "access/token_fault.h"

struct conn;

/* C brought a token that does not count. */
void audit_token(const struct conn *c, enum token_fault fault);
/* C brought several that differ, or what is none. */
void audit_credentials(const struct conn *c);
/* C may not use the N bytes FILTER as R says; its principal says who it is. */
void audit_right(const struct conn *c, const struct access_reason *r, const char *filter, size_t n);
/* C may do nothing before it brings a token (WebSocket), or brought none in time. */
void audit_silent(const struct conn *c);

#endif
