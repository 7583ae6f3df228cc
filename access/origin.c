#include "access/origin.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "access/host.h"

/* "https://example.org:8443" -> "example.org:8443"; NULL when it is no such thing ("null"). */
static const char *authority_of(const char *origin)
{
    const char *p = strstr(origin, "://");
    return p && p[3] ? p + 3 : NULL;
}

static bool is_listed(const char *origin, char *const *listed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(listed[i], origin) == 0)
            return true;
    return false;
}

enum origin_access origin_judge(const char *origin, const char *host, char *const *listed,
                                size_t count)
{
    const char *authority = authority_of(origin);
    if (authority && (strcasecmp(authority, host) == 0 || host_is_loopback(authority)))
        return ORIGIN_KNOWN;
    if (is_listed(origin, listed, count))
        return ORIGIN_KNOWN;
    return is_listed("*", listed, count) ? ORIGIN_ANY : ORIGIN_REFUSED;
}
