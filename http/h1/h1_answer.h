/* Whole answers of an HTTP/1.1 connection, answers without an end, and upgrades. */
#ifndef HTTP_H1_H1_ANSWER_H
#define HTTP_H1_H1_ANSWER_H

#include "http/h1/h1.h"
#include "http/h1/http_response.h"

/* Members of exchange_ops. */
void h1_reply(struct exchange *x, const struct exchange_reply *r);
void h1_reply_with(struct exchange *x, const struct exchange_reply *r, struct buf *body, size_t at);
void h1_reply_shared(struct exchange *x, struct blob *b, bool at_once);
struct buf *h1_stream(struct exchange *x, const struct exchange_reply *r);
void h1_upgrade(struct exchange *x, const struct buf *lines);

/* Where an answer to the current request goes: behind those that are due. NULL: the connection
 * ends, or has ended. */
struct buf *h1_answer_room(struct conn *c, struct h1 *h);
/* Appends A to OUT, and counts it. */
void h1_put_answer(struct conn *c, struct buf *out, const struct http_answer *a);

#endif
