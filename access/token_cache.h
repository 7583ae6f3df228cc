/*
 * The tokens that one worker has verified of late, by their hash, and those that it has refused:
 * these for a moment, so that a client which comes again and again with one costs no arithmetic.
 * Both are bounded, and apart: refused ones push no good one out. Pure; one thread.
 *
 * What is found is judged by the clock anew. What another policy has found is forgotten.
 */
#ifndef ACCESS_TOKEN_CACHE_H
#define ACCESS_TOKEN_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "access/access.h"
#include "access/principal.h"
#include "access/token_fault.h"
#include "base/err.h"

enum {
    TOKEN_CACHE_GOOD = 4096,    /* verified tokens; their principals are shared with whoever uses
                                   them */
    TOKEN_CACHE_REFUSED = 1024, /* refused ones */
    TOKEN_CACHE_REFUSED_S = 2,  /* for how long */
};

struct token_cache;

enum token_cached { TOKEN_CACHED_NOT, TOKEN_CACHED_GOOD, TOKEN_CACHED_REFUSED };

/* NULL when out of memory; takes about 100 KB when the first token comes, besides the principals.
 */
struct token_cache *token_cache_create(void);
/* NULL is accepted. */
void token_cache_destroy(struct token_cache *c);

/* What is known of the token with HASH at NOW_S (Unix). GOOD: *RET is its principal, borrowed until
 * the next call; REFUSED: *RET_WHY says why. */
enum token_cached token_cache_find(struct token_cache *c, const struct access_policy *policy,
                                   const unsigned char hash[PRINCIPAL_HASH_SIZE], int64_t now_s,
                                   struct principal **ret, struct token_why *ret_why);
/* Takes a reference of its own to P, which was made by POLICY, and is found by its hash; forgets
 * another one in its place. Does nothing when out of memory. */
void token_cache_keep(struct token_cache *c, const struct access_policy *policy,
                      struct principal *p);
/* Remembers until a moment after NOW_S that the token with HASH was refused. */
void token_cache_refuse(struct token_cache *c, const struct access_policy *policy,
                        const unsigned char hash[PRINCIPAL_HASH_SIZE], struct token_why why,
                        int64_t now_s);
/* Forgets everything. */
void token_cache_clear(struct token_cache *c);

#endif
