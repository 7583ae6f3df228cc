/*
 * IP addresses and networks as values and as text: RFC 4291, RFC 4632, RFC 5952. Pure.
 *
 * An IPv4 address is kept in its IPv6 form (::ffff:a.b.c.d), so that one that a dual-stack socket
 * or a proxy writes in that form is the same address.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sockaddr;

struct ip {
    uint8_t bytes[16]; /* network order */
};

/* A port of 0 is not known. */
struct ip_port {
    struct ip ip;
    uint16_t port;
};

/* Addresses whose first BITS bits are those of IP; the others are 0 there. */
struct ip_net {
    struct ip ip;
    uint8_t bits; /* of the IPv6 form: those of IPv4 are 96 to 128 */
};

/* With its NUL: "ffff:…:255.255.255.255", "[…]:65535", "…/128". */
enum { IP_TEXT_SIZE = 46, IP_PORT_TEXT_SIZE = 54, IP_NET_TEXT_SIZE = 50 };

/* Four bytes, or sixteen, in network order. */
struct ip ip_from_v4(const void *bytes);
struct ip ip_from_v6(const void *bytes);
/* False: of another family. */
bool ip_from_sockaddr(const struct sockaddr *a, struct ip_port *ret);
bool ip_is_v4(const struct ip *ip);
bool ip_equal(const struct ip *a, const struct ip *b);
/* 127.0.0.0/8 and ::1: only this machine has it. */
bool ip_is_loopback(const struct ip *ip);
/* Of a private network, or of the link or a carrier's inside (RFC 1918, 3927, 4193, 6598, RFC 4291
 * section 2.5.6): many may be behind one that is seen elsewhere. */
bool ip_is_private(const struct ip *ip);
/* The address of one client as far as it can be told: of IPv6, the first 64 bits, which one network
 * at home has. */
struct ip ip_of_client(const struct ip *ip);

/* Dotted decimal without leading zeros, or IPv6 without brackets and zone. ERR_INVALID otherwise.
 */
MUST_CHECK enum err ip_parse(const char *text, size_t n, struct ip *ret);
/* A port in decimal, 0 to 65535, without leading zeros. */
MUST_CHECK enum err ip_port_parse(const char *text, size_t n, uint16_t *ret);
/* "a.b.c.d" or IPv6, as in RFC 5952. */
void ip_format(const struct ip *ip, char out[IP_TEXT_SIZE]);
/* "a.b.c.d:port" or "[…]:port", without ":port" when it is not known. */
void ip_port_format(const struct ip_port *a, char out[IP_PORT_TEXT_SIZE]);

/* ADDRESS or ADDRESS/BITS. ERR_INVALID: of another form, or there are ones behind its bits. */
MUST_CHECK enum err ip_net_parse(const char *text, struct ip_net *ret);
/* As it is parsed; one address goes without its bits. */
void ip_net_format(const struct ip_net *net, char out[IP_NET_TEXT_SIZE]);
/* Whether IP is in one of the COUNT networks. A network of IPv6 has no IPv4 addresses: ::/0 is not
 * everything. */
bool ip_in_nets(const struct ip *ip, const struct ip_net *nets, size_t count);

#endif
