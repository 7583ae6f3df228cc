/*
 * What hooks.url is sent, as text (doc/access.md, "Hooks"): an event is a JSON object, the payload
 * of a message in the log; a batch is an object with some of them, in order, and is signed.
 *
 *     {"id":"17-9f3c12ab5d60e871","time":"…","event":"occupied","topic":"chat"}
 *     {"id":"18-9f3c12ab5d60e871","time":"…","event":"join","topic":"chat","sub":"alice",
 *      "since":"…","info":{…},"number":3}
 *
 * The number before the dash is one more for each event; what is behind it is the hub's that made
 * it, since a log that was restored from a copy counts on from there.
 *
 * Pure.
 */
#ifndef HTTP_WEBHOOK_WEBHOOK_TEXT_H
#define HTTP_WEBHOOK_WEBHOOK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct roll_change;

enum webhook_event { WEBHOOK_OCCUPIED, WEBHOOK_VACATED, WEBHOOK_JOIN, WEBHOOK_LEAVE };

enum {
    WEBHOOK_RETRY_MS = 500, /* after the first failure; at most: */
    WEBHOOK_RETRY_MAX_MS = 60000,
};

struct webhook_id {
    uint64_t seq;
    uint64_t run; /* random, of the hub that made it */
};

enum webhook_event webhook_event_of(const struct roll_change *c);
/* "occupied", "vacated", "join", "leave". */
const char *webhook_event_name(enum webhook_event e);
/* Appends the event that says C. */
void webhook_put_event(struct buf *out, const struct webhook_id *id, uint64_t unix_ms,
                       const struct roll_change *c);
/* The number of an event; 0: this is none. */
uint64_t webhook_seq_of(const char *event, size_t n);

/* Appends what the roll calls a member of TOPIC who was told of by PAYLOAD (presence_json_event),
 * and returns where in that follows what else there is to say. False: this is no such payload. */
bool webhook_put_member(struct buf *out, const char *topic, size_t topic_len, const char *payload,
                        size_t n, size_t *ret_rest);

/* Appends a batch of EVENTS, written one behind the other with commas; MISSING events before them
 * are kept no longer. */
void webhook_put_batch(struct buf *out, const char *events, size_t n, uint64_t missing);
/* Appends the field that signs BODY at UNIX_S. */
MUST_CHECK enum err webhook_put_signature(struct buf *out, const char *secret, size_t secret_len,
                                          uint64_t unix_s, const char *body, size_t n);

/* How long to wait after so many FAILURES in a row, at least 1; CHANCE is a random number. */
uint64_t webhook_retry_ms(unsigned failures, uint32_t chance);

#endif
