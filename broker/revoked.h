/*
 * Which tokens count no longer, before their time: by their `jti`, or all that were issued to a
 * `sub` up to some moment. Kept as notes of the log (storage/store.h), for as long as such a token
 * could count, so that neither a restart nor a restored backup makes one good again.
 *
 * The broker's thread changes them; any thread asks.
 */
#ifndef BROKER_REVOKED_H
#define BROKER_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct store;
struct revoked;

enum revocation_kind { REVOKE_JTI, REVOKE_SUB, REVOCATION_KINDS };

enum {
    REVOCATION_NAME_MAX = 255, /* bytes of a `jti` or `sub` */
    REVOCATIONS_MAX = 65536,   /* at a time */
};

/* Times are Unix seconds. */
struct revocation {
    enum revocation_kind kind;
    const char *name; /* NUL-terminated; not "" */
    int64_t upto_s;   /* of a sub: tokens issued at or before, and those that do not say when */
    int64_t until_s;  /* how long it is kept; 0 = for ever */
};

/* "jti", "sub". */
const char *revocation_kind_name(enum revocation_kind kind);

/* Those that S (borrowed) keeps. ERR_NOMEM, or the store's errors. */
MUST_CHECK enum err revoked_create(struct store *s, struct revoked **ret);
/* NULL is accepted. */
void revoked_destroy(struct revoked *r);

/* Adds V, durably; of two that mean the same token or sub, what each says counts: the later
 * moments. The store's thread. ERR_LIMIT: there are REVOCATIONS_MAX; ERR_INVALID: its name is too
 * long or empty; ERR_NOMEM, and the store's errors: nothing has changed. */
MUST_CHECK enum err revoked_add(struct revoked *r, const struct revocation *v, int64_t now_s);
/* Takes back what was said of one. The store's thread. ERR_NOT_FOUND, and the store's errors. */
MUST_CHECK enum err revoked_remove(struct revoked *r, enum revocation_kind kind, const char *name);

/* Whether a token with JTI and of SUB ("": it has none), issued at ISSUED_S (0: it does not say),
 * is revoked at NOW_S. Any thread. */
bool revoked_has(struct revoked *r, const char *jti, const char *sub, int64_t issued_s,
                 int64_t now_s);
/* Changes with each that is added or taken back. Any thread. */
uint64_t revoked_serial(const struct revoked *r);
size_t revoked_count(struct revoked *r);
/* Visits those that count at NOW_S, in no order; changes wait. Any thread. */
typedef void revoked_visit(void *ctx, const struct revocation *v);
void revoked_each(struct revoked *r, int64_t now_s, revoked_visit *visit, void *ctx);

#endif
