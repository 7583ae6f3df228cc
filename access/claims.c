#include "access/claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access/json_tree.h"
#include "access/mercure.h"
#include "base/buf.h"
#include "broker/topic_name.h"

#define NUMBER_MAX ((int64_t)1 << 53) /* beyond it JSON's numbers are not exact everywhere */

/* One that is being read; the first fault stays. */
struct reader {
    json_t *root;
    const struct claims_rules *rules;
    int64_t now_s;
    struct principal_parts parts;
    struct buf grants, pattern;
    unsigned grant_count;
    char number[24]; /* the last claim that was one, as text */
    struct token_why why;
    bool failed;
};

static void fail(struct reader *r, enum token_fault fault)
{
    if (!r->failed)
        r->why = token_why_of(fault);
    r->failed = true;
}

/* TEXT says what is allowed. */
static void fail_claim(struct reader *r, const char *text)
{
    if (!r->failed)
        r->why = (struct token_why){TOKEN_CLAIMS, text};
    r->failed = true;
}

/* --- who, from when, until when --- */

static const char *read_name(struct reader *r, const char *claim, const char *must)
{
    json_t *v = json_object_get(r->root, claim);
    if (!v)
        return NULL;
    if (json_is_string(v) && json_string_length(v) <= PRINCIPAL_NAME_MAX)
        return json_string_value(v);
    fail_claim(r, must);
    return NULL;
}

/* Whether the time is there; it is 0 else. */
static bool read_time(struct reader *r, const char *claim, int64_t *ret)
{
    json_t *v = json_object_get(r->root, claim);
    *ret = 0;
    if (!v)
        return false;
    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= NUMBER_MAX) {
        *ret = json_integer_value(v);
        return true;
    }
    fail_claim(r, "exp, nbf and iat must each be a whole number of seconds, 0 to 2^53");
    return false;
}

static void judge_lifetime(struct reader *r, bool issued)
{
    int64_t most = r->rules->max_lifetime_s, end = r->parts.expires_s;
    if (most &&
        (end - r->now_s > most + r->rules->leeway_s || (issued && end - r->parts.issued_s > most)))
        fail(r, TOKEN_LIFETIME);
}

static void read_times(struct reader *r)
{
    struct principal_parts *p = &r->parts;
    bool issued = read_time(r, "iat", &p->issued_s);
    read_time(r, "nbf", &p->not_before_s);
    bool ends = read_time(r, "exp", &p->expires_s);
    if (!ends && !r->rules->endless)
        fail(r, TOKEN_NO_EXPIRY);
    if (!ends)
        return;
    p->ends_s = p->expires_s + r->rules->leeway_s;
    if (p->ends_s <= r->now_s)
        fail(r, TOKEN_EXPIRED);
    judge_lifetime(r, issued);
}

static void judge_start(struct reader *r)
{
    if (r->parts.not_before_s > r->now_s + r->rules->leeway_s)
        fail(r, TOKEN_NOT_YET);
}

static void judge_issuer(struct reader *r)
{
    const char *want = r->rules->issuer;
    json_t *v = json_object_get(r->root, "iss");
    if (want && (!json_is_string(v) || strcmp(json_string_value(v), want) != 0))
        fail(r, TOKEN_ISSUER);
}

/* One name, or a list of them (RFC 7519 section 4.1.3). */
static void judge_audience(struct reader *r)
{
    const char *want = r->rules->audience;
    json_t *v = json_object_get(r->root, "aud"), *each;
    bool found = json_is_string(v) && want && strcmp(json_string_value(v), want) == 0;
    size_t i;
    if (v && !json_is_string(v) && !json_is_array(v))
        fail_claim(r, "aud must be a string or an array of strings");
    json_array_foreach(v, i, each)
    {
        if (!json_is_string(each))
            fail_claim(r, "aud must be a string or an array of strings");
        else if (want && strcmp(json_string_value(each), want) == 0)
            found = true;
    }
    if (want && !found)
        fail(r, TOKEN_AUDIENCE);
}

