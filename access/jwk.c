#include "access/jwk.h"

#include <stdlib.h>
#include <string.h>

#include "access/json_tree.h"
#include "access/principal.h"
#include "base/base64url.h"

/* A member that is bytes in base64url. */
struct bytes {
    unsigned char *p; /* owned */
    size_t n;
};

static void forget(struct bytes *b)
{
    if (b->p)
        explicit_bzero(b->p, b->n);
    free(b->p);
}

/* ERR_INVALID: it is not there, or not of this form. */
static enum err read_bytes(json_t *jwk, const char *name, struct bytes *ret)
{
    json_t *v = json_object_get(jwk, name);
    *ret = (struct bytes){0};
    if (!json_is_string(v))
        return ERR_INVALID;
    ret->n = base64url_decoded_len(json_string_length(v));
    ret->p = malloc(ret->n + 1);
    if (!ret->p)
        return ERR_NOMEM;
    return base64url_decode(ret->p, json_string_value(v), json_string_length(v));
}

static bool is(json_t *v, const char *text)
{
    return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

/* Whether it may verify signatures, by what it says itself (RFC 7517 section 4.2 and 4.3). */
static bool is_for_signatures(json_t *jwk)
{
    json_t *use = json_object_get(jwk, "use"), *ops = json_object_get(jwk, "key_ops"), *each;
    size_t i;
    if (use && !is(use, "sig"))
        return false;
    json_array_foreach(ops, i, each)
    {
        if (is(each, "verify"))
            return true;
    }
    return !ops;
}

static enum err read_secret(json_t *jwk, const char *kid, struct key **ret)
{
    struct bytes k;
    enum err e = read_bytes(jwk, "k", &k);
    if (e == ERR_OK)
        e = key_create_secret(kid, k.p, k.n, ret);
    forget(&k);
    return e;
}

static enum err read_rsa(json_t *jwk, const char *kid, struct key **ret)
{
    struct bytes n, e_bytes;
    enum err e = read_bytes(jwk, "n", &n), other = read_bytes(jwk, "e", &e_bytes);
    if (e == ERR_OK)
        e = other;
    if (e == ERR_OK)
        e = key_create_rsa(kid, n.p, n.n, e_bytes.p, e_bytes.n, ret);
    forget(&n);
    forget(&e_bytes);
    return e;
}

static enum err read_ec(json_t *jwk, const char *kid, struct key **ret)
{
    json_t *curve = json_object_get(jwk, "crv");
    struct bytes x, y;
    if (!is(curve, "P-256") && !is(curve, "P-384"))
        return ERR_INVALID;
    enum err e = read_bytes(jwk, "x", &x), other = read_bytes(jwk, "y", &y);
    if (e == ERR_OK)
        e = other;
    if (e == ERR_OK)
        e = key_create_ec(kid, is(curve, "P-256") ? KEY_P256 : KEY_P384, x.p, x.n, y.p, y.n, ret);
    forget(&x);
    forget(&y);
    return e;
}

static enum err read_by_type(json_t *jwk, const char *kid, struct key **ret)
{
    json_t *kty = json_object_get(jwk, "kty");
    if (is(kty, "oct"))
        return read_secret(jwk, kid, ret);
    if (is(kty, "RSA"))
        return read_rsa(jwk, kid, ret);
    return is(kty, "EC") ? read_ec(jwk, kid, ret) : ERR_INVALID;
}

/* What it says of its algorithm binds it. */
static bool take_algorithm(json_t *jwk, struct key *k)
{
    json_t *alg = json_object_get(jwk, "alg");
    if (!alg)
        return true;
    enum algorithm a = json_is_string(alg)
                           ? algorithm_find(json_string_value(alg), json_string_length(alg))
                           : ALGORITHMS;
    return a != ALGORITHMS && key_restrict(k, 1u << a);
}

/* ERR_INVALID: it cannot be used, whatever is wrong with it; ERR_NOMEM. */
static enum err read_key(json_t *jwk, const char *kid, struct key **ret)
{
    if (!json_is_object(jwk) || !is_for_signatures(jwk))
        return ERR_INVALID;
    enum err e = read_by_type(jwk, kid, ret);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? ERR_NOMEM : ERR_INVALID;
    if (take_algorithm(jwk, *ret))
        return ERR_OK;
    key_destroy(*ret);
    return ERR_INVALID;
}

enum err jwk_parse(const char *kid, const char *text, size_t n, struct key **ret, struct buf *why)
{
    json_t *jwk = json_tree_load(text, n, JWK_SET_BYTES_MAX);
    enum err e = jwk ? read_key(jwk, kid, ret) : ERR_INVALID;
    if (e == ERR_INVALID && jwk && json_object_get(jwk, "keys"))
        buf_puts(why, "is a set of keys: must be one; access.jwks_file names a set");
    else if (e == ERR_INVALID)
        buf_printf(why,
                   "must be a JWK for signatures: oct of %d bytes or more, RSA of %d to %d bits, "
                   "or EC with P-256 or P-384",
                   KEY_SECRET_MIN, KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX);
    json_decref(jwk);
    return e;
}

/* Its own name; NULL: it cannot be one. */
static const char *kid_of(json_t *jwk)
{
    json_t *kid = json_object_get(jwk, "kid");
    if (!kid)
        return "";
    return json_is_string(kid) && json_string_length(kid) <= PRINCIPAL_NAME_MAX
               ? json_string_value(kid)
               : NULL;
}

static enum err add_keys(struct key_set *set, json_t *keys, size_t *ret_skipped)
{
    json_t *each;
    size_t i;
    enum err e = ERR_OK;
    json_array_foreach(keys, i, each)
    {
        struct key *k;
        const char *kid = kid_of(each);
        e = kid ? read_key(each, kid, &k) : ERR_INVALID;
        if (e == ERR_OK)
            e = key_set_add(set, k);
        if (e == ERR_NOMEM)
            return e;
        *ret_skipped += e != ERR_OK;
    }
    return ERR_OK;
}

enum err jwk_set_parse(struct key_set *set, const char *text, size_t n, size_t *ret_skipped,
                       struct buf *why)
{
    json_t *tree = json_tree_load(text, n, JWK_SET_BYTES_MAX);
    size_t before = key_set_count(set);
    *ret_skipped = 0;
    enum err e = add_keys(set, json_object_get(tree, "keys"), ret_skipped);
    if (e == ERR_OK && key_set_count(set) == before) {
        buf_puts(why, tree
                          ? "has no key that can be used: must be a JWK set, {\"keys\": […]}, with "
                            "oct, RSA or EC keys for signatures"
                          : "must be a JWK set, {\"keys\": […]}, in strict JSON");
        e = ERR_INVALID;
    }
    json_decref(tree);
    return e;
}
