/*
 * An HTTP/1.1 connection (RFC 9110, RFC 9112), and its exchanges, one after the other. Publishes
 * are pipelined: while they are under way, the requests behind them are read, and what has to be
 * answered leaves in their order (http_due.h). Anything else waits until all before it are
 * answered, so that it finds what they published.
 *
 *            head            body                  answer
 *   IDLE ----------> BODY ----------> ANSWERING ----------> IDLE, or the end; upgrades and event
 *   ^ |  \             ^ |                                  streams change the protocol
 *   | |   +-> HELD ----+ |
 *   | |    answers due   +-- publish: its answer is due, IDLE at once
 *   | |
 *   | +-- closed, kicked, at the end: ENDING, ends behind the answers that are due
 *
 * From below: h1 (the state, and how one exchange follows another), h1_answer (whole answers,
 * streams, upgrades), h1_publish (publishes under way, and what waits behind them), h1_reader
 * (input becomes exchanges), h1_protocol (what connections are told), h1_silent (those from which
 * nothing has come yet). The codecs beside them, http_request, http_response, http_due and
 * chunk_ext, know no connection.
 */
#ifndef HTTP_H1_H1_H
#define HTTP_H1_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/exchange.h"
#include "http/h1/http_due.h"
#include "http/h1/http_request.h"

enum h1_phase {
    H1_IDLE,
    H1_HELD, /* the head is there, and is looked at when nothing is due any more */
    H1_BODY,
    H1_ANSWERING, /* or its token is being verified: then BODY again */
    H1_ENDING,    /* reads nothing; answers are due, the last of which ends the connection */
};

/* State of an HTTP/1.1 connection. */
struct h1 {
    struct exchange exchange; /* of the request that is read or answered; first */
    struct http_request request;
    uint8_t phase;      /* enum h1_phase */
    bool complete;      /* the end of the request has been read, or follows with no body between */
    bool more;          /* there is input behind what was read of this request so far */
    bool last;          /* the connection ends with this answer */
    bool body_borrowed; /* the body is of the input, until that has been looked at */
    struct http_due *due;   /* answers that are due, of requests before this one */
    uint64_t body_until_ms; /* when the body is too late if nothing more of it comes */
};

static inline struct h1 *h1_of(const struct conn *c)
{
    return (struct h1 *)c->state;
}
static inline struct h1 *h1_of_exchange(struct exchange *x)
{
    return (struct h1 *)x;
}

/* Ready for a request. */
void h1_expect(struct conn *c, struct h1 *h);
/* The same for the next one, which may be idle_timeout away. */
void h1_begin(struct conn *c, struct h1 *h);
/* The exchange is over, or given up: gives back all that it has. */
void h1_end(struct h1 *h);
/* Its body is not needed any more. */
void h1_forget_body(struct h1 *h);
/* Whether the connection can go on behind the current request: only if the end of that is known and
 * was reached. */
bool h1_keeps_alive(const struct h1 *h);
/* The answer is written: on to the next request, or to the end. */
void h1_answered(struct conn *c, struct h1 *h, bool keep_alive);
/* The connection ends behind the answers that are due. */
void h1_end_in_order(struct conn *c, struct h1 *h);
/* The same where some are: nothing more is read, and what has been read in part is given up. */
void h1_end_behind_due(struct conn *c, struct h1 *h);
/* Whether the current request has been handed over, to be answered when it comes back. */
bool h1_awaits_current(const struct h1 *h);
/* A connection that ends behind what is due waits for the next answer only so long, since the log
 * may be stuck: sets the deadline, unless it is kicked, which has one for all. */
void h1_limit_due(struct conn *c, const struct h1 *h);
/* When the protocol's timeout() is to be called, in MS. */
void h1_set_deadline(struct conn *c, uint64_t ms);
/* No request has come for idle_timeout: ends it, unless its peer still reads. */
void h1_idle_too_long(struct conn *c);

#endif