/* --- grants --- */

/* grants_claim */
static const char *claim_text(void *ctx, const char *name, size_t n, size_t *ret_len)
{
    struct reader *r = ctx;
    char key[GRANTS_CLAIM_MAX + 1];
    memcpy(key, name, n);
    key[n] = '\0';
    json_t *v = json_object_get(r->root, key);
    if (json_is_string(v)) {
        *ret_len = json_string_length(v);
        return json_string_value(v);
    }
    if (!json_is_integer(v))
        return NULL;
    *ret_len = (size_t)snprintf(r->number, sizeof(r->number), "%" JSON_INTEGER_FORMAT,
                                json_integer_value(v));
    return r->number;
}

static void add_grant(struct reader *r, unsigned rights)
{
    if (++r->grant_count > GRANTS_MAX)
        fail_claim(r, "a token must hold at most 256 topics and patterns");
    else
        grants_add(&r->grants, rights, r->pattern.data, r->pattern.len);
}

static bool expand(struct reader *r, const char *text, size_t n)
{
    buf_clear(&r->pattern);
    return grants_expand(&r->pattern, text, n, claim_text, r) == ERR_OK;
}

static bool translate(struct reader *r, const char *text, size_t n)
{
    buf_clear(&r->pattern);
    return mercure_pattern(&r->pattern, text, n) == ERR_OK;
}

typedef bool pattern_reader(struct reader *r, const char *text, size_t n);

/* MUST says what the list LISTED in OF may hold, which READ reads; it may be missing. */
static void read_list(struct reader *r, json_t *of, const char *listed, unsigned rights,
                      pattern_reader *read, const char *must)
{
    json_t *list = json_object_get(of, listed), *each;
    size_t i;
    if (list && !json_is_array(list))
        fail_claim(r, must);
    json_array_foreach(list, i, each)
    {
        if (r->failed)
            return;
        if (json_is_string(each) && read(r, json_string_value(each), json_string_length(each)))
            add_grant(r, rights);
        else
            fail_claim(r, must);
    }
}

static const char lists_must[] =
    "subscribe, publish, presence and deny in longwire must each be an array of topics and "
    "patterns, whose {names} must be of claims without /, + and #, and not begin a private level";
static const char mercure_must[] =
    "subscribe and publish in mercure must each be an array of topics, with * for all, {x} for a "
    "level and {+x} for the rest";

/* --- limits and info --- */

static const char limits_must[] =
    "limits in longwire must hold connections, subscriptions, publish_per_s and bytes_per_s, each "
    "a whole number from 1 on";

/* The limit NAME of LIMITS, at most MAX; 0: it does not say. */
static uint64_t read_limit(struct reader *r, json_t *limits, const char *name, int64_t max)
{
    json_t *v = json_object_get(limits, name);
    if (!v)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 1) {
        fail_claim(r, limits_must);
        return 0;
    }
    return (uint64_t)(json_integer_value(v) < max ? json_integer_value(v) : max);
}

/* Whether OBJECT holds nothing but NAMES, which end with NULL. */
static bool holds_only(json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i])
            return false;
    }
    return true;
}

static void read_limits(struct reader *r, json_t *limits)
{
    static const char *const names[] = {"connections", "subscriptions", "publish_per_s",
                                        "bytes_per_s", NULL};
    if (!limits)
        return;
    if (!json_is_object(limits) || !holds_only(limits, names))
        fail_claim(r, limits_must);
    r->parts.limits = (struct principal_limits){
        .connections = (uint32_t)read_limit(r, limits, names[0], UINT32_MAX),
        .subscriptions = (uint32_t)read_limit(r, limits, names[1], UINT32_MAX),
        .publish_per_s = (uint32_t)read_limit(r, limits, names[2], UINT32_MAX),
        .bytes_per_s = read_limit(r, limits, names[3], NUMBER_MAX),
    };
}

