/*
 * Server-Sent Events (WHATWG HTML section 9.2): a stream of blocks over one HTTP response. Over
 * HTTP/1.1 each of them is a chunk, and the last chunk says that the hub ended the stream; over
 * HTTP/1.0 the stream ends with the connection.
 */
#ifndef FRONTENDS_SSE_SSE_H
#define FRONTENDS_SSE_SSE_H

#include "delivery/frontend.h"
#include "http/subscribe.h"
#include "net/conn.h"

struct stream;

extern const struct frontend sse_frontend;

/* Answers an HTTP request with an event stream; the connection changes its protocol. HEAD is
 * answered with the head of one. Whatever keeps the hub from serving it is answered with an empty
 * 200 and a retry time, since any other status stops a browser's EventSource for ever; only a
 * faulty request gets its 400. */
void sse_start(struct exchange *x, const struct subscription *sub);
/* The rights of its client are others: what S loses is told, and a raw one ends with its topic. */
void sse_judge_again(struct stream *s);
/* Answers so a request for an event stream that the hub cannot serve now: come back later. */
void sse_answer_later(struct exchange *x, uint32_t ms);
/* The same for one whose token is over, WHY: as longwire.expired, and not to come back soon. */
void sse_answer_over(struct exchange *x, const char *why);

#endif
