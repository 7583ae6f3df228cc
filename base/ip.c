#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

enum { V4_BITS = 96 }; /* of the IPv6 form, before the IPv4 address */

struct ip ip_from_v4(const void *bytes)
{
    struct ip ip;
    memcpy(ip.bytes, mapped, sizeof(mapped));
    memcpy(ip.bytes + sizeof(mapped), bytes, 4);
    return ip;
}

struct ip ip_from_v6(const void *bytes)
{
    struct ip ip;
    memcpy(ip.bytes, bytes, sizeof(ip.bytes));
    return ip;
}

bool ip_from_sockaddr(const struct sockaddr *a, struct ip_port *ret)
{
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)a;
        *ret = (struct ip_port){ip_from_v4(&in->sin_addr), ntohs(in->sin_port)};
        return true;
    }
    if (a->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)a;
    *ret = (struct ip_port){ip_from_v6(&in->sin6_addr), ntohs(in->sin6_port)};
    return true;
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
    static const struct ip one = {{[15] = 1}};
    return ip_is_v4(ip) ? ip->bytes[12] == 127 : ip_equal(ip, &one);
}

/* ---- text ---- */

enum err ip_parse(const char *text, size_t n, struct ip *ret)
{
    char copy[IP_TEXT_SIZE];
    uint8_t bytes[16];
    if (n == 0 || n >= sizeof(copy) || memchr(text, '\0', n))
        return ERR_INVALID;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1)
        *ret = ip_from_v4(bytes);
    else if (inet_pton(AF_INET6, copy, bytes) == 1)
        *ret = ip_from_v6(bytes);
    else
        return ERR_INVALID;
    return ERR_OK;
}

/* Decimal up to MAX, without leading zeros. */
static enum err parse_number(const char *text, size_t n, unsigned max, unsigned *ret)
{
    unsigned number = 0;
    if (n == 0 || n > 5 || (n > 1 && text[0] == '0'))
        return ERR_INVALID;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return ERR_INVALID;
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    if (number > max)
        return ERR_INVALID;
    *ret = number;
    return ERR_OK;
}

enum err ip_port_parse(const char *text, size_t n, uint16_t *ret)
{
    unsigned number;
    enum err e = parse_number(text, n, UINT16_MAX, &number);
    if (e == ERR_OK)
        *ret = (uint16_t)number;
    return e;
}

void ip_format(const struct ip *ip, char out[IP_TEXT_SIZE])
{
    bool v4 = ip_is_v4(ip);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->bytes + sizeof(mapped) : ip->bytes, out,
              IP_TEXT_SIZE);
}

void ip_port_format(const struct ip_port *a, char out[IP_PORT_TEXT_SIZE])
{
    char ip[IP_TEXT_SIZE], port[sizeof(":65535")] = "";
    bool v4 = ip_is_v4(&a->ip);
    ip_format(&a->ip, ip);
    if (a->port)
        snprintf(port, sizeof(port), ":%u", a->port);
    snprintf(out, IP_PORT_TEXT_SIZE, v4 ? "%s%s" : "[%s]%s", ip, port);
}

/* ---- networks ---- */

/* Whether the first BITS bits of A and B are the same. */
static bool same_bits(const struct ip *a, const struct ip *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, bytes) != 0)
        return false;
    return rest == 0 || (a->bytes[bytes] ^ b->bytes[bytes]) >> (8 - rest) == 0;
}

/* IP with zeros behind its first BITS bits. */
static struct ip masked(const struct ip *ip, unsigned bits)
{
    struct ip m = *ip;
    for (unsigned i = bits; i < 128; i++)
        m.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    return m;
}

enum err ip_net_parse(const char *text, struct ip_net *ret)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    struct ip ip;
    if (ip_parse(text, n, &ip) != ERR_OK)
        return ERR_INVALID;
    unsigned before = ip_is_v4(&ip) && !memchr(text, ':', n) ? V4_BITS : 0, bits = 128 - before;
    if (slash && parse_number(slash + 1, strlen(slash + 1), bits, &bits) != ERR_OK)
        return ERR_INVALID;
    struct ip first = masked(&ip, before + bits);
    if (!ip_equal(&ip, &first))
        return ERR_INVALID;
    *ret = (struct ip_net){ip, (uint8_t)(before + bits)};
    return ERR_OK;
}

void ip_net_format(const struct ip_net *net, char out[IP_NET_TEXT_SIZE])
{
    char ip[IP_TEXT_SIZE], bits[sizeof("/128")] = "";
    ip_format(&net->ip, ip);
    if (net->bits < 128)
        snprintf(bits, sizeof(bits), "/%d", net->bits - (ip_is_v4(&net->ip) ? V4_BITS : 0));
    snprintf(out, IP_NET_TEXT_SIZE, "%s%s", ip, bits);
}

bool ip_in_nets(const struct ip *ip, const struct ip_net *nets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ip_is_v4(ip) == ip_is_v4(&nets[i].ip) && same_bits(ip, &nets[i].ip, nets[i].bits))
            return true;
    return false;
}

/* The bytes behind ::ffff: of those of IPv4. */
#define V4(a, b, n)                                                                                \
    {                                                                                              \
        {{[10] = 0xff, [11] = 0xff, [12] = a, [13] = b}}, V4_BITS + (n)                            \
    }

bool ip_is_private(const struct ip *ip)
{
    static const struct ip_net nets[] = {
        V4(10, 0, 8),    V4(172, 16, 12), V4(192, 168, 16),     V4(169, 254, 16),
        V4(100, 64, 10), {{{0xfc}}, 7},   {{{0xfe, 0x80}}, 10},
    };
    return ip_in_nets(ip, nets, sizeof(nets) / sizeof(nets[0]));
}

struct ip ip_of_client(const struct ip *ip)
{
    return ip_is_v4(ip) ? *ip : masked(ip, 64);
}
