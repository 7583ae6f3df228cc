/*
 * Bearers: the connections that have a principal (access/principal.h), by worker.
 *
 * A principal is shared by all connections that came with the same token, and stands once in the
 * worker's table, however many they are. The table knows when it ends, and tells them by rights()
 * of their protocol: a minute before, and when it is over. A connection without a token has a NULL.
 *
 * Ends are Unix times: a clock that is set counts at once.
 */
#ifndef HTTP_BEARER_H
#define HTTP_BEARER_H

#include <stdint.h>

#include "access/principal.h"
#include "base/err.h"
#include "base/quota.h"
#include "delivery/frontend.h"
#include "net/conn.h"

struct worker;

enum { BEARER_SOON_S = 60 }; /* so long before the end it is told that there is one */

/* The principal of C; NULL: it has none. Valid until C gets another one, or ends. */
struct principal *bearer_of(const struct conn *c);
/* C, on its worker, has P from now on, to which a reference is taken; NULL: none. ERR_NOMEM: it has
 * the one that it had. */
MUST_CHECK enum err bearer_set(struct conn *c, struct principal *p);
/* Whether the principal of C ends within BEARER_SOON_S; what is told at that time is told by who
 * came later. */
bool bearer_ends_soon(const struct conn *c);

/* The quota of the principal of C, by its sub or by itself (enum quota_kind). NULL: it has none,
 * for which there was no limit when the principal came. */
struct quota *bearer_quota(const struct conn *c, enum quota_kind kind);

/* Calls VISIT for each principal that connections of W have; true: it is revoked, which its
 * connections are told. Returns how many those are. On the thread of W. */
typedef bool bearer_visit(void *ctx, const struct principal *p);
size_t bearer_revoke(struct worker *w, bearer_visit *visit, void *ctx);

/* What every worker does for them. */
extern const struct frontend bearer_frontend;

#endif
