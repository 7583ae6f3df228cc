/*
 * Kinds of connections, as figures count them: each protocol has its own, or shares that of the one
 * it comes from. They get their numbers before there are threads, in the order in which documents
 * name them.
 */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <stdbool.h>

#include "base/err.h"

struct transport {
    const char *name;
    bool subscribes; /* who comes by it may subscribe, and is counted so (broker/interest.h) */
    bool attends;    /* who subscribes by it is told of as present (delivery/attendance.h) */
    bool registered; /* by transport_register, as is: */
    unsigned char number;
};

/* At most 15: a connection has four bits for its number. */
enum { TRANSPORTS_MAX = 8, TRANSPORT_NONE = TRANSPORTS_MAX /* of whom it is not known yet */ };

/* Gives T its number, if it has none; T stays. ERR_LIMIT: there are TRANSPORTS_MAX of them. */
MUST_CHECK enum err transport_register(struct transport *t);
/* Their numbers are below this. */
unsigned transport_count(void);
/* By number. */
extern const struct transport *transports[TRANSPORTS_MAX];
/* Whether its connections subscribe to something. Of TRANSPORT_NONE, too. */
bool transport_receives(unsigned number);
/* The same. */
const char *transport_name(unsigned number);

#endif
