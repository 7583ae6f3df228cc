/*
 * What connections and listening sockets need to know of the configuration: a part of the
 * worker's settings (delivery/settings.h), which are immutable and owned there.
 */
#ifndef NET_SETTINGS_H
#define NET_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/quota.h"

struct net_settings {
    uint64_t head_timeout_ms; /* until the first head is there, a PROXY header before it included */
    uint64_t write_timeout_ms;
    uint64_t tls_handshake_timeout_ms; /* from the first byte on, or before */
    unsigned tls_handshakes_max;       /* under way at once, all loops together */
    int send_buffer;                   /* SO_SNDBUF, 0 = the kernel's choice */
    int notsent_lowat;                 /* TCP_NOTSENT_LOWAT, 0 = none */
    struct ip_net *trusted_proxies;    /* whose word on who the client is counts */
    size_t trusted_proxy_count;
    bool proxy_protocol;         /* all connections are theirs, and begin with a PROXY header */
    struct quota_limits address; /* of each client's address (client.h) */
    struct ip_net *exempt;       /* addresses without limits */
    size_t exempt_count;
    bool exempt_loopback, exempt_private; /* and those */
};

/* Whether the word of a peer at that address counts (http.trusted_proxies). */
bool net_settings_trust(const struct net_settings *s, const struct ip *ip);
/* Whether what comes from there is not limited by address. */
bool net_settings_exempt(const struct net_settings *s, const struct ip *ip);

#endif
