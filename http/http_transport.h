/* As what connections are counted that have an exchange, whatever the version of HTTP. */
#ifndef HTTP_HTTP_TRANSPORT_H
#define HTTP_HTTP_TRANSPORT_H

#include "net/transport.h"

extern struct transport http_transport;

#endif
