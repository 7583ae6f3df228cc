#include "frontends/resp/resp_glob.h"

#include <string.h>

static bool has(const char *p, size_t n, const char *chars)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] && strchr(chars, p[i]))
            return true;
    return false;
}

bool resp_glob_is(const char *pattern, size_t n)
{
    return has(pattern, n, "*?[") && !has(pattern, n, "+#");
}

/* Copies the text before the first wildcard to TO without its backslashes; returns where the
 * wildcard is, N if there is none. A backslash at the very end stands for itself, as in Redis. */
static size_t copy_literal(const char *glob, size_t n, char *to, size_t *ret_len)
{
    size_t i = 0, len = 0;
    while (i < n && !has(glob + i, 1, "*?[")) {
        i += glob[i] == '\\' && i + 1 < n;
        to[len++] = glob[i++];
    }
    *ret_len = len;
    return i;
}

static bool is_only_stars(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != '*')
            return false;
    return true;
}

enum err resp_glob_translate(const char *glob, size_t n, char ret[RESP_GLOB_MAX], size_t *ret_len)
{
    size_t len, at = copy_literal(glob, n, ret, &len);
    const char *rest = len ? "+/#" : "#";
    if (!is_only_stars(glob + at, n - at) || (at < n && len && ret[len - 1] != '/'))
        return ERR_INVALID;
    if (at < n) {
        memcpy(ret + len, rest, strlen(rest));
        len += strlen(rest);
    }
    *ret_len = len;
    return ERR_OK;
}
