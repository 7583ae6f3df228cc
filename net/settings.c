#include "net/settings.h"

bool net_settings_trust(const struct net_settings *s, const struct ip *ip)
{
    return ip_in_nets(ip, s->trusted_proxies, s->trusted_proxy_count);
}

static bool is_limited(const struct net_settings *s)
{
    for (size_t i = 0; i < QUOTA_WHATS; i++)
        if (s->address.most[i])
            return true;
    return false;
}

bool net_settings_exempt(const struct net_settings *s, const struct ip *ip)
{
    if (!is_limited(s) || (s->exempt_loopback && ip_is_loopback(ip)) ||
        (s->exempt_private && ip_is_private(ip)))
        return true;
    return ip_in_nets(ip, s->exempt, s->exempt_count);
}
