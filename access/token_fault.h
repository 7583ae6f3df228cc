/* Why a token does not count. */
#ifndef ACCESS_TOKEN_FAULT_H
#define ACCESS_TOKEN_FAULT_H

#include <stdbool.h>

/* What RFC 6750 section 3.1 calls them all. */
#define TOKEN_ERROR_CODE "invalid_token"

/* fault, name (in counters and the log), what is told: nothing of the token. */
#define TOKEN_FAULT_TABLE(X)                                                                       \
    X(TOKEN_MALFORMED, "malformed",                                                                \
      "the token is not a JWT in three parts of base64url, of at "                                 \
      "most 8192 bytes")                                                                           \
    X(TOKEN_ALGORITHM, "algorithm", "the token's alg is not one that its key may bear")            \
    X(TOKEN_UNKNOWN_KEY, "unknown_key",                                                            \
      "no key has the token's kid, or it has none and several "                                    \
      "keys may bear its alg")                                                                     \
    X(TOKEN_SIGNATURE, "signature", "the token's signature is not its key's")                      \
    X(TOKEN_EXPIRED, "expired", "the token has expired")                                           \
    X(TOKEN_NOT_YET, "not_yet", "the token is not valid yet (nbf)")                                \
    X(TOKEN_NO_EXPIRY, "no_expiry", "the token must say when it expires (exp)")                    \
    X(TOKEN_AUDIENCE, "audience", "the token's aud must name access.audience")                     \
    X(TOKEN_ISSUER, "issuer", "the token's iss must be access.issuer")                             \
    X(TOKEN_LIFETIME, "lifetime", "the token must be valid no longer than access.max_lifetime")    \
    X(TOKEN_CLAIMS, "claims", "the token's claims are not as they must be")                        \
    X(TOKEN_REVOKED, "revoked", "the token has been revoked")                                      \
    X(TOKEN_REFUSED, "refused", "access.auth_request does not let this client in")

enum token_fault {
#define TOKEN_FAULT_ENUM(fault, name, text) fault,
    TOKEN_FAULT_TABLE(TOKEN_FAULT_ENUM)
#undef TOKEN_FAULT_ENUM
        TOKEN_FAULTS
};

/* A fault in words: `text` is a constant sentence, the table's or, of claims, one that says what is
 * allowed. */
struct token_why {
    enum token_fault fault;
    const char *text;
};

const char *token_fault_name(enum token_fault f);
/* With the sentence of the table. */
struct token_why token_why_of(enum token_fault f);
/* Whether it may be a token all the same, one that others understand. */
bool token_fault_is_foreign(enum token_fault f);

#endif
