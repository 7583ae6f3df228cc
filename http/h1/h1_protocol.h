/* HTTP/1.1 as a protocol of connections, from their first byte on; before that see h1_silent.h. */
#ifndef HTTP_H1_H1_PROTOCOL_H
#define HTTP_H1_H1_PROTOCOL_H

#include "delivery/frontend.h"
#include "net/conn.h"

extern const struct protocol h1_protocol;

/* Gives back the memory of heads. */
extern const struct frontend h1_frontend;

#endif
