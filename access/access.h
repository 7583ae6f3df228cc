/*
 * Rights: what a client may do. Values only: who a client is, is found out elsewhere.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include <stdbool.h>

/* Bits. */
enum access_right {
    ACCESS_SUBSCRIBE = 1,
    ACCESS_PUBLISH = 2,
    ACCESS_STATUS = 4, /* to see readiness, figures and the page, whatever the listener is for */
};

/* What is known of a client. */
struct access_client {
    bool trusted;       /* of this machine, or came by the local socket: may do everything */
    unsigned anonymous; /* rights of everybody else (access.anonymous) */
};

/* Whether it may do what RIGHT, one bit, is for. */
static inline bool access_may(struct access_client c, enum access_right right)
{
    return c.trusted || (c.anonymous & right);
}
/* Whether it may do nothing at all. */
static inline bool access_is_none(struct access_client c)
{
    return !c.trusted && !c.anonymous;
}

#endif
