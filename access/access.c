#include "access/access.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "access/grants.h"

struct access_policy {
    _Atomic uint32_t refs;
    uint64_t serial;
    struct key_set *keys; /* NULL = none */
    bool decided;
    enum access_local local;
    struct claims_rules claims; /* its texts are owned */
    char *issuer, *audience;
    struct access_rule *rules; /* their patterns are owned */
    char **patterns;
    size_t rule_count;
};

static const struct claims_rules no_claims;

/* --- making --- */

static bool copy_text(const char *from, char **to)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static bool copy_rules(struct access_policy *p, const struct access_options *o)
{
    p->rules = calloc(o->rule_count + 1, sizeof(*p->rules));
    p->patterns = calloc(o->rule_count + 1, sizeof(*p->patterns));
    if (!p->rules || !p->patterns)
        return false;
    for (; p->rule_count < o->rule_count; p->rule_count++) {
        size_t i = p->rule_count;
        p->rules[i] = o->rules[i];
        if (!copy_text(o->rules[i].pattern, &p->patterns[i]))
            return false;
        p->rules[i].pattern = p->patterns[i];
    }
    return true;
}

static bool copy_claims(struct access_policy *p, const struct claims_rules *from)
{
    p->claims = *from;
    bool whole = copy_text(from->issuer, &p->issuer) && copy_text(from->audience, &p->audience);
    p->claims.issuer = p->issuer;
    p->claims.audience = p->audience;
    return whole;
}

struct access_policy *access_policy_create(const struct access_options *o)
{
    static _Atomic uint64_t serial;
    struct access_policy *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->refs = 1;
    p->serial = atomic_fetch_add(&serial, 1) + 1;
    p->keys = o->keys ? key_set_ref(o->keys) : NULL;
    p->decided = o->decided;
    p->local = o->local;
    if (copy_claims(p, &o->claims) && copy_rules(p, o))
        return p;
    access_policy_unref(p);
    return NULL;
}

