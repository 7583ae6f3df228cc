/*
 * Subscribing over HTTP: what is asked for (topics, place, format) and by which transport.
 */
#ifndef HTTP_SUBSCRIBE_H
#define HTTP_SUBSCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/cursor.h"
#include "broker/feed.h"
#include "net/conn.h"

struct exchange;

/* Why an `after=-N` is refused. */
#define SUBSCRIBE_TOO_FAR "after=-N reaches back at most 100000 messages"

/* Why any subscription is refused when all together take as much as they may (ERR_FULL). */
#define SUBSCRIBE_FULL "Subscriptions take all the memory that hub.subscription_bytes allows"
enum { SUBSCRIBE_FULL_RETRY_S = 10 };

/* Besides the time at which an event stream comes again: when the hub has no room for it. */
enum { SUBSCRIBE_LATER_MS = 1000 };

/* A parsed subscription, before it becomes a stream or a poll. */
struct subscription {
    struct feed_spec spec; /* the set; may be empty for a WebSocket */
    struct after after;
    bool raw;          /* payloads as they are, instead of envelopes */
    bool gzip;         /* compressed: event streams and polls */
    bool awaits_token; /* of a WebSocket: nothing of it was granted, and is not before it has shown
                          a token */
    uint32_t limit;    /* of a poll: messages, >= 1 */
    uint64_t wait_ms;  /* of a poll; 0 = answer at once */
};

/* How messages may come: the context of the routes that subscribe. */
struct subscribe_ways {
    void (*poll)(struct exchange *x, const struct subscription *sub);
    void (*events)(struct exchange *x, const struct subscription *sub);
    /* The hub cannot serve an event stream now: come back, not before MS. */
    void (*events_later)(struct exchange *x, uint32_t ms);
    /* Its token is over, WHY ("expired", "revoked"): to be told so that it does not come back soon.
     */
    void (*events_over)(struct exchange *x, const char *why);
    void (*websocket)(struct exchange *x, const struct subscription *sub);
};

/* How much work finding the place A, and what follows it, may be. */
enum conn_need subscribe_need(const struct conn *c, const struct after *a);
/* Answers that X cannot subscribe, because of E (stream_start, replay_start). */
void subscribe_fail(struct exchange *x, enum err e);
/* GET and HEAD of /t/{topic} and /t: a poll, an event stream or a WebSocket, as X asks. */
void subscribe_http_run(struct exchange *x);
/* Nobody can say now whether X, which is for one of these, may: an event stream is to come again
 * after RETRY_S. False: it asks for none. */
bool subscribe_http_later(struct exchange *x, unsigned retry_s);
/* The token of X, which is for one of these, is over, WHY. False: X asks for no event stream. */
bool subscribe_http_over(struct exchange *x, const char *why);
/* X asks for a WebSocket, which may begin without topics. */
void subscribe_http_websocket(struct exchange *x);

#endif
