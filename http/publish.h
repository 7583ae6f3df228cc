/*
 * Publishing from the frontends: checks that are the same everywhere, and `POST /t/...` and
 * `POST /t`.
 */
#ifndef HTTP_PUBLISH_H
#define HTTP_PUBLISH_H

#include <stddef.h>

#include "base/fault.h"
#include "broker/broker.h"
#include "broker/message.h"
#include "net/conn.h"

struct exchange;
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
void publish_http_head(struct exchange *x);
void publish_http_run(struct exchange *x);
/* POST /t: a batch of lines, stored all or none. Its lines are read in as many turns as it takes.
 */
void publish_http_batch_head(struct exchange *x);
void publish_http_batch_run(struct exchange *x);

#endif
