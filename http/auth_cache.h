/*
 * What has been decided about clients of late (auth_request.h), by the hash of what they have sent.
 * Pure; one worker's. Bounded: a decision takes the place of one that was not needed for long.
 */
#ifndef HTTP_AUTH_CACHE_H
#define HTTP_AUTH_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "access/principal.h"

/* How long a decision counts for the connection that it was asked for, whatever else it says: a
 * client that polls is not asked about with every poll. */
enum { AUTH_CONNECTION_MS = 60000 };

struct auth_cached {
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    struct principal *who; /* a reference; NULL: it was refused */
    uint16_t status;       /* then */
    char *challenge;       /* then: WWW-Authenticate, or NULL; owned */
    uint64_t fresh_ms;     /* monotonic: until then it counts for everybody */
    uint64_t conn;         /* and for the connection of this number */
    uint64_t conn_ms;      /* until then */
    uint64_t used;         /* 0: there is none */
};

struct auth_cache;

/* Gives back what D has. */
void auth_cached_finish(struct auth_cached *d);
/* For COUNT decisions, rounded to the sets that it is made of. NULL: out of memory. */
struct auth_cache *auth_cache_create(size_t count);
/* NULL is accepted. */
void auth_cache_destroy(struct auth_cache *c);
/* What counts for the connection CONN; borrowed until the next call. NULL: it is to be asked. */
const struct auth_cached *auth_cache_find(struct auth_cache *c,
                                          const unsigned char hash[PRINCIPAL_HASH_SIZE],
                                          uint64_t conn, uint64_t now_ms);
/* Takes D's reference and text, in place of what is known of the same hash. */
void auth_cache_keep(struct auth_cache *c, const struct auth_cached *d);

#endif
