/* Small documents about the hub itself: health, readiness, metrics, the head's cursor. */
#ifndef ADMIN_HTTP_STATUS_H
#define ADMIN_HTTP_STATUS_H

#include "http/exchange.h"

void http_status_cursor(struct exchange *x);
/* The process runs. */
void http_status_health(struct exchange *x);
/* Publishes are delivered: sends an empty one all the way through the broker and back. */
void http_status_ready(struct exchange *x);
/* Prometheus text, version 0.0.4. */
void http_status_metrics(struct exchange *x);

#endif
