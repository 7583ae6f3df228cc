/*
 * Looks again and again, on a thread of its own, where the servers are that the hub asks
 * (access.auth_request) and tells (hooks.url): one that is started anew may get another address by
 * the same name, and the hub may be there before it.
 *
 * The thread is never waited for: a look-up may hang for longer than a hub may take to stop.
 */
#ifndef DAEMON_SERVER_WATCH_H
#define DAEMON_SERVER_WATCH_H

#include <stdbool.h>

#include "net/remote.h"

enum { SERVER_WATCH_S = 15 /* between two look-ups */ };

enum server_watched { SERVER_AUTH, SERVER_HOOKS, SERVERS };

/* From now on the server WHICH is that of URL, whose addresses are KNOWN; NULL, NULL: it is not
 * looked for. On the main thread, as server_watch_moved. */
void server_watch_set(enum server_watched which, const char *url, struct remote *known);
/* Since then, addresses of one of them have been found to be others; told once. */
bool server_watch_moved(void);

#endif
