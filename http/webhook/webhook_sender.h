/*
 * Sends hooks.url the events that stand in the log (TOPIC_HOOKS_EVENTS), in order, batch after
 * batch, each again until it is answered with 2xx; how far it has come is kept with the log, behind
 * the answer. So nothing is lost when either end stops, and what was sent when one did comes again,
 * with the same ids.
 *
 * On the clerk's thread (webhook.h), which has all of this.
 */
#ifndef HTTP_WEBHOOK_WEBHOOK_SENDER_H
#define HTTP_WEBHOOK_WEBHOOK_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct worker;

enum {
    WEBHOOK_BATCH_EVENTS = 100,
    WEBHOOK_BATCH_BYTES = 256 << 10, /* of one batch; a larger event is one by itself */
};

/* W is the clerk. */
void webhook_sender_begin(struct worker *w);
/* The last number that an event in the log has, 0 = there is none. The store's errors. */
MUST_CHECK enum err webhook_sender_last(struct worker *w, uint64_t *ret_seq);
/* There are more events, of which SEQ is the last. */
void webhook_sender_more(uint64_t seq);
/* In each turn. */
void webhook_sender_check(void);
/* How long it has nothing to do; UINT64_MAX. */
uint64_t webhook_sender_wait_ms(void);
/* Appends members of a document that say how it is. */
void webhook_sender_put(struct buf *out);
/* When the thread ends, behind its connections. */
void webhook_sender_finish(void);

#endif
