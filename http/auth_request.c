#include "http/auth_request.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "access/access.h"
#include "base/log.h"
#include "base/now.h"
#include "broker/revoked.h"
#include "delivery/worker.h"
#include "http/auth_cache.h"
#include "http/cache_control.h"
#include "http/client/breaker.h"
#include "http/client/http_client.h"

enum {
    CHAINS = 256,          /* of those that are asked about */
    WAITING_MAX = 1024,    /* of them, those for whom there is no connection yet */
    TOLD_APART_MS = 10000, /* between two lines of the log about the same trouble */
};

static const struct http_reply_limits limits = {
    .head_bytes = 16 << 10,
    .body_bytes = CLAIMS_BYTES_MAX,
};

static const char no_memory[] = "The hub is out of memory";
static const char unavailable[] = "Whoever decides about clients (access.auth_request) cannot be "
                                  "asked now";
static const char not_let_in[] = "access.auth_request does not let this client in";

/* One that is being asked about. */
struct asking {
    struct http_call call; /* first */
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    uint32_t serial;                 /* of the settings by which its server is asked */
    uint64_t conn;                   /* the number of the first connection that waits */
    struct auth_question *questions; /* utlist */
    struct asking *next, *prev;      /* utlist; of its chain */
};

/* What a worker keeps; all zero until somebody is asked about. */
static _Thread_local struct desk {
    struct worker *worker;
    uint32_t serial; /* of the settings that all is by */
    struct http_client *client;
    struct auth_cache *cache;
    struct breaker breaker;
    struct asking *asking[CHAINS];
    uint64_t told_ms; /* when the log was last told of trouble; 0 = never */
} desk;

static struct counters *counters(void)
{
    return &desk.worker->loop.counters;
}

static uint64_t now(void)
{
    return loop_now(&desk.worker->loop);
}

/* --- the desk --- */

static struct http_client_rules rules_of(const struct settings *s)
{
    return (struct http_client_rules){s->auth.timeout_ms, s->auth.connections, WAITING_MAX,
                                      &limits};
}

/* Another configuration: what was decided by the former one counts no more. */
static void renew(const struct settings *s)
{
    struct http_client_rules rules = rules_of(s);
    auth_cache_destroy(desk.cache);
    desk.cache = auth_cache_create(s->auth.cache);
    desk.breaker = (struct breaker){0};
    if (desk.client)
        http_client_set(desk.client, s->auth.remote, &rules);
    else
        desk.client = http_client_create(&desk.worker->loop, s->auth.remote, &rules);
}

/* Brings it up to date with the settings. False: out of memory. */
static bool set_up(struct worker *w)
{
    desk.worker = w;
    if (desk.serial != w->settings_serial || !desk.cache || !desk.client)
        renew(w->settings);
    desk.serial = w->settings_serial;
    return desk.cache && desk.client;
}

void auth_request_finish_thread(void)
{
    http_client_destroy(desk.client);
    auth_cache_destroy(desk.cache);
    desk = (struct desk){0};
}

bool auth_request_is_on(const struct conn *c)
{
    return worker_settings(c)->auth.remote;
}

/* --- what the log is told --- */

static void tell(const char *what, const char *why)
{
    if (desk.told_ms && now() - desk.told_ms < TOLD_APART_MS)
        return;
    desk.told_ms = now();
    log_warn("access.auth_request: %s: %s", what, why);
}

static void note_failure(const char *why)
{
    counter_add(counters(), COUNTER_auth_failed, 1);
    tell("no decision", why);
    if (breaker_failed(&desk.breaker, now()))
        log_warn("access.auth_request: its server is not asked for %u s, since it failed again and "
                 "again",
                 (unsigned)(breaker_wait_ms(&desk.breaker, now()) + 999) / 1000);
}

static void note_answer(void)
{
    if (breaker_succeeded(&desk.breaker))
        log_info("access.auth_request: its server answers again");
}

/* --- decisions --- */

static struct auth_decision refuse(unsigned status, const char *challenge)
{
    return (struct auth_decision){.status = status, .challenge = challenge, .detail = not_let_in};
}

