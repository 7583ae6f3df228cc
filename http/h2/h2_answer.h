/* Answers over HTTP/2: whole ones, answers without an end, and WebSockets (RFC 8441). */
#ifndef HTTP_H2_H2_ANSWER_H
#define HTTP_H2_H2_ANSWER_H

#include "http/exchange.h"
#include "http/h2/h2.h"

enum h2_request_phase {
    H2_REQUEST_NEW,  /* its head has not been looked at */
    H2_REQUEST_BODY, /* until all of it has come */
    H2_REQUEST_ANSWERING,
    H2_REQUEST_ANSWERED, /* the connection ends behind what is to be written */
};

/* State of a stream's connection while it has an exchange. */
struct h2_request {
    struct exchange exchange;      /* first */
    struct http_fields *fields;    /* owned; NULL: given back */
    const struct publish *publish; /* under way; the answer waits for it. NULL: none */
    exchange_published_fn *answer; /* then */
    uint64_t body_until_ms;        /* when the body is too late if nothing more of it comes */
    unsigned refused;              /* the status with which its head is refused; 0 = it is not */
    const char *reason;
    uint8_t phase; /* enum h2_request_phase */
    bool connect;  /* by extended CONNECT: no answer but a refusal or a WebSocket will do */
    bool kicked;   /* it ends with this answer, or in a moment */
};

static inline struct h2_request *h2_request_of(const struct conn *c)
{
    return (struct h2_request *)c->state;
}

/* Members of exchange_ops. */
void h2_reply(struct exchange *x, const struct exchange_reply *r);
void h2_reply_with(struct exchange *x, const struct exchange_reply *r, struct buf *body, size_t at);
void h2_reply_shared(struct exchange *x, struct blob *b, bool at_once);
struct buf *h2_stream(struct exchange *x, const struct exchange_reply *r);
void h2_upgrade(struct exchange *x, const struct buf *lines);
void h2_answer(struct exchange_answer *a, const struct exchange_reply *r);

/* 100: the body may come. */
void h2_ask_for_body(struct exchange *x);
/* The exchange is over: gives back all that it has. */
void h2_request_end(struct h2_request *r);

#endif
