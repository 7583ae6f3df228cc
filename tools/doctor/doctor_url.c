/* Where the hub is said to be: the part of RFC 3986 that is of use here. */
#include "tools/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FORM "the address is http://HOST[:PORT][/PREFIX], or https:// before it"

static bool is_scheme(const char *text, size_t n, const char *name)
{
    return n == strlen(name) && strncasecmp(text, name, n) == 0;
}

/* Steps over a scheme, which may be missing; false when it is none of HTTP's. */
static bool pass_scheme(const char **text, bool *ret_tls)
{
    const char *end = strstr(*text, "://");
    if (!end)
        return true;
    size_t n = (size_t)(end - *text);
    *ret_tls = is_scheme(*text, n, "https") || is_scheme(*text, n, "wss");
    if (!*ret_tls && !is_scheme(*text, n, "http") && !is_scheme(*text, n, "ws"))
        return false;
    *text = end + 3;
    return true;
}

static bool is_port(const char *text, size_t n)
{
    return n > 0 && n <= 5 && strspn(text, "0123456789") >= n && atoi(text) > 0 &&
           atoi(text) <= UINT16_MAX;
}

/* The bytes of the host in N bytes of an authority, its brackets included. */
static size_t host_len(const char *text, size_t n)
{
    const char *end = memchr(text, *text == '[' ? ']' : ':', n);
    if (!end)
        return *text == '[' ? 0 : n;
    return (size_t)(end - text) + (*text == '[');
}

static bool split_authority(const char *text, size_t n, struct doctor_url *ret)
{
    size_t host = n ? host_len(text, n) : 0, bracket = n && *text == '[';
    if (host <= 2 * bracket || host >= sizeof(ret->host) || n >= sizeof(ret->authority))
        return false;
    memcpy(ret->host, text + bracket, host - 2 * bracket);
    memcpy(ret->authority, text, n);
    if (host == n) {
        snprintf(ret->port, sizeof(ret->port), "%s", ret->tls ? "443" : "80");
        return true;
    }
    size_t port = n - host - 1;
    if (text[host] != ':' || !is_port(text + host + 1, port))
        return false;
    memcpy(ret->port, text + host + 1, port);
    return true;
}

const char *doctor_url_parse(const char *text, struct doctor_url *ret)
{
    *ret = (struct doctor_url){0};
    if (!pass_scheme(&text, &ret->tls))
        return "only http:// and https:// are known";
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p == 0x7f || strchr("?#@\\", *p))
            return FORM;
    size_t n = strcspn(text, "/"), prefix = strlen(text + n);
    while (prefix > 0 && text[n + prefix - 1] == '/')
        prefix--;
    if (!split_authority(text, n, ret) || prefix >= sizeof(ret->prefix))
        return FORM;
    memcpy(ret->prefix, text + n, prefix);
    return NULL;
}
