/* The protocol of HTTP/2 connections: the session (h2.h). */
#ifndef HTTP_H2_H2_PROTOCOL_H
#define HTTP_H2_H2_PROTOCOL_H

#include <stdbool.h>

#include "delivery/frontend.h"
#include "net/conn.h"

extern const struct frontend h2_frontend;
extern const struct protocol h2_protocol;

/* C speaks HTTP/2 from now on, beginning with the preface (RFC 9113 section 3.4). STATUS_ONLY: it
 * came by a listener for figures and readiness. */
void h2_adopt(struct conn *c, bool status_only);
/* The same for a service (service.h), whose connections have all there is. */
void h2_adopt_whole(struct conn *c);

#endif
