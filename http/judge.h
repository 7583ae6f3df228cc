/*
 * Who sends a request: its token is found, verified, and its principal is the connection's
 * (bearer.h) before its route is asked anything. A token that does not count is answered here, and
 * is never taken for none (RFC 6750).
 */
#ifndef HTTP_JUDGE_H
#define HTTP_JUDGE_H

#include "http/exchange.h"

enum judgement {
    JUDGED,
    JUDGE_ANSWERED, /* its token does not count */
    JUDGE_WAITS     /* ops->judged() follows, or an answer; x->judging until then */
};

/* Of X, which has a route and waits for nothing. */
enum judgement judge(struct exchange *x);

#endif