struct access_policy *access_policy_ref(struct access_policy *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void access_policy_unref(struct access_policy *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    for (size_t i = 0; p->patterns && i < p->rule_count; i++)
        free(p->patterns[i]);
    free(p->patterns);
    free(p->rules);
    free(p->issuer);
    free(p->audience);
    key_set_unref(p->keys);
    free(p);
}

/* --- what it holds --- */

uint64_t access_policy_serial(const struct access_policy *p)
{
    return p ? p->serial : 0;
}

const struct key_set *access_policy_keys(const struct access_policy *p)
{
    return p ? p->keys : NULL;
}

const struct claims_rules *access_policy_claims(const struct access_policy *p)
{
    return p ? &p->claims : &no_claims;
}

bool access_policy_has_tokens(const struct access_policy *p)
{
    return p && (p->keys || p->decided);
}

/* --- sections --- */

/* grants_claim */
static const char *sub_of(void *ctx, const char *name, size_t n, size_t *ret_len)
{
    const struct principal *bearer = ctx;
    if (n != 3 || memcmp(name, "sub", 3) != 0)
        return NULL;
    *ret_len = strlen(bearer->sub);
    return bearer->sub;
}

/* The pattern of RULE for BEARER, in *TEXT if it hangs on it. False: it speaks of others. */
static bool pattern_for(const struct access_rule *rule, const struct principal *bearer,
                        struct buf *text, const char **ret, size_t *ret_n)
{
    *ret = rule->pattern;
    *ret_n = strlen(rule->pattern);
    if (!strchr(rule->pattern, '{'))
        return true;
    buf_clear(text);
    if (!bearer || grants_expand(text, rule->pattern, *ret_n, sub_of, (void *)(uintptr_t)bearer))
        return false;
    *ret = text->data;
    *ret_n = text->len;
    return true;
}

enum said { SAID_NOTHING, SAID_YES, SAID_PARTLY, SAID_NO };

/* What RULE says of WHO's right to FILTER. */
static enum said ask(const struct access_rule *rule, enum access_who who,
                     const struct principal *bearer, enum access_right right, const char *filter,
                     size_t n, struct buf *text)
{
    const char *pattern;
    size_t len;
    if (!rule->says[who] || !pattern_for(rule, bearer, text, &pattern, &len) ||
        !grants_meet(pattern, len, filter, n))
        return SAID_NOTHING;
    if (!(rule->rights[who] & right))
        return SAID_NO;
    return grants_cover(pattern, len, filter, n) ? SAID_YES : SAID_PARTLY;
}

/* Whether a section decided; R says how. */
static bool ask_rules(const struct access_policy *p, const struct access_client *c,
                      enum access_who who, const char *filter, size_t n, struct access_reason *r)
{
    struct buf text = {0};
    enum said said = SAID_NOTHING;
    for (size_t i = 0; p && i < p->rule_count && said != SAID_YES && said != SAID_NO; i++) {
        const struct access_rule *rule = &p->rules[i];
        said = ask(rule, who, c->bearer, r->right, filter, n, &text);
        if (said != SAID_YES && said != SAID_NO)
            continue;
        r->allowed = said == SAID_YES;
        r->basis = ACCESS_BY_RULE;
        r->who = who;
        r->pattern = rule->pattern;
        r->pattern_len = strlen(rule->pattern);
    }
    buf_finish(&text);
    return said == SAID_YES || said == SAID_NO;
}

/* --- the question --- */

bool access_is_local(const struct access_policy *p, const struct access_client *c)
{
    enum access_local local = p ? p->local : ACCESS_LOCAL_AUTO;
    return c->trusted && (local == ACCESS_LOCAL_ALL ||
                          (local == ACCESS_LOCAL_AUTO && !access_policy_has_tokens(p)));
}

static void judge_local(const struct access_policy *p, const struct access_client *c,
                        const char *filter, size_t n, struct access_reason *r)
{
    if (ask_rules(p, c, ACCESS_LOCAL, filter, n, r))
        return;
    r->allowed = true;
    r->basis = ACCESS_BY_LOCAL;
}

/* Whether its token, or what sections say of tokens, decided. */
static bool judge_bearer(const struct access_policy *p, const struct access_client *c,
                         const char *filter, size_t n, struct access_reason *r)
{
    struct grant g = {0};
    enum grant_verdict verdict = grants_judge(c->bearer->grants, r->right, filter, n, &g);
    if (verdict == GRANT_NONE) {
        bool decided = ask_rules(p, c, ACCESS_TOKEN, filter, n, r);
        return decided && r->allowed;
    }
    r->allowed = verdict == GRANT_GIVEN;
    r->basis = r->allowed ? ACCESS_BY_GRANT : ACCESS_BY_DENY;
    r->pattern = g.pattern;
    r->pattern_len = g.len;
    return true;
}

static void judge(const struct access_policy *p, const struct access_client *c, const char *filter,
                  size_t n, struct access_reason *r)
{
    if (c->socket) {
        r->allowed = true;
        r->basis = ACCESS_BY_SOCKET;
    } else if (access_is_local(p, c)) {
        judge_local(p, c, filter, n, r);
    } else if (!(c->bearer && judge_bearer(p, c, filter, n, r)) &&
               !ask_rules(p, c, ACCESS_ANONYMOUS, filter, n, r)) {
        r->allowed = c->anonymous & r->right;
        r->basis = ACCESS_BY_ANONYMOUS;
    }
}

bool access_judge(const struct access_policy *p, const struct access_client *c,
                  enum access_right right, const char *filter, size_t n, struct access_reason *ret)
{
    struct access_reason r = {.right = right, .bearer = c->bearer != NULL};
    judge(p, c, filter, n, &r);
    if (ret)
        *ret = r;
    return r.allowed;
}

static bool rules_have(const struct access_policy *p, enum access_who who, unsigned right)
{
    for (size_t i = 0; p && i < p->rule_count; i++)
        if (p->rules[i].says[who] && (p->rules[i].rights[who] & right))
            return true;
    return false;
}

bool access_may(const struct access_policy *p, const struct access_client *c,
                enum access_right right)
{
    if (c->socket || access_is_local(p, c) || (c->anonymous & right) ||
        rules_have(p, ACCESS_ANONYMOUS, right))
        return true;
    return c->bearer &&
           (grants_have(c->bearer->grants, right) || rules_have(p, ACCESS_TOKEN, right));
}

bool access_is_none(const struct access_policy *p, const struct access_client *c)
{
    return !access_may(p, c, ACCESS_SUBSCRIBE) && !access_may(p, c, ACCESS_PUBLISH) &&
           !access_may(p, c, ACCESS_STATUS) && !access_may(p, c, ACCESS_PRESENCE);
}

/* --- in words --- */

const char *access_right_name(enum access_right right)
{
    switch (right) {
    case ACCESS_SUBSCRIBE:
        return "subscribe";
    case ACCESS_PUBLISH:
        return "publish";
    case ACCESS_STATUS:
        return "status";
    case ACCESS_PRESENCE:
        return "presence";
    }
    return "";
}

/* What is done with the filter, as part of a sentence. */
static void put_use(const struct access_reason *r, const char *filter, size_t n, struct buf *out)
{
    static const char *const uses[] = {
        [ACCESS_SUBSCRIBE] = "subscribing to",
        [ACCESS_PUBLISH] = "publishing to",
        [ACCESS_PRESENCE] = "seeing the presence of",
    };
    buf_printf(out, "%s \"", uses[r->right]);
    buf_append(out, filter, n);
    buf_putc(out, '"');
}

static void put_pattern(const struct access_reason *r, struct buf *out)
{
    buf_putc(out, '"');
    buf_append(out, r->pattern, r->pattern_len);
    buf_putc(out, '"');
}

static void put_rule(const struct access_reason *r, struct buf *out)
{
    static const char *const who[] = {"anonymous", "local", "token"};
    buf_puts(out, "by [access ");
    put_pattern(r, out);
    buf_printf(out, "], %s", who[r->who]);
}

void access_reason_put(const struct access_reason *r, const char *filter, size_t n, struct buf *out)
{
    put_use(r, filter, n, out);
    buf_puts(out, r->allowed ? " is allowed " : " is not allowed ");
    switch (r->basis) {
    case ACCESS_BY_SOCKET:
        buf_puts(out, "by the local socket");
        break;
    case ACCESS_BY_LOCAL:
        buf_puts(out, "to clients of this machine");
        break;
    case ACCESS_BY_DENY:
    case ACCESS_BY_GRANT:
        buf_printf(out, "by the token, which %s ", r->allowed ? "grants" : "denies");
        put_pattern(r, out);
        break;
    case ACCESS_BY_RULE:
        put_rule(r, out);
        break;
    case ACCESS_BY_ANONYMOUS:
        buf_puts(out, r->allowed  ? "to anyone, by access.anonymous"
                      : r->bearer ? "by anything in the token"
                                  : "without a token that grants it");
        break;
    }
}
