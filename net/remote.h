/*
 * A server that the hub itself speaks to: where it is. Immutable, with counted references, so that
 * a reload may put another one in its place while somebody is connecting.
 */
#ifndef NET_REMOTE_H
#define NET_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "net/conn.h"

enum { REMOTE_ADDRESSES_MAX = 4 };

struct remote_address {
    struct sockaddr_storage at; /* IPv4, IPv6 or a Unix socket, ready for connect() */
    socklen_t len;
};

struct remote {
    _Atomic uint32_t refs;
    char *host; /* as in the field Host: "auth.example:8000"; owned, as is: */
    char *path; /* "/check?app=1" */
    size_t count;
    struct remote_address address[REMOTE_ADDRESSES_MAX]; /* tried in this order */
};

/* One reference; copies the texts. NULL: out of memory. */
struct remote *remote_create(const char *host, size_t host_len, const char *path);
/* NULL is accepted by both. */
struct remote *remote_ref(struct remote *r);
void remote_unref(struct remote *r);

/* Begins to connect to A, which takes as long as it takes: the connection of L that this gives
 * speaks P, and what is written to it leaves when it is there. One that comes to nothing ends like
 * one that breaks. It does not count as one of the clients'. ERR_IO: refused at once, or there is
 * no descriptor; ERR_NOMEM. */
MUST_CHECK enum err remote_connect(struct loop *l, const struct remote_address *a,
                                   const struct protocol *p, struct conn **ret);

#endif
