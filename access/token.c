#include "access/token.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "access/json_tree.h"
#include "base/base64url.h"
#include "base/siphash.h"

static unsigned char hash_key[SIPHASH_KEY_SIZE];

enum err token_init(void)
{
    json_object_seed(0); /* jansson would do it in whatever thread is first */
    bool done = getrandom(hash_key, sizeof(hash_key), 0) == (ssize_t)sizeof(hash_key);
    return done ? ERR_OK : ERR_IO;
}

void token_hash(const char *token, size_t n, unsigned char ret[PRINCIPAL_HASH_SIZE])
{
    siphash(hash_key, token, n, ret);
}

/* One part, as it is written. */
struct part {
    const char *p;
    size_t n;
};

/* What its header says; `tree` holds `kid`. */
struct head {
    json_t *tree;
    enum algorithm algorithm;
    const char *kid; /* NULL = none */
};

/* HEADER.CLAIMS.SIGNATURE, none of them empty. */
static bool split(const char *token, size_t n, struct part parts[3])
{
    const char *end = token + n;
    for (int i = 0; i < 3; i++) {
        const char *dot = memchr(token, '.', (size_t)(end - token));
        if ((i < 2) != (dot != NULL))
            return false;
        parts[i] = (struct part){token, (size_t)((dot ? dot : end) - token)};
        if (parts[i].n == 0)
            return false;
        token = dot ? dot + 1 : end;
    }
    return true;
}

/* Reads P into OUT, which has room for any; false: it is no base64url. */
static bool decode(struct part p, unsigned char out[TOKEN_BYTES_MAX], size_t *ret_n)
{
    *ret_n = base64url_decoded_len(p.n);
    return base64url_decode(out, p.p, p.n) == ERR_OK;
}

/* Explicitly of another type (RFC 8725 section 3.11): one for other purposes, by the same key. */
static bool is_other_type(json_t *typ)
{
    const char *text = json_string_value(typ);
    if (!typ)
        return false;
    if (text && strncasecmp(text, "application/", 12) == 0)
        text += 12;
    return !text || (strcasecmp(text, "JWT") != 0 && strcasecmp(text, "at+jwt") != 0);
}

/* Gives H its members; false: *RET_WHY says why not. */
static bool judge_head(struct head *h, enum token_fault *ret_why)
{
    json_t *alg = json_object_get(h->tree, "alg"), *kid = json_object_get(h->tree, "kid");
    *ret_why = TOKEN_MALFORMED;
    if (!json_is_string(alg) || (kid && !json_is_string(kid)) || json_object_get(h->tree, "crit") ||
        is_other_type(json_object_get(h->tree, "typ")))
        return false;
    h->kid = json_string_value(kid);
    h->algorithm = algorithm_find(json_string_value(alg), json_string_length(alg));
    if (h->algorithm != ALGORITHMS)
        return true;
    *ret_why = TOKEN_ALGORITHM;
    return false;
}

/* H holds a reference to a tree, whatever comes of it. */
static bool read_head(struct part p, struct head *h, enum token_fault *ret_why)
{
    unsigned char text[TOKEN_BYTES_MAX];
    size_t n;
    *h = (struct head){0};
    *ret_why = TOKEN_MALFORMED;
    if (!decode(p, text, &n))
        return false;
    h->tree = json_tree_load((const char *)text, n, sizeof(text));
    return h->tree && judge_head(h, ret_why);
}

/* The key that is to have signed it. NULL: *RET_WHY says why there is none. */
static const struct key *key_of(const struct key_set *keys, struct part p, struct head *h,
                                enum token_fault *ret_why)
{
    return read_head(p, h, ret_why) ? key_set_find(keys, h->kid, h->algorithm, ret_why) : NULL;
}

static bool is_signed(const struct key *k, const struct head *h, const char *token,
                      struct part signature, enum token_fault *ret_why)
{
    unsigned char bytes[TOKEN_BYTES_MAX];
    size_t n;
    *ret_why = TOKEN_MALFORMED;
    if (!decode(signature, bytes, &n))
        return false;
    *ret_why = TOKEN_SIGNATURE;
    return key_verify(k, h->algorithm, token, (size_t)(signature.p - 1 - token), bytes, n);
}

/* What has been signed by K. */
static enum err read_claims(const struct key *k, const struct claims_rules *rules,
                            const char *token, size_t n, struct part p, int64_t now_s,
                            struct principal **ret, struct token_why *ret_why)
{
    unsigned char text[TOKEN_BYTES_MAX], hash[PRINCIPAL_HASH_SIZE];
    size_t len;
    if (!decode(p, text, &len)) {
        *ret_why = token_why_of(TOKEN_MALFORMED);
        return ERR_ACCESS;
    }
    token_hash(token, n, hash);
    struct claims_bearer bearer = {hash, key_kid(k)};
    return principal_from_claims((const char *)text, len, rules, &bearer, now_s, ret, ret_why);
}

bool token_is_costly(const struct key_set *keys, const char *token, size_t n)
{
    struct part parts[3];
    struct head h;
    enum token_fault fault;
    if (n > TOKEN_BYTES_MAX || !split(token, n, parts))
        return false;
    const struct key *k = key_of(keys, parts[0], &h, &fault);
    bool costly = k && key_is_costly(k);
    json_decref(h.tree);
    return costly;
}

void token_kid(const char *token, size_t n, char ret[PRINCIPAL_NAME_MAX + 1])
{
    struct part parts[3];
    struct head h = {0};
    enum token_fault fault;
    ret[0] = '\0';
    if (n <= TOKEN_BYTES_MAX && split(token, n, parts) && read_head(parts[0], &h, &fault) &&
        h.kid && strlen(h.kid) <= PRINCIPAL_NAME_MAX)
        strcpy(ret, h.kid);
    json_decref(h.tree);
}

enum err token_verify(const struct key_set *keys, const struct claims_rules *rules,
                      const char *token, size_t n, int64_t now_s, struct principal **ret,
                      struct token_why *ret_why)
{
    struct part parts[3];
    struct head h = {0};
    enum token_fault fault = TOKEN_MALFORMED;
    const struct key *k = NULL;
    if (n <= TOKEN_BYTES_MAX && split(token, n, parts))
        k = key_of(keys, parts[0], &h, &fault);
    bool good = k && is_signed(k, &h, token, parts[2], &fault);
    json_decref(h.tree);
    if (good)
        return read_claims(k, rules, token, n, parts[1], now_s, ret, ret_why);
    *ret_why = token_why_of(fault);
    return ERR_ACCESS;
}
