/* Publishes of an HTTP/1.1 connection that are under way, and the order in which what has to be
 * answered leaves (http_due.h). */
#ifndef HTTP_H1_H1_PUBLISH_H
#define HTTP_H1_H1_PUBLISH_H

#include "http/h1/h1.h"

/* Members of exchange_ops. */
MUST_CHECK enum err h1_publish(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                               uint64_t wait_ms);
void h1_answer(struct exchange_answer *a, const struct exchange_reply *r);

/* P came back: the first one of those that are due is answered, and what waited behind it. */
void h1_published(struct conn *c, struct publish *p);
/* The first one did not come back in time. Ends the connection, too: another protocol on it would
 * take the answer for one of its own. What is due behind the first one stays without an answer. */
void h1_give_up_due(struct conn *c, struct h1 *h);
/* Whether more may be due. */
bool h1_has_room(const struct conn *c, const struct h1 *h);

#endif
