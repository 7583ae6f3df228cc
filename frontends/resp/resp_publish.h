/* PUBLISH and XADD: what they publish, handing it in, and what it is answered with. */
#ifndef FRONTENDS_RESP_RESP_PUBLISH_H
#define FRONTENDS_RESP_RESP_PUBLISH_H

#include "frontends/resp/resp_command.h"

struct publish;
struct publish_item;

resp_read_publish resp_publish_publish, resp_publish_xadd;

/* What Q publishes by the command C, borrowing from its words. Returns NULL, or what is wrong. */
const struct fault *resp_publish_read(const struct resp *r, const struct resp_command *c,
                                      const struct resp_request *q, struct message_init *ret);
/* Publishes by the command C; false when Q has to wait until the publishes before it are answered
 * (its answer is an error). */
bool resp_publish_run(struct resp *r, const struct resp_command *c, const struct resp_request *q);
/* Answers a publish that came back. */
void resp_publish_answer(struct resp *r, const struct publish *p);
/* The answer to one message of C that was stored. */
void resp_publish_put(const struct resp *r, const struct resp_command *c,
                      const struct publish_item *item, struct buf *out);
/* The error of a publish that failed. */
void resp_publish_fail(struct resp *r, const struct publish *p);

#endif
