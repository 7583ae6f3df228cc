/*
 * Connections of a TLS listener until their handshake is over; what they speak then stands in their
 * service.
 *
 * Nothing is spent on a connection but itself until its whole ClientHello is there (tls_hello.h).
 * Then it needs one of the places for handshakes (tls.handshakes_max; each worker has its part):
 * when all are taken, a new one waits for a place, and the one that has waited longest for its
 * client has to go, if that is TLS_PATIENCE_MS at least: so a storm of clients is served one after
 * the other, and those who never answer hold a place no longer than that. A place that becomes free
 * is in turn that of who has waited longest and of who came last. The arithmetic is done by
 * threads for it (crypto_threads.h); while a step runs, its connection is not read from.
 */
#ifndef NET_TLS_TLS_ACCEPT_H
#define NET_TLS_TLS_ACCEPT_H

#include "net/conn.h"

enum { TLS_PATIENCE_MS = 1000 };

struct service;

extern const struct protocol tls_protocol;

/* C, a new connection or one whose PROXY header is over, is to speak TLS, and inside of it what S
 * says. */
void tls_begin(struct conn *c, const struct service *s);

#endif
