/*
 * The signals of the daemon: TERM and INT stop it, HUP reloads, and no other ends it that means no
 * fault of the program (a log rotation sends USR1 or QUIT to whatever it knows by a pid file).
 */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include <signal.h>
#include <stdint.h>

/* Before any thread is started, on the main one. */
void signals_catch(sigset_t *ret);
/* Waits for SIGTERM, SIGINT or SIGHUP, at most so long; 0: none came. Says of others in SET that
 * they mean nothing here. */
int signals_wait(const sigset_t *set, uint64_t timeout_ms);

#endif
