/*
 * Grants: what somebody may do with which topics, and must not. A right to a topic, or to a
 * pattern, needs a grant that covers all of it; one that meets a deny, be it in one topic, is
 * refused whole. Pure.
 *
 * A private topic (its first level begins with '_') is matched by no pattern that does not name
 * that level: neither "#" nor "+/x" covers, or meets, "_a/x".
 */
#ifndef ACCESS_GRANTS_H
#define ACCESS_GRANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "access/access_right.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    GRANTS_MAX = 256,      /* of one list, denies included */
    GRANTS_DENY = 0,       /* in place of rights */
    GRANTS_CLAIM_MAX = 64, /* bytes of a name in {} */
};

/* A list as bytes, borrowed: of each its rights (bits; GRANTS_DENY), its length, its pattern. */
struct grants {
    const unsigned char *data;
    size_t len;
};

/* One of a list; its pattern is not NUL-terminated. */
struct grant {
    unsigned rights;
    const char *pattern;
    size_t len;
};

/* What a right hangs on. */
enum grant_verdict {
    GRANT_NONE,   /* no grant covers it */
    GRANT_DENIED, /* *RET is the deny that it meets */
    GRANT_GIVEN,  /* *RET is the grant that covers it */
};

/* Whether PATTERN matches all topics that OTHER does. Both are valid topics or patterns, and not
 * terminated. */
bool grants_cover(const char *pattern, size_t n, const char *other, size_t other_n);
/* Whether there may be a topic that both match. */
bool grants_meet(const char *a, size_t a_n, const char *b, size_t b_n);

/* Appends one to the bytes of a list; PATTERN must be valid (topic_pattern_valid). */
void grants_add(struct buf *list, unsigned rights, const char *pattern, size_t n);
/* Takes the next one out of *REST, at first the list. False: there is none left. */
bool grants_next(struct grants *rest, struct grant *ret);
/* Whether FILTER, a valid topic or pattern, may be used as RIGHT, one bit, says. Takes what the
 * number of grants takes. *RET is set unless it is GRANT_NONE. */
enum grant_verdict grants_judge(struct grants list, enum access_right right, const char *filter,
                                size_t n, struct grant *ret);
/* Whether one grants RIGHT, of whatever topics. */
bool grants_have(struct grants list, enum access_right right);

/* The value of claim NAME, N bytes, as text that is valid until the next call; NULL: there is none.
 */
typedef const char *grants_claim(void *ctx, const char *name, size_t n, size_t *ret_len);
/* Appends PATTERN to OUT with the values of claims in the places of their names in {}. ERR_INVALID:
 * it is no valid pattern then; a claim is not there, or its value is empty, or holds '/', '+', '#'
 * or control characters, or would name a private first level. OUT is undefined then. */
MUST_CHECK enum err grants_expand(struct buf *out, const char *pattern, size_t n,
                                  grants_claim *claim, void *ctx);

#endif
