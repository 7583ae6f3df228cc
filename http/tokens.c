#include "http/tokens.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "access/token.h"
#include "access/token_cache.h"
#include "base/now.h"
#include "delivery/worker.h"
#include "utlist.h"

/* The key is a hash already, of a secret. */
#define HASH_FUNCTION(key, n, hash) memcpy(&(hash), key, sizeof(hash))
#define HASH_NONFATAL_OOM           1 /* who is not in the table is seen by hh.tbl */
#include "uthash.h"

/* A token that is being verified. */
struct token_job {
    struct crypto_job job; /* first */
    UT_hash_handle hh;
    unsigned char hash[PRINCIPAL_HASH_SIZE]; /* the key */
    struct tokens *tokens;                   /* NULL: the worker has ended */
    struct access_policy *policy;            /* a reference */
    struct tokens_check *waiting;            /* utlist */
    int64_t now_s;
    struct token_verdict verdict; /* the principal is a reference */
    size_t n;
    char token[];
};

struct tokens {
    struct worker *worker;
    struct token_cache *cache;
    struct token_job *jobs; /* by hash */
};

static int64_t now_s(void)
{
    return (int64_t)(now_unix_ms() / 1000);
}

static struct tokens *tokens_create(struct worker *w)
{
    struct tokens *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->worker = w;
    t->cache = token_cache_create();
    if (t->cache)
        return t;
    free(t);
    return NULL;
}

static struct tokens *tokens_of(struct worker *w)
{
    if (!w->tokens)
        w->tokens = tokens_create(w);
    return w->tokens;
}

/* --- verifying --- */

/* On any thread. */
static struct token_verdict verify(const struct access_policy *policy, const char *token, size_t n,
                                   int64_t now)
{
    struct token_verdict v = {0};
    v.result = token_verify(access_policy_keys(policy), access_policy_claims(policy), token, n, now,
                            &v.principal, &v.why);
    return v;
}

static void remember(struct tokens *t, const struct access_policy *policy,
                     const unsigned char *hash, const struct token_verdict *v, int64_t now)
{
    if (v->result == ERR_OK)
        token_cache_keep(t->cache, policy, v->principal);
    else if (v->result == ERR_ACCESS)
        token_cache_refuse(t->cache, policy, hash, v->why, now);
}

/* Whether it is known. */
static bool recall(struct tokens *t, const struct access_policy *policy, const unsigned char *hash,
                   int64_t now, struct token_verdict *ret)
{
    switch (token_cache_find(t->cache, policy, hash, now, &ret->principal, &ret->why)) {
    case TOKEN_CACHED_GOOD:
        ret->result = ERR_OK;
        return true;
    case TOKEN_CACHED_REFUSED:
        ret->result = ERR_ACCESS;
        return true;
    case TOKEN_CACHED_NOT:
        break;
    }
    return false;
}

/* At once. The cache has the principal from here on: the caller only borrows it. */
static void verify_now(struct tokens *t, const struct access_policy *policy,
                       const unsigned char *hash, const char *token, size_t n,
                       struct token_verdict *ret)
{
    int64_t now = now_s();
    *ret = verify(policy, token, n, now);
    remember(t, policy, hash, ret, now);
    if (ret->result != ERR_OK)
        return;
    struct token_verdict kept = {0};
    if (!recall(t, policy, hash, now, &kept) || kept.result != ERR_OK)
        kept = (struct token_verdict){.result = ERR_NOMEM};
    principal_unref(ret->principal);
    *ret = kept;
}

/* What is good by itself may have been revoked, at any time since. */
static void judge_revoked(struct worker *w, struct token_verdict *v)
{
    const struct principal *p = v->principal;
    if (v->result == ERR_OK &&
        revoked_has(hub_revoked(w->hub), p->jti, p->sub, p->issued_s, now_s()))
        *v = (struct token_verdict){.result = ERR_ACCESS, .why = token_why_of(TOKEN_REVOKED)};
}

/* --- on other threads --- */

static void job_free(struct token_job *j)
{
    principal_unref(j->verdict.principal);
    access_policy_unref(j->policy);
    free(j);
}

static void run(struct crypto_job *job)
{
    struct token_job *j = (struct token_job *)job;
    j->verdict = verify(j->policy, j->token, j->n, j->now_s);
}

static void tell(struct token_job *j)
{
    struct tokens_check *k;
    struct token_verdict v = j->verdict;
    if (j->tokens)
        judge_revoked(j->tokens->worker, &v);
    while ((k = j->waiting)) {
        tokens_forget(k);
        k->done(k, &v);
    }
}

static void done(struct crypto_job *job)
{
    struct token_job *j = (struct token_job *)job;
    if (!job->ran)
        j->verdict.result = ERR_CLOSED;
    if (j->tokens) {
        HASH_DEL(j->tokens->jobs, j);
        remember(j->tokens, j->policy, j->hash, &j->verdict, j->now_s);
    }
    tell(j);
    job_free(j);
}

static struct token_job *job_create(struct tokens *t, struct access_policy *policy,
                                    const unsigned char *hash, const char *token, size_t n)
{
    struct token_job *j = calloc(1, sizeof(*j) + n);
    if (!j)
        return NULL;
    j->job.run = run;
    j->job.done = done;
    memcpy(j->hash, hash, sizeof(j->hash));
    j->now_s = now_s();
    j->n = n;
    memcpy(j->token, token, n);
    HASH_ADD(hh, t->jobs, hash, sizeof(j->hash), j);
    if (!j->hh.tbl) {
        free(j);
        return NULL;
    }
    j->tokens = t;
    j->policy = access_policy_ref(policy);
    return j;
}