static struct auth_decision not_now(const char *detail)
{
    uint64_t wait_ms = breaker_wait_ms(&desk.breaker, now());
    return (struct auth_decision){
        .status = 503, .retry_s = (unsigned)(wait_ms / 1000) + 1, .detail = detail};
}

static int64_t unix_s(void)
{
    return (int64_t)(now_unix_ms() / 1000);
}

static bool is_revoked(const struct principal *p)
{
    struct revoked *r = hub_revoked(desk.worker->hub);
    return revoked_has(r, p->jti, p->sub, p->issued_s, unix_s());
}

static struct auth_decision decision_of(const struct auth_cached *c)
{
    if (!c->who || is_revoked(c->who))
        return refuse(c->who ? 401 : c->status, c->challenge);
    return (struct auth_decision){.who = c->who};
}

/* The claims say themselves when they end, and need not. */
static struct claims_rules claims_rules(void)
{
    const struct access_policy *policy = desk.worker->settings->access;
    struct claims_rules rules = {.endless = true};
    if (policy)
        rules.leeway_s = access_policy_claims(policy)->leeway_s;
    return rules;
}

/* Whether the time of its principal, if it has one, has not come, or is over: what is decided now
 * may be something else. */
static bool has_ended(const struct auth_cached *c)
{
    return c->who && (is_revoked(c->who) ||
                      claims_fault_at(c->who, claims_rules().leeway_s, unix_s()) != TOKEN_FAULTS);
}

static bool find_known(const struct auth_subject *s, const unsigned char *hash,
                       struct auth_decision *ret)
{
    const struct auth_cached *c = auth_cache_find(desk.cache, hash, conn_number(s->conn), now());
    if (!c || has_ended(c))
        return false;
    counter_add(counters(), COUNTER_auth_known, 1);
    *ret = decision_of(c);
    return true;
}

/* --- answers --- */

static const char *copy_challenge(const struct http_reply *r, char **ret)
{
    const char *said = http_fields_named(r->fields, "WWW-Authenticate", NULL, NULL);
    *ret = said ? strdup(said) : NULL;
    return *ret;
}

/* What the answer R to A says; False: nothing, and *RET_WHY says why. */
static bool read_claims(const struct asking *a, const struct http_reply *r, struct auth_cached *ret,
                        const char **ret_why)
{
    struct claims_rules rules = claims_rules();
    struct claims_bearer bearer = {.hash = a->hash};
    struct token_why why = {0};
    enum err e = principal_from_claims(r->body.data, r->body.len, &rules, &bearer, unix_s(),
                                       &ret->who, &why);
    if (e == ERR_OK && !ret->who->issued_s)
        ret->who->issued_s = unix_s(); /* what is decided now is no older, whoever is revoked */
    *ret_why = e == ERR_ACCESS ? why.text : err_text(e);
    return e == ERR_OK;
}

/* What is remembered of R; false: it is no decision. */
static bool read_answer(const struct asking *a, const struct http_reply *r, struct auth_cached *ret,
                        const char **ret_why)
{
    uint64_t at = now();
    *ret = (struct auth_cached){
        .status = r->status,
        .fresh_ms = at + (uint64_t)cache_control_age_s(r->fields) * 1000,
        .conn = a->conn,
        .conn_ms = at + AUTH_CONNECTION_MS,
    };
    memcpy(ret->hash, a->hash, sizeof(ret->hash));
    if (r->status == 200)
        return read_claims(a, r, ret, ret_why);
    *ret_why = "its answer is neither 200 nor 401 nor 403";
    if (r->status != 401 && r->status != 403)
        return false;
    copy_challenge(r, &ret->challenge);
    counter_add(counters(), COUNTER_auth_denied, 1);
    return true;
}

/* What the server says is not to be understood, or that it has trouble of its own; anything below
 * 500 may be for this client alone, and is no reason to leave it alone. */
static struct auth_decision no_decision(const struct http_reply *r, enum err e, const char *why)
{
    if (e == ERR_TOO_LARGE || (r && r->status < 500)) {
        counter_add(counters(), COUNTER_auth_failed, 1);
        note_answer();
        tell("no decision", why);
    } else {
        note_failure(why);
    }
    return not_now(unavailable);
}

