/*
 * JSON Web Keys (RFC 7517, RFC 7518 section 6) that sign: of kty oct, RSA, and EC with P-256 or
 * P-384. Pure.
 */
#ifndef ACCESS_JWK_H
#define ACCESS_JWK_H

#include <stddef.h>

#include "access/key.h"
#include "access/key_set.h"
#include "base/buf.h"
#include "base/err.h"

enum { JWK_SET_BYTES_MAX = 65536 };

/* Makes the key that the N bytes TEXT are, under the name KID whatever its own is. ERR_INVALID: it
 * is none, and WHY says what is allowed, to follow a file's name; ERR_NOMEM. */
MUST_CHECK enum err jwk_parse(const char *kid, const char *text, size_t n, struct key **ret,
                              struct buf *why);
/* Adds the keys of the set {"keys": […]} that can be used here, by their own names ("" where they
 * have none); *RET_SKIPPED is how many cannot be used, whatever is wrong with them (RFC 7517
 * section 5). ERR_INVALID: there is none that can; ERR_NOMEM. */
MUST_CHECK enum err jwk_set_parse(struct key_set *set, const char *text, size_t n,
                                  size_t *ret_skipped, struct buf *why);

#endif
