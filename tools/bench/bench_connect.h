/*
 * Connections that block until they are there: to an address, to the local socket.
 */
#ifndef TOOLS_BENCH_BENCH_CONNECT_H
#define TOOLS_BENCH_BENCH_CONNECT_H

#include <stdbool.h>
#include <sys/types.h>

struct http_place {
    char host[256], port[16];
};

/* Reads [http://]HOST:PORT[/], an IPv6 address in brackets; says when it is none. */
bool http_split_url(struct http_place *ret, const char *url);
/* Opens a connection, which blocks; -1, and says why not. */
int http_connect(const struct http_place *place);

/* Opens a connection to the local socket at PATH ('@' begins an abstract name); -1 with errno. */
int bench_connect_local(const char *path);
/* Who has the local socket at PATH; 0, and says why, when it cannot be connected. */
pid_t bench_server_of(const char *path);
/* Who has the other end of FD, a connection to a local socket. */
pid_t bench_peer_of(int fd);

#endif
