/*
 * The link of a plain socket, TCP or the local one: the kernel holds what it takes, and says when
 * it can be read or written (readiness.h).
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>

#include "net/link.h"

/* Takes FD, which does not block. LOCAL: it came over the local socket, where nobody has an
 * address; its loop looks at those apart from others. */
struct link socket_link(int fd, bool local);

#endif
