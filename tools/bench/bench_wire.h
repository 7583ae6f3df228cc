/* One connection of a client: a socket, perhaps with TLS on it. */
#ifndef TOOLS_BENCH_BENCH_WIRE_H
#define TOOLS_BENCH_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "tools/bench/bench_connect.h"
#include "tools/client/tls_client.h"

struct bench_wire {
    int fd;                 /* -1 = none */
    struct tls_stream *tls; /* NULL = none */
};

/* Connects to PLACE, which blocks, with TLS if it has that; false, and says why not. */
bool wire_open(struct bench_wire *w, const struct http_place *place);
/* Begins TLS on a socket that is connected. ERR_NOMEM. */
MUST_CHECK enum err wire_begin_tls(struct bench_wire *w, const struct http_place *place);
void wire_close(struct bench_wire *w); /* twice, too */

/* As recv() and send() with MSG_DONTWAIT. wire_recv() takes all that is there, up to N bytes; after
 * N there may be more that the socket does not show. */
ssize_t wire_recv(struct bench_wire *w, void *data, size_t n);
ssize_t wire_send(struct bench_wire *w, const void *data, size_t n);
/* The same, but wait for something, and for room for all. */
ssize_t wire_recv_wait(struct bench_wire *w, void *data, size_t n);
bool wire_send_all(struct bench_wire *w, const void *data, size_t n);

#endif
