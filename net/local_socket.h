/*
 * The local socket: a file that others can remove or replace while the hub runs.
 *
 * Who bound it knows it by device and inode, so that a hub removes nothing but its own socket, and
 * notices when that is gone.
 */
#ifndef NET_LOCAL_SOCKET_H
#define NET_LOCAL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct local_socket {
    const char *path;
    unsigned mode;     /* permission bits */
    const char *group; /* NULL = unchanged */
    /* Of the file that was bound: */
    dev_t device;
    ino_t inode;
};

enum local_socket_state {
    LOCAL_SOCKET_OURS,
    LOCAL_SOCKET_GONE,    /* nothing is at the path */
    LOCAL_SOCKET_FOREIGN, /* something else is, or it cannot be looked at */
};

/* Binds and listens; a stale socket is replaced, one that somebody answers at is refused. On
 * failure ERROR says why in one line: ERR_INVALID, ERR_LOCKED, ERR_NOT_FOUND, ERR_ACCESS, ERR_IO.
 */
MUST_CHECK enum err local_socket_listen(struct local_socket *s, int *ret_fd, struct buf *error);
/* What is at the path now. */
enum local_socket_state local_socket_look(const struct local_socket *s);
/* Removes it if it is still the one that was bound. */
void local_socket_remove(const struct local_socket *s);

#endif
