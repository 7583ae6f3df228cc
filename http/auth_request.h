/*
 * The delegated decision (access.auth_request): an application is asked by HTTP who a client is and
 * what it may do, where no token says so that the hub can verify itself. It answers
 *
 *     200 with claims as in a token (access/claims.h), JSON     it is let in, with these rights
 *     401, 403                                                  it is not, and is told the same
 *
 * and how long that counts (Cache-Control: max-age); for the connection that it was asked for a
 * decision counts AUTH_CONNECTION_MS at least. Who waits for the same decision waits for one
 * answer. Time, connections and whoever waits are bounded, and a server that fails again and again
 * is left alone for a while (breaker.h): then it is 503.
 *
 * All that is kept is the worker's own, on whose thread all of this is called.
 */
#ifndef HTTP_AUTH_REQUEST_H
#define HTTP_AUTH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "http/auth_subject.h"

struct asking;

/* What is to be done with a client; borrowed for the call that tells it. */
struct auth_decision {
    struct principal *who; /* who it is; NULL: it is refused, */
    unsigned status;       /* 401, 403, or 503: nobody can say now, */
    const char *challenge; /* with this WWW-Authenticate (NULL: none) */
    unsigned retry_s;      /* and, for 503, after how long it may come again */
    const char *detail;    /* one sentence without its full stop */
};

/* Embedded in what waits for a decision; all zero but for `answered`. */
struct auth_question {
    /* Once, in a later turn, unless it was dropped. */
    void (*answered)(struct auth_question *q, const struct auth_decision *d);
    struct asking *asking;             /* private, as is: */
    struct auth_question *next, *prev; /* utlist */
};

/* Whether there is somebody to ask. */
bool auth_request_is_on(const struct conn *c);
/* What is decided about S. True: it is known, *RET; false: Q is told. */
bool auth_request_ask(const struct auth_subject *s, struct auth_question *q,
                      struct auth_decision *ret);
/* Nobody waits for Q any more. Fine when it does not wait. */
void auth_request_drop(struct auth_question *q);
/* When this thread ends, behind its connections. */
void auth_request_finish_thread(void);

#endif
