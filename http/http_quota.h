/*
 * What clients may use (base/quota.h), asked for by whoever serves them: how many connections that
 * receive and subscriptions, how many publishes and bytes a second. What a client has too much of
 * is counted, and told in the protocol's own form.
 *
 * A connection that asks to receive takes its place with http_quota_receive; from then on
 * conn.client.topics is what it has been granted, and http_quota_settle says what it really has.
 */
#ifndef HTTP_HTTP_QUOTA_H
#define HTTP_HTTP_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "http/exchange.h"

/* What is in the way: `rate_limited` (a second's worth is used up) or `too_many`, in words. */
struct http_quota {
    struct fault fault; /* its message is TEXT */
    uint32_t retry_s;   /* when it is worth trying again; 0: it never is */
    char text[192];
};

/* C publishes so many messages with so many bytes of payload at once. False: see RET. */
bool http_quota_publish(struct conn *c, uint32_t messages, uint64_t bytes, struct http_quota *ret);
/* C begins to receive, with so many topics and patterns. False: see RET; nothing has changed. */
bool http_quota_receive(struct conn *c, uint32_t topics, struct http_quota *ret);
/* C, which receives, wants N more topics. The same. */
bool http_quota_subscribe(struct conn *c, uint32_t n, struct http_quota *ret);
/* C has so many topics and patterns now, no more than it has been granted. */
void http_quota_settle(struct conn *c, uint32_t topics);
/* C, which receives so many topics and patterns, has got a principal. False: that has too much
 * already, see RET; then it is to be taken away again. */
bool http_quota_join(struct conn *c, uint32_t topics, struct http_quota *ret);
/* C receives no more. Fine when it did not. */
void http_quota_leave(struct conn *c);

/* 429 with a Retry-After. */
void http_quota_fail(struct exchange *x, const struct http_quota *q);

#endif
