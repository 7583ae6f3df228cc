/*
 * Listening sockets: TCP (one for each worker, SO_REUSEPORT) and the local socket (one for all).
 *
 * Accepting stops when the process has no descriptors left for more and goes on when it has; the
 * local socket has a reserve of its own, so that the administrator always gets in.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"

struct loop;
struct service;

/* Where to listen. */
struct listen_address {
    struct sockaddr_storage addr;
    socklen_t len;
    bool loopback;
};

/* Writes the address with its real port. */
void listen_address_format(const struct listen_address *a, char *out, size_t size);
/* Binds COUNT sockets to one address (its port is filled in when it was 0), each for one worker.
 * Refuses an address that any other process listens at. On failure nothing is open and ERROR says
 * why in one line. */
MUST_CHECK enum err listen_tcp(struct listen_address *a, int *fds, unsigned count,
                               struct buf *error);

/* Gives LOOP a listening socket (takes FD, also on failure) whose connections speak S; LOCAL: it is
 * the local one. LOOPBACK: only this machine reaches it. ERR_NOMEM. */
MUST_CHECK enum err listener_add(struct loop *loop, int fd, const struct service *s, bool local,
                                 bool loopback);
/* The same for a local socket that was bound anew; the former ones are closed. */
MUST_CHECK enum err listener_replace_local(struct loop *loop, int fd, const struct service *s);
/* Closes all of LOOP's. */
void listener_close_all(struct loop *loop);
/* Tries again to accept after a pause. Called by the worker now and then while one is paused. */
void listener_resume_all(struct loop *loop);
bool listener_any_paused(const struct loop *loop);

#endif
