/* Tokens for tests: any header, any claims, good or not, signed with a secret. */
#ifndef TESTS_TOKEN_MAKER_H
#define TESTS_TOKEN_MAKER_H

#include <stddef.h>

#include "base/buf.h"

/* 32 bytes, the least that a secret may have. */
#define TOKEN_SECRET "0123456789abcdef0123456789ABCDEF"
#define TOKEN_HS256  "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* Appends HEADER.CLAIMS.SIGNATURE, by HMAC with SHA-256 and the N bytes SECRET; replaces what is in
 * OUT, and puts a NUL behind it that does not count. */
void token_make(struct buf *out, const char *header, const char *claims, const void *secret,
                size_t n);
/* The same with TOKEN_HS256 and TOKEN_SECRET. */
void token_make_good(struct buf *out, const char *claims);

#endif
