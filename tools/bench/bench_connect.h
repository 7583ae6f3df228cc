/*
 * Connections that block until they are there: to an address, to the local socket.
 */
#ifndef TOOLS_BENCH_BENCH_CONNECT_H
#define TOOLS_BENCH_BENCH_CONNECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/bench/bench_args.h"

struct tls_client;

struct http_place {
    char host[256], port[16];
    bool secure;            /* the URL begins with https:// */
    bool resume;            /* TLS: connections go on with the session of the first */
    struct tls_client *tls; /* for connections to it; NULL = plain ones. http_place_finish() */
};

/* Reads [http[s]://]HOST:PORT[/], an IPv6 address in brackets; says when it is none. */
bool http_split_url(struct http_place *ret, const char *url);
/* What the command line says of where: the URL, and whether and how TLS is spoken there; says what
 * is wrong. Certificates are not looked at: a load generator has nothing to hide. */
bool http_choose_place(struct http_place *ret, const struct bench_config *config);
void http_place_finish(struct http_place *place);
/* Opens a socket, which blocks; -1, and says why not. */
int http_connect(const struct http_place *place);

/* Opens a connection to the local socket at PATH ('@' begins an abstract name); -1 with errno. */
int bench_connect_local(const char *path);
/* Who has the local socket at PATH; 0, and says why, when it cannot be connected. */
pid_t bench_server_of(const char *path);
/* Who has the other end of FD, a connection to a local socket. */
pid_t bench_peer_of(int fd);

#endif
