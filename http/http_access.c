#include "http/http_access.h"

#include <stdio.h>
#include <string.h>

#include "access/host.h"
#include "access/origin.h"
#include "broker/topic_name.h"
#include "delivery/worker.h"
#include "http/audit.h"
#include "http/bearer.h"
#include "http/forwarding.h"
#include "http/http_lines.h"

#define PREFLIGHT_AGE "7200"

static struct access_client client_of(const struct conn *c)
{
    return (struct access_client){
        .trusted = c->trusted,
        .socket = c->local,
        .anonymous = worker_settings(c)->anonymous,
        .bearer = bearer_of(c),
    };
}

bool http_may(const struct conn *c, enum access_right right)
{
    struct access_client client = client_of(c);
    return access_may(worker_settings(c)->access, &client, right);
}

bool http_may_follow(const struct conn *c)
{
    return http_may(c, ACCESS_SUBSCRIBE) || http_may(c, ACCESS_PRESENCE);
}

bool http_may_nothing(const struct conn *c)
{
    struct access_client client = client_of(c);
    return access_is_none(worker_settings(c)->access, &client);
}

/* What is told of who comes and goes is for those who may see who is there. */
static bool is_of_presence(enum access_right right, const char *filter, size_t n)
{
    static const char above[] = TOPIC_PRESENCE "/";
    size_t len = sizeof(above) - 1;
    return right == ACCESS_SUBSCRIBE && n > len && memcmp(filter, above, len) == 0 &&
           topic_pattern_valid(filter + len, n - len);
}

static bool judge(const struct conn *c, enum access_right right, const char *filter, size_t n,
                  struct access_reason *ret)
{
    struct access_client client = client_of(c);
    size_t above = sizeof(TOPIC_PRESENCE "/") - 1;
    if (!is_of_presence(right, filter, n))
        return access_judge(worker_settings(c)->access, &client, right, filter, n, ret);
    return access_judge(worker_settings(c)->access, &client, ACCESS_PRESENCE, filter + above,
                        n - above, ret);
}

bool http_may_topic(const struct conn *c, enum access_right right, const char *filter, size_t n,
                    struct access_reason *ret)
{
    bool may = judge(c, right, filter, n, ret);
    if (!may)
        audit_right(c, ret, filter, n);
    return may;
}

bool http_may_keep(void *conn, const char *filter, size_t n)
{
    struct access_reason reason;
    return http_may_topic(conn, ACCESS_SUBSCRIBE, filter, n, &reason);
}

bool http_is_local(const struct conn *c)
{
    struct access_client client = client_of(c);
    return access_is_local(worker_settings(c)->access, &client);
}

bool http_takes_tokens(const struct conn *c)
{
    return !c->local && access_policy_has_tokens(worker_settings(c)->access);
}

bool http_lacks_token(const struct conn *c)
{
    return !bearer_of(c) && http_takes_tokens(c);
}

/* --- refusals --- */

/* CODE NULL: there was no token. */
static void challenge(struct exchange *x, const char *code, const char *text)
{
    char value[256];
    if (code)
        snprintf(value, sizeof(value),
                 "Bearer realm=\"longwire\", error=\"%s\", error_description=\"%s\"", code, text);
    else
        snprintf(value, sizeof(value), "Bearer realm=\"longwire\"");
    exchange_add_field(x, "WWW-Authenticate", value);
}

/* DETAIL for one who has a right to something else, or to nothing. */
static void deny(struct exchange *x, const char *detail)
{
    if (http_lacks_token(x->conn)) {
        challenge(x, NULL, NULL);
        exchange_fail_as(x, 401, "unauthorized", detail);
    } else if (bearer_of(x->conn)) {
        challenge(x, "insufficient_scope", "the token does not grant this");
        exchange_fail_as(x, 403, "forbidden", detail);
    } else {
        exchange_deny(x, detail);
    }
}

void http_deny(struct exchange *x, const char *detail)
{
    deny(x, detail);
}

void http_deny_origin(struct exchange *x, const char *detail)
{
    audit_origin(x->conn);
    exchange_fail(x, 403, detail);
}

/* As it was told before there were other rules. */
static const char *plain_refusal(const struct access_reason *r)
{
    return r->right == ACCESS_PUBLISH
               ? "Anonymous publishing is not allowed here (see access.anonymous)"
               : "Anonymous subscribing is not allowed here (see access.anonymous)";
}

void http_deny_topic(struct exchange *x, const struct access_reason *r, const char *filter,
                     size_t n, size_t line)
{
    struct buf text = {0};
    if (line)
        buf_printf(&text, "Line %zu: ", line);
    if (r->basis == ACCESS_BY_ANONYMOUS && !http_takes_tokens(x->conn))
        buf_puts(&text, plain_refusal(r));
    else
        access_reason_put(r, filter, n, &text);
    buf_putc(&text, '\0');
    deny(x, text.failed ? plain_refusal(r) : text.data);
    buf_finish(&text);
}

void http_refuse_token(struct exchange *x, const struct token_why *why)
{
    audit_token(x->conn, why->fault);
    challenge(x, TOKEN_ERROR_CODE, why->text);
    exchange_fail_as(x, 401, token_fault_name(why->fault), why->text);
}

void http_refuse_credentials(struct exchange *x, const char *detail)
{
    audit_credentials(x->conn);
    challenge(x, "invalid_request", detail);
    exchange_fail_as(x, 400, "invalid_request", detail);
}

/* --- hosts and origins --- */

bool http_access_is_foreign_host(const struct exchange *x)
{
    const struct settings *s = worker_settings(x->conn);
    bool directly = s->host_count && (conn_is_proxied(x->conn) || !forwarding_is_said(x->fields));
    const char *host = x->has_host ? x->host : NULL;
    return !x->conn->local && !host_is_own(host, s->hosts, s->host_count, directly);
}

bool http_access_take_origin(struct exchange *x)
{
    const char *origin = http_fields_get(x->fields, HTTP_FIELD_ORIGIN, NULL);
    if (!origin)
        return true;
    const struct settings *s = worker_settings(x->conn);
    enum origin_access access = origin_judge(origin, x->host, s->origins, s->origin_count);
    exchange_add_field(x, "Vary", "Origin");
    if (access == ORIGIN_REFUSED)
        return false;
    exchange_add_field(x, "Access-Control-Allow-Origin", access == ORIGIN_KNOWN ? origin : "*");
    if (access == ORIGIN_KNOWN)
        exchange_add_field(x, "Access-Control-Allow-Credentials", "true");
    /* So that they know which protocol carried it (longwire.js, shared). */
    exchange_add_field(x, "Timing-Allow-Origin", access == ORIGIN_KNOWN ? origin : "*");
    exchange_add_field(x, "Access-Control-Expose-Headers",
                       "Longwire-Cursor, Longwire-Topic, Longwire-Event, Longwire-Gap, "
                       "Preference-Applied, Retry-After, WWW-Authenticate");
    return true;
}

void http_access_put_preflight(const struct http_fields *fields, struct buf *lines)
{
    if (!http_fields_has(fields, HTTP_FIELD_ACCESS_CONTROL_REQUEST_METHOD))
        return;
    http_lines_gather(lines, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    http_lines_gather(lines, "Access-Control-Allow-Headers",
                      "Content-Type, Last-Event-ID, Longwire-Event, Longwire-Expect-Last, "
                      "Idempotency-Key, Authorization, Cache-Control, Prefer");
    http_lines_gather(lines, "Access-Control-Max-Age", PREFLIGHT_AGE);
}
