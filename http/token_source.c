#include "http/token_source.h"

#include <string.h>
#include <strings.h>

static const char scheme[] = "Bearer", subprotocol[] = "bearer.";
static const char several[] = "The request has several tokens that are not the same";
static const char malformed[] = "The token is malformed or longer than 8192 bytes";

/* What was found so far, in which places. */
struct finding {
    struct token_found *found;
    bool any;
    const char *fault;
};

/* The N bytes TEXT are a token, too. */
static void take(struct finding *f, const char *text, size_t n)
{
    struct token_found *found = f->found;
    if (n == 0 || n > TOKEN_SOURCE_MAX) {
        f->fault = malformed;
    } else if (!f->any) {
        f->any = true;
        found->text = text;
        found->n = n;
    } else if (found->n != n || memcmp(found->text, text, n) != 0) {
        f->fault = several;
    }
}

/* credentials = "Bearer" 1*SP b64token; other schemes are of no concern here. */
static void look_at_authorization(struct finding *f, const struct token_source *s)
{
    size_t n, skip = sizeof(scheme) - 1;
    const char *value = http_fields_get(s->fields, HTTP_FIELD_AUTHORIZATION, &n);
    if (!value || n < skip || strncasecmp(value, scheme, skip) != 0)
        return;
    if (n > skip && value[skip] != ' ')
        return;
    while (skip < n && value[skip] == ' ')
        skip++;
    take(f, value + skip, n - skip);
}

/* One cookie-pair of RFC 6265 section 4.2.1. */
static void look_at_pair(struct finding *f, const char *name, const char *p, size_t n)
{
    size_t len = strlen(name);
    if (n <= len || memcmp(p, name, len) != 0 || p[len] != '=')
        return;
    p += len + 1;
    n -= len + 1;
    if (n >= 2 && p[0] == '"' && p[n - 1] == '"') {
        p++;
        n -= 2;
    }
    if (n) /* an empty one is how sites delete it */
        take(f, p, n);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The parts of TEXT between separators, without blanks around them. False: no more. */
static bool next_part(const char **text, const char *end, char separator, const char **ret,
                      size_t *ret_len)
{
    const char *p = *text;
    if (p >= end)
        return false;
    const char *stop = memchr(p, separator, (size_t)(end - p));
    *text = stop ? stop + 1 : end;
    stop = stop ? stop : end;
    while (p < stop && is_blank(*p))
        p++;
    while (p < stop && is_blank(stop[-1]))
        stop--;
    *ret = p;
    *ret_len = (size_t)(stop - p);
    return true;
}

static void look_at_cookies(struct finding *f, const struct token_source *s)
{
    size_t n, len;
    const char *value = NULL, *part;
    while (s->cookie && (value = http_fields_named(s->fields, "Cookie", value, &n))) {
        const char *at = value;
        while (next_part(&at, value + n, ';', &part, &len))
            look_at_pair(f, s->cookie, part, len);
    }
}

static void take_decoded(struct finding *f, const struct url_param *p)
{
    char *out = f->found->decoded;
    size_t n;
    if (url_decode(p->value, p->value_len, out, sizeof(f->found->decoded), &n) != ERR_OK)
        n = 0;
    take(f, out, n);
}

static void look_at_query(struct finding *f, const struct token_source *s)
{
    struct url url = s->url;
    struct url_param p;
    while (s->query && url_next_param(&url, &p)) {
        if (!url_param_is(&p, "token"))
            continue;
        if (!memchr(p.value, '%', p.value_len))
            take(f, p.value, p.value_len);
        else if (f->any && f->found->text == f->found->decoded)
            f->fault = several; /* there is room for one: why should it be there twice */
        else
            take_decoded(f, &p);
    }
}

static void look_at_subprotocols(struct finding *f, const struct token_source *s)
{
    static const enum http_field which = HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL;
    size_t n, len, skip = sizeof(subprotocol) - 1;
    const char *part, *list = s->websocket ? http_fields_get(s->fields, which, &n) : NULL;
    for (; list; list = http_fields_next(s->fields, which, list, &n)) {
        const char *at = list;
        while (next_part(&at, list + n, ',', &part, &len))
            if (len >= skip && memcmp(part, subprotocol, skip) == 0)
                take(f, part + skip, len - skip);
    }
}

enum err token_source_find(const struct token_source *s, struct token_found *ret,
                           const char **ret_fault)
{
    struct finding f = {.found = ret};
    look_at_authorization(&f, s);
    look_at_query(&f, s);
    look_at_cookies(&f, s);
    look_at_subprotocols(&f, s);
    if (f.fault) {
        *ret_fault = f.fault;
        return ERR_INVALID;
    }
    return f.any ? ERR_OK : ERR_NOT_FOUND;
}
