/*
 * Presence, as far as workers have to do with it: whose subscriptions make members of topics
 * (broker/presence.h), and how those are told of.
 *
 * Who subscribes to a topic by a transport that `attends` is a member there, on whatever worker; a
 * subscriber of a pattern is none of the topics that it matches. What is to be told is told by the
 * clerk, worker 0, as messages of the memory topic _presence/TOPIC: one publish at a time, so that
 * they stay in order, with all that has gathered meanwhile.
 *
 * When rules change, a worker looks through its connections, some in each turn; whoever comes or
 * goes meanwhile is judged by the new rules already, and counted once.
 */
#ifndef DELIVERY_ATTENDANCE_H
#define DELIVERY_ATTENDANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct conn;
struct filter;
struct message;
struct presence_people;
struct worker;

/* What is known outside of whoever a connection belongs to: PERSON_OF, NULL for nobody, in terms of
 * PEOPLE. It says the same from the first subscription to the end of the last, but for
 * attendance_known. Before there are workers; borrowed. */
void attendance_set_people(const struct presence_people *people,
                           const void *(*person_of)(const struct conn *c));
/* Hands to TOLD, on the clerk's thread, each that has been told: M, the message; LEAVING; and how
 * many members its topic has now: 1 behind a coming is a topic that was empty, 0 one that is. */
void attendance_set_listener(void (*told)(void *ctx, const struct message *m, bool leaving,
                                          uint32_t number),
                             void *ctx);

/* W, which has its settings, begins. */
void attendance_begin(struct worker *w);
/* A subscriber of TRANSPORT on W, of connection C, got F or has lost it. C may be NULL: nobody. */
MUST_CHECK enum err attendance_subscribed(struct worker *w, struct filter *f, unsigned transport,
                                          struct conn *c);
void attendance_unsubscribed(struct worker *w, struct filter *f, struct conn *c);
/* Another person is known for C now, which goes on: it is a member as that from now on. */
void attendance_known(struct conn *c);

/* In each turn of W: looks whether it has other settings now, and at what is due. */
void attendance_check(struct worker *w);
/* How long nothing is to be done. */
uint64_t attendance_wait_ms(const struct worker *w);
/* W ends: drops what was being told. */
void attendance_finish(struct worker *w);

#endif
