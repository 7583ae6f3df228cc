#include "access/principal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Copies N bytes and a NUL to *AT, and moves it behind them. */
static const char *put(char **at, const char *text, size_t n)
{
    char *to = *at;
    if (n)
        memcpy(to, text, n);
    to[n] = '\0';
    *at = to + n + 1;
    return to;
}

static const char *put_name(char **at, const char *text)
{
    return put(at, text, text ? strlen(text) : 0);
}

static size_t name_len(const char *text)
{
    return (text ? strlen(text) : 0) + 1;
}

static size_t size_of(const struct principal_parts *parts)
{
    return sizeof(struct principal) + name_len(parts->sub) + name_len(parts->jti) +
           name_len(parts->kid) + parts->info_len + 1 + parts->grants.len + 1;
}

static void put_texts(struct principal *p, const struct principal_parts *parts)
{
    char *at = (char *)(p + 1);
    p->sub = put_name(&at, parts->sub);
    p->jti = put_name(&at, parts->jti);
    p->kid = put_name(&at, parts->kid);
    p->info = put(&at, parts->info, parts->info_len);
    p->info_len = parts->info_len;
    p->grants.data =
        (const unsigned char *)put(&at, (const char *)parts->grants.data, parts->grants.len);
    p->grants.len = parts->grants.len;
}

struct principal *principal_create(const struct principal_parts *parts)
{
    size_t bytes = size_of(parts);
    struct principal *p = calloc(1, bytes);
    if (!p)
        return NULL;
    p->refs = 1;
    p->bytes = (uint32_t)bytes;
    if (parts->hash)
        memcpy(p->hash, parts->hash, sizeof(p->hash));
    p->issued_s = parts->issued_s;
    p->not_before_s = parts->not_before_s;
    p->expires_s = parts->expires_s;
    p->ends_s = parts->ends_s;
    p->limits = parts->limits;
    put_texts(p, parts);
    return p;
}

struct principal *principal_ref(struct principal *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void principal_unref(struct principal *p)
{
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        free(p);
}