static enum err submit(struct worker *w, struct tokens *t, const unsigned char *hash,
                       const char *token, size_t n, struct token_job **ret)
{
    if (!w->loop.crypto)
        return ERR_CLOSED;
    struct token_job *j = job_create(t, w->settings->access, hash, token, n);
    if (!j)
        return ERR_NOMEM;
    enum err e = crypto_port_submit(w->loop.crypto, &j->job);
    if (e == ERR_OK) {
        *ret = j;
        return ERR_OK;
    }
    HASH_DEL(t->jobs, j);
    job_free(j);
    return e;
}

/* Finds the job that verifies it, or begins one. */
static enum err job_for(struct worker *w, struct tokens *t, const unsigned char *hash,
                        const char *token, size_t n, struct token_job **ret)
{
    struct token_job *j;
    HASH_FIND(hh, t->jobs, hash, PRINCIPAL_HASH_SIZE, j);
    bool same = j && access_policy_serial(j->policy) == access_policy_serial(w->settings->access);
    if (j && !same)
        return ERR_LIMIT; /* the keys have just changed: again in a moment */
    *ret = j;
    return j ? ERR_OK : submit(w, t, hash, token, n, ret);
}

/* --- asking --- */

static bool ask(struct worker *w, struct tokens *t, const char *token, size_t n,
                struct tokens_check *k, struct token_verdict *ret)
{
    const struct access_policy *policy = w->settings->access;
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    struct token_job *j;
    token_hash(token, n, hash);
    if (recall(t, policy, hash, now_s(), ret))
        return true;
    if (token_is_costly(access_policy_keys(policy), token, n)) {
        ret->result = job_for(w, t, hash, token, n, &j);
        if (ret->result == ERR_OK) {
            k->job = j;
            DL_APPEND(j->waiting, k);
            return false;
        }
        if (ret->result != ERR_CLOSED || w->loop.crypto)
            return true;
    }
    verify_now(t, policy, hash, token, n, ret);
    return true;
}

static bool ask_keys(struct worker *w, const struct auth_subject *s, struct tokens_check *k,
                     struct token_verdict *ret)
{
    struct tokens *t = tokens_of(w);
    *ret = (struct token_verdict){.result = ERR_NOMEM};
    if (t && !ask(w, t, s->token, s->token_len, k, ret))
        return false;
    judge_revoked(w, ret);
    return true;
}

/* --- who decides where no key can --- */

static struct token_verdict verdict_of(const struct auth_decision *d)
{
    struct token_verdict v = {.decided = true, .decision = *d};
    v.result = d->who ? ERR_OK : d->status == 503 ? ERR_TIMEOUT : ERR_ACCESS;
    v.principal = d->who;
    v.why = token_why_of(TOKEN_REFUSED);
    return v;
}

static void decided(struct auth_question *q, const struct auth_decision *d)
{
    size_t at = offsetof(struct tokens_check, question);
    struct tokens_check *k = (struct tokens_check *)((char *)q - at);
    struct token_verdict v = verdict_of(d);
    k->done(k, &v);
}

static bool decide(const struct auth_subject *s, struct tokens_check *k, struct token_verdict *ret)
{
    struct auth_decision d;
    k->question.answered = decided;
    if (!auth_request_ask(s, &k->question, &d))
        return false;
    *ret = verdict_of(&d);
    return true;
}

static bool is_foreign(const struct token_verdict *v)
{
    return v->result == ERR_ACCESS && token_fault_is_foreign(v->why.fault);
}

bool tokens_ask(const struct auth_subject *s, struct tokens_check *k, struct token_verdict *ret)
{
    struct worker *w = worker_of(s->conn);
    *ret = (struct token_verdict){.result = ERR_ACCESS, .why = token_why_of(TOKEN_UNKNOWN_KEY)};
    bool has_keys = access_policy_keys(w->settings->access);
    if (s->token && has_keys && !ask_keys(w, s, k, ret))
        return false;
    if (!is_foreign(ret) || !auth_request_is_on(s->conn))
        return true;
    return decide(s, k, ret);
}

int64_t tokens_last_s(const struct worker *w, int64_t now)
{
    const struct claims_rules *rules = access_policy_claims(w->settings->access);
    return rules && rules->max_lifetime_s ? now + rules->max_lifetime_s + rules->leeway_s : 0;
}

void tokens_forget(struct tokens_check *k)
{
    auth_request_drop(&k->question);
    if (!k->job)
        return;
    DL_DELETE(k->job->waiting, k);
    k->job = NULL;
}

/* --- the end --- */

/* What is still on the threads comes home to nobody. */
static void end_thread(struct worker *w)
{
    struct tokens *t = w->tokens;
    struct token_job *j, *next;
    if (!t)
        return;
    HASH_ITER (hh, t->jobs, j, next) {
        HASH_DEL(t->jobs, j);
        j->tokens = NULL;
    }
    token_cache_destroy(t->cache);
    free(t);
    w->tokens = NULL;
}

const struct frontend tokens_frontend = {.part = {.end_thread = end_thread}};
