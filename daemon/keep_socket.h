/*
 * Keeps the local socket reachable: when its file is removed under the running hub (a cleaner of
 * temporary files, another unit's RuntimeDirectory=), it is bound anew; what somebody else has put
 * in its place is left alone, and told.
 *
 * The main thread's.
 */
#ifndef DAEMON_KEEP_SOCKET_H
#define DAEMON_KEEP_SOCKET_H

#include "broker/hub.h"
#include "delivery/worker.h"
#include "net/local_socket.h"

enum { KEEP_SOCKET_MS = 1000 }; /* how often it is worth looking */

struct keep_socket {
    struct local_socket *socket; /* bound */
    struct hub *hub;
    unsigned workers;
    struct process *process;       /* learns whether the socket is lost */
    enum local_socket_state found; /* when it was last looked at */
};

/* Looks, does what can be done, and writes a line to the log when something has changed. */
void keep_socket_look(struct keep_socket *k);

#endif
