#include "http/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "delivery/worker.h"
#include "http/bearer.h"

enum {
    SHOWN = 128, /* bytes of a name */
    ADDRESS = 64,
    TEXT = 4 * SHOWN,
};

/* The last one of a worker that has not been told yet. */
struct audit {
    uint64_t number; /* of its connection; 0 = all have been told */
    char address[ADDRESS];
    char text[TEXT];
};

static const enum counter token_counters[TOKEN_FAULTS] = {
    [TOKEN_MALFORMED] = COUNTER_tokens_malformed,     [TOKEN_ALGORITHM] = COUNTER_tokens_algorithm,
    [TOKEN_UNKNOWN_KEY] = COUNTER_tokens_unknown_key, [TOKEN_SIGNATURE] = COUNTER_tokens_signature,
    [TOKEN_EXPIRED] = COUNTER_tokens_expired,         [TOKEN_NOT_YET] = COUNTER_tokens_not_yet,
    [TOKEN_NO_EXPIRY] = COUNTER_tokens_no_expiry,     [TOKEN_AUDIENCE] = COUNTER_tokens_audience,
    [TOKEN_ISSUER] = COUNTER_tokens_issuer,           [TOKEN_LIFETIME] = COUNTER_tokens_lifetime,
    [TOKEN_CLAIMS] = COUNTER_tokens_claims,           [TOKEN_REVOKED] = COUNTER_tokens_revoked,
};

/* --- lines --- */

static struct audit *audit_of(struct worker *w)
{
    if (!w->audit)
        w->audit = calloc(1, sizeof(*w->audit));
    return w->audit;
}

/* What no answer has told by now. */
static void flush(struct worker *w)
{
    struct audit *a = w->audit;
    if (!a || !a->number)
        return;
    a->number = 0;
    if (refusals_may_log(&w->refusals, w->loop.now_ms))
        log_info("refused %s: %s", a->address, a->text);
}

static void tell(const struct conn *c, const char *text)
{
    struct worker *w = worker_of(c);
    flush(w);
    struct audit *a = audit_of(w);
    if (!a)
        return;
    a->number = conn_number(c);
    conn_address(c, a->address, sizeof(a->address));
    snprintf(a->text, sizeof(a->text), "%s", text);
    if (transport_receives(c->counted_as)) /* no answer of HTTP follows */
        flush(w);
}

const char *audit_take(const struct conn *c)
{
    struct audit *a = worker_of(c)->audit;
    if (!a || a->number != conn_number(c))
        return "";
    a->number = 0;
    return a->text;
}

static void note(const struct conn *c, enum counter counter, const char *text)
{
    counter_add(&c->loop->counters, counter, 1);
    tell(c, text);
}

static void show(char out[SHOWN], const char *text, size_t n)
{
    log_escape(out, SHOWN, n ? text : "-", n ? n : 1);
}

static void show_sub(char out[SHOWN], const struct conn *c)
{
    const struct principal *p = bearer_of(c);
    show(out, p ? p->sub : "", p ? strlen(p->sub) : 0);
}

/* --- reasons --- */

void audit_token(const struct conn *c, enum token_fault fault)
{
    char text[SHOWN];
    snprintf(text, sizeof(text), "token: %s", token_fault_name(fault));
    note(c, token_counters[fault], text);
}

void audit_credentials(const struct conn *c)
{
    note(c, COUNTER_denied_credentials, "no valid credentials");
}

static enum counter counter_of(const struct access_reason *r)
{
    if (r->basis == ACCESS_BY_RULE)
        return COUNTER_denied_rule;
    return r->bearer ? COUNTER_denied_token : COUNTER_denied_anonymous;
}

void audit_right(const struct conn *c, const struct access_reason *r, const char *filter, size_t n)
{
    char topic[SHOWN], sub[SHOWN], rule[SHOWN], text[TEXT];
    show(topic, filter, n);
    show_sub(sub, c);
    show(rule, r->pattern, r->pattern ? r->pattern_len : 0);
    snprintf(text, sizeof(text), "no right to %s %s, sub %s, rule %s", access_right_name(r->right),
             topic, sub, rule);
    note(c, counter_of(r), text);
}

void audit_silent(const struct conn *c)
{
    note(c, COUNTER_denied_silent, "no token");
}

void audit_origin(const struct conn *c)
{
    note(c, COUNTER_denied_origin, "origin");
}

void audit_host(const struct conn *c)
{
    note(c, COUNTER_denied_host, "host");
}

void audit_private(const struct conn *c)
{
    note(c, COUNTER_denied_private, "no right to status");
}

void audit_limit(const struct conn *c, const char *text)
{
    char sub[SHOWN], line[TEXT];
    show_sub(sub, c);
    snprintf(line, sizeof(line), "%s, sub %s", text, sub);
    tell(c, line);
}

/* --- turns --- */

static void end_thread(struct worker *w)
{
    flush(w);
    free(w->audit);
    w->audit = NULL;
}

const struct frontend audit_frontend = {.part = {.end_turn = flush, .end_thread = end_thread}};
