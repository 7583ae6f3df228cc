/*
 * Which pages have access: those of the same origin, of this machine, and those that are listed
 * (the Origin header, RFC 6454; CORS is the Fetch standard's, section 3.2). Pure.
 */
#ifndef ACCESS_ORIGIN_H
#define ACCESS_ORIGIN_H

#include <stddef.h>

enum origin_access {
    ORIGIN_REFUSED,
    ORIGIN_ANY,   /* only as everybody's pages have ("*"): without credentials */
    ORIGIN_KNOWN, /* may bring its credentials */
};

/* What pages of ORIGIN ("https://example.org:8443", or "null") may do who ask for HOST, an
 * authority; LISTED are the COUNT origins that access.origin names, "*" for all. Letter case does
 * not matter. */
enum origin_access origin_judge(const char *origin, const char *host, char *const *listed,
                                size_t count);

#endif
