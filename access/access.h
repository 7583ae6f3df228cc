/*
 * Rights: what a client may do. Values only: who a client is, is found out elsewhere.
 *
 * The question is access_judge; the rules, in the order in which they are asked:
 *
 *   1. the local socket may do everything;
 *   2. a client of this machine counts as local, or not (access_local); if it does, the [access]
 *      sections say what `local` may do, and where none does, everything;
 *   3. a token's `deny` refuses; its grants allow;
 *   4. the sections say what `token` may do, for those who have one;
 *   5. they say what `anonymous` may do, and where none does, access.anonymous.
 *
 * A section speaks of the topics that its pattern matches, and of those alone of whom it has a
 * line. For each topic the first that speaks of the client decides: one that covers the whole
 * filter and gives the right allows, one that only meets it must give the right, too, and leaves
 * the rest to those behind it; one that does not give it refuses.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/access_right.h"
#include "access/claims.h"
#include "access/key_set.h"
#include "access/principal.h"
#include "base/buf.h"

/* What is known of a client. */
struct access_client {
    bool trusted;       /* of this machine, or came by the local socket (conn.trusted) */
    unsigned anonymous; /* rights of everybody else (access.anonymous) */
    bool socket;        /* came by the local socket: may do everything (conn.local) */
    const struct principal *bearer; /* whose token it has; NULL = none */
};

/* Whether clients of this machine that came by HTTP may do what the machine may. */
enum access_local {
    ACCESS_LOCAL_AUTO,      /* until there are keys, or somebody who decides */
    ACCESS_LOCAL_ALL,       /* always */
    ACCESS_LOCAL_ANONYMOUS, /* never */
};

/* Of whom the line of a section speaks. */
enum access_who { ACCESS_ANONYMOUS, ACCESS_LOCAL, ACCESS_TOKEN, ACCESS_WHO };

/* An [access "PATTERN"] section. {sub} in the pattern stands for the token's, and speaks of nobody
 * without one. */
struct access_rule {
    const char *pattern;
    bool says[ACCESS_WHO];       /* has a line on them */
    unsigned rights[ACCESS_WHO]; /* bits */
};

/* What a policy is made of; all is borrowed, and copied, but for the keys. */
struct access_options {
    struct key_set *keys; /* a reference is taken; NULL = none */
    bool decided;         /* somebody else decides (access.auth_request) */
    enum access_local local;
    struct claims_rules claims;
    const struct access_rule *rules;
    size_t rule_count;
};

/* Immutable, counted: made at the start and at each reload. Any thread. NULL in place of one is a
 * hub without keys and sections. */
struct access_policy;

/* One reference; NULL when out of memory. */
struct access_policy *access_policy_create(const struct access_options *o);
struct access_policy *access_policy_ref(struct access_policy *p);
/* NULL is accepted. */
void access_policy_unref(struct access_policy *p);

/* Another for each policy, never 0 but for NULL: what was found out by one is not true by another.
 */
uint64_t access_policy_serial(const struct access_policy *p);
/* NULL: there are none, so no token can be verified. */
const struct key_set *access_policy_keys(const struct access_policy *p);
const struct claims_rules *access_policy_claims(const struct access_policy *p);
/* Whether there are keys, or somebody who decides: clients may have a token. */
bool access_policy_has_tokens(const struct access_policy *p);

/* What decided. */
enum access_basis {
    ACCESS_BY_SOCKET,    /* it came by the local socket */
    ACCESS_BY_LOCAL,     /* it is of this machine */
    ACCESS_BY_DENY,      /* a deny of its token, `pattern` */
    ACCESS_BY_GRANT,     /* a grant of its token, `pattern` */
    ACCESS_BY_RULE,      /* a section, `pattern` as it is written there, its line on `who` */
    ACCESS_BY_ANONYMOUS, /* access.anonymous, or that nothing grants it */
};

/* Which rule decided; valid while the policy and the client's principal are. */
struct access_reason {
    bool allowed;
    enum access_basis basis;
    enum access_who who;
    enum access_right right;
    bool bearer; /* it has a token */
    const char *pattern;
    size_t pattern_len;
};

/* Whether C may use the N bytes FILTER, a valid topic or pattern, as RIGHT, one topical bit, says.
 * RET, if it is not NULL, gets why. Takes what the number of its grants and of sections takes. */
bool access_judge(const struct access_policy *p, const struct access_client *c,
                  enum access_right right, const char *filter, size_t n, struct access_reason *ret);
/* Appends it as a sentence without its full stop, for the client ("nothing grants …"). Names
 * patterns, and nothing else of a token. */
void access_reason_put(const struct access_reason *r, const char *filter, size_t n,
                       struct buf *out);

/* Whether C, which came by HTTP, counts as one of this machine (access_local). */
bool access_is_local(const struct access_policy *p, const struct access_client *c);
/* Whether it may do what RIGHT, one bit, is for, with any topic at all. */
bool access_may(const struct access_policy *p, const struct access_client *c,
                enum access_right right);
/* Whether it may do nothing at all. */
bool access_is_none(const struct access_policy *p, const struct access_client *c);
/* "subscribe", "publish", "status", "presence". */
const char *access_right_name(enum access_right right);

#endif
