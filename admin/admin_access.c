#include "admin/admin_access.h"

#include <string.h>

#include "access/access.h"
#include "access/token.h"
#include "admin/admin_document.h"
#include "base/now.h"
#include "base/rfc3339.h"
#include "broker/hub.h"
#include "broker/revoked.h"
#include "delivery/envelope.h"
#include "delivery/settings.h"

/* What is asked about, and by whom. */
struct question {
    const struct settings *settings;
    const char *filter;
    size_t n;
    struct principal *bearer; /* NULL: has no token, or none that counts */
    const char *fault;        /* why its token does not count; NULL: it does, or there is none */
    bool asked;               /* an application is asked about it (access.auth_request) */
};

static const char is_asked[] =
    "the application of access.auth_request is asked about such a client, and its answer decides";

static void put_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    envelope_json_string(out, text, strlen(text));
}

static void put_time(struct buf *out, const char *name, int64_t unix_s)
{
    char text[RFC3339_TEXT_SIZE];
    rfc3339_format(text, (uint64_t)unix_s * 1000);
    put_text(out, name, text);
}

static void put_grants(struct buf *out, struct grants rest)
{
    struct grant g;
    buf_puts(out, ",\"grants\":[");
    while (grants_next(&rest, &g)) {
        admin_put_comma(out);
        buf_printf(out, "{\"rights\":\"%s%s%s%s\",\"pattern\":", g.rights ? "" : "deny",
                   g.rights & ACCESS_SUBSCRIBE ? "subscribe" : "",
                   g.rights & ACCESS_PUBLISH ? "publish" : "",
                   g.rights & ACCESS_PRESENCE ? "presence" : "");
        envelope_json_string(out, g.pattern, g.len);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_principal(struct buf *out, const struct principal *p)
{
    buf_puts(out, "{\"valid\":true");
    put_text(out, "sub", p->sub);
    put_text(out, "jti", p->jti);
    put_text(out, "key", p->kid);
    if (p->expires_s)
        put_time(out, "expires", p->expires_s);
    put_grants(out, p->grants);
    buf_putc(out, '}');
}

/* What is known of the token: nothing of its text. */
static void put_token(struct buf *out, const struct question *q, struct token_why why)
{
    if (q->bearer) {
        put_principal(out, q->bearer);
    } else if (q->fault) {
        buf_printf(out, "{\"valid\":%s,\"fault\":\"%s\"", q->asked ? "null" : "false",
                   token_fault_name(why.fault));
        put_text(out, "reason", why.text);
        buf_putc(out, '}');
    } else {
        buf_puts(out, "null");
    }
}

/* A token that does not count is never taken for none. Returns JSON: null where the hub does not
 * know. */
static const char *judge(const struct question *q, enum access_right right, struct buf *reason)
{
    struct access_client c = {.anonymous = q->settings->anonymous, .bearer = q->bearer};
    struct access_reason r;
    if (q->asked || q->fault) {
        buf_puts(reason, q->asked ? is_asked : q->fault);
        return q->asked ? "null" : "false";
    }
    bool allowed = access_judge(q->settings->access, &c, right, q->filter, q->n, &r);
    access_reason_put(&r, q->filter, q->n, reason);
    return allowed ? "true" : "false";
}

static void put_right(struct buf *out, const struct question *q, enum access_right right)
{
    struct buf reason = {0};
    const char *allowed = judge(q, right, &reason);
    admin_put_comma(out);
    buf_printf(out, "{\"right\":\"%s\",\"allowed\":%s,\"reason\":", access_right_name(right),
               allowed);
    envelope_json_string(out, reason.data, reason.len);
    buf_putc(out, '}');
    out->failed |= reason.failed;
    buf_finish(&reason);
}

static enum err verify(struct worker *w, const char *token, size_t n, struct principal **ret,
                       struct token_why *ret_why)
{
    const struct access_policy *policy = w->settings->access;
    const struct key_set *keys = access_policy_keys(policy);
    int64_t now_s = (int64_t)(now_unix_ms() / 1000);
    *ret_why = token_why_of(TOKEN_UNKNOWN_KEY);
    if (!keys)
        return ERR_ACCESS;
    enum err e = token_verify(keys, access_policy_claims(policy), token, n, now_s, ret, ret_why);
    const struct principal *p = e == ERR_OK ? *ret : NULL;
    if (!p || !revoked_has(hub_revoked(w->hub), p->jti, p->sub, p->issued_s, now_s))
        return e;
    *ret_why = token_why_of(TOKEN_REVOKED);
    principal_unref(*ret);
    *ret = NULL;
    return ERR_ACCESS;
}

/* As http/tokens.c has it asked: about whom no key speaks for. */
static bool must_be_asked(const struct settings *s, const char *token, enum err e,
                          const struct token_why *why)
{
    bool is_known = token && (e == ERR_OK || !token_fault_is_foreign(why->fault));
    return s->auth.remote && !is_known;
}

enum err admin_access(struct worker *w, const char *filter, size_t n, const char *token,
                      size_t token_n, struct buf *out)
{
    struct question q = {.settings = w->settings, .filter = filter, .n = n};
    struct token_why why = {0};
    enum err e = token ? verify(w, token, token_n, &q.bearer, &why) : ERR_OK;
    if (e == ERR_NOMEM)
        return e;
    q.fault = e == ERR_OK ? NULL : why.text;
    q.asked = must_be_asked(w->settings, token, e, &why);
    buf_puts(out, "{\"filter\":");
    envelope_json_string(out, filter, n);
    buf_puts(out, ",\"token\":");
    put_token(out, &q, why);
    buf_puts(out, ",\"rights\":[");
    put_right(out, &q, ACCESS_SUBSCRIBE);
    put_right(out, &q, ACCESS_PUBLISH);
    put_right(out, &q, ACCESS_PRESENCE);
    buf_puts(out, "]}");
    principal_unref(q.bearer);
    return out->failed ? ERR_NOMEM : ERR_OK;
}
