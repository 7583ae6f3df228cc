/*
 * Publishing from the frontends: checks that are the same everywhere, and `POST /t/...` and
 * `POST /t`.
 */
#ifndef FRONTENDS_PUBLISH_H
#define FRONTENDS_PUBLISH_H

#include <stddef.h>

#include "base/fault.h"
#include "broker/broker.h"
#include "broker/message.h"
#include "frontends/conn.h"

struct http;
struct http_due_answer;
struct publish_batch;
struct settings;

/* What a payload of no declared type is: a JSON object or array, else UTF-8 text, else binary. */
enum message_kind publish_sniff_kind(const char *payload, size_t n);
/* NULL, or what is wrong with a message: bad_topic, bad_event, bad_key, too_large. */
const struct fault *publish_check(const struct settings *s, const struct message_init *m);
/* The fault of a publish that came back with E (not ERR_OK). */
const struct fault *publish_fault(enum err e);
/* A publish of one checked message, with its condition; NULL when out of memory. */
struct publish *publish_make(const struct message_init *m);
/* Publishes one checked message for C (worker_publish). ERR_NOMEM. */
MUST_CHECK enum err publish_one(struct conn *c, const struct message_init *m);

/* POST /t/{topic}: refuses before the body what can be, then publishes it. */
void publish_http_head(struct conn *c, struct http *h);
void publish_http_run(struct conn *c, struct http *h);
/* POST /t: a batch of lines, stored all or none. Its lines are read in as many turns as it takes.
 */
void publish_http_batch_head(struct conn *c, struct http *h);
void publish_http_batch_run(struct conn *c, struct http *h);
/* One that is being read; NULL is accepted. */
void publish_batch_free(struct publish_batch *b);
/* Bytes of memory that what has been read of it takes; NULL is accepted. */
size_t publish_batch_held(const struct publish_batch *b);
/* The answer to either, or to a readiness probe: P came back. */
void publish_http_answer(struct conn *c, struct http_due_answer *a, const struct publish *p);

#endif
