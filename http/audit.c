#include "http/audit.h"

#include <string.h>

#include "base/log.h"
#include "http/bearer.h"
#include "net/conn.h"

enum { SHOWN = 256 /* bytes of a name */ };

static void show(char out[SHOWN], const char *text, size_t n)
{
    log_escape(out, SHOWN, n ? text : "-", n ? n : 1);
}

static const char *sub_of(const struct conn *c)
{
    const struct principal *p = bearer_of(c);
    return p ? p->sub : "";
}

void audit_token(const struct conn *c, enum token_fault fault)
{
    log_debug("connection %llu: token refused: %s", (unsigned long long)conn_number(c),
              token_fault_name(fault));
}

void audit_credentials(const struct conn *c)
{
    log_debug("connection %llu: credentials refused", (unsigned long long)conn_number(c));
}

void audit_right(const struct conn *c, const struct access_reason *r, const char *filter, size_t n)
{
    char topic[SHOWN], sub[SHOWN], rule[SHOWN];
    const char *who = sub_of(c);
    show(topic, filter, n);
    show(sub, who, strlen(who));
    show(rule, r->pattern, r->pattern ? r->pattern_len : 0);
    log_debug("connection %llu: %s refused: topic %s, sub %s, rule %s",
              (unsigned long long)conn_number(c), access_right_name(r->right), topic, sub, rule);
}

void audit_silent(const struct conn *c)
{
    log_debug("connection %llu: no token", (unsigned long long)conn_number(c));
}
