/*
 * Tokens: JSON Web Tokens (RFC 7519) in the compact form of signed ones (RFC 7515 section 3.1), by
 * the advice of RFC 8725: the algorithm is the key's, never the token's choice, `none` is nobody's,
 * and what a header brings along (jku, jwk, x5c, …) is not looked at. Pure; any thread.
 */
#ifndef ACCESS_TOKEN_H
#define ACCESS_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/claims.h"
#include "access/key_set.h"
#include "access/principal.h"
#include "access/token_fault.h"
#include "base/err.h"

enum { TOKEN_BYTES_MAX = 8192 };

/* Draws the secrets of token_hash and of what reads JSON; once, before there are threads. ERR_IO:
 * no randomness. */
MUST_CHECK enum err token_init(void);
/* What a token is known by: of a secret of this process (siphash.h), so that nobody can make
 * another token with the same. */
void token_hash(const char *token, size_t n, unsigned char ret[PRINCIPAL_HASH_SIZE]);

/* Whether verifying TOKEN takes so long that it should happen on the threads for costly arithmetic;
 * false also for one that will be refused at once. */
bool token_is_costly(const struct key_set *keys, const char *token, size_t n);
/* Writes the name of its key that TOKEN says, which nobody vouches for, and a NUL; "" if it says
 * none.
 */
void token_kid(const char *token, size_t n, char ret[PRINCIPAL_NAME_MAX + 1]);
/* Makes a principal of TOKEN, one reference, if a key of KEYS has signed it and its claims are
 * valid at NOW_S (Unix). ERR_ACCESS: it does not count, and *RET_WHY says why; ERR_NOMEM. */
MUST_CHECK enum err token_verify(const struct key_set *keys, const struct claims_rules *rules,
                                 const char *token, size_t n, int64_t now_s, struct principal **ret,
                                 struct token_why *ret_why);

#endif
