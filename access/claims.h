/*
 * Claims (RFC 7519 section 4, and the hub's own) as JSON, judged and made a principal of. It does
 * not matter here who vouches for them: a token's signature, or somebody who was asked.
 *
 *     { "sub": "alice", "exp": 1764495600, "jti": …, "iss": …, "aud": …, "nbf": …, "iat": …,
 *       "longwire": { "subscribe": [PATTERN…], "publish": […], "presence": […], "deny": […],
 *                     "limits": {"connections": N, "subscriptions": N, "publish_per_s": N,
 *                                "bytes_per_s": N}, "info": ANY },
 *       "mercure": { "subscribe": [TOPIC…], "publish": [TOPIC…] } }
 *
 * {sub}, or the name of any claim that is a string or a whole number, stands in a pattern for its
 * value (grants_expand). Mercure's topics are exact ones, "*" for all, with {x} for a level, or
 * {+x} for all that follows. What "longwire" holds besides is refused: a "deny" that is misspelt
 * must not grant more. Other claims are free.
 */
#ifndef ACCESS_CLAIMS_H
#define ACCESS_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/principal.h"
#include "access/token_fault.h"
#include "base/err.h"

enum { CLAIMS_BYTES_MAX = 8192 };

/* What claims must hold; all zero: anything that has an end. Texts are borrowed. */
struct claims_rules {
    const char *issuer;     /* that `iss` must be; NULL = any */
    const char *audience;   /* that `aud` must be, or name in a list; NULL = any */
    int64_t leeway_s;       /* by how much the clocks of those who make them may differ */
    int64_t max_lifetime_s; /* from `iat`, and from now, to `exp`; 0 = any */
    bool endless;           /* `exp` may be missing */
};

/* Whose claims they are; borrowed. NULL: nobody says. */
struct claims_bearer {
    const unsigned char *hash; /* PRINCIPAL_HASH_SIZE */
    const char *kid;           /* of the key that has signed them */
};

/* Makes a principal of the N bytes JSON, one reference, if they are valid at NOW_S. ERR_ACCESS:
 * they are not, and *RET_WHY says why; ERR_NOMEM. Any thread. */
MUST_CHECK enum err principal_from_claims(const char *json, size_t n,
                                          const struct claims_rules *rules,
                                          const struct claims_bearer *bearer, int64_t now_s,
                                          struct principal **ret, struct token_why *ret_why);
/* What they say of time, at any later moment: TOKEN_EXPIRED, TOKEN_NOT_YET or, when it counts,
 * TOKEN_FAULTS. Clocks step, so both are asked anew wherever a principal is found again. */
enum token_fault claims_fault_at(const struct principal *p, int64_t leeway_s, int64_t now_s);

#endif
