/*
 * Where a server is that the configuration names: its addresses, by getaddrinfo, which may take
 * seconds. So never on a thread that serves clients.
 */
#ifndef DAEMON_SERVER_LOOKUP_H
#define DAEMON_SERVER_LOOKUP_H

#include <stdbool.h>

#include "base/err.h"
#include "net/remote.h"

/* The server of URL (server_url.h), one reference. A name that has no address now is said in the
 * log, if ALOUD, and gives a server without one. ERR_INVALID: it is no such URL; ERR_NOMEM. */
MUST_CHECK enum err server_lookup(const char *url, bool aloud, struct remote **ret);

#endif
