/*
 * The link of a stream (net/link.h): sends DATA frames as far as its windows and the session's room
 * go, is told when there is more; hands over the bytes that came, and opens its window for them.
 */
#ifndef HTTP_H2_H2_LINK_H
#define HTTP_H2_H2_LINK_H

#include "http/h2/h2.h"

/* S is the link's own from now on. */
struct link h2_link(struct h2_stream *s);
/* What is to be told of S: READY_*. */
unsigned h2_link_ready(const struct h2_stream *s);

#endif
