/*
 * Which hosts a request may be for when it is to count as one of this machine (DNS rebinding: a
 * page of any site can have its own name point to 127.0.0.1, and is of "the same origin" then).
 * Pure.
 *
 * An authority is "host" or "host:port" as in Host, valid (url_authority_valid); ports and letter
 * case do not matter. Nothing is decoded and no name is looked up.
 */
#ifndef ACCESS_HOST_H
#define ACCESS_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* localhost, any name below it (RFC 6761 section 6.3), 127.0.0.0/8 in four decimal parts, [::1] and
 * [::ffff:127.0.0.0/104], in any form of RFC 4291. Nobody else can have these. */
bool host_is_loopback(const char *authority);
/* Whether the host is one of the COUNT names. */
bool host_is_listed(const char *authority, char *const *names, size_t count);
/* Whether a request for AUTHORITY (NULL: it does not say) is for this machine. A name besides
 * loopback is only believed of who came DIRECTLY, or through a proxy that is known: one on this
 * machine that is not would open the hub to all whom it serves. */
bool host_is_own(const char *authority, char *const *names, size_t count, bool directly);
#endif
