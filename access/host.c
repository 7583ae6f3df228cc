#include "access/host.h"

#include <string.h>
#include <strings.h>

#include "base/ip.h"

static const char localhost[] = "localhost", loopback[] = "127.0.0.1";

/* A part of an authority. */
struct name {
    const char *p;
    size_t n;
};

/* Letter case does not matter. */
static bool is(struct name name, const char *text)
{
    return strlen(text) == name.n && strncasecmp(name.p, text, name.n) == 0;
}

/* The authority without its port. */
static struct name host_of(const char *authority)
{
    const char *end = authority[0] == '[' ? strchr(authority, ']') : NULL;
    size_t n = end ? (size_t)(end - authority) + 1 : strcspn(authority, ":");
    return (struct name){authority, n};
}

/* "[…]", IPv6; else IPv4 in dotted decimal: browsers write no other form into Host. */
static bool read_address(struct name host, struct ip *ret)
{
    bool v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (v6)
        host = (struct name){host.p + 1, host.n - 2};
    return v6 == (memchr(host.p, ':', host.n) != NULL) && ip_parse(host.p, host.n, ret) == ERR_OK;
}

/* Letters, digits, '-' and '_' in parts that are not empty, with dots between. */
static bool is_name(struct name host)
{
    char before = '.';
    for (size_t i = 0; i < host.n; before = host.p[i++]) {
        char c = host.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && (c != '.' || before == '.'))
            return false;
    }
    return before != '.';
}

/* The one that is mostly written. */
static bool is_127_0_0_1(struct name host)
{
    return host.n == sizeof(loopback) - 1 && memcmp(host.p, loopback, sizeof(loopback) - 1) == 0;
}

/* Whether HOST is "localhost", or ends with ".localhost". */
static bool is_localhost(struct name host)
{
    size_t n = sizeof(localhost) - 1;
    if (host.n <= n)
        return is(host, localhost);
    size_t before = host.n - n;
    return host.p[before - 1] == '.' && is_name(host) &&
           is((struct name){host.p + before, n}, localhost);
}

bool host_is_loopback(const char *authority)
{
    struct name host = host_of(authority);
    struct ip ip;
    return is_127_0_0_1(host) || is_localhost(host) ||
           (read_address(host, &ip) && ip_is_loopback(&ip));
}

bool host_is_listed(const char *authority, char *const *names, size_t count)
{
    struct name host = host_of(authority);
    for (size_t i = 0; i < count; i++)
        if (is(host, names[i]))
            return true;
    return false;
}

bool host_is_own(const char *authority, char *const *names, size_t count, bool directly)
{
    if (!authority || host_is_loopback(authority))
        return true;
    return directly && host_is_listed(authority, names, count);
}
