/*
 * What the local socket speaks: the Redis protocol, RESP2 and RESP3 (doc/protocol.md, "Local
 * socket").
 *
 * It takes commands out of the input and keeps their replies in order. From top to bottom:
 *
 *     resp_protocol               what comes from the connection
 *     resp_table                  which commands there are; shown to clients by resp_docs
 *     resp_{publish,read,subscribe,multi,connection,client,hub}    what they do, by subject
 *     resp_wait, resp_job         commands that wait for messages, and for other threads
 *     resp_error, resp            error replies; what a connection is about
 *     resp_command, resp_request  what a command is, and one that was sent
 *     resp_names, resp_glob, resp_reader, resp_reply
 *
 * Publishes are pipelined: they are handed to the broker one after the other and answered as they
 * come back. Any other command waits until all publishes before it are answered, so that replies
 * keep their order and reads see what was written before them.
 */
#ifndef FRONTENDS_RESP_RESP_PROTOCOL_H
#define FRONTENDS_RESP_RESP_PROTOCOL_H

#include "delivery/frontend.h"
#include "net/conn.h"

/* What every connection of the local socket speaks at first; one whose first bytes are an HTTP
 * request changes to HTTP. */
extern const struct protocol resp_protocol;
extern const struct frontend resp_frontend;

#endif
