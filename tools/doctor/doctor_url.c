/* Where the hub is said to be: the part of RFC 3986 that is of use here. */
#include "tools/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_PORT "80"

/* Steps over a scheme; NULL, or what is wrong with it. */
static const char *pass_scheme(const char **text)
{
    const char *end = strstr(*text, "://");
    if (!end)
        return NULL;
    size_t n = (size_t)(end - *text);
    if ((n == 5 && strncasecmp(*text, "https", n) == 0) ||
        (n == 3 && strncasecmp(*text, "wss", n) == 0))
        return "TLS is not spoken yet: give an address where HTTP is spoken without it";
    if (!(n == 4 && strncasecmp(*text, "http", n) == 0) &&
        !(n == 2 && strncasecmp(*text, "ws", n) == 0))
        return "only http:// is known";
    *text = end + 3;
    return NULL;
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
        memcpy(ret->port, DEFAULT_PORT, sizeof(DEFAULT_PORT));
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
    const char *wrong = pass_scheme(&text);
    if (wrong)
        return wrong;
    *ret = (struct doctor_url){0};
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p == 0x7f || strchr("?#@\\", *p))
            return "the address is http://HOST[:PORT][/PREFIX]";
    size_t n = strcspn(text, "/"), prefix = strlen(text + n);
    while (prefix > 0 && text[n + prefix - 1] == '/')
        prefix--;
    if (!split_authority(text, n, ret) || prefix >= sizeof(ret->prefix))
        return "the address is http://HOST[:PORT][/PREFIX]";
    memcpy(ret->prefix, text + n, prefix);
    return NULL;
}
