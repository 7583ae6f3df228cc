/*
 * HTTP/1.1 connections (RFC 9110, RFC 9112). Publishes are pipelined: while they are under way, the
 * requests behind them are read, and what has to be answered leaves in their order (http_due.h).
 * Anything else waits until all before it are answered, so that it finds what they published.
 *
 *            head            body                  answer
 *   IDLE ----------> BODY ----------> ANSWERING ----------> IDLE, or the end
 *   ^ |  \             ^ |                ^
 *   | |   +-> HELD ---+ |                +-- no publish: upgrades and event streams change the
 * protocol | |    answers due  | | |                 +-- publish: its answer is due, IDLE at once
 *   | +-- closed, kicked, at the end: ENDING, ends behind the answers that are due
 *
 * One version of HTTP (exchange.h): what a request may, and who answers it, is in dispatch.h.
 */
#ifndef HTTP_H1_H1_H
#define HTTP_H1_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/exchange.h"
#include "http/h1/http_due.h"
#include "http/h1/http_request.h"

struct worker_part;

enum http_phase {
    HTTP_PHASE_IDLE,
    HTTP_PHASE_HELD, /* the head is there, and is looked at when nothing is due any more */
    HTTP_PHASE_BODY,
    HTTP_PHASE_ANSWERING,
    HTTP_PHASE_ENDING, /* reads nothing; answers are due, the last of which ends the connection */
};

/* State of an HTTP/1.1 connection. */
struct h1 {
    struct exchange exchange; /* of the request that is read or answered; first */
    struct http_request request;
    uint8_t phase;      /* enum http_phase */
    bool complete;      /* the end of the request has been read, or follows with no body between */
    bool more;          /* there is input behind what was read of this request so far */
    bool last;          /* the connection ends with this answer */
    bool body_borrowed; /* the body is of the input, until that has been looked at */
    struct http_due *due;   /* answers that are due, of requests before this one */
    uint64_t body_until_ms; /* when the body is too late if nothing more of it comes */
};

extern const struct protocol http_protocol;

/* A new TCP connection speaks http_protocol: sets it up. STATUS_ONLY: it may only ask for figures
 * and readiness. */
void http_accepted(struct conn *c, bool status_only);
/* A connection of the local socket turned out to speak HTTP. */
void http_adopt(struct conn *c);

/* Gives back the memory of heads. */
extern const struct worker_part http_part;

#endif
