/* A stream while it has an exchange: a request that comes, and waits for its answer. */
#ifndef HTTP_H2_H2_REQUEST_H
#define HTTP_H2_H2_REQUEST_H

#include "http/h2/h2.h"

extern const struct protocol h2_request_protocol;

/* C, which speaks it, has got the head HEAD, whose fields are taken. ERR_NOMEM. */
MUST_CHECK enum err h2_request_create(struct conn *c, struct h2_head *head, bool status_only);
/* There is news of C's stream: what can go on does. */
void h2_request_look(struct conn *c);
/* The peer will send nothing more, on any stream: what waits for nothing is answered with what
 * there is, and whatever is not whole ends. */
void h2_request_peer_ended(struct conn *c);

#endif
