#include "http/judge.h"

#include <stdlib.h>

#include "delivery/worker.h"
#include "http/audit.h"
#include "http/bearer.h"
#include "http/http_access.h"
#include "http/subscribe.h"
#include "http/token_source.h"
#include "http/tokens.h"

/* A request whose token is being verified. */
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

static bool take(struct exchange *x, const struct token_verdict *v)
{
    enum err e = v->result;
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

static enum judgement verify(struct exchange *x, const struct token_found *token)
{
    struct token_verdict v;
    struct judging *j = calloc(1, sizeof(*j));
    if (!j) {
        fail(x, ERR_NOMEM);
        return JUDGE_ANSWERED;
    }
    j->check.done = done;
    j->exchange = x;
    if (tokens_ask(worker_of(x->conn), token->text, token->n, &j->check, &v)) {
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
        return take_none(x);
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
