/*
 * What the local socket speaks: the Redis protocol, RESP2 and RESP3 (doc/protocol.md, "Local
 * socket").
 *
 * It takes commands out of the input and keeps their replies in order. The commands are in one
 * table in resp_table.c, what they do in resp_publish.c, resp_read.c, resp_subscribe.c,
 * resp_connection.c and resp_hub.c; resp_wait.c is for those that wait for messages, resp_multi.c
 * for transactions.
 *
 * Publishes are pipelined: they are handed to the broker one after the other and answered as they
 * come back. Any other command waits until all publishes before it are answered, so that replies
 * keep their order and reads see what was written before them.
 */
#ifndef FRONTENDS_RESP_RESP_PROTOCOL_H
#define FRONTENDS_RESP_RESP_PROTOCOL_H

#include "frontends/conn.h"

/* What every connection of the local socket speaks at first; one whose first bytes are an HTTP
 * request changes to HTTP. */
extern const struct protocol resp_protocol;

#endif
