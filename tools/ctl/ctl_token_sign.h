/* Signing tokens for tests, by mbedTLS, 2.28 or 3.x: a hub itself only verifies. */
#ifndef TOOLS_CTL_CTL_TOKEN_SIGN_H
#define TOOLS_CTL_CTL_TOKEN_SIGN_H

#include <stddef.h>

#include "access/algorithm.h"
#include "base/buf.h"
#include "base/err.h"

/* What the key in the N bytes TEXT, a secret or a private key (PEM), bears if nothing else is said:
 * HS256, RS256, ES256 or ES384; ALGORITHMS: it is neither. A NUL is behind TEXT. */
enum algorithm ctl_token_algorithm(const char *text, size_t n);
/* Appends the signature by A, as bytes, of the SIGNED_N bytes SIGNED. ERR_INVALID: the key cannot
 * sign by A; ERR_NOMEM. */
MUST_CHECK enum err ctl_token_sign(const char *text, size_t n, enum algorithm a,
                                   const char *signed_text, size_t signed_n, struct buf *out);

#endif
