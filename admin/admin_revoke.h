/* Tokens that count no longer (broker/revoked.h): as jobs of an administrator. */
#ifndef ADMIN_ADMIN_REVOKE_H
#define ADMIN_ADMIN_REVOKE_H

#include "admin/admin.h"
#include "broker/revoked.h"

/* Revokes V (copied), durably, and ends the connections that have such a token; `number`: how many
 * those were. `until_s` of V 0: for as long as a token can count by access.max_lifetime, else for
 * ever. ERR_LIMIT: there are as many as may be; ERR_INVALID: its name. */
void admin_revoke(struct admin *a, const struct revocation *v);
/* Takes that back, for tokens that come from now on. ERR_NOT_FOUND. */
void admin_unrevoke(struct admin *a, const struct revocation *v);
/* All of them, as a JSON array, at once. ERR_NOMEM. */
MUST_CHECK enum err admin_revoked(struct worker *w, struct buf *out);

#endif
