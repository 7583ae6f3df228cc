#include "net/settings.h"

bool net_settings_trust(const struct net_settings *s, const struct ip *ip)
{
    return ip_in_nets(ip, s->trusted_proxies, s->trusted_proxy_count);
}
