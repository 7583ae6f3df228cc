#include "http/http_routes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool matches(const struct http_route *r, const struct url *u)
{
    size_t n = r->path_len;
    if (r->takes_rest)
        return u->path_len > n && memcmp(u->path, r->path, n) == 0;
    return u->path_len == n && memcmp(u->path, r->path, n) == 0;
}

const struct http_route *http_routes_find(const struct http_routes *t, const struct url *u,
                                          unsigned method)
{
    const struct http_route *other = NULL;
    for (const struct http_route *r = t->rows; r < t->rows + t->count; r++) {
        if (!matches(r, u))
            continue;
        if (r->methods & method)
            return r;
        other = r;
    }
    return other;
}

unsigned http_routes_methods(const struct http_routes *t, const struct http_route *r)
{
    unsigned methods = 0;
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->rows[i].path, r->path) == 0)
            methods |= t->rows[i].methods;
    return methods;
}

/* Nothing of the path is encoded, and it ends with a NUL as names do. */
static bool stands_plain(const struct url *u)
{
    return u->path[u->path_len] == '\0' && !memchr(u->path, '%', u->path_len);
}

enum err http_route_rest(const struct http_route *r, const struct url *u, char **ret,
                         size_t *ret_len, bool *ret_borrowed)
{
    size_t skip = r->path_len, n = u->path_len - skip;
    *ret_borrowed = stands_plain(u);
    *ret_len = n;
    *ret = *ret_borrowed ? (char *)(uintptr_t)u->path + skip : malloc(n + 1);
    if (*ret_borrowed)
        return ERR_OK;
    return *ret ? url_decode(u->path + skip, n, *ret, n + 1, ret_len) : ERR_NOMEM;
}
