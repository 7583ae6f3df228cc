#include "access/grants.h"

#include <stdint.h>
#include <string.h>

#include "broker/topic_name.h"

/* --- patterns --- */

static bool is_wild(char c)
{
    return c == '+' || c == '#';
}

/* Whether A, a pattern that does not name a first level, is held against a private one. */
static bool is_blind(const char *a, const char *b)
{
    return is_wild(a[0]) && b[0] == '_';
}

bool grants_cover(const char *pattern, size_t n, const char *other, size_t other_n)
{
    return !is_blind(pattern, other) && topic_pattern_covers(pattern, n, other, other_n);
}

/* What is left of a pattern; `p` is NULL behind its last level. */
struct levels {
    const char *p;
    size_t n;
};

/* Takes the first level off *L. */
static struct levels take_level(struct levels *l)
{
    const char *end = memchr(l->p, '/', l->n);
    struct levels level = {l->p, end ? (size_t)(end - l->p) : l->n};
    *l = end ? (struct levels){end + 1, l->n - level.n - 1} : (struct levels){NULL, 0};
    return level;
}

static bool is_rest(struct levels l)
{
    return l.p && l.n == 1 && l.p[0] == '#';
}

static bool levels_meet(struct levels a, struct levels b)
{
    if ((a.n == 1 && a.p[0] == '+') || (b.n == 1 && b.p[0] == '+'))
        return true;
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

bool grants_meet(const char *a, size_t a_n, const char *b, size_t b_n)
{
    struct levels x = {a, a_n}, y = {b, b_n};
    if (is_blind(a, b) || is_blind(b, a))
        return false;
    while (!is_rest(x) && !is_rest(y)) { /* "a/#" matches "a", too */
        if (!x.p || !y.p)
            return !x.p && !y.p;
        if (!levels_meet(take_level(&x), take_level(&y)))
            return false;
    }
    return true;
}

/* --- lists --- */

void grants_add(struct buf *list, unsigned rights, const char *pattern, size_t n)
{
    buf_putc(list, (char)rights);
    buf_putc(list, (char)n); /* at most TOPIC_NAME_MAX */
    buf_append(list, pattern, n);
}

bool grants_next(struct grants *rest, struct grant *ret)
{
    if (rest->len == 0)
        return false;
    *ret = (struct grant){rest->data[0], (const char *)rest->data + 2, rest->data[1]};
    rest->data += 2 + ret->len;
    rest->len -= 2 + ret->len;
    return true;
}

/* The first of LIST that decides about RIGHT; with GRANTS_DENY, the first deny that FILTER meets.
 */
static bool find(struct grants list, unsigned right, const char *filter, size_t n,
                 struct grant *ret)
{
    struct grant g;
    while (grants_next(&list, &g)) {
        bool decides = right == GRANTS_DENY
                           ? g.rights == GRANTS_DENY && grants_meet(g.pattern, g.len, filter, n)
                           : (g.rights & right) && grants_cover(g.pattern, g.len, filter, n);
        if (!decides)
            continue;
        *ret = g;
        return true;
    }
    return false;
}

enum grant_verdict grants_judge(struct grants list, enum access_right right, const char *filter,
                                size_t n, struct grant *ret)
{
    if (find(list, GRANTS_DENY, filter, n, ret))
        return GRANT_DENIED;
    return find(list, right, filter, n, ret) ? GRANT_GIVEN : GRANT_NONE;
}

bool grants_have(struct grants list, enum access_right right)
{
    struct grant g;
    while (grants_next(&list, &g))
        if (g.rights & right)
            return true;
    return false;
}

/* --- claims in patterns --- */

static bool is_plain_value(const char *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_wild(value[i]) || value[i] == '/')
            return false;
    return n > 0;
}

/* Appends the value of the claim NAME, which stands at the beginning when OUT is at FROM. */
static enum err put_claim(struct buf *out, size_t from, const char *name, size_t n,
                          grants_claim *claim, void *ctx)
{
    size_t len = 0;
    const char *value = n > 0 && n <= GRANTS_CLAIM_MAX ? claim(ctx, name, n, &len) : NULL;
    if (!value || !is_plain_value(value, len) || (out->len == from && value[0] == '_'))
        return ERR_INVALID;
    buf_append(out, value, len);
    return ERR_OK;
}

enum err grants_expand(struct buf *out, const char *pattern, size_t n, grants_claim *claim,
                       void *ctx)
{
    size_t from = out->len;
    const char *end = pattern + n;
    for (const char *p = pattern; p < end;) {
        const char *open = memchr(p, '{', (size_t)(end - p));
        buf_append(out, p, (size_t)((open ? open : end) - p));
        if (!open)
            break;
        const char *close = memchr(open, '}', (size_t)(end - open));
        if (!close || put_claim(out, from, open + 1, (size_t)(close - open - 1), claim, ctx))
            return ERR_INVALID;
        p = close + 1;
    }
    if (out->failed)
        return ERR_NOMEM;
    bool valid = out->len > from && topic_pattern_valid(out->data + from, out->len - from);
    return valid ? ERR_OK : ERR_INVALID;
}
