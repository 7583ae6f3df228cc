#include "tools/ctl/ctl_token_make.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "access/algorithm.h"
#include "base/base64url.h"
#include "tools/ctl/ctl_args.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_token_sign.h"

enum { LIFETIME_S = 3600 };

/* What is being put together. */
struct draft {
    json_t *header, *claims;
    enum algorithm algorithm;
    uint64_t for_s;
};

/* One word. */
struct pair {
    char *name; /* owned */
    const char *value;
    bool json;
};

static enum ctl_exit wrong(const char *word, const char *must)
{
    ctl_say("%s: must be %s", word, must);
    return CTL_USAGE;
}

/* The caller frees the name, which is NULL when WORD is of neither form. */
static struct pair split(const char *word)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word)
        return (struct pair){0};
    bool json = equals[-1] == ':';
    return (struct pair){strndup(word, (size_t)(equals - word) - json), equals + 1, json};
}

static bool is_list(const char *name)
{
    return strcmp(name, "subscribe") == 0 || strcmp(name, "publish") == 0 ||
           strcmp(name, "presence") == 0 || strcmp(name, "deny") == 0;
}

/* The member NAME of OF, made of VALUE if it is missing; NULL when out of memory. */
static json_t *member(json_t *of, const char *name, json_t *value)
{
    json_t *there = json_object_get(of, name);
    if (!there && json_object_set(of, name, value) == 0)
        there = json_object_get(of, name);
    json_decref(value);
    return there;
}

static enum ctl_exit add_grant(struct draft *d, const struct pair *p)
{
    json_t *own = member(d->claims, "longwire", json_object());
    json_t *list = member(own, p->name, json_array());
    return json_array_append_new(list, json_string(p->value)) == 0 ? CTL_OK : CTL_FAILED;
}

static enum ctl_exit add_claim(struct draft *d, const struct pair *p, const char *word)
{
    json_t *value = p->json ? json_loads(p->value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
                            : json_string(p->value);
    if (!value)
        return wrong(word, p->json ? "NAME:=JSON, with valid JSON" : "UTF-8");
    return json_object_set_new(d->claims, p->name, value) == 0 ? CTL_OK : CTL_FAILED;
}

static enum ctl_exit take_pair(struct draft *d, const struct pair *p, const char *word)
{
    if (p->json)
        return add_claim(d, p, word);
    if (is_list(p->name))
        return add_grant(d, p);
    if (strcmp(p->name, "kid") == 0)
        return json_object_set_new(d->header, "kid", json_string(p->value)) == 0 ? CTL_OK
                                                                                 : CTL_FAILED;
    if (strcmp(p->name, "for") == 0)
        return ctl_args_u64(p->value, &d->for_s) == ERR_OK && d->for_s < INT32_MAX
                   ? CTL_OK
                   : wrong(word, "for=SECONDS");
    if (strcmp(p->name, "alg") != 0)
        return add_claim(d, p, word);
    d->algorithm = algorithm_find(p->value, strlen(p->value));
    return d->algorithm != ALGORITHMS ? CTL_OK : wrong(word, "alg=HS256, RS256, PS256, ES256, …");
}

static enum ctl_exit take_word(struct draft *d, const char *word)
{
    struct pair p = split(word);
    enum ctl_exit status =
        p.name ? take_pair(d, &p, word) : wrong(word, "NAME=VALUE or NAME:=JSON");
    free(p.name);
    return status;
}

/* What the words did not say. */
static bool complete(struct draft *d, int64_t now_s)
{
    json_t *end = json_integer(now_s + (int64_t)d->for_s), *start = json_integer(now_s);
    return member(d->claims, "iat", start) && member(d->claims, "exp", end) &&
           json_object_set_new(d->header, "typ", json_string("JWT")) == 0 &&
           json_object_set_new(d->header, "alg", json_string(algorithm_name(d->algorithm))) == 0;
}

static bool put_part(struct buf *out, json_t *part)
{
    char *text = json_dumps(part, JSON_COMPACT);
    if (text)
        base64url_append(out, text, strlen(text));
    free(text);
    return text && !out->failed;
}

static enum ctl_exit sign(const struct draft *d, const char *key, size_t n, struct buf *ret)
{
    struct buf signature = {0};
    if (!put_part(ret, d->header))
        return CTL_FAILED;
    buf_putc(ret, '.');
    if (!put_part(ret, d->claims))
        return CTL_FAILED;
    enum err e = ctl_token_sign(key, n, d->algorithm, ret->data, ret->len, &signature);
    buf_putc(ret, '.');
    base64url_append(ret, signature.data, signature.len);
    buf_finish(&signature);
    if (e == ERR_INVALID)
        ctl_say("the key cannot sign by %s", algorithm_name(d->algorithm));
    return e == ERR_OK && !ret->failed ? CTL_OK : CTL_FAILED;
}

enum ctl_exit ctl_token_make(const char *key, size_t n, char *const *words, int count,
                             int64_t now_s, struct buf *ret)
{
    struct draft d = {json_object(), json_object(), ctl_token_algorithm(key, n), LIFETIME_S};
    enum ctl_exit status = d.header && d.claims ? CTL_OK : CTL_FAILED;
    if (d.algorithm == ALGORITHMS) {
        ctl_say("the key must be a secret of 32 bytes or more, or a private key (PEM): RSA, P-256 "
                "or P-384");
        status = CTL_FAILED;
    }
    for (int i = 0; i < count && status == CTL_OK; i++)
        status = take_word(&d, words[i]);
    if (status == CTL_OK)
        status = complete(&d, now_s) ? sign(&d, key, n, ret) : CTL_FAILED;
    json_decref(d.header);
    json_decref(d.claims);
    return status;
}