/* json_dump_callback_t */
static int append_info(const char *text, size_t n, void *to)
{
    struct buf *out = to;
    buf_append(out, text, n);
    return out->failed || out->len > PRINCIPAL_INFO_MAX ? -1 : 0;
}

static void read_info(struct reader *r, json_t *info, struct buf *text)
{
    if (!info)
        return;
    if (json_dump_callback(info, append_info, text, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        fail_claim(r, "info in longwire must take at most 1024 bytes");
    r->parts.info = text->data;
    r->parts.info_len = text->len;
}

/* --- the whole --- */

static void read_longwire(struct reader *r, json_t *own, struct buf *info)
{
    static const char *const names[] = {"subscribe", "publish", "presence", "deny",
                                        "limits",    "info",    NULL};
    if (!own)
        return;
    if (!json_is_object(own) || !holds_only(own, names))
        fail_claim(r, "longwire must be an object of subscribe, publish, presence, deny, limits "
                      "and info");
    read_list(r, own, "subscribe", ACCESS_SUBSCRIBE, expand, lists_must);
    read_list(r, own, "publish", ACCESS_PUBLISH, expand, lists_must);
    read_list(r, own, "presence", ACCESS_PRESENCE, expand, lists_must);
    read_list(r, own, "deny", GRANTS_DENY, expand, lists_must);
    read_limits(r, json_object_get(own, "limits"));
    read_info(r, json_object_get(own, "info"), info);
}

static void read_mercure(struct reader *r, json_t *mercure)
{
    if (mercure && !json_is_object(mercure))
        fail_claim(r, mercure_must);
    read_list(r, mercure, "subscribe", ACCESS_SUBSCRIBE, translate, mercure_must);
    read_list(r, mercure, "publish", ACCESS_PUBLISH, translate, mercure_must);
}

/* Times first: of a token that has ended nothing else is of interest. */
static void read_all(struct reader *r, struct buf *info)
{
    read_times(r);
    judge_start(r);
    judge_issuer(r);
    judge_audience(r);
    r->parts.sub = read_name(r, "sub", "sub must be a string of at most 255 bytes");
    r->parts.jti = read_name(r, "jti", "jti must be a string of at most 255 bytes");
    read_longwire(r, json_object_get(r->root, "longwire"), info);
    read_mercure(r, json_object_get(r->root, "mercure"));
    r->parts.grants = (struct grants){(unsigned char *)r->grants.data, r->grants.len};
}

static enum err make(struct reader *r, const struct buf *info, struct principal **ret)
{
    if (r->grants.failed || r->pattern.failed || info->failed)
        return ERR_NOMEM;
    if (r->failed)
        return ERR_ACCESS;
    *ret = principal_create(&r->parts);
    return *ret ? ERR_OK : ERR_NOMEM;
}

enum err principal_from_claims(const char *json, size_t n, const struct claims_rules *rules,
                               const struct claims_bearer *bearer, int64_t now_s,
                               struct principal **ret, struct token_why *ret_why)
{
    struct reader r = {
        .root = json_tree_load(json, n, CLAIMS_BYTES_MAX),
        .rules = rules,
        .now_s = now_s,
        .parts = {.hash = bearer->hash, .kid = bearer->kid},
    };
    struct buf info = {0};
    if (r.root)
        read_all(&r, &info);
    else
        fail_claim(&r, "the claims must be one JSON object, no deeper than 16 and no member twice");
    enum err e = make(&r, &info, ret);
    if (e == ERR_ACCESS)
        *ret_why = r.why;
    buf_finish(&r.grants);
    buf_finish(&r.pattern);
    buf_finish(&info);
    json_decref(r.root);
    return e;
}

enum token_fault claims_fault_at(const struct principal *p, int64_t leeway_s, int64_t now_s)
{
    if (p->ends_s && p->ends_s <= now_s)
        return TOKEN_EXPIRED;
    return p->not_before_s > now_s + leeway_s ? TOKEN_NOT_YET : TOKEN_FAULTS;
}
