/*
 * A principal: who a token, or a decision by somebody else, says that one is, and what it grants.
 *
 * Immutable but for its references, which any thread may take and give back; one allocation, of
 * about 130 bytes and what its claims take as text.
 */
#ifndef ACCESS_PRINCIPAL_H
#define ACCESS_PRINCIPAL_H

#include <stddef.h>
#include <stdint.h>

#include "access/grants.h"
#include "base/err.h"

enum {
    PRINCIPAL_HASH_SIZE = 16,
    PRINCIPAL_NAME_MAX = 255,  /* bytes of `sub`, `jti` and `kid` */
    PRINCIPAL_INFO_MAX = 1024, /* bytes of `info` */
};

/* At most so much of each; 0 = it does not say. */
struct principal_limits {
    uint32_t connections, subscriptions, publish_per_s;
    uint64_t bytes_per_s; /* that it publishes */
};

struct principal {
    _Atomic uint32_t refs;
    uint32_t bytes;                          /* of all of it */
    unsigned char hash[PRINCIPAL_HASH_SIZE]; /* of the token (token_hash), or of whatever it stands
                                                for; alone in this process */
    int64_t issued_s, not_before_s, expires_s; /* `iat`, `nbf`, `exp`: Unix; 0 = it does not say */
    int64_t ends_s; /* from when on it counts no longer: `exp` and access.leeway; 0 = never */
    struct principal_limits limits;
    const char *sub, *jti, *kid; /* NUL-terminated, UTF-8; "" = it does not say */
    const char *info;            /* JSON for those who see its presence; not terminated */
    size_t info_len;             /* 0 = none */
    struct grants grants;
};

/* What one is made of; all is borrowed, and copied. NULL is "". */
struct principal_parts {
    const unsigned char *hash; /* NULL: zeros */
    int64_t issued_s, not_before_s, expires_s, ends_s;
    struct principal_limits limits;
    const char *sub, *jti, *kid;
    const char *info;
    size_t info_len;
    struct grants grants;
};

/* One reference; NULL when out of memory. */
struct principal *principal_create(const struct principal_parts *parts);
struct principal *principal_ref(struct principal *p);
/* NULL is accepted. */
void principal_unref(struct principal *p);

#endif