static void tell_all(struct asking *a, const struct auth_decision *d)
{
    while (a->questions) {
        struct auth_question *q = a->questions;
        auth_request_drop(q);
        q->answered(q, d);
    }
}

static struct asking **chain_of(const unsigned char *hash)
{
    return &desk.asking[hash[PRINCIPAL_HASH_SIZE - 1] % CHAINS];
}

static void answered(struct http_call *call, const struct http_reply *r, enum err e)
{
    struct asking *a = (struct asking *)call;
    struct auth_cached c = {0};
    const char *why = err_text(e);
    DL_DELETE(*chain_of(a->hash), a);
    bool decided = r && read_answer(a, r, &c, &why);
    struct auth_decision d = decided ? decision_of(&c) : no_decision(r, e, why);
    if (decided)
        note_answer();
    if (decided && a->serial == desk.serial)
        auth_cache_keep(desk.cache, &c); /* which has what D borrows, from now on */
    tell_all(a, &d);
    if (decided && a->serial != desk.serial)
        auth_cached_finish(&c);
    free(a);
}

/* --- questions --- */

static struct asking *find_asking(const unsigned char *hash)
{
    struct asking *a;
    DL_FOREACH (*chain_of(hash), a)
        if (memcmp(a->hash, hash, PRINCIPAL_HASH_SIZE) == 0)
            return a;
    return NULL;
}

static enum err send_question(const struct auth_subject *s, struct asking *a)
{
    struct buf request = {0};
    http_client_begin(desk.client, &request, "GET");
    buf_puts(&request, "Accept: application/json\r\n");
    auth_subject_put(s, &request);
    buf_puts(&request, "\r\n");
    a->call.done = answered;
    return http_client_send(desk.client, &a->call, &request);
}

/* Asks about S. NULL: *RET says why not. */
static struct asking *begin(const struct auth_subject *s, const unsigned char *hash,
                            struct auth_decision *ret)
{
    struct asking *a = calloc(1, sizeof(*a));
    enum err e = ERR_NOMEM;
    if (a) {
        memcpy(a->hash, hash, sizeof(a->hash));
        a->conn = conn_number(s->conn);
        a->serial = desk.serial;
        e = send_question(s, a);
    }
    if (e == ERR_OK) {
        DL_APPEND(*chain_of(hash), a);
        return a;
    }
    free(a);
    if (e == ERR_CLOSED || desk.breaker.trying)
        note_failure(err_text(e));
    else
        tell("somebody is not asked about", err_text(e));
    *ret = not_now(unavailable);
    return NULL;
}

/* The same if its server may be asked. */
static struct asking *try_to_begin(const struct auth_subject *s, const unsigned char *hash,
                                   struct auth_decision *ret)
{
    struct asking *a = NULL;
    *ret = not_now(unavailable);
    budget_charge(&desk.worker->loop.work, WORK_REQUEST); /* one of our own */
    if (breaker_may_ask(&desk.breaker, now()))
        a = begin(s, hash, ret);
    counter_add(counters(), a ? COUNTER_auth_asked : COUNTER_auth_unasked, 1);
    return a;
}

bool auth_request_ask(const struct auth_subject *s, struct auth_question *q,
                      struct auth_decision *ret)
{
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    if (!auth_subject_is_sound(s)) {
        *ret = refuse(401, NULL);
        return true;
    }
    if (!set_up(worker_of(s->conn)) || auth_subject_hash(s, hash) != ERR_OK) {
        *ret = not_now(no_memory);
        return true;
    }
    if (find_known(s, hash, ret))
        return true;
    struct asking *a = find_asking(hash);
    if (!a)
        a = try_to_begin(s, hash, ret);
    if (!a)
        return true;
    q->asking = a;
    DL_APPEND(a->questions, q);
    return false;
}

void auth_request_drop(struct auth_question *q)
{
    if (q->asking)
        DL_DELETE(q->asking->questions, q);
    q->asking = NULL;
}
