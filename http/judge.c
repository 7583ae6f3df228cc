#include "http/judge.h"

#include <stdlib.h>

#include "delivery/worker.h"
#include "http/audit.h"
#include "http/bearer.h"
#include "http/http_access.h"
#include "http/subscribe.h"
#include "http/token_source.h"
#include "http/tokens.h"

/* A request whose token is being verified, or whose client is being decided about. */
struct judging {
    struct tokens_check check; /* first */
    struct exchange *exchange;
};

/* --- what came of it --- */

static void fail(struct exchange *x, enum err e)
{
    exchange_fail_later(x, 503, 1,
                        e == ERR_LIMIT ? "More tokens are being verified than the hub has time for"
                                       : "The hub cannot verify the token now");
}

/* An event stream is told that it is over where its EventSource would give up at a 401. */
static void refuse(struct exchange *x, const struct token_why *why)
{
    bool over = why->fault == TOKEN_EXPIRED || why->fault == TOKEN_REVOKED;
    if (over && x->route->flags & HTTP_ROUTE_EVENTS &&
        subscribe_http_over(x, token_fault_name(why->fault)))
        audit_token(x->conn, why->fault);
    else
        http_refuse_token(x, why);
}

/* In the words of whoever decides. An EventSource would give up for ever at a 503. */
static void pass_on(struct exchange *x, const struct auth_decision *d)
{
    if (d->status == 503) {
        bool told = x->route->flags & HTTP_ROUTE_EVENTS && subscribe_http_later(x, d->retry_s);
        if (!told)
            exchange_fail_later(x, 503, d->retry_s, d->detail);
        return;
    }
    audit_token(x->conn, TOKEN_REFUSED);
    if (d->challenge || d->status == 401)
        exchange_add_field(x, "WWW-Authenticate",
                           d->challenge ? d->challenge : "Bearer realm=\"longwire\"");
    exchange_fail_as(x, d->status, token_fault_name(TOKEN_REFUSED), d->detail);
}

static bool take(struct exchange *x, const struct token_verdict *v)
{
    enum err e = v->result;
    if (v->decided && e != ERR_OK) {
        pass_on(x, &v->decision);
        return false;
    }
    if (e == ERR_OK)
        e = bearer_set(x->conn, v->principal);
    if (e == ERR_ACCESS)
        refuse(x, &v->why);
    else if (e != ERR_OK)
        fail(x, e);
    return e == ERR_OK;
}

/* --- waiting --- */

static void end(struct exchange *x)
{
    struct judging *j = x->waiting;
    tokens_forget(&j->check);
    free(j);
    x->judging = false;
}

static size_t held(const struct exchange *x)
{
    (void)x;
    return sizeof(struct judging);
}

static const struct exchange_waiter waiter = {.end = end, .held = held};

static void done(struct tokens_check *k, const struct token_verdict *v)
{
    struct exchange *x = ((struct judging *)k)->exchange;
    free(k);
    exchange_wait(x, NULL, NULL);
    x->judging = false;
    if (take(x, v))
        x->ops->judged(x);
}

static struct auth_subject subject_of(const struct exchange *x)
{
    size_t query = x->url.query_len ? 1 + x->url.query_len : 0; /* it follows the path */
    return (struct auth_subject){
        .conn = x->conn,
        .fields = x->fields,
        .host = x->has_host ? x->host : NULL,
        .method = x->method_name,
        .target = x->url.path,
        .target_len = x->url.path_len + query,
    };
}

/* TOKEN NULL: it has none. */
static enum judgement verify(struct exchange *x, const struct token_found *token)
{
    struct token_verdict v;
    struct judging *j = calloc(1, sizeof(*j));
    if (!j) {
        fail(x, ERR_NOMEM);
        return JUDGE_ANSWERED;
    }
    struct auth_subject s = subject_of(x);
    s.token = token ? token->text : NULL;
    s.token_len = token ? token->n : 0;
    j->check.done = done;
    j->exchange = x;
    if (tokens_ask(&s, &j->check, &v)) {
        free(j);
        return take(x, &v) ? JUDGED : JUDGE_ANSWERED;
    }
    x->judging = true;
    exchange_wait(x, &waiter, j);
    return JUDGE_WAITS;
}

/* --- finding --- */

static enum judgement take_none(struct exchange *x)
{
    return bearer_set(x->conn, NULL) == ERR_OK ? JUDGED : JUDGE_ANSWERED;
}

/* A WebSocket may bring its token later. */
static bool brings_nothing(const struct exchange *x)
{
    return !http_fields_has(x->fields, HTTP_FIELD_AUTHORIZATION) &&
           !http_fields_named(x->fields, "Cookie", NULL, NULL);
}

/* Whether somebody decides about those who have no token. */
static bool is_to_be_decided(const struct exchange *x)
{
    return auth_request_is_on(x->conn) && !x->status_only && !http_is_local(x->conn) &&
           !(x->websocket && brings_nothing(x));
}

static enum judgement find(struct exchange *x)
{
    const struct settings *s = worker_settings(x->conn);
    const struct token_source source = {.fields = x->fields,
                                        .url = x->url,
                                        .cookie = s->cookie,
                                        .query = s->query_token,
                                        .websocket = x->websocket};
    struct token_found token;
    const char *fault;
    enum err e = token_source_find(&source, &token, &fault);
    if (e == ERR_OK)
        return verify(x, &token);
    if (e == ERR_NOT_FOUND)
        return is_to_be_decided(x) ? verify(x, NULL) : take_none(x);
    http_refuse_credentials(x, fault);
    return JUDGE_ANSWERED;
}

/* On the local socket who may do what is its own business. */
enum judgement judge(struct exchange *x)
{
    bool asks = !x->conn->local && http_takes_tokens(x->conn) &&
                !(x->route->flags & (HTTP_ROUTE_OPEN | HTTP_ROUTE_ANYBODY));
    return asks ? find(x) : take_none(x);
}
