/*
 * Whom a chain of proxies forwards a request for: the values of Forwarded (RFC 7239) and of
 * X-Forwarded-For, to which each proxy adds the peer that it got the request from, and of
 * X-Real-IP, which has the client alone. Pure.
 *
 * Anybody can send such a field; only what trusted proxies have added counts. Read from the right,
 * the first address that is not one of theirs is the client; what is left of it is hearsay. When
 * all of them are trusted, it is the leftmost: a proxy asks for itself. An element that is empty
 * names nobody, as one that is malformed; so does a field without any element.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"

/* All zero to begin with; add the values of all fields of one name in their order. */
struct forwarded {
    bool any;       /* there is at least one element */
    bool untrusted; /* the client is not one of the trusted proxies */
    bool remote;    /* the client, or a proxy behind it, is on another machine or not known */
    bool known;     /* `client` is its address; else a proxy does not tell it, or it is malformed */
    struct ip_port client;
};

/* Adds a value of X-Forwarded-For: addresses, with or without port, with commas in between. */
void forwarded_add_list(struct forwarded *f, const char *value, size_t n,
                        const struct ip_net *trusted, size_t count);
/* Adds a value of Forwarded. */
void forwarded_add(struct forwarded *f, const char *value, size_t n, const struct ip_net *trusted,
                   size_t count);
/* Takes the value of X-Real-IP: one address. */
void forwarded_add_one(struct forwarded *f, const char *value, size_t n,
                       const struct ip_net *trusted, size_t count);
/* Both are known, and the same address. */
bool forwarded_agree(const struct forwarded *a, const struct forwarded *b);

#endif
