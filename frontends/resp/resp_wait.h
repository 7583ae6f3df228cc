/*
 * A command that waits for messages of some topics: XREAD BLOCK and HUB READ.
 *
 * It is a receiver that takes nothing from what it is given: a message only wakes it, and at the
 * end of the turn it reads again from its cursors as it did at first.
 */
#ifndef FRONTENDS_RESP_RESP_WAIT_H
#define FRONTENDS_RESP_RESP_WAIT_H

#include "frontends/resp/resp.h"
#include "frontends/resp/resp_reader.h"

/* Embedded, first, in what the command keeps. */
struct resp_wait {
    struct subscriber sub; /* first */
    struct resp *resp;
    bool woken;
    /* Reads again and answers in OUT, or by resp_error. False: there is still nothing to answer;
     * not an option when LAST. */
    bool (*retry)(struct resp_wait *w, struct buf *out, bool last);
    void (*destroy)(struct resp_wait *w);
};

/* Whether a command of R may wait at all: not in a transaction, nor when the peer has closed its
 * sending side. */
bool resp_wait_allowed(const struct resp *r);
/* Subscribes to the filters; from now on it is woken. ERR_NOMEM. */
MUST_CHECK enum err resp_wait_join(struct resp_wait *w, struct resp *r,
                                   const struct resp_arg *filters, size_t count);
/* Waits (takes W) for TIMEOUT_MS; 0 = without end. */
void resp_wait_begin(struct resp_wait *w, uint64_t timeout_ms);
/* Leaves and destroys. NULL is accepted. */
void resp_wait_destroy(struct resp_wait *w);

/* The connection's events: the end of a turn, the deadline (or the end of the hub). */
void resp_wait_turn_ended(struct resp *r);
void resp_wait_time_is_up(struct resp *r);

#endif
